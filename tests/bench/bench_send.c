/*
 * bench_send - send messages over many SMTP or LMTP sessions, and say how fast that went
 *
 *	bench_send [-s sessions] [-m messages] [-d | -D n] [-p] [-L] [-x] [-r recipients]
 *	    [-l octets | -F folder] ADDRESS:PORT | unix:PATH
 *
 *	-s  sessions at one time (1)		-m  messages in all (1)
 *	-d  all messages of a session over one connection; -D n: at most n (1)
 *	-p  MAIL, RCPT and DATA in one write, as Postfix does
 *	-L  LMTP		-x  XFORWARD once a connection
 *	-r  recipients a message (1)	-l  octets a message (4096)
 *	-F  the files of a folder in turn
 *
 * Prints one line.  A message's time is from MAIL to its last reply.  Exit status 0: every message
 * got an answer, whatever it was.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"

#define STALL_SECONDS 60
#define LOST_MAX      1000

enum phase { GREETING, HELLO, XFORWARD, MAIL, RCPT, DATA, DOT, QUIT };

struct session {
	int fd; /* -1: has done its part */
	enum phase phase;
	int replies; /* still to come before the phase is over */
	int refused; /* code of the first refusal of this message */
	int rcpts;   /* RCPTs sent */
	long on_connection;
	const struct bench_message *message;
	double since;
	unsigned events;
	const char *out; /* what could not be written yet */
	size_t out_len;
	char in[4096];
	size_t in_len;
};

static struct {
	long sessions, messages, per_connection, rcpts, octets;
	int pipelined, lmtp, xforward;
	const char *folder;
	struct bench_addr to;
} opt = { .sessions = 1, .messages = 1, .per_connection = 1, .rcpts = 1, .octets = 4096 };

static struct {
	int ep;
	struct bench_messages messages;
	struct buf envelope; /* MAIL, RCPT, DATA of a pipelined message */
	long begun, finished, open;
	long ok, deferred, refused, lost, connections;
	double octets;
	double *took;
} run;

static void
watch(struct session *s, unsigned events)
{
	if (s->events != events) {
		bench_epoll_change(run.ep, s->fd, events, s);
		s->events = events;
	}
}

/* 0, also when a part waits for room; -1: the connection is gone. */
static int
push(struct session *s)
{
	while (s->out_len > 0) {
		ssize_t n = send(s->fd, s->out, s->out_len, MSG_NOSIGNAL);

		if (n == -1 && errno == EAGAIN) {
			watch(s, EPOLLIN | EPOLLOUT);
			return 0;
		}
		if (n == -1)
			return -1;
		s->out += n;
		s->out_len -= (size_t)n;
	}
	watch(s, EPOLLIN);
	return 0;
}

/* What is said must outlive the call: constants and what `run` holds. */
static int
say(struct session *s, enum phase phase, long replies, const char *what, size_t len)
{
	s->phase = phase;
	s->replies = (int)replies;
	s->out = what;
	s->out_len = len;
	return push(s);
}

static int
say_text(struct session *s, enum phase phase, const char *what)
{
	return say(s, phase, 1, what, strlen(what));
}

static void
start(struct session *s)
{
	*s = (struct session){ .fd = -1 };
	if (run.begun >= opt.messages)
		return;
	s->fd = bench_connect(&opt.to);
	if (s->fd == -1)
		bench_die("connect: %s", strerror(errno));
	s->phase = GREETING;
	s->replies = 1;
	s->events = EPOLLIN;
	bench_epoll_add(run.ep, s->fd, EPOLLIN, s);
	run.connections++;
	run.open++;
}

/* The message in hand has its answer; code 0: it never came. */
static void
finish(struct session *s, int code)
{
	run.took[run.finished++] = bench_now() - s->since;
	if (code / 100 == 2) {
		run.ok++;
		run.octets += (double)s->message->len;
	} else if (code / 100 == 4) {
		run.deferred++;
	} else if (code / 100 == 5) {
		run.refused++;
	} else {
		run.lost++;
	}
	s->message = NULL;
	s->on_connection++;
}

static void
hang_up(struct session *s)
{
	static long idle_losses;

	if (s->message != NULL)
		finish(s, 0);
	else if (s->phase != QUIT && ++idle_losses > LOST_MAX)
		bench_die("the server closes every connection");
	close(s->fd);
	run.open--;
	start(s);
}

static int
next_message(struct session *s)
{
	if (run.begun >= opt.messages || s->on_connection >= opt.per_connection)
		return say_text(s, QUIT, "QUIT\r\n");
	s->message = &run.messages.m[(size_t)run.begun++ % run.messages.n];
	s->since = bench_now();
	s->refused = 0;
	s->rcpts = 0;
	if (opt.pipelined)
		return say(s, DATA, opt.rcpts + 2, run.envelope.p, run.envelope.len);
	return say_text(s, MAIL, "MAIL FROM:<sender@example.org>\r\n");
}

static int
next_command(struct session *s)
{
	if (s->rcpts++ < opt.rcpts)
		return say_text(s, RCPT, "RCPT TO:<r0@example.net>\r\n");
	return say_text(s, DATA, "DATA\r\n");
}

static int
give_up(struct session *s)
{
	finish(s, s->refused);
	s->on_connection = opt.per_connection; /* its state is not worth the trouble */
	return next_message(s);
}

/* All replies of the phase are in; `code` is the last. */
static int
phase_over(struct session *s, int code)
{
	switch (s->phase) {
	case GREETING:
		if (s->refused)
			return -1;
		return say_text(s, HELLO,
		    opt.lmtp ? "LHLO client.example.org\r\n" : "EHLO client.example.org\r\n");
	case HELLO:
		if (s->refused)
			return -1;
		if (opt.xforward)
			return say_text(s, XFORWARD,
			    "XFORWARD NAME=mx.example.org ADDR=192.0.2.7 PROTO=ESMTP "
			    "HELO=mx.example.org\r\n");
		return next_message(s);
	case XFORWARD:
		return next_message(s);
	case MAIL:
	case RCPT:
		return s->refused ? give_up(s) : next_command(s);
	case DATA:
		if (s->refused)
			return give_up(s);
		return say(s, DOT, opt.lmtp ? opt.rcpts : 1, s->message->p, s->message->len);
	case DOT:
		finish(s, s->refused ? s->refused : code);
		return next_message(s);
	case QUIT:
		return -1;
	}
	return -1;
}

static int
reply_line(struct session *s, const char *line, size_t len)
{
	int code;

	if (len < 4 || line[3] == '-')
		return 0;
	code = atoi(line);
	if (code / 100 != 2 && code / 100 != 3 && s->refused == 0)
		s->refused = code;
	return --s->replies > 0 ? 0 : phase_over(s, code);
}

static int
receive(struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, 0);
	char *at = s->in, *end, *lf;

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	end = s->in + s->in_len + n;
	while ((lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (reply_line(s, at, (size_t)(lf - at)) == -1)
			return -1;
		at = lf + 1;
	}
	s->in_len = (size_t)(end - at);
	if (s->in_len == sizeof(s->in))
		bench_die("a reply line is too long");
	memmove(s->in, at, s->in_len);
	return 0;
}

static void
serve(void)
{
	struct epoll_event events[256];

	while (run.open > 0) {
		int n = epoll_wait(run.ep, events, 256, STALL_SECONDS * 1000);

		if (n == 0)
			bench_die("stalled: %ld of %ld messages", run.finished, opt.messages);
		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;
			int rc = 0;

			if (events[i].events & EPOLLOUT)
				rc = push(s);
			if (rc == 0 && (events[i].events & ~(unsigned)EPOLLOUT))
				rc = receive(s);
			if (rc == -1)
				hang_up(s);
		}
	}
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
print(double seconds, double cpu)
{
	double n = run.finished > 0 ? (double)run.finished : 1;
	size_t last = run.finished > 0 ? (size_t)run.finished - 1 : 0;

	qsort(run.took, (size_t)run.finished, sizeof(*run.took), by_value);
	printf("msgs=%ld ok=%ld tmp=%ld perm=%ld err=%ld conns=%ld sec=%.3f msg_s=%.1f MB_s=%.1f "
	       "src_us=%.1f p50_ms=%.3f p99_ms=%.3f\n",
	    run.finished, run.ok, run.deferred, run.refused, run.lost, run.connections, seconds,
	    n / seconds, run.octets / seconds / 1e6, cpu * 1e6 / n, run.took[last / 2] * 1e3,
	    run.took[(size_t)((double)last * .99)] * 1e3);
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:m:dD:pLxr:l:F:")) != -1) {
		switch (c) {
		case 's':
			opt.sessions = bench_number(optarg);
			break;
		case 'm':
			opt.messages = bench_number(optarg);
			break;
		case 'd':
			opt.per_connection = LONG_MAX;
			break;
		case 'D':
			opt.per_connection = bench_number(optarg);
			break;
		case 'p':
			opt.pipelined = 1;
			break;
		case 'L':
			opt.lmtp = 1;
			break;
		case 'x':
			opt.xforward = 1;
			break;
		case 'r':
			opt.rcpts = bench_number(optarg);
			break;
		case 'l':
			opt.octets = bench_number(optarg);
			break;
		case 'F':
			opt.folder = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc)
		bench_die("usage: bench_send [options] ADDRESS:PORT");
	opt.to = bench_address(argv[optind]);
}

int
main(int argc, char **argv)
{
	struct session *sessions;
	double began;

	options(argc, argv);
	bench_prepare();
	run.messages = opt.folder != NULL ? bench_message_load(opt.folder)
					  : bench_message_make((size_t)opt.octets);
	run.took = xcalloc((size_t)opt.messages, sizeof(*run.took));
	buf_adds(&run.envelope, "MAIL FROM:<sender@example.org>\r\n");
	for (long i = 0; i < opt.rcpts; i++)
		buf_printf(&run.envelope, "RCPT TO:<r%ld@example.net>\r\n", i);
	buf_adds(&run.envelope, "DATA\r\n");
	run.ep = epoll_create1(EPOLL_CLOEXEC);
	sessions = xcalloc((size_t)opt.sessions, sizeof(*sessions));
	began = bench_now();
	for (long i = 0; i < opt.sessions; i++)
		start(&sessions[i]);
	serve();
	print(bench_now() - began, bench_cpu());
	return run.lost > 0 || run.finished < opt.messages;
}
