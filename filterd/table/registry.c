/* The tables of one configuration: numbers, sets, and reading changed files again. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "table/prefilter_make.h"
#include "table/table.h"
#include "table/table_type.h"
#include "table/watch.h"

/* What was read is thrown away so often because somebody began to write meanwhile. */
#define READ_TRIES 3

struct entry {
	const char *name; /* "type:name" */
	struct table *table;
	struct watch_list files;
	char *stale; /* why the version in use is not the newest, NULL: it is */
	int again;   /* the failure may pass by itself: try at each refresh */
};

struct table_set {
	atomic_uint refs;
	size_t n;
	struct table *table[];
};

struct table_registry {
	pthread_mutex_t lock; /* present, entries' table and stale */
	struct counters *counters;
	struct table_limits limits;
	struct table_open_options options;
	struct prefilter_maker *maker; /* NULL: tables stay as they are read */
	struct arena *mem;             /* names, paths, entries */
	struct entry **entry;
	size_t n, cap;
	struct table_set *present; /* NULL: to be made at the next take */
};

/* --- a table that could not be opened: it answers with the reason --- */

static int
missing_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct err *why = t->data;

	if (err != NULL)
		*err = *why;
	return -1;
}

static void
missing_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	/* Nothing is known of its values. */
}

static int
missing_open(struct table *t, struct err *err)
{
	err_set(err, ERR_CONFIG, "not a type that can be named");
	return -1;
}

static const struct table_type missing_type = {
	.type = "missing",
	.text = "stands for a table that could not be opened",
	.name = TABLE_NAME_TEXT,
	.open = missing_open,
	.get = missing_get,
	.each = missing_each,
};

static struct table *
missing_new(const char *type_name, const struct err *why)
{
	struct arena *mem = arena_new();
	struct table *t = arena_calloc(mem, sizeof(*t));
	struct err *kept = arena_alloc(mem, sizeof(*kept));

	*kept = *why;
	kept->class = ERR_CONFIG;
	t->mem = mem;
	t->type = &missing_type;
	t->full = arena_strdup(mem, type_name);
	t->name = t->full;
	t->data = kept;
	t->is_pattern = 1; /* one look-up is enough to learn that there is no answer */
	atomic_init(&t->refs, 1);
	return t;
}

/* --- sets --- */

static struct table_set *
set_new(struct table_registry *r)
{
	struct table_set *s = xmalloc(sizeof(*s) + r->n * sizeof(s->table[0]));

	atomic_init(&s->refs, 1);
	s->n = r->n;
	for (size_t i = 0; i < r->n; i++)
		s->table[i] = table_ref(r->entry[i]->table);
	return s;
}

struct table_set *
table_set_take(struct table_registry *r)
{
	struct table_set *s;

	pthread_mutex_lock(&r->lock);
	if (r->present == NULL)
		r->present = set_new(r);
	s = r->present;
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&r->lock);
	return s;
}

void
table_set_release(struct table_set *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->n; i++)
		table_close(s->table[i]);
	free(s);
}

const struct table *
table_set_get(const struct table_set *s, int number)
{
	assert(number >= 0 && (size_t)number < s->n);
	return s->table[number];
}

/* --- the registry --- */

struct table_registry *
table_registry_new(struct counters *counters)
{
	struct table_registry *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	r->counters = counters;
	r->mem = arena_new();
	r->options.limits = &r->limits;
	return r;
}

void
table_registry_free(struct table_registry *r)
{
	if (r == NULL)
		return;
	prefilter_maker_free(r->maker);
	table_set_release(r->present);
	for (size_t i = 0; i < r->n; i++) {
		table_close(r->entry[i]->table);
		free(r->entry[i]->stale);
	}
	free(r->entry);
	arena_free(r->mem);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void
entry_add(struct table_registry *r, struct entry *e)
{
	pthread_mutex_lock(&r->lock);
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 16 : r->cap * 2;
		r->entry = xreallocarray(r->entry, r->cap, sizeof(struct entry *));
	}
	r->entry[r->n++] = e;
	table_set_release(r->present);
	r->present = NULL;
	pthread_mutex_unlock(&r->lock);
}

void
table_registry_plugins(struct table_registry *r, const struct table_plugins *p)
{
	r->options.plugins = p;
}

void
table_registry_limits(struct table_registry *r, const struct table_limits *limits)
{
	r->limits = *limits;
}

int
table_registry_add(struct table_registry *r, const char *type_name, int broken, table_warn_fn *warn,
    void *arg, struct err *err)
{
	struct err why;
	struct entry *e;

	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->entry[i]->name, type_name) == 0)
			return (int)i;
	e = arena_calloc(r->mem, sizeof(*e));
	e->name = arena_strdup(r->mem, type_name);
	e->files.mem = r->mem;
	table_files_each(type_name, watch_add, &e->files);
	watch_let_rest(&e->files);
	err_clear(&why);
	if ((e->table = table_open_with(&r->options, type_name, warn, arg, &why)) == NULL) {
		if (err != NULL)
			*err = why;
		if (!broken)
			return -1;
		e->table = missing_new(type_name, &why);
		e->stale = xstrdup(why.text);
		e->again = why.class != ERR_CONFIG;
	} else if (e->table->away != NULL) {
		e->stale = xstrdup(e->table->away);
		e->again = 1;
	}
	entry_add(r, e);
	if (r->maker != NULL)
		prefilter_maker_add(r->maker, e->table);
	return (int)r->n - 1;
}

size_t
table_registry_count(const struct table_registry *r)
{
	return r->n;
}

void
table_registry_prefilter(struct table_registry *r, const char *folder)
{
	r->maker = prefilter_maker_new(folder);
	for (size_t i = 0; i < r->n; i++)
		prefilter_maker_add(r->maker, r->entry[i]->table);
}

void
table_registry_each(
    struct table_registry *r, void (*f)(void *arg, const struct table_status *), void *arg)
{
	struct buf patterns = { 0 };

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n; i++) {
		const struct entry *e = r->entry[i];

		buf_reset(&patterns);
		prefilter_status(e->table, &patterns);
		f(arg, &(struct table_status){ .name = e->name,
			   .rows = e->table->rows,
			   .stale_error = e->stale,
			   .patterns = buf_cstr(&patterns) });
	}
	pthread_mutex_unlock(&r->lock);
	buf_fini(&patterns);
}

void
table_registry_lint(struct table_registry *r, table_warn_fn *warn, void *arg)
{
	for (size_t i = 0; i < r->n; i++)
		table_lint(r->entry[i]->table, warn, arg);
}

/* --- reading again --- */

struct finding_line {
	struct finding_line *next;
	const char *text;
};

/* Kept until it is known whether the new version differs at all. */
struct findings {
	struct arena *mem;
	struct finding_line *head, **tail;
};

static void
findings_add(void *arg, const struct table_finding *f)
{
	struct findings *to = arg;
	struct finding_line *l = arena_alloc(to->mem, sizeof(*l));

	l->text = arena_printf(to->mem, "%s, line %d: %s", f->file, f->line, f->text);
	l->next = NULL;
	*to->tail = l;
	to->tail = &l->next;
}

static void
findings_log(const struct findings *from)
{
	for (const struct finding_line *l = from->head; l != NULL; l = l->next)
		log_warn(NULL, NULL, "%s", l->text);
}

static void
entry_set_stale(struct table_registry *r, struct entry *e, const struct err *why)
{
	e->again = why->class != ERR_CONFIG;
	/* The same complaint every second would bury the others. */
	if (e->stale != NULL && strcmp(e->stale, why->text) == 0)
		return;
	counter_inc(r->counters, tables_stale);
	log_error(NULL, NULL, "table %s: %s; %s", e->name, why->text,
	    e->table->type == &missing_type || e->table->away != NULL
		? "it cannot be used"
		: "the version read before stays in use");
	pthread_mutex_lock(&r->lock);
	free(e->stale);
	e->stale = xstrdup(why->text);
	pthread_mutex_unlock(&r->lock);
}

static void
entry_set_good(
    struct table_registry *r, struct entry *e, struct table *t, const struct findings *warnings)
{
	struct table *old;
	struct table_set *set;

	if (e->stale == NULL && t->digest == e->table->digest) {
		table_close(t); /* touched, or looked at twice while it was hot */
		return;
	}
	counter_inc(r->counters, tables_reloaded);
	findings_log(warnings);
	log_info(NULL, NULL, "table %s: read again, %zu rows", e->name, t->rows);
	if (r->maker != NULL)
		prefilter_maker_add(r->maker, t);
	pthread_mutex_lock(&r->lock);
	old = e->table;
	e->table = t;
	free(e->stale);
	e->stale = NULL;
	e->again = 0;
	set = r->present;
	r->present = NULL;
	pthread_mutex_unlock(&r->lock);
	/* Outside of the lock: the last reference may free megabytes. */
	table_close(old);
	table_set_release(set);
}

/* 1: done; 0: somebody began to write meanwhile, so what was read may be half of it. */
static int
read_again(struct table_registry *r, struct entry *e, int last)
{
	struct findings warnings = { 0 };
	struct table *t;
	struct err why;
	int done;

	watch_let_rest(&e->files);
	warnings.mem = arena_new();
	warnings.tail = &warnings.head;
	err_clear(&why);
	t = table_open_with(&r->options, e->name, findings_add, &warnings, &why);
	done = last || !watch_moved(&e->files);
	if (t != NULL && t->away != NULL) {
		err_set(&why, ERR_RETRY, "%s", t->away);
		table_close(t);
		t = NULL;
	}
	if (!done)
		table_close(t);
	else if (t == NULL)
		entry_set_stale(r, e, &why);
	else
		entry_set_good(r, e, t, &warnings);
	arena_free(warnings.mem);
	return done;
}

static void
entry_refresh(struct table_registry *r, struct entry *e)
{
	int changed = e->files.n > 0 && watch_changed(&e->files);

	if (!changed && !e->again)
		return;
	for (int i = 1; i <= READ_TRIES && !read_again(r, e, i == READ_TRIES); i++)
		;
}

void
table_registry_refresh(struct table_registry *r)
{
	for (size_t i = 0; i < r->n; i++)
		entry_refresh(r, r->entry[i]);
}
