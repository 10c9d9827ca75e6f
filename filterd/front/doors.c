#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/message.h"
#include "engine/snapshot.h"
#include "front/accept.h"
#include "front/doors.h"
#include "net/dial.h"
#include "net/fiber.h"
#include "net/stream.h"

/* Work is done on the fibers' stacks; a thread's own carries the scheduler alone. */
#define THREAD_STACK ((size_t)128 * 1024)
/* Straight code with a regular expression engine at its bottom; what is not touched costs nothing.
 */
#define FIBER_STACK ((size_t)512 * 1024)
/* A thread beyond the first ones that had nothing to do for so long ends. */
#define IDLE_S      10
#define MIN_THREADS 2
/* Receive buffers and stacks kept for the next message: as many as are likely to be in use at one
 * time. */
#define SPARE_MESSAGES 16
#define SPARE_FIBERS   32

static void *worker_main(void *);

/* With thread_lock held. */
static int
start_thread(struct doors *d)
{
	pthread_attr_t attr;
	pthread_t t;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&t, &attr, worker_main, d);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		d->threads++;
	return rc;
}

/*
 * Leader and followers.  One thread, the leader, fetches events and works on them; since fibers
 * wait without it, it is enough while nothing takes long, and a second thread would only cost
 * switches.  When it is about to block or to compute (blocking_begin()) it gives the lead away: a
 * follower wakes up, or a new thread is made.  Events fetched in one go stay with the lead.
 */
struct worker {
	struct doors *doors;
	struct blocking_hook hook;
};

/* With thread_lock held: somebody must take the lead. */
static void
give_lead(struct doors *d)
{
	d->leader = NULL;
	if (d->followers > 0)
		pthread_cond_signal(&d->leader_gone);
	else if (d->threads < d->opt.threads && d->stopping != 2)
		(void)start_thread(d); /* not got: whoever is done first takes it */
}

static void
about_to_block(void *arg)
{
	struct worker *w = arg;
	struct doors *d = w->doors;

	pthread_mutex_lock(&d->thread_lock);
	if (d->leader == w)
		give_lead(d);
	pthread_mutex_unlock(&d->thread_lock);
}

static void
blocked_no_more(void *arg)
{
	(void)arg; /* the lead is somebody else's now, or to be had */
}

/* With thread_lock held: wait for the lead.  -1: this thread is one too many. */
static int
take_lead(struct doors *d, struct worker *w)
{
	struct timespec until;
	int rc = 0;

	while (d->leader != NULL && d->leader != w && d->stopping != 2) {
		if (rc == ETIMEDOUT && d->threads > d->min_threads)
			return -1;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += IDLE_S;
		d->followers++;
		rc = pthread_cond_timedwait(&d->leader_gone, &d->thread_lock, &until);
		d->followers--;
	}
	d->leader = w;
	return d->stopping == 2 ? -1 : 0;
}

/* With thread_lock held, by the leader, which lets go of it while it waits. */
static void
fetch(struct doors *d)
{
	int n;

	d->busy_since_ms = 0;
	pthread_mutex_unlock(&d->thread_lock);
	n = epoll_wait(d->epoll, d->ready, READY_MAX, -1);
	pthread_mutex_lock(&d->thread_lock);
	d->ready_at = 0;
	d->nready = n < 0 ? 0 : n;
}

/* The next thing to work on; NULL: the thread is to end. */
static void *
next_event(struct doors *d, struct worker *w)
{
	void *what = NULL;

	pthread_mutex_lock(&d->thread_lock);
	while (what == NULL && take_lead(d, w) == 0) {
		if (d->ready_at == d->nready)
			fetch(d);
		if (d->ready_at < d->nready)
			what = d->ready[d->ready_at++].data.ptr;
		if (what == d) /* the wake descriptor: stopping has changed */
			what = NULL;
	}
	d->busy_since_ms = clock_ms();
	if (what == NULL) {
		if (d->leader == w)
			give_lead(d);
		d->threads--;
		if (d->threads == 0)
			pthread_cond_broadcast(&d->threads_gone);
	}
	pthread_mutex_unlock(&d->thread_lock);
	return what;
}

/* --- fibers --- */

/* Inside a session's fiber: note what is waited for, and let the thread go. */
static int
session_wait(void *arg, int fd, int for_write, struct deadline until)
{
	struct smtp_session *s = arg;

	s->wait_fd = fd;
	s->wait_write = for_write;
	s->park_until_ms = until.at_ms;
	fiber_yield();
	return atomic_exchange(&s->timed_out, 0) ? 0 : 1;
}

static struct fiber *
fiber_get(struct doors *d)
{
	struct fiber *f = NULL;

	pthread_mutex_lock(&d->msg_lock);
	if (d->nfibers > 0)
		f = d->fibers[--d->nfibers];
	pthread_mutex_unlock(&d->msg_lock);
	return f != NULL ? f : fiber_new(FIBER_STACK, session_wait);
}

static void
fiber_put(struct doors *d, struct fiber *f)
{
	pthread_mutex_lock(&d->msg_lock);
	if (d->nfibers < SPARE_FIBERS) {
		d->fibers[d->nfibers++] = f;
		f = NULL;
	}
	pthread_mutex_unlock(&d->msg_lock);
	fiber_free(f);
}

/* Ask for one event on what the session waits for.  After this call another thread may have run and
 * freed the session. */
static void
arm(struct doors *d, struct smtp_session *s)
{
	struct epoll_event e = { .events = (s->wait_write ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) |
					   EPOLLONESHOT,
		.data.ptr = s };
	int fd = s->wait_fd;

	atomic_store(&s->wake_by_ms, s->park_until_ms);
	/* Known descriptors are the rule: the client's from its second command on, a next hop's
	 * that is kept. */
	if (epoll_ctl(d->epoll, EPOLL_CTL_MOD, fd, &e) == -1 && errno == ENOENT)
		(void)epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* Nobody wakes it any more; if somebody is just about to, wait for that instant. */
static void
disarm(struct smtp_session *s)
{
	int64_t by = atomic_load_explicit(&s->wake_by_ms, memory_order_relaxed);

	while (by == WAKE_BUSY || !atomic_compare_exchange_weak(&s->wake_by_ms, &by, 0)) {
		sched_yield();
		by = atomic_load(&s->wake_by_ms);
	}
}

void
doors_run(struct doors *d, struct smtp_session *s)
{
	disarm(s);
	if (s->fiber == NULL) {
		s->fiber = fiber_get(d);
		if (s->fiber == NULL) {
			log_error(NULL, s->id, "no memory for a stack: session dropped");
			session_free(s);
			return;
		}
		fiber_start(s->fiber, session_run, s);
	}
	if (fiber_resume(s->fiber)) {
		arm(d, s);
		return;
	}
	fiber_put(d, s->fiber);
	s->fiber = NULL;
	if (s->over)
		session_free(s);
	else
		arm(d, s);
}

static void *
worker_main(void *arg)
{
	struct doors *d = arg;
	struct worker w = { .doors = d, .hook = { about_to_block, blocked_no_more, &w } };
	void *what;

	blocking_set(&w.hook);
	while ((what = next_event(d, &w)) != NULL) {
		if ((int *)what >= d->listen_fds && (int *)what < d->listen_fds + d->opt.nlisten)
			accept_all(d, (size_t)((int *)what - d->listen_fds));
		else
			doors_run(d, what);
	}
	return NULL;
}

/* --- the list of sessions --- */

void
doors_session_add(struct doors *d, struct smtp_session *s)
{
	pthread_mutex_lock(&d->list_lock);
	s->next = d->sessions;
	s->prev = NULL;
	if (s->next != NULL)
		s->next->prev = s;
	d->sessions = s;
	d->nsessions++;
	d->per_listener[s->listener_index]++;
	pthread_mutex_unlock(&d->list_lock);
	counter_inc(d->opt.counters, sessions);
	counter_inc(d->opt.counters, sessions_now);
}

void
doors_session_remove(struct doors *d, struct smtp_session *s)
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
	for (struct smtp_session *s = d->sessions; s != NULL; s = s->next) {
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

void
doors_greet_later(struct doors *d, struct smtp_session *s)
{
	s->wait_fd = stream_fd(s->stream);
	s->wait_write = 1;
	s->park_until_ms = DEADLINE_NEVER;
	arm(d, s);
}

/* --- receive buffers --- */

struct message *
doors_message_get(struct doors *d, const struct params *p)
{
	struct message_options o = { .memory_limit = (size_t)p->message_memory_limit,
		.spool_directory = p->spool_directory };
	struct message *m = NULL;

	pthread_mutex_lock(&d->msg_lock);
	if (d->nspare > 0)
		m = d->spare[--d->nspare]; /* the last used one is the warmest */
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
	if (d->nspare < SPARE_MESSAGES) {
		d->spare[d->nspare++] = m;
		m = NULL;
	}
	pthread_mutex_unlock(&d->msg_lock);
	message_free(m);
}

/* --- once a second --- */

/* A waiting session is woken by shutting down what it waits on: the event comes to whichever thread
 * is free, and only that one touches the session.  WAKE_BUSY keeps it from going on, and from
 * closing the descriptor, meanwhile. */
static void
wake(struct smtp_session *s, int64_t by, int timed_out)
{
	if (!atomic_compare_exchange_strong(&s->wake_by_ms, &by, WAKE_BUSY))
		return;
	if (timed_out)
		atomic_store(&s->timed_out, 1);
	shutdown(s->wait_fd, s->wait_write ? SHUT_RDWR : SHUT_RD);
	atomic_store(&s->wake_by_ms, DEADLINE_NEVER);
}

static void
tidy_sessions(struct doors *d)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&d->list_lock);
	for (struct smtp_session *s = d->sessions; s != NULL; s = s->next) {
		int64_t by = atomic_load(&s->wake_by_ms);

		if (by <= 0 || by == DEADLINE_NEVER)
			continue;
		if (now >= by)
			wake(s, by, 1);
		else if (atomic_load(&s->told_to_stop) && atomic_load(&s->between))
			wake(s, by, 0);
	}
	pthread_mutex_unlock(&d->list_lock);
}

/* The leader at one event for a second: something blocks that did not say so. */
static void
tidy_threads(struct doors *d)
{
	pthread_mutex_lock(&d->thread_lock);
	if (d->leader != NULL && d->busy_since_ms != 0 && clock_ms() - d->busy_since_ms >= 1000)
		give_lead(d);
	pthread_mutex_unlock(&d->thread_lock);
}

static void *
tidy_main(void *arg)
{
	struct doors *d = arg;
	struct timespec pause = { .tv_sec = 1 };

	while (!d->stopping) {
		tidy_sessions(d);
		tidy_threads(d);
		/* A burst cut short by EMFILE leaves connections that no edge will tell of. */
		for (size_t i = 0; i < d->opt.nlisten; i++)
			accept_all(d, i);
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
	if (d->epoll == -1 || d->wake == -1) {
		err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < d->opt.nlisten; i++) {
		/* Edge triggered: one thread takes the whole burst, accepting is short. */
		struct epoll_event e = { .events = EPOLLIN | EPOLLET,
			.data.ptr = &d->listen_fds[i] };

		if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->listen_fds[i], &e) == -1) {
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
	snapshot_unref(d->snapshot);
	free(d);
}

struct doors *
doors_start(struct snapshot *snap, const struct door_options *o, struct err *err)
{
	struct doors *d = xcalloc(1, sizeof(*d));

	d->opt = *o;
	d->epoll = d->wake = -1;
	d->listen_fds = xcalloc(o->nlisten, sizeof(*d->listen_fds));
	memcpy(d->listen_fds, o->listen_fds, o->nlisten * sizeof(*d->listen_fds));
	d->per_listener = xcalloc(o->nlisten, sizeof(*d->per_listener));
	d->spare = xcalloc(SPARE_MESSAGES, sizeof(struct message *));
	d->fibers = xcalloc(SPARE_FIBERS, sizeof(struct fiber *));
	d->min_threads = MIN_THREADS;
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
	pthread_mutex_lock(&d->thread_lock);
	for (int i = 0; i < d->min_threads; i++)
		(void)start_thread(d);
	pthread_mutex_unlock(&d->thread_lock);
	if (d->threads == 0 || pthread_create(&d->tidy, NULL, tidy_main, d) != 0) {
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
	for (struct smtp_session *s = d->sessions; s != NULL; s = s->next)
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

static void
end_threads(struct doors *d)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = d };

	pthread_mutex_lock(&d->thread_lock);
	d->stopping = 2;
	pthread_cond_broadcast(&d->leader_gone);
	pthread_mutex_unlock(&d->thread_lock);
	(void)eventfd_write(d->wake, 1);
	epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->wake, &e); /* level triggered: every thread sees it */
	pthread_mutex_lock(&d->thread_lock);
	while (d->threads > 0)
		pthread_cond_wait(&d->threads_gone, &d->thread_lock);
	pthread_mutex_unlock(&d->thread_lock);
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
	end_threads(d);
	doors_free(d);
	return 0;
}
