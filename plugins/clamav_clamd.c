/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "plugins/clamav_clamd.h"
#include "plugins/clamav_wire.h"

/* So many messages without an answer in time, one after the other, and the server counts as
 * hanging; one may have been the message's own fault. */
#define LATE_MAX 2
/* Of a message whose time has no end. */
#define TIME_MAX_MS (3600 * (int64_t)1000)

struct server {
	char *text; /* as written */
	struct sockaddr_storage addr;
	socklen_t addr_len; /* 0: the name is to be looked up */
	char *host;
	int port;
	/* under the lock */
	int64_t alone_until_ms;
	unsigned late;
};

struct clamd {
	struct clamd_options options;
	struct server server[CLAMD_SERVERS_MAX];
	size_t n;
	pthread_mutex_t lock;
};

/* --- configuration --- */

static int
set_unix(struct server *s, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&s->addr;

	if (path[0] != '/' || strlen(path) >= sizeof(un->sun_path))
		return -1;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	s->addr_len = sizeof(*un);
	return 0;
}

static void
set_address(struct server *s)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&s->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s->addr;
	const char *host = strcmp(s->host, "localhost") == 0 ? "127.0.0.1" : s->host;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)s->port);
		s->addr_len = sizeof(*in);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)s->port);
		s->addr_len = sizeof(*in6);
	}
}

/* HOST:PORT, [V6]:PORT */
static int
set_inet(struct server *s, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	char *end;
	long port;

	if (n == 0)
		return -1;
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535)
		return -1;
	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return -1;
		text++;
		n -= 2;
	} else if (memchr(text, ':', n) != NULL)
		return -1;
	s->host = strndup(text, n);
	s->port = (int)port;
	if (s->host == NULL)
		return -1;
	set_address(s);
	return 0;
}

static int
add_server(struct clamd *c, const char *text, size_t n, char *why, size_t size)
{
	struct server *s = &c->server[c->n];
	int rc;

	if (c->n == CLAMD_SERVERS_MAX) {
		snprintf(why, size, "clamd_socket: must be at most %d", CLAMD_SERVERS_MAX);
		return -1;
	}
	s->text = strndup(text, n);
	if (s->text == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	c->n++;
	rc = strncmp(s->text, "unix:", 5) == 0 ? set_unix(s, s->text + 5) : set_inet(s, s->text);
	if (rc == -1)
		snprintf(
		    why, size, "clamd_socket: \"%.100s\" must be unix:/PATH or HOST:PORT", s->text);
	return rc;
}

struct clamd *
clamd_new(const char *sockets, const struct clamd_options *o, char *why, size_t size)
{
	static const char between[] = ", \t\r\n";
	struct clamd *c = calloc(1, sizeof(*c));
	size_t n;

	if (c == NULL) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	c->options = *o;
	pthread_mutex_init(&c->lock, NULL);
	for (sockets += strspn(sockets, between); *sockets != '\0';
	     sockets += strspn(sockets, between)) {
		n = strcspn(sockets, between);
		if (add_server(c, sockets, n, why, size) == -1) {
			clamd_free(c);
			return NULL;
		}
		sockets += n;
	}
	if (c->n > 0)
		return c;
	snprintf(why, size, "clamd_socket: must be set with clamav_engine = clamd");
	clamd_free(c);
	return NULL;
}

void
clamd_free(struct clamd *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->server[i].text);
		free(c->server[i].host);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- the breaker --- */

/* Whoever is let through to a server that was left alone tries it for all. */
static int
may_ask(struct clamd *c, struct server *s)
{
	int64_t now = clamd_clock_ms();
	int may;

	pthread_mutex_lock(&c->lock);
	may = now >= s->alone_until_ms;
	if (may && s->alone_until_ms != 0)
		s->alone_until_ms = now + c->options.retry_ms;
	pthread_mutex_unlock(&c->lock);
	return may;
}

static void
note(struct clamd *c, struct server *s, enum clamd_outcome out, enum clamd_word word)
{
	pthread_mutex_lock(&c->lock);
	if (out == CLAMD_LATE)
		s->late++;
	else
		s->late = 0;
	if (out == CLAMD_UNREACHABLE || out == CLAMD_BROKEN || s->late >= LATE_MAX ||
	    (out == CLAMD_ANSWERED && word == CLAMD_NONSENSE))
		s->alone_until_ms = clamd_clock_ms() + c->options.retry_ms;
	else if (out == CLAMD_ANSWERED)
		s->alone_until_ms = 0;
	pthread_mutex_unlock(&c->lock);
}

/* --- a message --- */

struct asking {
	struct clamd *c;
	const struct iovec *message;
	int64_t until_ms;
	clamd_resolve_fn *resolve;
	void *arg;
	int fd;      /* the message as a file, made for the first server that takes one; -1: none */
	size_t left; /* servers that were not asked yet */
	size_t tried, late;
};

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
address(struct asking *a, const struct server *s, struct clamd_question *q)
{
	q->to = s->addr;
	q->to_len = s->addr_len;
	if (q->to_len > 0)
		return 0;
	return a->resolve(a->arg, s->host, s->port, &q->to, &q->to_len);
}

static enum clamd_outcome
exchange(struct asking *a, struct server *s, char *answer, size_t *n, char *why, size_t size)
{
	const struct clamd_options *o = &a->c->options;
	struct clamd_question q = { .message = a->message, .fd = -1 };
	int64_t now;

	if (address(a, s, &q) == -1) {
		snprintf(why, size, "its name is not known");
		return CLAMD_UNREACHABLE;
	}
	if (q.to.ss_family == AF_UNIX && o->pass_descriptors) {
		if (a->fd == -1)
			a->fd = clamd_message_file(a->message);
		q.fd = a->fd;
	}
	/* The time is shared out, so that one that hangs leaves some to those behind it. */
	now = clamd_clock_ms();
	q.answer_until_ms = now + earlier((a->until_ms - now) / (int64_t)a->left, o->answer_ms);
	q.connect_until_ms = earlier(q.answer_until_ms, now + o->connect_ms);
	return clamd_exchange(&q, answer, CLAMD_ANSWER_MAX, n, why, size);
}

/* 1: it is answered; 0: the next server is to be asked. */
static int
ask_server(struct asking *a, struct server *s, struct clamd_result *r)
{
	char answer[CLAMD_ANSWER_MAX], detail[CLAM_NAME_MAX + 1], why[CLAM_NAME_MAX + 1];
	enum clamd_outcome out;
	size_t n = 0;

	if (!may_ask(a->c, s))
		return 0;
	a->tried++;
	out = exchange(a, s, answer, &n, why, sizeof(why));
	r->word = out == CLAMD_ANSWERED ? clamd_answer_parse(answer, n, detail) : CLAMD_NONSENSE;
	note(a->c, s, out, r->word);
	a->late += out == CLAMD_LATE;
	if (out == CLAMD_ANSWERED && r->word <= CLAMD_TOO_LARGE) {
		r->rc = 0;
		snprintf(r->name, sizeof(r->name), "%s", detail);
		return 1;
	}
	snprintf(r->name, sizeof(r->name), "clamd %.100s: %s%.150s", s->text,
	    out == CLAMD_ANSWERED && r->word == CLAMD_NONSENSE ? "no answer of clamd: " : "",
	    out == CLAMD_ANSWERED ? detail : why);
	return 0;
}

void
clamd_ask(struct clamd *c, const struct iovec message[2], int64_t time_left_ms,
    clamd_resolve_fn *resolve, void *arg, struct clamd_result *r)
{
	struct asking a = { .c = c,
		.message = message,
		.resolve = resolve,
		.arg = arg,
		.fd = -1,
		.until_ms = clamd_clock_ms() + earlier(time_left_ms, TIME_MAX_MS) };

	memset(r, 0, sizeof(*r));
	r->rc = -1;
	snprintf(r->name, sizeof(r->name), "every clamd is left alone after a failure");
	for (size_t i = 0; i < c->n && clamd_clock_ms() < a.until_ms; i++) {
		a.left = c->n - i;
		if (ask_server(&a, &c->server[i], r))
			break;
	}
	if (a.fd != -1)
		close(a.fd);
	if (a.tried == 0 && clamd_clock_ms() >= a.until_ms)
		snprintf(r->name, sizeof(r->name), "no time is left to ask clamd");
	r->is_timeout =
	    r->rc == -1 && a.late == a.tried && (a.tried > 0 || clamd_clock_ms() >= a.until_ms);
}
