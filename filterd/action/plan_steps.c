/* Recipients that want the same become one step. */
#include <string.h>

#include "action/plan_edit.h"
#include "action/plan_private.h"
#include "base/arena.h"
#include "base/text.h"

static int
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || strcmp(a, b) == 0;
}

static int
same_bcc(const struct effect_texts *a, const struct effect_texts *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (!same_text(a->v[i].arg, b->v[i].arg))
			return 0;
	return 1;
}

static int
same_group(const struct planner *p, const struct want *a, const struct want *b)
{
	if (a->kind != b->kind)
		return 0;
	/* Who gets the message shares a transaction, whatever was passed over for it. */
	if (a->kind != STEP_DELIVER &&
	    (a->class != b->class || !same_text(a->decided, b->decided) ||
		!same_text(a->reason, b->reason) || !origin_same(&a->origin, &b->origin)))
		return 0;
	switch (a->kind) {
	case STEP_REFUSE:
		return a->code == b->code && strcmp(a->enhanced, b->enhanced) == 0 &&
		       same_text(a->text, b->text);
	case STEP_DISCARD:
		return 1;
	case STEP_DELIVER:
		if (strcmp(a->hop->text, b->hop->text) != 0)
			return 0;
		break;
	case STEP_HOLD:
		if (!same_text(a->filter, b->filter))
			return 0;
		break;
	}
	return same_text(a->redirect, b->redirect) && same_bcc(&a->own->bcc, &b->own->bcc) &&
	       plan_edits_same(p->txn, p->o, a->changes, b->changes);
}

static void
add_extra(struct plan_step *s, const struct effect_texts *bcc)
{
	for (size_t i = 0; i < bcc->n; i++) {
		size_t k = 0;

		while (k < s->nextra && !text_case_eq(s->extra[k], bcc->v[i].arg))
			k++;
		if (k == s->nextra)
			s->extra[s->nextra++] = bcc->v[i].arg;
	}
}

/* Delivered, the message's REDIRECT stands for its BCC recipients too; held, both are kept, for
 * release decides. */
static void
step_extra(struct plan_step *s, struct planner *p, const struct want *w, int with_message)
{
	const struct verdict *all = &p->txn->verdict;
	size_t max = all->bcc.n + w->own->bcc.n;
	int delivered = s->kind == STEP_DELIVER;

	if (max == 0)
		return;
	s->extra = arena_calloc(p->txn->arena, max * sizeof(*s->extra));
	if (with_message && !(delivered && all->redirect.arg != NULL))
		add_extra(s, &all->bcc);
	if (!(delivered && w->redirect != NULL))
		add_extra(s, &w->own->bcc);
}

/* Groups that differ in something else have them in common. */
static const struct edit_list *
step_edits(struct planner *p, const struct plan_step *steps, const size_t *first, size_t g)
{
	const struct verdict *changes = p->wants[first[g]].changes;

	for (size_t k = 0; k < g; k++)
		if ((steps[k].kind == STEP_DELIVER || steps[k].kind == STEP_HOLD) &&
		    plan_edits_same(p->txn, p->o, p->wants[first[k]].changes, changes))
			return steps[k].edits;
	return plan_edits(p->txn, changes, p->o);
}

static void
step_fill(struct plan_step *s, struct planner *p, const struct want *w, int with_message)
{
	s->kind = w->kind;
	s->reason = w->reason;
	if (w->kind != STEP_DELIVER) {
		s->class = w->class;
		s->origin = w->origin;
		s->decided = w->decided;
	}
	s->code = w->code;
	s->enhanced = w->enhanced;
	s->text = w->text;
	if (w->kind != STEP_DELIVER && w->kind != STEP_HOLD)
		return;
	s->filter = w->filter;
	s->redirect = w->redirect;
	step_extra(s, p, w, with_message);
	s->hop = *(w->kind == STEP_HOLD ? p->o->next_hop : w->hop);
	if (w->kind != STEP_DELIVER)
		return;
	if (w->redirect != NULL) {
		s->to = arena_alloc(p->txn->arena, sizeof(*s->to));
		s->to[0] = w->redirect;
		s->nto = 1;
	}
}

/* Index of the want that stands for its group; the number of groups. */
static size_t
find_groups(struct planner *p, size_t *first)
{
	size_t n = 0;

	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		size_t g = 0;

		while (g < n && !same_group(p, &p->wants[first[g]], &p->wants[i]))
			g++;
		if (g == n)
			first[n++] = i;
		p->wants[i].step = g;
	}
	return n;
}

/* Which step takes the message's own BCC: a delivery before a held copy. */
static size_t
bcc_step(const struct planner *p, const size_t *first, size_t n)
{
	size_t at = n;

	for (size_t g = 0; g < n; g++) {
		enum step_kind kind = p->wants[first[g]].kind;

		if (kind == STEP_DELIVER)
			return g;
		if (kind == STEP_HOLD && at == n)
			at = g;
	}
	return at;
}

void
plan_steps_make(struct planner *p, struct plan *plan)
{
	struct arena *a = p->txn->arena;
	size_t n = p->txn->nrcpts, *first, *rcpts, bcc;

	first = arena_alloc(a, n * sizeof(*first));
	plan->nsteps = find_groups(p, first);
	plan->steps = arena_calloc(a, plan->nsteps * sizeof(*plan->steps));
	bcc = bcc_step(p, first, plan->nsteps);

	rcpts = arena_alloc(a, n * sizeof(*rcpts));
	for (size_t i = 0; i < n; i++)
		plan->steps[p->wants[i].step].nrcpts++;
	for (size_t g = 0; g < plan->nsteps; g++) {
		step_fill(&plan->steps[g], p, &p->wants[first[g]], g == bcc);
		if (plan->steps[g].kind == STEP_DELIVER || plan->steps[g].kind == STEP_HOLD)
			plan->steps[g].edits = step_edits(p, plan->steps, first, g);
		plan->steps[g].rcpts = rcpts;
		rcpts += plan->steps[g].nrcpts;
		plan->steps[g].nrcpts = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct plan_step *s = &plan->steps[p->wants[i].step];

		s->rcpts[s->nrcpts++] = i;
	}
}
