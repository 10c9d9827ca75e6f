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
#include "rules/trace.h"

/* What waits to be written takes no more than this. */
#define QUEUE_MAX ((size_t)4 * 1024 * 1024)
/* Records that come within this time share a block: small ones deflate badly. */
#define GATHER_MS 20
#define BLOCK_RAW ((size_t)256 * 1024)
#define EXPIRE_MS 10000 /* a flood fills a disk in no time */
/* A list of 30 restrictions tells about so much; so many rooms are kept for the next transaction.
 */
#define ROOM        ((size_t)6 * 1024)
#define ROOM_RECORD ((size_t)16 * 1024)
#define ROOMS_MAX   ((size_t)256)
#define DAY_US      (INT64_C(86400) * 1000000)

/* Where a transaction's trace begins.  The trace is first, so that one is the other. */
struct room {
	struct rule_trace trace;
	struct room *next;
	struct buf record;
	uint8_t octets[ROOM];
};

struct decision_log {
	char *directory;
	struct counters *counters;
	_Atomic int64_t days, max_size;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t come; /* something to write, or to stop */
	struct buf waiting;  /* records, each behind its length */
	int stop;

	pthread_mutex_t rooms_lock;
	struct room *rooms; /* not in use */
	size_t nrooms;

	/* The thread's own. */
	struct decision_writer writer;
	int failing; /* it has been told */
	int full;    /* today's take all there may be */
	struct deadline expire_at;
};

static void
free_room(struct room *r)
{
	if (r == NULL)
		return;
	buf_fini(&r->record);
	free(r);
}

/* --- the thread --- */

static void
expire(struct decision_log *l)
{
	int64_t today = clock_wall_us() / DAY_US, max_size = atomic_load(&l->max_size), size;
	int full;

	if (!deadline_passed(l->expire_at))
		return;
	l->expire_at = deadline_in_ms(EXPIRE_MS);
	size = decision_expire(l->directory, today - atomic_load(&l->days), today, max_size);
	full = max_size > 0 && size > max_size;
	if (full && !l->full)
		log_warn(NULL, NULL,
		    "today's decisions alone take more than decision_log_max_size: no more are "
		    "kept until tomorrow");
	l->full = full;
}

static void
flush(struct decision_log *l, int64_t day, int64_t n)
{
	struct err err;

	if (n == 0)
		return;
	if (l->full) {
		buf_reset(&l->writer.raw);
		counter_add(l->counters, decisions_lost, n);
		return;
	}
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
write_all(struct decision_log *l, struct span records)
{
	int64_t day = -1, n = 0;
	struct rd r;

	rd_init(&r, records);
	while (rd_left(&r) > 0) {
		struct span record = rd_bytes(&r, rd_u32(&r));
		int64_t of = decision_day(decision_id(record));

		if (of != day || l->writer.raw.len + record.len > BLOCK_RAW) {
			flush(l, day, n);
			n = 0;
		}
		day = of;
		decision_writer_add(&l->writer, record);
		n++;
	}
	flush(l, day, n);
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
	struct buf taken, spare = { 0 };

	/* Mail first.  Where that may not be said it is as it is. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (l->waiting.len == 0 && !l->stop)
			pthread_cond_wait(&l->come, &l->lock);
		if (l->waiting.len == 0)
			break;
		wait_ms(l, GATHER_MS);
		taken = l->waiting;
		l->waiting = spare;
		pthread_mutex_unlock(&l->lock);
		expire(l);
		write_all(l, buf_span(&taken));
		buf_reset(&taken);
		spare = taken;
		pthread_mutex_lock(&l->lock);
	}
	buf_fini(&spare);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* --- everybody --- */

struct decision_log *
decision_log_new(
    const char *directory, const struct decision_limits *limits, struct counters *counters)
{
	struct decision_log *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attr;

	l->directory = xstrdup(directory);
	l->counters = counters;
	atomic_init(&l->days, limits->days);
	atomic_init(&l->max_size, limits->max_size);
	l->expire_at = deadline_in_ms(0);
	decision_writer_init(&l->writer, l->directory);
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->rooms_lock, NULL);
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
decision_log_set(struct decision_log *l, const struct decision_limits *limits)
{
	atomic_store(&l->max_size, limits->max_size);
	if (atomic_load(&l->days) != -1)
		atomic_store(&l->days, limits->days);
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
	for (struct room *r = l->rooms, *next; r != NULL; r = next) {
		next = r->next;
		free_room(r);
	}
	pthread_mutex_destroy(&l->rooms_lock);
	decision_writer_fini(&l->writer);
	buf_fini(&l->waiting);
	pthread_cond_destroy(&l->come);
	pthread_mutex_destroy(&l->lock);
	free(l->directory);
	free(l);
}

struct rule_trace *
decision_log_trace(struct decision_log *l, struct arena *arena)
{
	struct room *r;

	if (atomic_load_explicit(&l->days, memory_order_relaxed) <= 0)
		return NULL;
	pthread_mutex_lock(&l->rooms_lock);
	if ((r = l->rooms) != NULL) {
		l->rooms = r->next;
		l->nrooms--;
	}
	pthread_mutex_unlock(&l->rooms_lock);
	if (r == NULL)
		r = xcalloc(1, sizeof(*r));
	buf_reset(&r->record);
	trace_init_room(&r->trace, arena, r->octets, sizeof(r->octets));
	return &r->trace;
}

void
decision_log_trace_end(struct decision_log *l, struct rule_trace *t)
{
	struct room *r = (struct room *)t;

	if (r == NULL)
		return;
	pthread_mutex_lock(&l->rooms_lock);
	if (l->nrooms < ROOMS_MAX && r->record.cap <= ROOM_RECORD) {
		r->next = l->rooms;
		l->rooms = r;
		l->nrooms++;
		r = NULL;
	}
	pthread_mutex_unlock(&l->rooms_lock);
	free_room(r);
}

static int
enqueue(struct decision_log *l, const struct buf *record)
{
	const uint8_t head[4] = { (uint8_t)(record->len >> 24), (uint8_t)(record->len >> 16),
		(uint8_t)(record->len >> 8), (uint8_t)record->len };
	int fits;

	pthread_mutex_lock(&l->lock);
	fits = record->len <= DECISION_MAX && l->waiting.len + record->len <= QUEUE_MAX;
	if (fits) {
		if (l->waiting.len == 0)
			pthread_cond_signal(&l->come);
		buf_add(&l->waiting, head, sizeof(head));
		buf_add(&l->waiting, record->p, record->len);
	}
	pthread_mutex_unlock(&l->lock);
	return fits;
}

void
decision_log_put(struct decision_log *l, const struct transaction *t)
{
	struct room *r = (struct room *)t->trace;

	buf_reset(&r->record);
	decision_format(t, &r->record);
	if (!enqueue(l, &r->record))
		counter_inc(l->counters, decisions_lost);
}
