#include "table/prefilter_make.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "table/pattern.h"
#include "table/prefilter.h"
#include "table/prefilter_cache.h"
#include "table/scan_db.h"
#include "table/table_type.h"

/* The library goes down into patterns as deep as they are nested. */
#define STACK_SIZE ((size_t)8 << 20)
/* Mail comes first. */
#define NICE 10

struct maker_item {
	struct maker_item *next;
	struct table *table;
};

struct prefilter_maker {
	pthread_mutex_t lock;
	char *folder; /* NULL: none */
	struct maker_item *first, **end;
	int running; /* the thread */
	int closed;  /* nobody but the thread has it */
};

/* --- one table --- */

struct making {
	const struct pattern_table *table;
	struct arena *mem;
	struct scan_expr *v;
	size_t n;
	struct buf octets; /* of the file: how many patterns are known, which, the database */
};

/* Of a file: *db, and v and n cut down to what it knows. */
static int
unpack(struct making *m, struct scan_db **db)
{
	uint32_t n, id;
	size_t kept = 0, k = 0, at = sizeof(n);

	if (m->octets.len < sizeof(n))
		return -1;
	memcpy(&n, m->octets.p, sizeof(n));
	if (n == 0 || n > m->n || (m->octets.len - at) / sizeof(id) < n)
		return -1;
	for (; kept < n; at += sizeof(id), k++) {
		memcpy(&id, m->octets.p + at, sizeof(id));
		while (k < m->n && m->v[k].id != id)
			k++;
		if (k == m->n)
			return -1;
		m->v[kept++] = m->v[k];
	}
	*db = scan_db_load(span_make(m->octets.p + at, m->octets.len - at));
	if (*db == NULL)
		return -1;
	m->n = n;
	return 0;
}

static int
pack(struct making *m, const struct scan_db *db)
{
	uint32_t n = (uint32_t)m->n, id;
	struct span octets;

	if (scan_db_save(db, &octets) == -1)
		return -1;
	buf_reset(&m->octets);
	buf_add(&m->octets, &n, sizeof(n));
	for (size_t i = 0; i < m->n; i++) {
		id = m->v[i].id;
		buf_add(&m->octets, &id, sizeof(id));
	}
	buf_add_span(&m->octets, octets);
	free((void *)(uintptr_t)octets.p);
	return 0;
}

/* Lines are not looked up with it, and it is compiled at once: it is not spoken of, nor kept. */
static int
is_small(const struct pattern_table *p)
{
	return p->npatterns < PREFILTER_MIN;
}

static struct scan_db *
compile(const struct table *t, struct making *m, const char *folder,
    const struct prefilter_key *key, char *why, size_t whysize)
{
	int64_t began = clock_us();
	struct scan_db *db = scan_db_compile(m->v, &m->n, why, whysize);
	struct err err = { 0 };

	if (db == NULL || is_small(m->table))
		return db;
	log_info(NULL, NULL, "table %s: %zu of %zu patterns compiled in %" PRId64 " ms", t->full,
	    m->n, m->table->npatterns, (clock_us() - began) / 1000);
	if (folder != NULL && pack(m, db) == 0 &&
	    prefilter_cache_write(folder, key, &m->octets, &err) == -1)
		log_warn(NULL, NULL, "table %s: the compiled patterns are not kept: %s", t->full,
		    err.text);
	return db;
}

static struct scan_db *
load(const struct table *t, struct making *m, const char *folder, const struct prefilter_key *key)
{
	struct err err = { 0 };
	struct scan_db *db = NULL;
	int rc;

	if (folder == NULL || is_small(m->table))
		return NULL;
	rc = prefilter_cache_read(folder, key, &m->octets, &err);
	if (rc == 1 && unpack(m, &db) == -1) {
		err_set(&err, ERR_SYSTEM, "%s: the library does not take what was kept", folder);
		/* The list may be cut down already. */
		m->n = prefilter_list(m->table, m->mem, &m->v);
		rc = -1;
	}
	if (rc == -1)
		log_warn(NULL, NULL, "table %s: %s; it is compiled again", t->full, err.text);
	return db;
}

static struct prefilter *
make(const struct table *t, const char *folder, char *why, size_t whysize)
{
	struct making m = { .table = t->data, .mem = arena_new() };
	struct prefilter_key key;
	struct prefilter *f = NULL;
	struct scan_db *db;

	m.n = prefilter_list(m.table, m.mem, &m.v);
	prefilter_cache_key(m.v, m.n, &key);
	db = load(t, &m, folder, &key);
	if (db == NULL)
		db = compile(t, &m, folder, &key, why, whysize);
	if (db != NULL && (f = prefilter_new(m.table, db, m.v, m.n)) == NULL)
		snprintf(why, whysize, "there is no memory for a look-up");
	buf_fini(&m.octets);
	arena_free(m.mem);
	return f;
}

static int
is_wanted(const struct pattern_table *p)
{
	return p->npatterns > 0 && atomic_load(&p->prefilter) == NULL;
}

static void
set_state(struct pattern_table *p, enum prefilter_state state)
{
	atomic_store_explicit(&p->prefilter_state, (int)state, memory_order_release);
}

void
prefilter_make(struct table *t, const char *folder)
{
	struct pattern_table *p = t->data;
	const char *missing;
	struct prefilter *f = NULL;

	if (!is_wanted(p))
		return;
	if ((missing = scan_db_missing()) != NULL)
		snprintf(p->prefilter_why, sizeof(p->prefilter_why), "%s", missing);
	else
		f = make(t, folder, p->prefilter_why, sizeof(p->prefilter_why));
	atomic_store_explicit(&p->prefilter, f, memory_order_release);
	if (f == NULL && missing == NULL && !is_small(p))
		log_warn(NULL, NULL, "table %s: its patterns are tried one by one: %s", t->full,
		    p->prefilter_why);
	set_state(p, f == NULL ? PREFILTER_FAILED : PREFILTER_READY);
}

/* --- in the background --- */

struct prefilter_maker *
prefilter_maker_new(const char *folder)
{
	struct prefilter_maker *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	m->folder = folder == NULL ? NULL : xstrdup(folder);
	m->end = &m->first;
	return m;
}

static void
maker_free(struct prefilter_maker *m)
{
	pthread_mutex_destroy(&m->lock);
	free(m->folder);
	free(m);
}

/* The next table; NULL: no more, and if *closed the maker is the caller's. */
static struct table *
maker_next(struct prefilter_maker *m, int *closed)
{
	struct maker_item *item;
	struct table *t = NULL;

	pthread_mutex_lock(&m->lock);
	item = m->first;
	if (item != NULL) {
		m->first = item->next;
		if (m->first == NULL)
			m->end = &m->first;
		t = item->table;
	} else
		m->running = 0;
	*closed = m->closed;
	pthread_mutex_unlock(&m->lock);
	free(item);
	return t;
}

static void *
maker_main(void *arg)
{
	struct prefilter_maker *m = arg;
	struct table *t;
	int closed;

	(void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone */
	while ((t = maker_next(m, &closed)) != NULL) {
		prefilter_make(t, m->folder);
		table_close(t);
	}
	if (closed)
		maker_free(m);
	return NULL;
}

static int
maker_start(struct prefilter_maker *m)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, maker_main, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0 ? 0 : -1;
}

static void
maker_queue(struct prefilter_maker *m, struct table *t)
{
	struct maker_item *item = xcalloc(1, sizeof(*item));

	item->table = table_ref(t);
	set_state(t->data, PREFILTER_WAITING);
	pthread_mutex_lock(&m->lock);
	*m->end = item;
	m->end = &item->next;
	/* Without a thread it waits for the next table that is added. */
	if (!m->running)
		m->running = maker_start(m) == 0;
	pthread_mutex_unlock(&m->lock);
}

struct visit {
	void (*f)(struct table *, void *arg);
	void *arg;
};

static void
visit(struct table *t, void *arg)
{
	const struct visit *v = arg;

	if (t->type->members != NULL)
		t->type->members(t, visit, arg);
	else if (t->type->get == pattern_get)
		v->f(t, v->arg);
}

static void
add_one(struct table *t, void *maker)
{
	struct pattern_table *p = t->data;

	if (!is_wanted(p))
		return;
	if (scan_db_missing() == NULL)
		maker_queue(maker, t);
	else
		prefilter_make(t, NULL); /* which notes why not */
}

void
prefilter_maker_add(struct prefilter_maker *m, struct table *t)
{
	struct visit v = { add_one, m };

	visit(t, &v);
}

void
prefilter_maker_free(struct prefilter_maker *m)
{
	struct maker_item *item, *next;
	int running;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	item = m->first;
	m->first = NULL;
	m->end = &m->first;
	m->closed = 1;
	running = m->running;
	pthread_mutex_unlock(&m->lock);
	for (; item != NULL; item = next) {
		next = item->next;
		table_close(item->table);
		free(item);
	}
	if (!running)
		maker_free(m);
}

/* --- at once --- */

static void
make_one(struct table *t, void *folder)
{
	prefilter_make(t, folder);
}

void
table_prefilter(struct table *t, const char *folder)
{
	struct visit v = { make_one, (void *)(uintptr_t)folder };

	visit(t, &v);
}

/* --- telling --- */

static void
tell_one(struct table *t, void *arg)
{
	const struct pattern_table *p = t->data;
	const struct prefilter *f;
	struct buf *out = arg;
	int state = atomic_load_explicit(&p->prefilter_state, memory_order_acquire);

	if (state == PREFILTER_NONE || is_small(p))
		return;
	if (out->len > 0)
		buf_adds(out, "; ");
	if (state == PREFILTER_READY) {
		f = atomic_load_explicit(&p->prefilter, memory_order_acquire);
		buf_printf(out, "%zu of %zu patterns looked for in one pass, %zu KB",
		    prefilter_known(f), p->npatterns, (prefilter_size(f) + 1023) / 1024);
	} else
		buf_printf(out, "%zu patterns tried one by one: %s", p->npatterns,
		    state == PREFILTER_WAITING ? "they are being compiled" : p->prefilter_why);
}

void
prefilter_status(const struct table *t, struct buf *out)
{
	struct visit v = { tell_one, out };

	visit((struct table *)(uintptr_t)t, &v);
}

void
table_patterns(const struct table *t, struct buf *out)
{
	prefilter_status(t, out);
}
