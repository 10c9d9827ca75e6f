#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/xmem.h"
#include "tests/lib/fake_hop.h"

#define CONNS_MAX 20000

static const char default_ehlo[] = "250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
				   "250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
				   "250 XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\r\n";

struct conn {
	struct fake_hop *f;
	int number, fd;
	struct buf read, line;
	char in[4096];
	size_t in_at, in_len;
	long written;
	int closed; /* a limit was reached, or the peer has gone */
	/* the transaction */
	char *mail;
	char **rcpts;
	size_t nrcpts, rcpts_cap;
};

struct fake_hop {
	enum hop_protocol protocol;
	struct next_hop target;
	char dir[64];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct fake_rule *rules;
	size_t nrules;
	const char *ehlo;
	/* changed by tests while a kept connection waits */
	_Atomic int break_conn;
	_Atomic long break_written, break_read;
	struct conn **conns;
	size_t nconns, nopen;
	struct fake_message *messages;
	size_t nmessages;
};

/* --- octets --- */

static void
put(struct conn *c, const char *p, size_t n)
{
	struct fake_hop *f = c->f;

	if (c->closed)
		return;
	if ((f->break_conn == -1 || f->break_conn == c->number) && f->break_written >= 0 &&
	    c->written + (long)n >= f->break_written) {
		n = f->break_written > c->written ? (size_t)(f->break_written - c->written) : 0;
		c->closed = 1;
	}
	for (size_t at = 0; at < n;) {
		ssize_t k = send(c->fd, p + at, n - at, MSG_NOSIGNAL);

		if (k <= 0) {
			c->closed = 1;
			return;
		}
		at += (size_t)k;
		c->written += k;
	}
}

/* The next octet, or -1. */
static int
get(struct conn *c)
{
	struct fake_hop *f = c->f;
	int limited = (f->break_conn == -1 || f->break_conn == c->number) && f->break_read >= 0;

	if (limited && (long)c->read.len >= f->break_read)
		c->closed = 1;
	if (c->closed)
		return -1;
	if (c->in_at == c->in_len) {
		/* Octet by octet where a limit has to cut exactly. */
		ssize_t n = recv(c->fd, c->in, limited ? 1 : sizeof(c->in), 0);

		if (n <= 0) {
			c->closed = 1;
			return -1;
		}
		c->in_at = 0;
		c->in_len = (size_t)n;
	}
	buf_addc(&c->read, c->in[c->in_at]);
	return (unsigned char)c->in[c->in_at++];
}

static int
get_line(struct conn *c)
{
	int ch;

	buf_reset(&c->line);
	while ((ch = get(c)) != -1) {
		buf_addc(&c->line, (char)ch);
		if (ch == '\n')
			return 0;
	}
	return -1;
}

/* --- answers --- */

static const char *
choose(struct conn *c, const char *verb, const char *text, const char *usual)
{
	const char *reply = usual;

	pthread_mutex_lock(&c->f->lock);
	for (size_t i = 0; i < c->f->nrules; i++) {
		const struct fake_rule *r = &c->f->rules[i];

		if (strcasecmp(r->verb, verb) == 0 &&
		    (r->match == NULL || strstr(text, r->match) != NULL)) {
			reply = r->reply;
			break;
		}
	}
	pthread_mutex_unlock(&c->f->lock);
	return reply;
}

static void
say(struct conn *c, const char *reply)
{
	char ch;

	if (strcmp(reply, FAKE_BREAK) == 0) {
		c->closed = 1;
	} else if (strcmp(reply, FAKE_HANG) == 0) {
		while (!c->closed && recv(c->fd, &ch, 1, 0) == 1)
			continue;
		c->closed = 1;
	} else {
		put(c, reply, strlen(reply));
	}
}

/* The reply without FAKE_SLOW, once the time is over. */
static const char *
in_time(const char *reply)
{
	size_t n = strlen(FAKE_SLOW);

	if (strncmp(reply, FAKE_SLOW, n) != 0)
		return reply;
	poll(NULL, 0, 300);
	return reply + n;
}

static void
answer(struct conn *c, const char *verb, const char *text, const char *usual)
{
	const char *reply = in_time(choose(c, verb, text, usual));

	say(c, reply);
	buf_reset(&c->line);
	buf_adds(&c->line, reply); /* for said_yes() */
}

static int
said_yes(const struct conn *c)
{
	return !c->closed && c->line.len > 0 && c->line.p[0] == '2';
}

static void
forget(struct conn *c)
{
	free(c->mail);
	c->mail = NULL;
	for (size_t i = 0; i < c->nrcpts; i++)
		free(c->rcpts[i]);
	c->nrcpts = 0;
}

static void
store(struct conn *c, struct buf *rcpts, struct buf *data)
{
	struct fake_hop *f = c->f;
	struct fake_message *m;

	pthread_mutex_lock(&f->lock);
	f->messages = xreallocarray(f->messages, f->nmessages + 1, sizeof(*m));
	m = &f->messages[f->nmessages++];
	m->mail = xstrdup(c->mail);
	m->rcpts = buf_take(rcpts);
	m->data = *data;
	memset(data, 0, sizeof(*data));
	pthread_mutex_unlock(&f->lock);
}

static void
data(struct conn *c)
{
	struct buf text = { 0 }, rcpts = { 0 };
	const char **replies = xcalloc(c->nrcpts + 1, sizeof(*replies));
	int ended = 0;

	while (!ended && get_line(c) == 0) {
		size_t n = c->line.len, dot = 0;
		/* A line whose LF had no CR ends nothing. */
		int at_start = text.len == 0 ||
			       (text.len >= 2 && memcmp(text.p + text.len - 2, "\r\n", 2) == 0);

		if (at_start && n == 3 && memcmp(c->line.p, ".\r\n", 3) == 0) {
			ended = 1;
			break;
		}
		if (at_start && c->line.p[0] == '.')
			dot = 1;
		buf_add(&text, c->line.p + dot, n - dot);
	}
	if (!ended)
		goto out;
	/* As a real one does: first it has the message, then it says so. */
	for (size_t i = 0; i < c->nrcpts; i++) {
		replies[i] = c->f->protocol == HOP_LMTP || i == 0
				 ? choose(c, ".", c->rcpts[i], "250 2.0.0 Ok: queued as FAKE\r\n")
				 : replies[0];
		if (replies[i][0] == '2')
			buf_adds(&rcpts, c->rcpts[i]);
	}
	if (rcpts.len > 0)
		store(c, &rcpts, &text);
	for (size_t i = 0; i < (c->f->protocol == HOP_LMTP ? c->nrcpts : 1); i++)
		say(c, c->nrcpts == 0 ? "554 5.5.1 for nobody\r\n" : replies[i]);
out:
	free(replies);
	buf_fini(&rcpts);
	buf_fini(&text);
}

static void
command(struct conn *c)
{
	char *line = xstrndup(c->line.p, c->line.len - 1), *cr = strchr(line, '\r');
	char verb[16], hello[600];

	if (cr != NULL)
		*cr = '\0';
	snprintf(verb, sizeof(verb), "%.*s", (int)strcspn(line, " "), line);
	if (strcasecmp(verb, "EHLO") == 0 || strcasecmp(verb, "LHLO") == 0) {
		snprintf(hello, sizeof(hello), "250-fake.example\r\n%s", c->f->ehlo);
		answer(c, verb, line, hello);
	} else if (strcasecmp(verb, "MAIL") == 0) {
		answer(c, verb, line, "250 2.1.0 Ok\r\n");
		if (said_yes(c)) {
			forget(c);
			c->mail = xstrdup(line);
		}
	} else if (strcasecmp(verb, "RCPT") == 0) {
		answer(c, verb, line,
		    c->mail == NULL ? "503 5.5.1 need MAIL\r\n" : "250 2.1.5 Ok\r\n");
		if (said_yes(c)) {
			if (c->nrcpts == c->rcpts_cap) {
				c->rcpts_cap = c->rcpts_cap == 0 ? 4 : 2 * c->rcpts_cap;
				c->rcpts = xreallocarray(c->rcpts, c->rcpts_cap, sizeof(char *));
			}
			c->rcpts[c->nrcpts++] = xasprintf("%s\n", line);
		}
	} else if (strcasecmp(verb, "DATA") == 0) {
		answer(c, verb, line,
		    c->nrcpts == 0 ? "554 5.5.1 no valid recipients\r\n" : "354 go on\r\n");
		if (c->line.p[0] == '3' && !c->closed) {
			data(c);
			forget(c);
		}
	} else if (strcasecmp(verb, "QUIT") == 0) {
		answer(c, verb, line, "221 2.0.0 Bye\r\n");
		c->closed = 1;
	} else {
		answer(c, verb, line, "250 2.0.0 Ok\r\n");
		if (strcasecmp(verb, "RSET") == 0)
			forget(c);
	}
	free(line);
}

static void *
serve(void *arg)
{
	struct conn *c = arg;
	struct fake_hop *f = c->f;

	answer(c, "GREETING", "", "220 fake.example ESMTP\r\n");
	while (!c->closed && get_line(c) == 0)
		command(c);
	forget(c);
	free(c->rcpts);
	buf_fini(&c->line);
	close(c->fd);
	pthread_mutex_lock(&f->lock);
	f->nopen--;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct fake_hop *f = arg;
	pthread_attr_t detached;
	pthread_t t;
	int fd;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept(f->fd, NULL, NULL)) != -1) {
		struct conn *c = xcalloc(1, sizeof(*c));

		c->f = f;
		c->fd = fd;
		pthread_mutex_lock(&f->lock);
		assert(f->nconns < CONNS_MAX);
		c->number = (int)f->nconns;
		f->conns[f->nconns++] = c;
		f->nopen++;
		pthread_mutex_unlock(&f->lock);
		if (pthread_create(&t, &detached, serve, c) != 0)
			abort();
	}
	pthread_attr_destroy(&detached);
	return NULL;
}

/* --- life --- */

struct fake_hop *
fake_hop_new(enum hop_protocol protocol, const struct fake_rule *rules, size_t nrules)
{
	struct fake_hop *f = xcalloc(1, sizeof(*f));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	f->protocol = protocol;
	f->rules = rules;
	f->nrules = nrules;
	f->ehlo = default_ehlo;
	f->break_conn = -1;
	f->break_written = f->break_read = -1;
	f->conns = xcalloc(CONNS_MAX, sizeof(struct conn *));
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	snprintf(f->dir, sizeof(f->dir), "/tmp/fake_hop.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		abort();
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", f->dir);
	f->target.protocol = protocol;
	f->target.to.kind = ENDPOINT_UNIX;
	snprintf(f->target.to.path, sizeof(f->target.to.path), "%s", sa.sun_path);
	snprintf(f->target.text, sizeof(f->target.text), "%s:unix:%s",
	    protocol == HOP_LMTP ? "lmtp" : "smtp", sa.sun_path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->fd == -1 || bind(f->fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 ||
	    listen(f->fd, 128) == -1 || pthread_create(&f->thread, NULL, accept_all, f) != 0)
		abort();
	return f;
}

void
fake_hop_free(struct fake_hop *f)
{
	if (f == NULL)
		return;
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	fake_hop_settle(f);
	close(f->fd);
	unlink(f->target.to.path);
	rmdir(f->dir);
	for (size_t i = 0; i < f->nconns; i++) {
		buf_fini(&f->conns[i]->read);
		free(f->conns[i]);
	}
	for (size_t i = 0; i < f->nmessages; i++) {
		free(f->messages[i].mail);
		free(f->messages[i].rcpts);
		buf_fini(&f->messages[i].data);
	}
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f->messages);
	free(f->conns);
	free(f);
}

const struct next_hop *
fake_hop_target(const struct fake_hop *f)
{
	return &f->target;
}

void
fake_hop_ehlo(struct fake_hop *f, const char *ehlo)
{
	pthread_mutex_lock(&f->lock);
	f->ehlo = ehlo == NULL ? default_ehlo : ehlo;
	pthread_mutex_unlock(&f->lock);
}

void
fake_hop_rules(struct fake_hop *f, const struct fake_rule *rules, size_t n)
{
	pthread_mutex_lock(&f->lock);
	f->rules = rules;
	f->nrules = n;
	pthread_mutex_unlock(&f->lock);
}

void
fake_hop_break(struct fake_hop *f, int conn, long after_written, long after_read)
{
	pthread_mutex_lock(&f->lock);
	f->break_conn = conn;
	f->break_written = after_written;
	f->break_read = after_read;
	pthread_mutex_unlock(&f->lock);
}

void
fake_hop_settle(struct fake_hop *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->nopen > 0)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

static size_t
locked(struct fake_hop *f, const size_t *n)
{
	size_t value;

	pthread_mutex_lock(&f->lock);
	value = *n;
	pthread_mutex_unlock(&f->lock);
	return value;
}

size_t
fake_hop_connections(struct fake_hop *f)
{
	return locked(f, &f->nconns);
}

size_t
fake_hop_messages(struct fake_hop *f)
{
	return locked(f, &f->nmessages);
}

const struct fake_message *
fake_hop_message(struct fake_hop *f, size_t i)
{
	assert(i < fake_hop_messages(f));
	return &f->messages[i];
}

const char *
fake_hop_read(struct fake_hop *f, size_t conn)
{
	return buf_cstr(&f->conns[conn]->read);
}

size_t
fake_hop_read_len(struct fake_hop *f, size_t conn)
{
	return f->conns[conn]->read.len;
}

size_t
fake_hop_written_len(struct fake_hop *f, size_t conn)
{
	return (size_t)f->conns[conn]->written;
}
