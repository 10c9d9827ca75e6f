#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "tests/lib/fake_policy.h"

struct fake_policy {
	struct endpoint at;
	char dir[64];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *const *answers;
	size_t nanswers, nasked; /* since the answers were set */
	size_t nconns, nopen, nrequests;
	struct buf last;
};

struct conn {
	struct fake_policy *f;
	int fd;
};

/* A request into `in`, its empty line too: 1, or 0: the other side has closed. */
static int
read_request(int fd, struct buf *in)
{
	char c;

	while (in->len < 2 || memcmp(in->p + in->len - 2, "\n\n", 2) != 0) {
		if (recv(fd, &c, 1, 0) != 1)
			return 0;
		buf_addc(in, c);
	}
	return 1;
}

static const char *
note_request(struct fake_policy *f, const struct buf *in)
{
	const char *answer;

	pthread_mutex_lock(&f->lock);
	buf_reset(&f->last);
	buf_add(&f->last, in->p, in->len);
	answer = f->answers[f->nasked < f->nanswers ? f->nasked : f->nanswers - 1];
	f->nasked++;
	f->nrequests++;
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* 1: the connection goes on. */
static int
give(int fd, const char *answer)
{
	size_t then =
	    strncmp(answer, POLICY_THEN, strlen(POLICY_THEN)) == 0 ? strlen(POLICY_THEN) : 0;
	char c;

	if (strcmp(answer, POLICY_BREAK) == 0)
		return 0;
	if (strcmp(answer, POLICY_HANG) == 0) {
		(void)!recv(fd, &c, 1, 0);
		return 0;
	}
	answer += then;
	return send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0 && then == 0;
}

static void *
serve(void *arg)
{
	struct conn *c = arg;
	struct fake_policy *f = c->f;
	struct buf in = { 0 };

	while (read_request(c->fd, &in)) {
		if (!give(c->fd, note_request(f, &in)))
			break;
		buf_reset(&in);
	}
	buf_fini(&in);
	close(c->fd);
	free(c);
	pthread_mutex_lock(&f->lock);
	f->nopen--;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct fake_policy *f = arg;
	struct conn *c;
	pthread_t t;
	int fd;

	while ((fd = accept(f->fd, NULL, NULL)) != -1) {
		c = xcalloc(1, sizeof(*c));
		c->f = f;
		c->fd = fd;
		pthread_mutex_lock(&f->lock);
		f->nconns++;
		f->nopen++;
		pthread_mutex_unlock(&f->lock);
		if (pthread_create(&t, NULL, serve, c) != 0)
			abort();
		pthread_detach(t);
	}
	return NULL;
}

struct fake_policy *
fake_policy_new(const char *const *answers, size_t n)
{
	struct fake_policy *f = xcalloc(1, sizeof(*f));
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	fake_policy_answers(f, answers, n);
	snprintf(f->dir, sizeof(f->dir), "/tmp/fake_policy.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		abort();
	f->at.kind = ENDPOINT_UNIX;
	snprintf(f->at.path, sizeof(f->at.path), "%s/s", f->dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", f->dir);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->fd == -1 || bind(f->fd, (struct sockaddr *)&un, sizeof(un)) == -1 ||
	    listen(f->fd, 64) == -1 || pthread_create(&f->thread, NULL, accept_all, f) != 0)
		abort();
	return f;
}

void
fake_policy_settle(struct fake_policy *f, size_t nopen)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	pthread_mutex_lock(&f->lock);
	while (f->nopen != nopen && pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
		;
	pthread_mutex_unlock(&f->lock);
}

void
fake_policy_free(struct fake_policy *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	fake_policy_settle(f, 0);
	assert(f->nopen == 0); /* the client has closed all */
	unlink(f->at.path);
	rmdir(f->dir);
	buf_fini(&f->last);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}

const struct endpoint *
fake_policy_endpoint(const struct fake_policy *f)
{
	return &f->at;
}

void
fake_policy_answers(struct fake_policy *f, const char *const *answers, size_t n)
{
	/* A thread whose connection was given up may still be at an earlier request. */
	pthread_mutex_lock(&f->lock);
	f->answers = answers;
	f->nanswers = n;
	f->nasked = 0;
	pthread_mutex_unlock(&f->lock);
}

static size_t
locked(struct fake_policy *f, const size_t *number)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = *number;
	pthread_mutex_unlock(&f->lock);
	return n;
}

size_t
fake_policy_connections(struct fake_policy *f)
{
	return locked(f, &f->nconns);
}

size_t
fake_policy_open(struct fake_policy *f)
{
	return locked(f, &f->nopen);
}

size_t
fake_policy_requests(struct fake_policy *f)
{
	return locked(f, &f->nrequests);
}

const char *
fake_policy_last(struct fake_policy *f)
{
	const char *s;

	pthread_mutex_lock(&f->lock);
	s = buf_cstr(&f->last);
	pthread_mutex_unlock(&f->lock);
	return s;
}
