/* Looking up in a table of patterns; pattern_read.c builds it. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "table/pattern.h"
#include "table/prefilter.h"
#include "table/table_type.h"

struct walk {
	const struct table *table;
	const struct pattern_table *p;
	struct prefilter_probe *probe; /* NULL: every rule is tried */
	struct pattern_call call;
	int begun;
};

/* 1 match, 0 no match, -1 err. */
static int
matches(struct walk *w, size_t rule, int second, unsigned groups, struct err *err)
{
	const struct pattern_rule *r = &w->p->rules[rule];

	if (w->probe != NULL && prefilter_absent(w->probe, rule, second))
		return 0;
	if (!w->begun) {
		w->p->engine->begin(w->table, &w->call);
		w->begun = 1;
	}
	w->call.groups = groups;
	return w->p->engine->exec(second ? r->code2 : r->code, &w->call, err);
}

/* Does the pattern hold, its ! included?  A pattern that could not be decided is not "no match": a
 * line made to exhaust the matcher must not slip through (PITFALLS D6). */
static int
holds(struct walk *w, size_t rule, struct err *err)
{
	const struct pattern_rule *r = &w->p->rules[rule];
	int rc;

	if ((rc = matches(w, rule, 0, r->result.max_group, err)) == -1 || rc == r->negated)
		return rc == -1 ? -1 : 0;
	if (r->code2 == NULL)
		return 1;
	if ((rc = matches(w, rule, 1, 0, err)) == -1)
		return -1;
	return rc != r->negated2;
}

static size_t
next_rule(const struct walk *w, size_t from)
{
	return w->probe == NULL ? from : prefilter_next(w->probe, from);
}

int
pattern_is_late(const struct pattern_call *c)
{
	return c->until_us != 0 && clock_thread_us() > c->until_us;
}

static void
found(struct walk *w, const struct pattern_rule *r, struct arena *a, struct table_hit *hit)
{
	hit->value = r->result.max_group == 0 ? r->result.text
					      : template_expand(&r->result, w->call.group, a);
	hit->file = w->table->file;
	hit->line = r->line;
}

static void
begin_clock(struct walk *w)
{
	w->call.until_us = clock_thread_us() + PATTERN_LONG_US;
}

/* The rules behind the first that could not be decided have some time whatever that one took. */
static void
go_on(struct walk *w)
{
	int64_t until = clock_thread_us() + PATTERN_BEHIND_US;

	if (w->call.until_us == 0)
		begin_clock(w);
	else if (w->call.until_us < until)
		w->call.until_us = until;
}

/* A rule that could not be decided must not hide those behind it, so they are tried all the same;
 * what stands inside an if that could not be, nobody can know the meaning of. */
static int
walk(struct walk *w, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct pattern_table *p = w->p;
	struct err other;
	int rc, failed = 0;

	if (w->call.key.len > PATTERN_LONG)
		begin_clock(w);
	for (size_t i = 0; (i = next_rule(w, i)) < p->nrules; i++) {
		const struct pattern_rule *r = &p->rules[i];

		if (r->kind == PATTERN_ENDIF)
			continue;
		if (pattern_is_late(&w->call)) {
			if (!failed)
				err_set(err, ERR_LIMIT, "%.200s, line %d: the key takes too long",
				    w->table->full, r->line);
			return -1;
		}
		rc = holds(w, i, failed ? &other : err);
		if (rc == -1 && !failed) {
			err->class = ERR_LIMIT;
			err_prefix(err, "%.200s, line %d", w->table->full, r->line);
			go_on(w);
			failed = 1;
		}
		if (rc == 1 && r->kind == PATTERN_RESULT) {
			found(w, r, a, hit);
			return failed ? -1 : 1;
		}
		if (rc == 1 || r->kind == PATTERN_RESULT)
			continue;
		if (r->endif == SIZE_MAX)
			break;
		i = r->endif;
	}
	return failed ? -1 : 0;
}

/* Apart, for its frame is large, and nearly all look-ups do not get here. */
static __attribute__((noinline)) int
look_up(const struct table *t, struct prefilter_probe *probe, struct span key, struct arena *a,
    struct table_hit *hit, struct err *err)
{
	struct span group[TEMPLATE_GROUPS];
	struct walk w;

	w.table = t;
	w.p = t->data;
	w.probe = probe;
	w.begun = 0;
	w.call.key = key;
	w.call.arena = a;
	w.call.group = group;
	w.call.until_us = 0;
	hit->value = NULL;
	return walk(&w, a, hit, err);
}

int
pattern_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct pattern_table *p = t->data;
	struct prefilter_probe *probe = NULL;
	struct prefilter *filter = NULL;
	int rc = 0;

	if (p->npatterns >= PREFILTER_MIN || key.len > PATTERN_LONG)
		filter = atomic_load_explicit(&p->prefilter, memory_order_acquire);
	if (filter != NULL)
		probe = prefilter_ask(filter, key);
	if (probe == NULL)
		return look_up(t, NULL, key, a, hit, err);
	if (prefilter_next(probe, 0) < p->nrules)
		rc = look_up(t, probe, key, a, hit, err);
	prefilter_done(probe);
	return rc;
}

int
pattern_rules_out(const struct table *t, struct span text)
{
	const struct pattern_table *p = t->data;
	struct prefilter *filter = atomic_load_explicit(&p->prefilter, memory_order_acquire);

	return filter != NULL && p->npatterns >= PREFILTER_MIN && prefilter_none(filter, text);
}

void
pattern_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	const struct pattern_table *p = t->data;

	for (size_t i = 0; i < p->nrules; i++)
		if (p->rules[i].kind == PATTERN_RESULT)
			f(arg, p->rules[i].result.text, t->file, p->rules[i].line);
}

void
pattern_close(struct table *t)
{
	struct pattern_table *p = t->data;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nrules; i++) {
		if (p->rules[i].code != NULL)
			p->engine->free(p->rules[i].code);
		if (p->rules[i].code2 != NULL)
			p->engine->free(p->rules[i].code2);
	}
	prefilter_free(atomic_load(&p->prefilter));
	free(p->rules);
}
