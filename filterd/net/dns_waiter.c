#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/xmem.h"
#include "net/dns_waiter.h"

/* More unused descriptors are closed. */
#define SPARE_MAX 256

void
dns_waiters_init(struct dns_waiters *p)
{
	pthread_mutex_init(&p->lock, NULL);
	p->spare = NULL;
	p->nspare = 0;
}

static void
waiter_free(struct dns_waiter *w)
{
	close(w->watch.fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
dns_waiters_fini(struct dns_waiters *p)
{
	struct dns_waiter *w;

	while ((w = p->spare) != NULL) {
		p->spare = w->next;
		waiter_free(w);
	}
	pthread_mutex_destroy(&p->lock);
}

static struct dns_waiter *
waiter_new(struct dns_waiters *p)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct dns_waiter *w;

	if (fd == -1)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->pool = p;
	w->watch.fd = fd;
	w->watch.counter = 1;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

struct dns_waiter *
dns_waiter_get(struct dns_waiters *p)
{
	struct dns_waiter *w;

	pthread_mutex_lock(&p->lock);
	if ((w = p->spare) != NULL) {
		p->spare = w->next;
		p->nspare--;
	}
	pthread_mutex_unlock(&p->lock);
	if (w == NULL && (w = waiter_new(p)) == NULL)
		return NULL;
	atomic_store(&w->refs, 1);
	w->next = NULL;
	w->left = 0;
	w->wake_at = -1;
	return w;
}

struct dns_waiter *
dns_waiter_ref(struct dns_waiter *w)
{
	atomic_fetch_add(&w->refs, 1);
	return w;
}

void
dns_waiter_unref(struct dns_waiter *w)
{
	struct dns_waiters *p;

	if (w == NULL || atomic_fetch_sub(&w->refs, 1) > 1)
		return;
	p = w->pool;
	pthread_mutex_lock(&p->lock);
	if (p->nspare < SPARE_MAX) {
		w->next = p->spare;
		p->spare = w;
		p->nspare++;
		w = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	if (w != NULL)
		waiter_free(w);
}

void
dns_waiter_expect(struct dns_waiter *w)
{
	pthread_mutex_lock(&w->lock);
	w->left++;
	pthread_mutex_unlock(&w->lock);
}

void
dns_waiter_done(struct dns_waiter *w)
{
	static const uint64_t one = 1;
	ssize_t n;

	pthread_mutex_lock(&w->lock);
	w->left--;
	if (w->left <= w->wake_at) {
		w->wake_at = -1;
		n = write(w->watch.fd, &one, sizeof(one));
		assert(n == (ssize_t)sizeof(one)); /* it stood at 0 or 1 */
	}
	pthread_mutex_unlock(&w->lock);
}

int
dns_waiter_left(struct dns_waiter *w)
{
	int left;

	pthread_mutex_lock(&w->lock);
	left = w->left;
	pthread_mutex_unlock(&w->lock);
	return left;
}

/* 1: as few are left; else be woken when they are. */
static int
arm(struct dns_waiter *w, int left)
{
	int there;

	pthread_mutex_lock(&w->lock);
	there = w->left <= left;
	w->wake_at = there ? -1 : left;
	pthread_mutex_unlock(&w->lock);
	return there;
}

/* Nobody waits now; the descriptor is put back to 0, whoever has added to it.  Never inlined: after
 * a wait the thread may be another one, and its errno with it (net/fiber.h). */
static __attribute__((noinline)) void
disarm(struct dns_waiter *w)
{
	uint64_t count;

	pthread_mutex_lock(&w->lock);
	w->wake_at = -1;
	pthread_mutex_unlock(&w->lock);
	if (read(w->watch.fd, &count, sizeof(count)) == -1)
		assert(errno == EAGAIN);
}

int
dns_waiter_wait(struct dns_waiter *w, int left, struct deadline d)
{
	int rc;

	while (!arm(w, left)) {
		rc = net_wait(&w->watch, 0, d);
		disarm(w);
		if (rc != 1)
			return dns_waiter_left(w) <= left;
		/* A wait may end for nothing. */
	}
	return 1;
}
