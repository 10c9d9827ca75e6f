/* The resolver and its thread (net/dns_private.h). */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "net/dns_private.h"

#define STACK_SIZE ((size_t)256 * 1024)

/* --- the queue --- */

int
dns_submit(struct dns *d, struct dns_entry *e)
{
	int full;

	pthread_mutex_lock(&d->lock);
	full = d->queued >= d->o.max_queue;
	if (!full) {
		e->queued = NULL;
		*d->queue_end = e;
		d->queue_end = &e->queued;
		d->queued++;
	}
	pthread_mutex_unlock(&d->lock);
	if (full)
		dns_entry_unref(e);
	return full ? -1 : 0;
}

static void
wake(struct dns *d)
{
	static const uint64_t one = 1;
	ssize_t n = write(d->wake_fd, &one, sizeof(one));

	assert(n == (ssize_t)sizeof(one)); /* it is read before it can be full */
}

void
dns_kick(struct dns *d)
{
	int sleeping;

	pthread_mutex_lock(&d->lock);
	sleeping = d->asleep && d->queue != NULL;
	if (sleeping)
		d->asleep = 0;
	pthread_mutex_unlock(&d->lock);
	if (sleeping)
		wake(d);
}

/* The next to ask, or NULL. */
static struct dns_entry *
take(struct dns *d)
{
	struct dns_entry *e = NULL;

	pthread_mutex_lock(&d->lock);
	if (d->in_flight < d->o.max_in_flight && (e = d->queue) != NULL) {
		d->queue = e->queued;
		if (d->queue == NULL)
			d->queue_end = &d->queue;
		d->queued--;
	}
	pthread_mutex_unlock(&d->lock);
	return e;
}

/* --- the thread --- */

static void
ask_all(struct dns *d)
{
	struct dns_entry *e;

	do {
		dns_ask_again(d);
		if ((e = take(d)) != NULL)
			dns_ask(d, e);
	} while (e != NULL || d->again != NULL);
}

/* 0: something has been queued since, or it is time to stop. */
static int
fall_asleep(struct dns *d)
{
	int room = d->in_flight < d->o.max_in_flight;

	pthread_mutex_lock(&d->lock);
	/* With no room somebody's answer or time-out wakes us before long. */
	d->asleep = !d->stopping && (d->queue == NULL || !room);
	room = d->asleep;
	pthread_mutex_unlock(&d->lock);
	return room;
}

/* Look at time-outs so often; they need not be exact. */
static int
patience_ms(const struct dns *d)
{
	if (d->in_flight == 0)
		return -1;
	return d->o.timeout_ms < 400 ? (int)d->o.timeout_ms / 4 + 1 : 100;
}

static void
serve(struct dns *d, const struct pollfd *fds, struct dns_server *const *servers, size_t n)
{
	uint64_t count;

	if (fds[0].revents != 0 && read(d->wake_fd, &count, sizeof(count)) == -1)
		assert(errno == EAGAIN);
	for (size_t i = 1; i < n; i++) {
		ares_socket_t fd = fds[i].fd;
		int in = (fds[i].revents & ~POLLOUT) != 0, out = (fds[i].revents & POLLOUT) != 0;

		/* What has been closed meanwhile c-ares does not know any more. */
		if (in || out)
			ares_process_fd(servers[i]->channel, in ? fd : ARES_SOCKET_BAD,
			    out ? fd : ARES_SOCKET_BAD);
	}
	for (unsigned i = 0; i < d->nservers; i++)
		ares_process_fd(d->server[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* Wait for servers and callers; what c-ares does with its sockets meanwhile must not disturb. */
static void
wait_and_serve(struct dns *d)
{
	struct pollfd fds[1 + 4 * DNS_SERVERS_MAX];
	struct dns_server *servers[1 + 4 * DNS_SERVERS_MAX];
	size_t n = 1;

	fds[0] = (struct pollfd){ .fd = d->wake_fd, .events = POLLIN };
	for (size_t i = 0; i < d->nfds && n < nitems(fds); i++, n++) {
		fds[n] = d->fds[i];
		servers[n] = d->fd_server[i];
	}
	if (poll(fds, n, patience_ms(d)) >= 0)
		serve(d, fds, servers, n);
}

static void *
run(void *arg)
{
	struct dns *d = arg;
	int stopping = 0;

	while (!stopping) {
		ask_all(d);
		if (fall_asleep(d))
			wait_and_serve(d);
		pthread_mutex_lock(&d->lock);
		d->asleep = 0;
		stopping = d->stopping;
		pthread_mutex_unlock(&d->lock);
	}
	return NULL;
}

static int
start(struct dns *d, struct err *err)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&d->thread, &attr, run, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		err_set(err, ERR_SYSTEM, "cannot start the resolver: %s", strerror(rc));
		return -1;
	}
	pthread_setname_np(d->thread, "dns");
	return 0;
}

/* --- life --- */

static unsigned
or_default(unsigned value, unsigned def)
{
	return value != 0 ? value : def;
}

static void
fill_options(struct dns_options *o, const struct dns_options *from)
{
	o->timeout_ms = or_default(from->timeout_ms, 5000);
	o->tries = or_default(from->tries, 2);
	o->cache_size = from->cache_size != 0 ? from->cache_size : (size_t)16 << 20;
	o->max_ttl = or_default(from->max_ttl, 86400);
	o->max_negative_ttl = or_default(from->max_negative_ttl, 3600);
	o->trouble_ttl = or_default(from->trouble_ttl, 5);
	o->max_in_flight = or_default(from->max_in_flight, 2000);
	o->max_queue = or_default(from->max_queue, 50000);
}

/* What dns_new() has made so far; the thread does not run. */
static void
release(struct dns *d)
{
	struct dns_entry *e;

	dns_servers_close(d); /* ends what is on its way */
	dns_give_up(d);
	while ((e = d->queue) != NULL) {
		d->queue = e->queued;
		dns_settle(d, e, DNS_UNREACHABLE);
	}
	arena_free(d->arena);
	dns_cache_free(d->cache);
	dns_waiters_fini(&d->waiters);
	if (d->wake_fd != -1)
		close(d->wake_fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
	ares_library_cleanup();
}

struct dns *
dns_new(const struct dns_options *o, struct err *err)
{
	struct dns *d = xcalloc(1, sizeof(*d));
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status != ARES_SUCCESS) {
		err_set(err, ERR_SYSTEM, "c-ares: %s", ares_strerror(status));
		free(d);
		return NULL;
	}
	fill_options(&d->o, o);
	pthread_mutex_init(&d->lock, NULL);
	d->queue_end = &d->queue;
	dns_waiters_init(&d->waiters);
	d->cache = dns_cache_new(d->o.cache_size);
	d->arena = arena_new();
	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->wake_fd == -1)
		err_set(err, ERR_SYSTEM, "cannot start the resolver: %s", strerror(errno));
	if (d->wake_fd == -1 || dns_servers_open(d, o, err) == -1 || start(d, err) == -1) {
		release(d);
		return NULL;
	}
	return d;
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->stopping = 1;
	pthread_mutex_unlock(&d->lock);
	wake(d);
	pthread_join(d->thread, NULL);
	release(d);
}

void
dns_get_stats(struct dns *d, struct dns_stats *s)
{
	s->started = atomic_load(&d->started);
	s->cached = atomic_load(&d->cached);
	s->joined = atomic_load(&d->joined);
	s->sent = atomic_load(&d->sent);
	for (size_t i = 0; i < DNS_OUTCOMES; i++)
		s->outcomes[i] = atomic_load(&d->outcomes[i]);
	dns_cache_stats(d->cache, &s->entries, &s->bytes, &s->evicted);
}
