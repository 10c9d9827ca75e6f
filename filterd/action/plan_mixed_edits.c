/* One text for recipients that want different ones: plan.def's MIXED_EDITS rows. */
#include "action/plan_edit.h"
#include "action/plan_private.h"
#include "base/arena.h"

enum edits_do { DO_OWN, DO_ALL, DO_NONE, DO_KEEP, DO_AGAIN };

static const struct mixed_edits_row {
	unsigned needs;
	enum edits_do changed, instead, others;
} rows[] = {
#define MIXED_EDITS(id, needs, changed, instead, others, text)                                     \
	[MIXED_EDITS_##id] = { needs, DO_##changed, DO_##instead, DO_##others },
#include "action/plan.def"
#undef MIXED_EDITS
};

/* The verdicts that want different changes, each once; of copies that are not delivered none. */
static size_t
find_texts(struct planner *p, const struct verdict **texts)
{
	size_t n = 0;

	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		const struct want *w = &p->wants[i];
		size_t k = 0;

		if (w->kind != STEP_DELIVER)
			continue;
		while (k < n && !plan_edits_same(p->txn, p->o, texts[k], w->changes))
			k++;
		if (k == n)
			texts[n++] = w->changes;
	}
	return n;
}

static void
keep(struct want *w)
{
	w->kind = STEP_HOLD;
	w->decided = "accept";
	w->class = HOLD_POLICY;
	w->origin = (struct origin){ .list = "on_mixed_edits" };
	w->reason = "hold: recipients want different changes to this message";
}

static void
again(struct want *w)
{
	w->decided = "accept";
	w->origin = (struct origin){ .list = "on_mixed_edits" };
	w->reason = "defer: recipients want different changes to this message";
	want_refuse(w, 451, "4.3.0", "Recipients disagree about this message, try later");
}

/* 1: it was deferred. */
static int
settle(struct want *w, enum edits_do what, const struct verdict *joined, const struct verdict *none)
{
	switch (what) {
	case DO_OWN:
		return 0;
	case DO_ALL:
		w->changes = joined;
		w->reason = "everybody gets the changes that some recipients want";
		return 0;
	case DO_NONE:
		w->changes = none;
		w->reason = "nobody gets the changes that some recipients want";
		return 0;
	case DO_KEEP:
		keep(w);
		return 0;
	case DO_AGAIN:
		again(w);
		return 1;
	}
	return 0;
}

void
plan_one_text(struct planner *p)
{
	const struct mixed_edits_row *row = &rows[p->o->on_mixed_edits];
	struct arena *a = p->txn->arena;
	const struct verdict **texts = arena_alloc(a, p->txn->nrcpts * sizeof(*texts));
	struct verdict *joined, *none;
	size_t n = find_texts(p, texts), deferred = 0;

	if (n < 2)
		return;
	joined = arena_alloc(a, sizeof(*joined));
	none = arena_alloc(a, sizeof(*none));
	verdict_init(joined, a);
	verdict_init(none, a);
	for (size_t i = 0; i < n; i++)
		plan_edits_join(joined, texts[i], a);
	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		struct want *w = &p->wants[i];
		enum edits_do what = !plan_edits_any(w->changes)               ? row->others
				     : (p->o->door & row->needs) == row->needs ? row->changed
									       : row->instead;

		if (w->kind == STEP_DELIVER)
			deferred += (size_t)settle(w, what, joined, none);
	}
	if (deferred > 0 && !(p->o->door & DOOR_REPLY_EACH))
		plan_all_again(p);
}
