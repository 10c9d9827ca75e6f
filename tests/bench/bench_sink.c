/*
 * bench_sink - a next hop that takes everything and keeps nothing
 *
 *	bench_sink [-L] PORT
 *
 * On 127.0.0.1; -L: one reply a recipient behind the data.  SIGTERM: prints messages and octets and
 * exits.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "tests/bench/bench_net.h"

#define PIECE (256 * 1024)

static const char end_of_data[] = "\r\n.\r\n";
#define END_LEN (sizeof(end_of_data) - 1)

struct session {
	int fd;
	int in_data;
	long rcpts;
	char line[2048]; /* of a command that is not complete */
	size_t line_len;
	char tail[END_LEN - 1]; /* the last octets of the data so far */
	size_t tail_len;
};

static struct {
	int lmtp, ep, listener;
	long messages;
	long long octets;
	struct buf replies;
	/* Room in front of what is received, for a session's tail. */
	char in[END_LEN + PIECE];
} sink;

static volatile sig_atomic_t stop;

static void
on_term(int sig)
{
	stop = sig;
}

static const struct {
	const char *verb, *reply;
} commands[] = {
	{ "MAIL", "250 2.1.0 Ok\r\n" }, { "RCPT", "250 2.1.5 Ok\r\n" },
	{ "DATA", "354 End data with <CR><LF>.<CR><LF>\r\n" },
	{ "EHLO", "250-sink.example.org\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n"
		  "250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT\r\n250-ENHANCEDSTATUSCODES\r\n"
		  "250 8BITMIME\r\n" },
	{ "LHLO", "250-sink.example.org\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		  "250 8BITMIME\r\n" },
	{ "QUIT", "221 2.0.0 Bye\r\n" },
	{ "", "250 2.0.0 Ok\r\n" }, /* RSET, NOOP, XFORWARD, HELO */
};

/* -1 after QUIT. */
static int
command(struct session *s, const char *line)
{
	size_t i = 0;

	while (strncasecmp(line, commands[i].verb, strlen(commands[i].verb)) != 0)
		i++;
	buf_adds(&sink.replies, commands[i].reply);
	switch (commands[i].verb[0]) {
	case 'M':
		s->rcpts = 0;
		break;
	case 'R':
		s->rcpts++;
		break;
	case 'D':
		s->in_data = 1;
		/* The end may come at once: the line before the data ended too. */
		memcpy(s->tail, end_of_data, 2);
		s->tail_len = 2;
		break;
	case 'Q':
		return -1;
	}
	return 0;
}

/* Lines of commands from p on; returns how far they were read, or NULL to hang up. */
static char *
read_command(struct session *s, char *p, char *end)
{
	char *lf = memchr(p, '\n', (size_t)(end - p));
	size_t n = lf == NULL ? (size_t)(end - p) : (size_t)(lf + 1 - p);

	if (s->line_len + n >= sizeof(s->line))
		return NULL;
	memcpy(s->line + s->line_len, p, n);
	s->line_len += n;
	if (lf != NULL) {
		s->line[s->line_len] = '\0';
		s->line_len = 0;
		if (command(s, s->line) == -1)
			return NULL;
	}
	return p + n;
}

/* p has room for a tail in front of it. */
static char *
read_data(struct session *s, char *p, char *end)
{
	char *from = p - s->tail_len, *found;

	memcpy(from, s->tail, s->tail_len);
	found = memmem(from, (size_t)(end - from), end_of_data, END_LEN);
	if (found == NULL) {
		size_t n = (size_t)(end - from);

		s->tail_len = n < sizeof(s->tail) ? n : sizeof(s->tail);
		memcpy(s->tail, end - s->tail_len, s->tail_len);
		sink.octets += end - p;
		return end;
	}
	s->in_data = 0;
	sink.messages++;
	sink.octets += found + END_LEN - p;
	for (long i = sink.lmtp ? s->rcpts : 1; i > 0; i--)
		buf_adds(&sink.replies, "250 2.0.0 Ok: queued as 12345\r\n");
	return found + END_LEN;
}

/* Data that starts in mid-piece has the octets of its own DATA command in front of it, more than a
 * tail is long. */
static int
serve(struct session *s)
{
	char *p = sink.in + END_LEN, *end;
	ssize_t n = recv(s->fd, p, PIECE, 0);

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	end = p + n;
	buf_reset(&sink.replies);
	while (p != NULL && p < end)
		p = s->in_data ? read_data(s, p, end) : read_command(s, p, end);
	if (sink.replies.len > 0 && send(s->fd, sink.replies.p, sink.replies.len, MSG_NOSIGNAL) !=
					(ssize_t)sink.replies.len)
		return -1;
	return p == NULL ? -1 : 0;
}

static void
welcome(void)
{
	static const char greeting[] = "220 sink.example.org ESMTP\r\n";
	int fd;

	while ((fd = bench_accept(sink.listener)) != -1) {
		struct session *s = xcalloc(1, sizeof(*s));

		s->fd = fd;
		bench_epoll_add(sink.ep, fd, EPOLLIN, s);
		if (send(fd, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL) == -1)
			bench_die("send: %s", strerror(errno));
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int c;

	while ((c = getopt(argc, argv, "L")) != -1) {
		if (c != 'L')
			return 2;
		sink.lmtp = 1;
	}
	if (optind + 1 != argc)
		bench_die("usage: bench_sink [-L] PORT");
	bench_prepare();
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
	sink.listener = bench_listen(argv[optind]);
	sink.ep = epoll_create1(EPOLL_CLOEXEC);
	bench_epoll_add(sink.ep, sink.listener, EPOLLIN, NULL);
	while (!stop) {
		int n = epoll_wait(sink.ep, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;

			if (s == NULL) {
				welcome();
			} else if (serve(s) == -1) {
				close(s->fd);
				free(s);
			}
		}
	}
	printf("messages=%ld octets=%lld\n", sink.messages, sink.octets);
	buf_fini(&sink.replies);
	return 0;
}
