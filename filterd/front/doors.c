#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/message.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/milter_door.h"
#include "net/dial.h"
#include "net/fiber.h"
#include "net/stream.h"

/* Receive buffers kept for the next message, and how much memory they may keep in all. */
#define SPARE_MESSAGES 64
#define SPARE_OCTETS   ((size_t)24 * 1024 * 1024)
/* What is kept of it when no message needs it. */
#define SPARE_IDLE ((size_t)2 * 1024 * 1024)

/* --- the list of sessions --- */

void
doors_session_add(struct doors *d, struct front_session *s)
{
	pthread_mutex_lock(&d->list_lock);
	s->next = d->sessions;
	s->prev = NULL;
	if (s->next != NULL)
		s->next->prev = s;
	d->sessions = s;
	/* Accepted while doors_stop() was telling the others. */
	atomic_store(&s->told_to_stop, d->stopping != 0);
	d->nsessions++;
	d->per_listener[s->listener_index]++;
	pthread_mutex_unlock(&d->list_lock);
	counter_inc(d->opt.counters, sessions);
	counter_inc(d->opt.counters, sessions_now);
}

void
doors_session_remove(struct doors *d, struct front_session *s)
{
	counter_add(d->opt.counters, sessions_now, -1);
	pthread_mutex_lock(&d->list_lock);
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		d->sessions = s->next;
	d->nsessions--;
	d->per_listener[s->listener_index]--;
	if (d->nsessions == 0)
		pthread_cond_signal(&d->all_gone);
	pthread_mutex_unlock(&d->list_lock);
}

size_t
doors_count_client(struct doors *d, const struct sockaddr_storage *sa)
{
	char want[64], have[64];
	size_t n = 0;

	sockaddr_text(sa, want, sizeof(want), NULL);
	pthread_mutex_lock(&d->list_lock);
	for (struct front_session *s = d->sessions; s != NULL; s = s->next) {
		sockaddr_text(&s->peer_sa, have, sizeof(have), NULL);
		n += strcmp(want, have) == 0;
	}
	pthread_mutex_unlock(&d->list_lock);
	return n;
}

size_t
doors_count_listener(struct doors *d, size_t i)
{
	size_t n;

	pthread_mutex_lock(&d->list_lock);
	n = d->per_listener[i];
	pthread_mutex_unlock(&d->list_lock);
	return n;
}

/* --- receive buffers --- */

struct message *
doors_message_get(struct doors *d, const struct params *p)
{
	struct message_options o = { .memory_limit = (size_t)p->message_memory_limit,
		.spool_directory = p->spool_directory,
		.budget = &d->budget };
	struct message *m = NULL;

	atomic_store(&d->budget.limit, (size_t)p->message_memory_total_limit);
	pthread_mutex_lock(&d->msg_lock);
	if (d->nspare > 0)
		m = d->spare[--d->nspare]; /* the last used one is the warmest */
	if (m != NULL)
		d->spare_octets -= message_kept(m);
	if (d->nspare < d->nspare_low)
		d->nspare_low = d->nspare;
	pthread_mutex_unlock(&d->msg_lock);
	if (m == NULL)
		return message_new(&o);
	message_set_options(m, &o);
	return m;
}

void
doors_message_put(struct doors *d, struct message *m)
{
	message_reset(m);
	pthread_mutex_lock(&d->msg_lock);
	if (d->nspare < SPARE_MESSAGES && d->spare_octets + message_kept(m) <= SPARE_OCTETS) {
		d->spare_octets += message_kept(m);
		d->spare[d->nspare++] = m;
		m = NULL;
	}
	pthread_mutex_unlock(&d->msg_lock);
	message_free(m);
}

/* Give back those that nobody has needed since the last call: the first ones of the stack. */
static void
tidy_messages(struct doors *d)
{
	struct message *old[SPARE_MESSAGES];
	size_t n = 0;

	pthread_mutex_lock(&d->msg_lock);
	while (n < d->nspare_low && d->spare_octets > SPARE_IDLE) {
		old[n] = d->spare[n];
		d->spare_octets -= message_kept(old[n++]);
	}
	d->nspare -= n;
	memmove(d->spare, d->spare + n, d->nspare * sizeof(struct message *));
	d->nspare_low = d->nspare;
	pthread_mutex_unlock(&d->msg_lock);
	while (n > 0)
		message_free(old[--n]);
}

/* --- once a second --- */

/* A waiting session is woken by shutting down what it waits on, or adding to it: the event comes to
 * whichever thread is free, and only that one touches the session.  WAKE_BUSY keeps it from going
 * on, and from closing the descriptor, meanwhile. */
static void
wake(struct front_session *s, int64_t by, int timed_out)
{
	if (!atomic_compare_exchange_strong(&s->wake_by_ms, &by, WAKE_BUSY))
		return;
	if (timed_out)
		atomic_store(&s->timed_out, 1);
	if (s->watch->counter)
		(void)eventfd_write(s->watch->fd, 1); /* full is readable too */
	else
		shutdown(s->watch->fd, s->wait_write ? SHUT_RDWR : SHUT_RD);
	atomic_store(&s->wake_by_ms, DEADLINE_NEVER);
}

static void
tidy_sessions(struct doors *d)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&d->list_lock);
	for (struct front_session *s = d->sessions; s != NULL; s = s->next) {
		int64_t by = atomic_load(&s->wake_by_ms);

		if (s->kind->tick != NULL)
			s->kind->tick(s, now);
		if (by <= 0 || by == DEADLINE_NEVER)
			continue;
		if (now >= by)
			wake(s, by, 1);
		else if (atomic_load(&s->told_to_stop) && atomic_load(&s->between))
			wake(s, by, 0);
	}
	pthread_mutex_unlock(&d->list_lock);
}

/* Edge triggered: one thread takes the whole burst, accepting is short.  Told again, the kernel
 * makes an event of what waits there already. */
static int
listener_watch(struct doors *d, size_t i, int how)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = WATCH_LISTENER | i };

	if (d->listen_fds[i] == -1)
		return 0;
	return epoll_ctl(d->epoll, how, d->listen_fds[i], &e);
}

/* It runs no session: one that paused here would wait for a thread to come by. */
static void *
tidy_main(void *arg)
{
	struct doors *d = arg;
	struct timespec pause = { .tv_sec = 1 };

	while (!d->stopping) {
		tidy_sessions(d);
		tidy_messages(d);
		workers_tidy(d);
		/* A burst cut short by EMFILE leaves connections that no edge will tell of. */
		for (size_t i = 0; i < d->opt.nlisten; i++)
			(void)listener_watch(d, i, EPOLL_CTL_MOD);
		pthread_mutex_lock(&d->thread_lock);
		if (!d->stopping) {
			struct timespec until;

			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec += pause.tv_sec;
			pthread_cond_timedwait(&d->threads_gone, &d->thread_lock, &until);
		}
		pthread_mutex_unlock(&d->thread_lock);
	}
	return NULL;
}

/* --- life --- */

static int
start_epoll(struct doors *d, struct err *err)
{
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->epoll == -1 || d->wake == -1 || watch_start(d) == -1) {
		err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < d->opt.nlisten; i++) {
		if (listener_watch(d, i, EPOLL_CTL_ADD) == -1) {
			err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

static void
doors_free(struct doors *d)
{
	if (d->epoll != -1)
		close(d->epoll);
	if (d->wake != -1)
		close(d->wake);
	while (d->nspare > 0)
		message_free(d->spare[--d->nspare]);
	free(d->spare);
	while (d->nfibers > 0)
		fiber_free(d->fibers[--d->nfibers]);
	free(d->fibers);
	free(d->per_listener);
	free(d->listen_fds);
	free(d->slots);
	snapshot_unref(d->snapshot);
	free(d);
}

struct doors *
doors_start(struct snapshot *snap, const struct door_options *o, struct err *err)
{
	struct doors *d = xcalloc(1, sizeof(*d));

	d->opt = *o;
	milter_door_world(d, &d->milter);
	d->epoll = d->wake = -1;
	d->listen_fds = xcalloc(o->nlisten, sizeof(*d->listen_fds));
	memcpy(d->listen_fds, o->listen_fds, o->nlisten * sizeof(*d->listen_fds));
	d->per_listener = xcalloc(o->nlisten, sizeof(*d->per_listener));
	d->spare = xcalloc(SPARE_MESSAGES, sizeof(struct message *));
	d->fibers = xcalloc(SPARE_FIBERS, sizeof(struct fiber *));
	d->snapshot = snapshot_ref(snap);
	pthread_mutex_init(&d->conf_lock, NULL);
	pthread_mutex_init(&d->list_lock, NULL);
	pthread_mutex_init(&d->msg_lock, NULL);
	pthread_mutex_init(&d->thread_lock, NULL);
	pthread_cond_init(&d->all_gone, NULL);
	pthread_cond_init(&d->threads_gone, NULL);
	pthread_cond_init(&d->leader_gone, NULL);
	if (start_epoll(d, err) == -1) {
		doors_free(d);
		return NULL;
	}
	if (workers_start(d) == -1 || pthread_create(&d->tidy, NULL, tidy_main, d) != 0) {
		err_set(err, ERR_SYSTEM, "cannot start a thread");
		return NULL;
	}
	return d;
}

struct snapshot *
doors_snapshot(struct doors *d)
{
	struct snapshot *s;

	pthread_mutex_lock(&d->conf_lock);
	s = snapshot_ref(d->snapshot);
	pthread_mutex_unlock(&d->conf_lock);
	return s;
}

/* Sessions know their listener by its number, so the listeners must be the same ones. */
static int
same_listeners(const struct snapshot *a, const struct snapshot *b)
{
	size_t n = snapshot_listener_count(a);

	if (n != snapshot_listener_count(b))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct conf_listener *x = snapshot_listener(a, i)->conf;
		const struct conf_listener *y = snapshot_listener(b, i)->conf;
		char ex[320], ey[320];

		endpoint_format(&x->endpoint, ex, sizeof(ex));
		endpoint_format(&y->endpoint, ey, sizeof(ey));
		if (x->kind != y->kind || strcmp(ex, ey) != 0)
			return 0;
	}
	return 1;
}

int
doors_reload(struct doors *d, struct snapshot *snap, struct err *err)
{
	struct snapshot *old;

	if (!same_listeners(d->snapshot, snap)) {
		err_set(err, ERR_CONFIG,
		    "listeners: endpoints, kinds and their order can only change with a restart");
		return -1;
	}
	pthread_mutex_lock(&d->conf_lock);
	old = d->snapshot;
	d->snapshot = snapshot_ref(snap);
	pthread_mutex_unlock(&d->conf_lock);
	snapshot_unref(old);
	return 0;
}

/* Sessions between transactions are told at once; the others when their transaction ends. */
static void
tell_all(struct doors *d)
{
	pthread_mutex_lock(&d->list_lock);
	for (struct front_session *s = d->sessions; s != NULL; s = s->next)
		atomic_store(&s->told_to_stop, 1);
	pthread_mutex_unlock(&d->list_lock);
}

static void
wait_for_sessions(struct doors *d, int time_limit_ms)
{
	int64_t end = clock_ms() + time_limit_ms;

	pthread_mutex_lock(&d->list_lock);
	while (d->nsessions > 0 && clock_ms() < end) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100 * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000L;
		}
		pthread_cond_timedwait(&d->all_gone, &d->list_lock, &until);
		pthread_mutex_unlock(&d->list_lock);
		tidy_sessions(d);
		pthread_mutex_lock(&d->list_lock);
	}
	pthread_mutex_unlock(&d->list_lock);
}

int
doors_stop(struct doors *d, int time_limit_ms)
{
	size_t left;

	for (size_t i = 0; i < d->opt.nlisten; i++)
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->listen_fds[i], NULL);
	pthread_mutex_lock(&d->thread_lock);
	d->stopping = 1;
	pthread_cond_broadcast(&d->threads_gone);
	pthread_mutex_unlock(&d->thread_lock);
	pthread_join(d->tidy, NULL);
	/* A successor may bind now; who connects is refused at once instead of waiting for us. */
	for (size_t i = 0; i < d->opt.nlisten; i++)
		shutdown(d->listen_fds[i], SHUT_RDWR);
	tell_all(d);
	tidy_sessions(d);
	wait_for_sessions(d, time_limit_ms);
	pthread_mutex_lock(&d->list_lock);
	left = d->nsessions;
	pthread_mutex_unlock(&d->list_lock);
	if (left > 0) {
		/* Their threads may be anywhere; the process ends now and the kernel breaks what is
		 * open, which is no final dot anywhere. */
		log_warn(NULL, NULL, "%zu sessions were broken off at stop_time_limit", left);
		return -1;
	}
	workers_end(d);
	doors_free(d);
	return 0;
}
