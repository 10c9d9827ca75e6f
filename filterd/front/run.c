/* Sessions as fibers: run, wait, be woken (front/doors.h). */
#include <sched.h>

#include "base/log.h"
#include "front/doors.h"
#include "net/fiber.h"
#include "net/stream.h"

/* Straight code with a regular expression engine at its bottom; what is not touched costs nothing.
 */
#define FIBER_STACK ((size_t)512 * 1024)

/* Inside a session's fiber: note what is waited for, and let the thread go. */
static int
session_wait(void *arg, struct net_watch *w, int for_write, struct deadline until)
{
	struct front_session *s = arg;

	s->watch = w;
	s->wait_write = for_write;
	s->park_until_ms = until.at_ms;
	fiber_yield();
	return atomic_exchange(&s->timed_out, 0) ? 0 : 1;
}

static int
session_stirred(void *arg, const struct net_watch *w)
{
	struct front_session *s = arg;

	return watch_stirred(s->doors, w);
}

static void
session_pause(void *arg)
{
	struct front_session *s = arg;

	s->goes_on = 1;
	s->watch = NULL; /* what was waited for last may be gone */
	fiber_yield();
}

static const struct fiber_owner session_owner = { session_wait, session_stirred, session_pause };

static struct fiber *
fiber_get(struct doors *d)
{
	struct fiber *f = NULL;

	pthread_mutex_lock(&d->msg_lock);
	if (d->nfibers > 0)
		f = d->fibers[--d->nfibers];
	pthread_mutex_unlock(&d->msg_lock);
	return f != NULL ? f : fiber_new(FIBER_STACK, &session_owner);
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

/* Nobody wakes it any more; if somebody is just about to, wait for that instant. */
static void
disarm(struct front_session *s)
{
	int64_t by = atomic_load_explicit(&s->wake_by_ms, memory_order_relaxed);

	while (by == WAKE_BUSY || !atomic_compare_exchange_weak(&s->wake_by_ms, &by, 0)) {
		sched_yield();
		by = atomic_load(&s->wake_by_ms);
	}
}

/* The fiber's function. */
static void
run_kind(void *arg)
{
	struct front_session *s = arg;

	s->kind->run(s);
}

/* Until it waits or is at its end: 1 it waits, 0 it is gone. */
static int
run(struct doors *d, struct front_session *s)
{
	if (s->fiber == NULL) {
		s->fiber = fiber_get(d);
		if (s->fiber == NULL) {
			log_error(NULL, s->id, "no memory for a stack: session dropped");
			s->kind->free(s);
			return 0;
		}
		fiber_start(s->fiber, run_kind, s);
	}
	if (fiber_resume(s->fiber))
		return 1;
	fiber_put(d, s->fiber);
	s->fiber = NULL;
	if (!s->over)
		return 1;
	s->kind->free(s);
	return 0;
}

void
doors_run(struct doors *d, struct front_session *s)
{
	do {
		disarm(s);
		if (s->watch != NULL && watch_hung_up(d, s->watch))
			s->watch->hung_up = 1;
		if (!run(d, s))
			return;
		if (s->goes_on) {
			s->goes_on = 0;
			workers_later(d, s);
			return;
		}
		/* Once it waits another thread may have run and freed it. */
	} while (!watch_wait(d, s));
}

void
doors_greet_later(struct doors *d, struct front_session *s)
{
	s->watch = stream_watch(s->stream);
	s->wait_write = 1;
	s->park_until_ms = DEADLINE_NEVER;
	if (!watch_wait(d, s))
		doors_run(d, s);
}
