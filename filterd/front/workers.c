/* The threads that do the work: leader and followers (front/doors.h). */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/accept.h"
#include "front/doors.h"

/* Work is done on the fibers' stacks; a thread's own carries the scheduler alone. */
#define THREAD_STACK ((size_t)128 * 1024)
/* A thread beyond the first ones that had nothing to do for so long ends. */
#define IDLE_S      10
#define MIN_THREADS 2

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

	log_batch_flush();
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

	if (d->leader != NULL && d->leader != w)
		log_batch_flush();
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
	int n, wait_ms = d->late != NULL ? 0 : -1;

	d->busy_since_ms = 0;
	pthread_mutex_unlock(&d->thread_lock);
	log_batch_flush();
	n = epoll_wait(d->epoll, d->ready, READY_MAX, wait_ms);
	pthread_mutex_lock(&d->thread_lock);
	d->ready_at = d->turn_came = 0;
	d->nready = n < 0 ? 0 : n;
}

void
workers_later(struct doors *d, struct front_session *s)
{
	pthread_mutex_lock(&d->thread_lock);
	s->later = d->late;
	d->late = s;
	pthread_mutex_unlock(&d->thread_lock);
}

/* Something to do: an event, or a session that goes on without one. */
struct work {
	struct epoll_event event;
	struct front_session *session; /* NULL: it is the event */
};

/* With thread_lock held. */
static int
take_from(struct front_session **list, struct work *work)
{
	work->session = *list;
	if (*list == NULL)
		return 0;
	*list = (*list)->later;
	return 1;
}

/* With thread_lock held, by the leader: 1, or 0: nothing is left of what was fetched.  Those who
 * paused have their turn behind the events; who pauses again then waits until more were fetched. */
static int
take(struct doors *d, struct work *work)
{
	work->session = NULL;
	while (d->ready_at < d->nready) {
		work->event = d->ready[d->ready_at++];
		if (work->event.data.u64 != WATCH_STOP) /* else d->stopping has changed */
			return 1;
	}
	if (!d->turn_came) {
		d->turn_came = 1;
		d->turn = d->late;
		d->late = NULL;
	}
	return take_from(&d->turn, work);
}

/* The next thing to work on: 1, or 0: the thread is to end. */
static int
next_work(struct doors *d, struct worker *w, struct work *work)
{
	int got = 0;

	pthread_mutex_lock(&d->thread_lock);
	/* The leader may be asleep, so who is not takes care of those left behind by itself.  When
	 * there is none the events come first. */
	if (d->leader != NULL && d->leader != w)
		got = take_from(&d->late, work);
	while (!got && take_lead(d, w) == 0) {
		got = take(d, work);
		if (!got)
			fetch(d);
	}
	if (d->leader == w)
		d->busy_since_ms = clock_ms();
	if (!got) {
		if (d->leader == w)
			give_lead(d);
		d->threads--;
		if (d->threads == 0)
			pthread_cond_broadcast(&d->threads_gone);
	}
	pthread_mutex_unlock(&d->thread_lock);
	return got;
}

static void *
worker_main(void *arg)
{
	struct doors *d = arg;
	struct worker w = { .doors = d, .hook = { about_to_block, blocked_no_more, &w } };
	struct work work;

	blocking_set(&w.hook);
	log_batch_start();
	while (next_work(d, &w, &work)) {
		if (work.session == NULL && work.event.data.u64 & WATCH_LISTENER) {
			accept_all(d, (size_t)(work.event.data.u64 & ~WATCH_LISTENER));
			continue;
		}
		if (work.session == NULL)
			work.session = watch_event(d, &work.event);
		if (work.session != NULL)
			doors_run(d, work.session);
	}
	log_batch_end();
	return NULL;
}

/* The leader at one event for a second: something blocks that did not say so. */
void
workers_tidy(struct doors *d)
{
	pthread_mutex_lock(&d->thread_lock);
	if (d->leader != NULL && d->busy_since_ms != 0 && clock_ms() - d->busy_since_ms >= 1000)
		give_lead(d);
	pthread_mutex_unlock(&d->thread_lock);
}

int
workers_start(struct doors *d)
{
	int n;

	pthread_mutex_lock(&d->thread_lock);
	d->min_threads = MIN_THREADS;
	for (int i = 0; i < MIN_THREADS; i++)
		(void)start_thread(d);
	n = d->threads;
	pthread_mutex_unlock(&d->thread_lock);
	return n > 0 ? 0 : -1;
}

void
workers_end(struct doors *d)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = WATCH_STOP };

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
