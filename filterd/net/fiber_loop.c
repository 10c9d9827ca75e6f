#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/xmem.h"
#include "net/fiber.h"
#include "net/fiber_loop.h"

#define THREAD_STACK ((size_t)128 * 1024)

struct job {
	void (*f)(void *arg);
	void *arg;
};

/* A fiber and what it waits for. */
struct slot {
	struct fiber_loop *loop;
	struct fiber *fiber; /* NULL: never used */
	struct job job;
	int busy, ready;
	struct net_watch *watch;
	int for_write, result;
	struct deadline deadline;
};

struct fiber_loop {
	struct fiber_loop_options o;
	pthread_t thread;
	int wake; /* eventfd(2) */
	pthread_mutex_t lock;
	int stopping;
	struct job *queue; /* a ring */
	size_t first, queued;
	/* Of the thread alone. */
	struct slot *slots;
	struct pollfd *polls; /* [0] is wake, [i + 1] slots[i] */
	int stop;
};

/* --- the fibers' owner; these run inside fibers --- */

static int
owner_wait(void *arg, struct net_watch *w, int for_write, struct deadline d)
{
	struct slot *s = arg;

	if (s->loop->stop)
		return 0;
	s->watch = w;
	s->for_write = for_write;
	s->deadline = d;
	fiber_yield();
	return s->result;
}

static int
owner_stirred(void *arg, const struct net_watch *w)
{
	(void)arg;
	(void)w;
	return 1; /* poll(2) tells of what is, not of what changes */
}

static void
owner_pause(void *arg)
{
	struct slot *s = arg;

	s->watch = NULL;
	s->ready = 1;
	fiber_yield();
}

static const struct fiber_owner owner = {
	.wait = owner_wait,
	.stirred = owner_stirred,
	.pause = owner_pause,
};

static void
slot_main(void *arg)
{
	struct slot *s = arg;

	s->job.f(s->job.arg);
}

/* --- the thread --- */

/* 1 and a job, or 0. */
static int
take_job(struct fiber_loop *l, struct job *job)
{
	int there;

	pthread_mutex_lock(&l->lock);
	l->stop = l->stopping;
	there = l->queued > 0;
	if (there) {
		*job = l->queue[l->first];
		l->first = (l->first + 1) % l->o.queue;
		l->queued--;
	}
	pthread_mutex_unlock(&l->lock);
	return there;
}

static void
begin(struct slot *s)
{
	s->busy = s->ready = 1;
	s->watch = NULL;
	fiber_start(s->fiber, slot_main, s);
}

/* Give jobs to idle fibers. */
static void
begin_jobs(struct fiber_loop *l)
{
	for (size_t i = 0; i < l->o.max; i++) {
		struct slot *s = &l->slots[i];

		if (s->busy)
			continue;
		/* Without memory for a stack the job waits for a fiber that is there. */
		if (s->fiber == NULL && (s->fiber = fiber_new(l->o.stack_size, &owner)) == NULL)
			continue;
		if (!take_job(l, &s->job))
			return;
		begin(s);
	}
}

/* How many fibers wait; *ended: some have returned, and there may be jobs for them. */
static int
run_ready(struct fiber_loop *l, int *ended)
{
	int busy = 0;

	*ended = 0;

	for (size_t i = 0; i < l->o.max; i++) {
		struct slot *s = &l->slots[i];

		if (s->busy && s->ready) {
			s->ready = 0;
			s->busy = fiber_resume(s->fiber);
			*ended |= !s->busy;
		}
		busy += s->busy;
	}
	return busy;
}

/* Milliseconds until some fiber's turn comes; -1 never. */
static int
fill_polls(struct fiber_loop *l)
{
	struct deadline next = deadline_never();

	for (size_t i = 0; i < l->o.max; i++) {
		struct slot *s = &l->slots[i];
		struct pollfd *p = &l->polls[i + 1];

		*p = (struct pollfd){ .fd = -1 };
		if (!s->busy)
			continue;
		if (s->ready) {
			next = deadline_in_ms(0);
			continue;
		}
		p->fd = s->watch->fd;
		p->events = s->for_write ? POLLOUT : POLLIN;
		next = deadline_min(next, l->stop ? deadline_in_ms(0) : s->deadline);
	}
	return deadline_poll_ms(next);
}

static void
wake_slots(struct fiber_loop *l)
{
	for (size_t i = 0; i < l->o.max; i++) {
		struct slot *s = &l->slots[i];

		if (!s->busy || s->ready)
			continue;
		if (l->polls[i + 1].revents != 0) {
			if ((l->polls[i + 1].revents & POLLHUP) != 0)
				s->watch->hung_up = 1;
			s->result = 1;
		} else if (l->stop || deadline_passed(s->deadline)) {
			s->result = 0;
		} else {
			continue;
		}
		s->ready = 1;
	}
}

static void *
run(void *arg)
{
	struct fiber_loop *l = arg;
	uint64_t count;
	int busy, ended;

	for (;;) {
		begin_jobs(l);
		busy = run_ready(l, &ended);
		if (ended)
			continue;
		/* No job is left either: an idle fiber would have taken it. */
		if (l->stop && !busy)
			return NULL;
		l->polls[0] = (struct pollfd){ .fd = l->wake, .events = POLLIN };
		if (poll(l->polls, l->o.max + 1, fill_polls(l)) == -1)
			continue; /* EINTR; nothing is lost */
		if (l->polls[0].revents != 0 && read(l->wake, &count, sizeof(count)) == -1)
			assert(errno == EAGAIN);
		wake_slots(l);
		pthread_mutex_lock(&l->lock);
		l->stop = l->stopping;
		pthread_mutex_unlock(&l->lock);
	}
}

/* --- others' threads --- */

static void
wake(struct fiber_loop *l)
{
	static const uint64_t one = 1;
	ssize_t n = write(l->wake, &one, sizeof(one));

	assert(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

int
fiber_loop_add(struct fiber_loop *l, void (*f)(void *), void *arg)
{
	int rc = -1;

	pthread_mutex_lock(&l->lock);
	if (l->queued < l->o.queue && !l->stopping) {
		l->queue[(l->first + l->queued++) % l->o.queue] = (struct job){ f, arg };
		rc = 0;
	}
	pthread_mutex_unlock(&l->lock);
	if (rc == 0)
		wake(l);
	return rc;
}

static int
start(struct fiber_loop *l)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&l->thread, &attr, run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		pthread_setname_np(l->thread, l->o.name);
	return rc;
}

static void
let_go(struct fiber_loop *l)
{
	for (size_t i = 0; i < l->o.max; i++)
		fiber_free(l->slots[i].fiber);
	if (l->wake != -1)
		close(l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l->queue);
	free(l->slots);
	free(l->polls);
	free(l);
}

struct fiber_loop *
fiber_loop_new(const struct fiber_loop_options *o, struct err *err)
{
	struct fiber_loop *l = xcalloc(1, sizeof(*l));
	int rc;

	l->o = *o;
	pthread_mutex_init(&l->lock, NULL);
	l->queue = xcalloc(o->queue, sizeof(*l->queue));
	l->slots = xcalloc(o->max, sizeof(*l->slots));
	l->polls = xcalloc(o->max + 1, sizeof(*l->polls));
	for (size_t i = 0; i < o->max; i++)
		l->slots[i].loop = l;
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rc = l->wake == -1 ? errno : start(l);
	if (rc == 0)
		return l;
	err_set(err, ERR_SYSTEM, "cannot start the thread %s: %s", o->name, strerror(rc));
	let_go(l);
	return NULL;
}

void
fiber_loop_free(struct fiber_loop *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = 1;
	pthread_mutex_unlock(&l->lock);
	wake(l);
	pthread_join(l->thread, NULL);
	let_go(l);
}
