#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/transaction.h"
#include "engine/decision.h"
#include "engine/decision_file.h"
#include "engine/decision_log.h"

/* What waits to be written takes no more than this. */
#define QUEUE_MAX ((size_t)8 * 1024 * 1024)
/* Records that come within this time share a block: small ones deflate badly. */
#define GATHER_MS 20
#define BLOCK_RAW ((size_t)256 * 1024)
#define HOUR_MS   3600000
#define DAY_US    (INT64_C(86400) * 1000000)

struct queued {
	struct queued *next;
	struct buf record;
};

struct decision_log {
	char *directory;
	struct counters *counters;
	_Atomic int64_t days;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t come; /* something to write, or to stop */
	struct queued *first, **last;
	size_t waiting; /* octets */
	int stop;

	/* The thread's own. */
	struct decision_writer writer;
	int failing; /* it has been told */
	struct deadline expire_at;
};

/* --- the thread --- */

static void
expire(struct decision_log *l)
{
	int64_t days = atomic_load(&l->days);

	if (!deadline_passed(l->expire_at))
		return;
	l->expire_at = deadline_in_ms(HOUR_MS);
	decision_expire(l->directory, clock_wall_us() / DAY_US - days);
}

static void
flush(struct decision_log *l, int64_t day, int64_t n)
{
	struct err err;

	if (n == 0)
		return;
	if (decision_writer_flush(&l->writer, day, &err) == -1) {
		counter_add(l->counters, decisions_lost, n);
		if (!l->failing)
			log_warn(NULL, NULL,
			    "decisions cannot be kept for filterctl explain until this is mended: "
			    "%s",
			    err.text);
		l->failing = 1;
		return;
	}
	counter_add(l->counters, decisions_kept, n);
	if (l->failing)
		log_info(NULL, NULL, "decisions are kept again");
	l->failing = 0;
}

static void
write_all(struct decision_log *l, struct queued *q)
{
	int64_t day = -1, n = 0;

	for (struct queued *next; q != NULL; q = next) {
		struct span record = buf_span(&q->record);
		int64_t of = decision_day(decision_id(record));

		next = q->next;
		if (of != day || l->writer.raw.len + record.len > BLOCK_RAW) {
			flush(l, day, n);
			n = 0;
		}
		day = of;
		decision_writer_add(&l->writer, record);
		n++;
		buf_fini(&q->record);
		free(q);
	}
	flush(l, day, n);
}

static struct queued *
take_all(struct decision_log *l)
{
	struct queued *q = l->first;

	l->first = NULL;
	l->last = &l->first;
	l->waiting = 0;
	return q;
}

/* With the lock; until so long from now, or the stop. */
static void
wait_ms(struct decision_log *l, int64_t ms)
{
	struct timespec at;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &at);
	ns = at.tv_nsec + ms % 1000 * 1000000;
	at.tv_sec += ms / 1000 + ns / 1000000000;
	at.tv_nsec = ns % 1000000000;
	while (!l->stop && pthread_cond_timedwait(&l->come, &l->lock, &at) == 0)
		;
}

static void *
run(void *arg)
{
	struct decision_log *l = arg;

	/* Mail first.  Where that may not be said it is as it is. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	pthread_mutex_lock(&l->lock);
	for (;;) {
		struct queued *q;

		while (l->first == NULL && !l->stop)
			pthread_cond_wait(&l->come, &l->lock);
		if (l->first == NULL)
			break;
		wait_ms(l, GATHER_MS);
		q = take_all(l);
		pthread_mutex_unlock(&l->lock);
		expire(l);
		write_all(l, q);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* --- everybody --- */

struct decision_log *
decision_log_new(const char *directory, int64_t days, struct counters *counters)
{
	struct decision_log *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attr;

	l->directory = xstrdup(directory);
	l->counters = counters;
	atomic_init(&l->days, days);
	l->last = &l->first;
	l->expire_at = deadline_in_ms(0);
	decision_writer_init(&l->writer, l->directory);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->come, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		log_warn(NULL, NULL, "no thread to keep decisions with: there are none to explain");
		atomic_store(&l->days, -1);
	}
	return l;
}

void
decision_log_set_days(struct decision_log *l, int64_t days)
{
	if (atomic_load(&l->days) != -1)
		atomic_store(&l->days, days);
}

void
decision_log_free(struct decision_log *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = 1;
	pthread_cond_signal(&l->come);
	pthread_mutex_unlock(&l->lock);
	if (atomic_load(&l->days) != -1)
		pthread_join(l->thread, NULL);
	decision_writer_fini(&l->writer);
	pthread_cond_destroy(&l->come);
	pthread_mutex_destroy(&l->lock);
	free(l->directory);
	free(l);
}

int
decision_log_wanted(const struct decision_log *l)
{
	return l != NULL && atomic_load_explicit(&l->days, memory_order_relaxed) > 0;
}

static int
enqueue(struct decision_log *l, struct queued *q)
{
	int fits;

	pthread_mutex_lock(&l->lock);
	fits = q->record.len <= DECISION_MAX && l->waiting + q->record.len <= QUEUE_MAX;
	if (fits) {
		if (l->first == NULL)
			pthread_cond_signal(&l->come);
		*l->last = q;
		l->last = &q->next;
		l->waiting += q->record.len;
	}
	pthread_mutex_unlock(&l->lock);
	return fits;
}

void
decision_log_put(struct decision_log *l, const struct transaction *t)
{
	struct queued *q = xcalloc(1, sizeof(*q));

	decision_format(t, &q->record);
	if (enqueue(l, q))
		return;
	counter_inc(l->counters, decisions_lost);
	buf_fini(&q->record);
	free(q);
}
