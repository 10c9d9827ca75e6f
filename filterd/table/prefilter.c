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

/* Probes that are kept for the next look-up; more are freed. */
#define PROBES_KEPT 32

#define NO_RULE UINT32_MAX

struct prefilter_probe {
	struct prefilter *filter;
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
	atomic_size_t room_size;
	_Atomic(struct prefilter_probe *) free[PROBES_KEPT];
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
	return p;
}

struct prefilter *
prefilter_new(
    const struct pattern_table *t, struct scan_db *db, const struct scan_expr *v, size_t n)
{
	struct prefilter *f = xcalloc(1, sizeof(*f));
	struct prefilter_probe *first;

	f->rules = t->rules;
	f->nrules = t->nrules;
	f->known = n;
	f->db = db;
	f->known_bits = xcalloc(words(f), sizeof(uint64_t));
	for (size_t i = 0; i < n; i++)
		f->known_bits[v[i].id >> 6] |= (uint64_t)1 << (v[i].id & 63);
	f->parent = xreallocarray(NULL, f->nrules, sizeof(*f->parent));
	f->always = xreallocarray(NULL, f->nrules, sizeof(*f->always));
	for (size_t i = 0; i < PROBES_KEPT; i++)
		atomic_init(&f->free[i], NULL);
	atomic_init(&f->room_size, 0);
	arrange(f);
	if ((first = probe_new(f)) == NULL) {
		prefilter_free(f);
		return NULL;
	}
	atomic_store(&f->room_size,
	    scan_room_size(first->room) + words(f) * 8 + f->nrules * 2 * sizeof(unsigned));
	atomic_store(&f->free[0], first);
	return f;
}

void
prefilter_free(struct prefilter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < PROBES_KEPT; i++)
		probe_free(atomic_load(&f->free[i]));
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
	size_t probes = 0;

	for (size_t i = 0; i < PROBES_KEPT; i++)
		probes += atomic_load_explicit(&f->free[i], memory_order_relaxed) != NULL;
	return scan_db_size(f->db) + words(f) * 8 + f->nrules * 2 * sizeof(uint32_t) +
	       probes * atomic_load(&f->room_size);
}

/* --- probes --- */

/* Threads begin at different places, so that one finds the probe that it put back. */
static size_t
slot_of_thread(void)
{
	return (size_t)(((uint64_t)(uintptr_t)pthread_self() >> 12) * 0x9e3779b97f4a7c15u >> 59);
}

static struct prefilter_probe *
probe_take(struct prefilter *f)
{
	size_t slot = slot_of_thread();
	struct prefilter_probe *p;

	for (size_t i = 0; i < PROBES_KEPT; i++) {
		_Atomic(struct prefilter_probe *) *at = &f->free[(slot + i) % PROBES_KEPT];

		if (atomic_load_explicit(at, memory_order_relaxed) == NULL)
			continue;
		p = atomic_exchange_explicit(at, NULL, memory_order_acquire);
		if (p != NULL)
			return p;
	}
	return probe_new(f);
}

void
prefilter_done(struct prefilter_probe *p)
{
	struct prefilter *f = p->filter;
	size_t slot = slot_of_thread();

	for (size_t i = 0; i < p->hits.n; i++)
		p->hits.bits[p->hits.ids[i] >> 6] = 0;
	for (size_t i = 0; i < PROBES_KEPT; i++) {
		struct prefilter_probe *none = NULL;

		if (atomic_compare_exchange_strong_explicit(&f->free[(slot + i) % PROBES_KEPT],
			&none, p, memory_order_release, memory_order_relaxed))
			return;
	}
	probe_free(p);
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
	sort_ids(&p->hits);
	return p;
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
