#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "base/xmem.h"
#include "client/pool.h"
#include "net/fiber.h"
#include "net/fiber_loop.h"
#include "rules/verify.h"
#include "rules/verify_entries.h"
#include "rules/verify_probe.h"
#include "rules/verify_store.h"

#define FIBER_STACK ((size_t)256 * 1024)

struct verify_cache {
	pthread_mutex_t lock; /* over what follows; never held while anything waits */
	struct verify_options o;
	struct verify_entries entries;
	struct verify_stats stats;
	struct hop_pool *pool;
	struct fiber_loop *loop;
	struct verify_store *store; /* of the loop's thread, once that runs */
	char helo_name[256];
	int stopping; /* what a probe fails of now says nothing about its address */
};

static int64_t
now_ms(void)
{
	return clock_wall_us() / 1000;
}

/* --- a probe, in a fiber of the loop --- */

struct job {
	struct verify_cache *cache;
	char *key, *address, *domain, *hop, *sender;
};

static void
job_free(struct job *j)
{
	free(j->key);
	free(j->address);
	free(j->domain);
	free(j->hop);
	free(j->sender);
	free(j);
}

static const char *
status_name(enum verify_status s)
{
	switch (s) {
	case VERIFY_GOOD:
		return "deliverable";
	case VERIFY_BAD:
		return "undeliverable";
	case VERIFY_DEFERRED:
	case VERIFY_PENDING:
		break;
	}
	return "deferred";
}

static void
count(struct verify_cache *v, enum verify_status s)
{
	switch (s) {
	case VERIFY_GOOD:
		v->stats.good++;
		break;
	case VERIFY_BAD:
		v->stats.bad++;
		break;
	case VERIFY_DEFERRED:
	case VERIFY_PENDING:
		v->stats.deferred++;
		break;
	}
}

static void
tell_waiters(struct verify_entry *e, const struct verify_answer *a)
{
	static const uint64_t one = 1;
	struct verify_waiter *w, *next;

	for (w = e->waiters; w != NULL; w = next) {
		next = w->next;
		w->status = a->status;
		snprintf(w->text, sizeof(w->text), "%s", a->text);
		w->told = 1;
		if (write(w->watch.fd, &one, sizeof(one)) == -1)
			log_warn(NULL, NULL, "verify: a waiter could not be woken");
	}
	e->waiters = NULL;
}

/* What the probe found out becomes what is known; under the lock.  *row: what is to be written, its
 * texts the job's and the answer's. */
static int
learn(struct verify_cache *v, const struct job *j, const struct verify_answer *a,
    struct verify_row *row)
{
	struct verify_entry *e = verify_entry_find(&v->entries, j->key);
	int keep;

	count(v, a->status);
	v->stats.under_way--;
	if (e == NULL)
		return 0;
	e->probing = 0;
	tell_waiters(e, a);
	/* What was good stays so until it expires. */
	if (a->status != VERIFY_GOOD && e->status == VERIFY_GOOD)
		return 0;
	keep = a->status == VERIFY_GOOD || (v->o.negative_cache && !v->stopping);
	if (!keep) {
		verify_entry_drop(&v->entries, e);
		return 0;
	}
	e->status = a->status;
	verify_entry_set_text(e, a->text);
	e->told = now_ms();
	*row = (struct verify_row){ .key = j->key,
		.status = (int)e->status,
		.told = e->told,
		.probed = e->probed,
		.text = a->text };
	return 1;
}

static void
probe(void *arg)
{
	struct job *j = arg;
	struct verify_cache *v = j->cache;
	struct arena *arena = arena_new();
	struct verify_probe p = { .q = { j->address, j->domain, j->hop, j->sender },
		.pool = v->pool };
	struct verify_answer answer;
	struct verify_row row;
	struct err err;
	int write_it;

	pthread_mutex_lock(&v->lock);
	p.dns = v->o.dns;
	p.deadline = deadline_in_ms(v->o.probe_ms);
	pthread_mutex_unlock(&v->lock);
	verify_probe(&p, arena, &answer);
	log_info(NULL, NULL, "verify: to=<%s> by=%s status=%s (%s)", j->address,
	    j->hop[0] == '\0' ? "MX" : j->hop, status_name(answer.status), answer.text);
	pthread_mutex_lock(&v->lock);
	write_it = learn(v, j, &answer, &row);
	pthread_mutex_unlock(&v->lock);
	/* Fibers of the loop take turns only where they wait, and this does not. */
	if (write_it && v->store != NULL && verify_store_put(v->store, &row, &err) == -1)
		log_warn(NULL, NULL, "verify: %s", err.text);
	arena_free(arena);
	job_free(j);
}

/* Begin one; under the lock. */
static void
begin_probe(struct verify_cache *v, struct verify_entry *e, const struct verify_question *q)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->cache = v;
	j->key = xstrdup(e->key);
	j->address = xstrdup(q->address);
	j->domain = xstrdup(q->domain);
	j->hop = xstrdup(q->hop);
	j->sender = xstrdup(q->sender);
	if (fiber_loop_add(v->loop, probe, j) == -1) {
		job_free(j);
		return;
	}
	e->probing = 1;
	e->probed = now_ms();
	v->stats.probes++;
	v->stats.under_way++;
}

/* --- asking --- */

static int
is_expired(const struct verify_cache *v, const struct verify_entry *e, int64_t now)
{
	int64_t age = now - e->told;

	if (e->status == VERIFY_PENDING)
		return 1;
	/* A clock that was set back must not make it live for ever. */
	if (age < 0)
		return 1;
	return age >=
	       (e->status == VERIFY_GOOD ? v->o.positive_expire_ms : v->o.negative_expire_ms);
}

static int
is_stale(const struct verify_cache *v, const struct verify_entry *e, int64_t now)
{
	int64_t limit = v->o.negative_refresh_ms;

	if (e->status == VERIFY_GOOD)
		limit = v->o.positive_refresh_ms;
	else if (e->status == VERIFY_DEFERRED && limit > VERIFY_DEFER_REFRESH_MS)
		limit = VERIFY_DEFER_REFRESH_MS;
	/* Since it was last tried, or a good one whose probes fail would be probed each time. */
	return now - e->probed >= limit;
}

static void
answer_known(const struct verify_entry *e, struct arena *arena, struct verify_answer *a)
{
	a->status = e->status;
	a->text = arena_strdup(arena, e->text);
}

static void
leave(struct verify_cache *v, const char *key, struct verify_waiter *w)
{
	struct verify_entry *e = verify_entry_find(&v->entries, key);
	struct verify_waiter **at;

	if (e == NULL)
		return;
	for (at = &e->waiters; *at != NULL; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			return;
		}
}

/* w is in the entry's list; without the lock. */
static void
wait_for(struct verify_cache *v, const char *key, struct verify_waiter *w, struct deadline d)
{
	int told = 0;

	while (!told && net_wait(&w->watch, 0, d) == 1) {
		pthread_mutex_lock(&v->lock);
		told = w->told;
		pthread_mutex_unlock(&v->lock);
		/* Or it ended for nothing. */
	}
	pthread_mutex_lock(&v->lock);
	if (!w->told)
		leave(v, key, w);
	pthread_mutex_unlock(&v->lock);
}

static char *
key_of(struct arena *arena, const struct verify_question *q)
{
	return text_lower(arena_printf(arena, "%s %s", q->hop, q->address));
}

/* Under the lock: the state of the entry, and a probe if it is due. */
static struct verify_entry *
look(struct verify_cache *v, const char *key, const struct verify_question *q)
{
	struct verify_entry *e = verify_entry_find(&v->entries, key);
	int64_t now = now_ms();

	if (e == NULL)
		e = verify_entry_add(&v->entries, key);
	verify_entry_asked(&v->entries, e);
	if (is_expired(v, e, now)) {
		e->status = VERIFY_PENDING;
		verify_entry_set_text(e, VERIFY_IN_PROGRESS);
	}
	if (!e->probing && (e->status == VERIFY_PENDING || is_stale(v, e, now)))
		begin_probe(v, e, q);
	return e;
}

void
verify_ask(struct verify_cache *v, const struct verify_question *q, struct arena *arena,
    struct deadline d, struct verify_answer *a)
{
	struct verify_waiter w = { .watch = { .fd = -1, .counter = 1 } };
	char *key = key_of(arena, q);
	struct verify_entry *e;
	int waits;

	pthread_mutex_lock(&v->lock);
	e = look(v, key, q);
	answer_known(e, arena, a);
	waits = a->status == VERIFY_PENDING && e->probing && !deadline_passed(d);
	if (waits && (w.watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1)
		waits = 0;
	if (waits) {
		w.next = e->waiters;
		e->waiters = &w;
	}
	pthread_mutex_unlock(&v->lock);
	if (!waits)
		return;
	wait_for(v, key, &w, d);
	close(w.watch.fd);
	if (w.told) {
		a->status = w.status;
		a->text = arena_strdup(arena, w.text);
	}
}

void
verify_get_stats(struct verify_cache *v, struct verify_stats *out)
{
	pthread_mutex_lock(&v->lock);
	*out = v->stats;
	out->entries = v->entries.n;
	pthread_mutex_unlock(&v->lock);
}

/* --- life --- */

static void
load_row(void *arg, const struct verify_row *r)
{
	struct verify_cache *v = arg;
	struct verify_entry *e;

	if (r->status < VERIFY_GOOD || r->status > VERIFY_DEFERRED ||
	    verify_entry_find(&v->entries, r->key) != NULL)
		return;
	e = verify_entry_add(&v->entries, r->key);
	e->status = (enum verify_status)r->status;
	e->told = r->told;
	e->probed = r->probed;
	verify_entry_set_text(e, r->text);
}

static void
open_store(struct verify_cache *v)
{
	struct err err;

	if (v->o.directory == NULL)
		return;
	v->store = verify_store_open(v->o.directory, &err);
	if (v->store != NULL &&
	    verify_store_load(v->store, v->o.max_entries, load_row, v, &err) == 0)
		return;
	log_warn(
	    NULL, NULL, "verify: %s; what probes find out will not outlive this process", err.text);
	verify_store_close(v->store);
	v->store = NULL;
}

static struct hop_options
hop_options(const struct verify_options *o)
{
	/* No connection is kept: probes are few and go everywhere. */
	return (struct hop_options){ .helo_name = o->helo_name,
		.connect_timeout_ms = o->connect_ms,
		.helo_timeout_ms = o->helo_ms };
}

/* Under the lock, or before anybody else knows the cache. */
static void
take_options(struct verify_cache *v, const struct verify_options *o)
{
	struct dns *dns = v->o.dns;
	const char *directory = v->o.directory;

	v->o = *o;
	v->entries.max = o->max_entries;
	if (dns != NULL) {
		v->o.dns = dns;
		v->o.directory = directory;
	}
	snprintf(v->helo_name, sizeof(v->helo_name), "%s", o->helo_name);
	v->o.helo_name = v->helo_name;
}

void
verify_cache_set_options(struct verify_cache *v, const struct verify_options *o)
{
	struct hop_options h = hop_options(o);

	pool_set_options(v->pool, &h);
	pthread_mutex_lock(&v->lock);
	take_options(v, o);
	pthread_mutex_unlock(&v->lock);
}

struct verify_cache *
verify_cache_new(const struct verify_options *o, struct err *err)
{
	static const struct fiber_loop_options loop = { .name = "verify",
		.stack_size = FIBER_STACK,
		.max = VERIFY_PROBES,
		.queue = VERIFY_QUEUE };
	struct verify_cache *v = xcalloc(1, sizeof(*v));
	struct hop_options h = hop_options(o);

	pthread_mutex_init(&v->lock, NULL);
	verify_entries_init(&v->entries);
	take_options(v, o);
	v->pool = pool_new(&h, o->counters);
	open_store(v);
	v->loop = fiber_loop_new(&loop, err);
	if (v->loop != NULL)
		return v;
	verify_cache_free(v);
	return NULL;
}

void
verify_cache_free(struct verify_cache *v)
{
	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->stopping = 1;
	pthread_mutex_unlock(&v->lock);
	fiber_loop_free(v->loop);
	verify_entries_fini(&v->entries);
	verify_store_close(v->store);
	pool_free(v->pool);
	pthread_mutex_destroy(&v->lock);
	free(v);
}
