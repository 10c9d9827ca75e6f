#include "table/prefilter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "table/pattern.h"
#include "table/pattern_tree.h"
#include "table/scan_db.h"

/* Threads that have a probe of their own, and where one looks for it; others share some. */
#define SEATS      64
#define SEAT_TRIES 8

#define NO_RULE UINT32_MAX

struct seat { /* a thread's, who alone uses it, so that a look-up locks nothing */
	_Alignas(64) _Atomic uintptr_t owner; /* pthread_self(); another with the same may follow */
	atomic_int taken; /* orders what one owner did before what the next one does */
	struct prefilter_probe *probe;
};

struct prefilter_probe {
	struct prefilter *filter;
	struct seat *seat; /* NULL: shared */
	struct prefilter_probe *next;
	struct scan_room *room;
	struct scan_hits hits;
	size_t at, at_always; /* of hits.ids, which are sorted; of always */
};

struct prefilter {
	const struct pattern_rule *rules; /* the table's */
	size_t nrules, known;
	struct scan_db *db;
	uint64_t *known_bits; /* by id: the database has it */
	uint32_t *parent;     /* of each rule: the if that it is in, NO_RULE */
	uint32_t *always;     /* rules that are tried whatever is found, in order */
	size_t nalways;
	int floats; /* what is in no text is in no part of it */
	size_t probe_size;
	atomic_size_t probes;
	struct seat seats[SEATS];
	pthread_mutex_t lock; /* shared */
	struct prefilter_probe *shared;
};

/* --- ids --- */

static unsigned
id_of(size_t rule, int second)
{
	return (unsigned)rule * 2 + (second != 0);
}

static int
bit(const uint64_t *bits, unsigned id)
{
	return (int)(bits[id >> 6] >> (id & 63) & 1);
}

static size_t
words(const struct prefilter *f)
{
	return f->nrules * 2 / 64 + 1;
}

/* --- making --- */

static int
list_one(const struct pattern_table *t, const struct pattern_source *source, struct arena *scratch,
    struct arena *mem, struct scan_expr *out)
{
	struct tree_pattern tree;
	struct buf text = { 0 };
	int rc = -1;

	if (t->engine->tree(source->text, source->flags, scratch, &tree) == 0 &&
	    !tree_matches_all(tree.root) && tree_write(&tree, &text) == 0) {
		out->text = arena_strdup(mem, buf_cstr(&text));
		out->caseless = tree.caseless;
		out->multiline = tree.multiline;
		out->floats = tree_floats(tree.root);
		rc = 0;
	}
	buf_fini(&text);
	return rc;
}

size_t
prefilter_list(const struct pattern_table *t, struct arena *mem, struct scan_expr **out)
{
	struct arena *scratch = arena_new();
	struct scan_expr *v = arena_alloc(mem, (t->nrules * 2 + 1) * sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < t->nrules; i++) {
		const struct pattern_rule *r = &t->rules[i];
		const struct pattern_source *sources[] = { &r->source, &r->source2 };

		for (int second = 0; second < 2; second++) {
			if (sources[second]->text == NULL)
				continue;
			arena_reset(scratch);
			if (list_one(t, sources[second], scratch, mem, &v[n]) == 0)
				v[n++].id = id_of(i, second);
		}
	}
	arena_free(scratch);
	*out = v;
	return n;
}

int
prefilter_rules_out(
    const struct pattern_table *t, const struct pattern_source *source, struct span text)
{
	struct arena *mem = arena_new();
	struct scan_expr e = { 0 };
	struct scan_room *room = NULL;
	struct scan_db *db = NULL;
	unsigned id = 0;
	uint64_t bits = 0;
	struct scan_hits hits = { .bits = &bits, .ids = &id, .limit = 1 };
	size_t n = 1;
	char why[200];
	int absent = 0;

	if (scan_db_missing() == NULL && list_one(t, source, mem, mem, &e) == 0)
		db = scan_db_compile(&e, &n, why, sizeof(why));
	if (db != NULL && (room = scan_room_new(db)) != NULL)
		absent = scan_db_scan(db, room, text, &hits) == 0 && hits.n == 0;
	scan_room_free(room);
	scan_db_free(db);
	arena_free(mem);
	return absent;
}

/* Which if is each rule in, and which rules are always tried? */
static void
arrange(struct prefilter *f)
{
	uint32_t inside = NO_RULE;

	for (size_t i = 0; i < f->nrules; i++) {
		const struct pattern_rule *r = &f->rules[i];

		while (inside != NO_RULE && f->rules[inside].endif <= i)
			inside = f->parent[inside];
		f->parent[i] = inside;
		if (r->kind == PATTERN_ENDIF)
			continue;
		if (r->negated || !bit(f->known_bits, id_of(i, 0)))
			f->always[f->nalways++] = (uint32_t)i;
		if (r->kind == PATTERN_IF)
			inside = (uint32_t)i;
	}
}

static void
probe_free(struct prefilter_probe *p)
{
	if (p == NULL)
		return;
	scan_room_free(p->room);
	free(p->hits.bits);
	free(p->hits.ids);
	free(p);
}

static struct prefilter_probe *
probe_new(struct prefilter *f)
{
	struct scan_room *room = scan_room_new(f->db);
	struct prefilter_probe *p;

	if (room == NULL)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->filter = f;
	p->room = room;
	p->hits.bits = xcalloc(words(f), sizeof(uint64_t));
	p->hits.ids = xreallocarray(NULL, f->nrules * 2, sizeof(unsigned));
	p->hits.limit = (unsigned)f->nrules * 2;
	atomic_fetch_add_explicit(&f->probes, 1, memory_order_relaxed);
	return p;
}

static struct prefilter *
filter_alloc(void)
{
	struct prefilter *f = aligned_alloc(_Alignof(struct prefilter), sizeof(*f));

	if (f == NULL)
		abort(); /* as xmalloc() does */
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < SEATS; i++) {
		atomic_init(&f->seats[i].owner, 0);
		atomic_init(&f->seats[i].taken, 0);
	}
	atomic_init(&f->probes, 0);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

struct prefilter *
prefilter_new(
    const struct pattern_table *t, struct scan_db *db, const struct scan_expr *v, size_t n)
{
	struct prefilter *f = filter_alloc();

	f->rules = t->rules;
	f->nrules = t->nrules;
	f->known = n;
	f->db = db;
	f->known_bits = xcalloc(words(f), sizeof(uint64_t));
	for (size_t i = 0; i < n; i++)
		f->known_bits[v[i].id >> 6] |= (uint64_t)1 << (v[i].id & 63);
	f->parent = xreallocarray(NULL, f->nrules, sizeof(*f->parent));
	f->always = xreallocarray(NULL, f->nrules, sizeof(*f->always));
	arrange(f);
	f->floats = f->nalways == 0;
	for (size_t i = 0; i < n; i++)
		f->floats &= v[i].floats;
	if ((f->shared = probe_new(f)) == NULL) {
		prefilter_free(f);
		return NULL;
	}
	f->probe_size =
	    scan_room_size(f->shared->room) + words(f) * 8 + f->nrules * 2 * sizeof(unsigned);
	return f;
}

void
prefilter_free(struct prefilter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < SEATS; i++)
		probe_free(f->seats[i].probe);
	for (struct prefilter_probe *p = f->shared, *next; p != NULL; p = next) {
		next = p->next;
		probe_free(p);
	}
	pthread_mutex_destroy(&f->lock);
	scan_db_free(f->db);
	free(f->known_bits);
	free(f->parent);
	free(f->always);
	free(f);
}

size_t
prefilter_known(const struct prefilter *f)
{
	return f->known;
}

size_t
prefilter_size(const struct prefilter *f)
{
	return scan_db_size(f->db) + words(f) * 8 + f->nrules * 2 * sizeof(uint32_t) +
	       atomic_load_explicit(&f->probes, memory_order_relaxed) * f->probe_size;
}

/* --- probes --- */

static struct prefilter_probe *
seat_take(struct prefilter *f, struct seat *s, uintptr_t self)
{
	uintptr_t owner = atomic_load_explicit(&s->owner, memory_order_relaxed);

	if (owner == 0 && atomic_compare_exchange_strong(&s->owner, &owner, self)) {
		if ((s->probe = probe_new(f)) == NULL)
			return NULL;
		s->probe->seat = s;
		owner = self;
	}
	if (owner != self || atomic_load_explicit(&s->taken, memory_order_acquire))
		return NULL;
	return s->probe;
}

static struct prefilter_probe *
shared_take(struct prefilter *f)
{
	struct prefilter_probe *p;

	pthread_mutex_lock(&f->lock);
	p = f->shared;
	if (p != NULL)
		f->shared = p->next;
	pthread_mutex_unlock(&f->lock);
	return p == NULL ? probe_new(f) : p;
}

static struct prefilter_probe *
probe_take(struct prefilter *f)
{
	uintptr_t self = (uintptr_t)pthread_self();
	/* Stacks lie apart by powers of two. */
	size_t first = (size_t)((uint64_t)(self >> 6) * 0x9e3779b97f4a7c15u >> 58);
	struct prefilter_probe *p;

	for (size_t i = 0; i < SEAT_TRIES; i++) {
		struct seat *s = &f->seats[(first + i) % SEATS];

		if ((p = seat_take(f, s, self)) != NULL) {
			atomic_store_explicit(&s->taken, 1, memory_order_relaxed);
			return p;
		}
	}
	return shared_take(f);
}

void
prefilter_done(struct prefilter_probe *p)
{
	struct prefilter *f = p->filter;

	for (size_t i = 0; i < p->hits.n; i++)
		p->hits.bits[p->hits.ids[i] >> 6] = 0;
	if (p->seat != NULL) {
		atomic_store_explicit(&p->seat->taken, 0, memory_order_release);
		return;
	}
	pthread_mutex_lock(&f->lock);
	p->next = f->shared;
	f->shared = p;
	pthread_mutex_unlock(&f->lock);
}

/* --- a look-up --- */

static int
compare_ids(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void
sort_ids(struct scan_hits *h)
{
	if (h->n > 16) {
		qsort(h->ids, h->n, sizeof(*h->ids), compare_ids);
		return;
	}
	for (size_t i = 1; i < h->n; i++) {
		unsigned id = h->ids[i];
		size_t k = i;

		for (; k > 0 && h->ids[k - 1] > id; k--)
			h->ids[k] = h->ids[k - 1];
		h->ids[k] = id;
	}
}

struct prefilter_probe *
prefilter_ask(struct prefilter *f, struct span text)
{
	struct prefilter_probe *p;

	if ((p = probe_take(f)) == NULL)
		return NULL;
	p->hits.n = p->at = p->at_always = 0;
	if (scan_db_scan(f->db, p->room, text, &p->hits) == -1) {
		prefilter_done(p);
		return NULL;
	}
	if (p->hits.n > 1)
		sort_ids(&p->hits);
	return p;
}

int
prefilter_none(struct prefilter *f, struct span text)
{
	struct prefilter_probe *p = f->floats ? prefilter_ask(f, text) : NULL;
	int none;

	if (p == NULL)
		return 0;
	none = p->hits.n == 0;
	prefilter_done(p);
	return none;
}

int
prefilter_absent(const struct prefilter_probe *p, size_t rule, int second)
{
	unsigned id = id_of(rule, second);

	return bit(p->filter->known_bits, id) && !bit(p->hits.bits, id);
}

static size_t
next_found(struct prefilter_probe *p, size_t from)
{
	const struct prefilter *f = p->filter;

	for (; p->at < p->hits.n; p->at++) {
		unsigned id = p->hits.ids[p->at];

		/* A second pattern is no reason to try the rule, and a negated rule is among those
		 * that are always tried. */
		if ((id & 1) == 0 && id / 2 >= from && !f->rules[id / 2].negated)
			return id / 2;
	}
	return f->nrules;
}

static size_t
next_always(struct prefilter_probe *p, size_t from)
{
	const struct prefilter *f = p->filter;

	while (p->at_always < f->nalways && f->always[p->at_always] < from)
		p->at_always++;
	return p->at_always < f->nalways ? f->always[p->at_always] : f->nrules;
}

/* Is the rule itself one that is tried? */
static int
is_tried(const struct prefilter_probe *p, size_t rule)
{
	return p->filter->rules[rule].negated || !prefilter_absent(p, rule, 0);
}

size_t
prefilter_next(struct prefilter_probe *p, size_t from)
{
	const struct prefilter *f = p->filter;

	while (from < f->nrules) {
		size_t found = next_found(p, from), other = next_always(p, from);
		size_t rule = found < other ? found : other;
		uint32_t inside;

		if (rule == f->nrules || (inside = f->parent[rule]) == NO_RULE ||
		    is_tried(p, inside))
			return rule;
		/* An if that was tried did hold, else this would have been passed over with it;
		 * this one does not. */
		if (f->rules[inside].endif == SIZE_MAX)
			break;
		from = f->rules[inside].endif;
	}
	return f->nrules;
}
