#include <assert.h>
#include <string.h>

#include "action/plan_edit.h"
#include "action/plan_private.h"
#include "base/arena.h"
#include "base/blocking.h"
#include "mail/reply.h"

/* The merged verdict of one recipient. */
enum decided {
#define DECIDED(id, needs, step, instead, text) DECIDED_##id,
#include "action/plan.def"
#undef DECIDED
};

static const struct {
	unsigned needs;
	enum step_kind step, instead;
} decided_rows[] = {
#define DECIDED(id, needs, step, instead, text) { needs, STEP_##step, STEP_##instead },
#include "action/plan.def"
#undef DECIDED
};

enum effect {
#define EFFECT(id, needs, enhanced, reply, text) EFFECT_##id,
#include "action/plan.def"
#undef EFFECT
};

static const struct {
	unsigned needs;
	const char *enhanced, *reply;
} effect_rows[] = {
#define EFFECT(id, needs, enhanced, reply, text) { needs, enhanced, reply },
#include "action/plan.def"
#undef EFFECT
};

static const char *const content_lists[] = {
#define CONTENT_LIST(name) name,
#include "action/plan.def"
#undef CONTENT_LIST
};

static int
is_content(const struct verdict *v)
{
	if (v->origin.plugin != NULL)
		return 1;
	if (v->origin.list == NULL)
		return 0;
	for (size_t i = 0; i < nitems(content_lists); i++)
		if (strcmp(v->origin.list, content_lists[i]) == 0)
			return 1;
	return 0;
}

static int
refuses(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

/* A REJECT with a 4xx code ("REJECT 4.7.8 text", soft_bounce) is a DEFER. */
static int
refusal_code(const struct verdict *v)
{
	if (v->code >= 400 && v->code <= 599)
		return v->code;
	return v->outcome == OUTCOME_REJECT ? 550 : 451;
}

static enum decided
decide_refusal(const struct plan_options *o, const struct verdict *v)
{
	if (refusal_code(v) < 500)
		return DECIDED_DEFER;
	if (!(o->door & DOOR_AFTER_QUEUE) || !is_content(v))
		return DECIDED_REJECT;
	switch (o->after_queue_reject) {
	case REJECT_AS_REJECT:
		return DECIDED_REJECT;
	case REJECT_AS_HOLD:
		return DECIDED_REJECT_TO_HOLD;
	case REJECT_AS_DISCARD:
		return DECIDED_REJECT_TO_DISCARD;
	}
	return DECIDED_REJECT;
}

static enum decided
decide(
    const struct planner *p, const struct verdict *own, const struct verdict *refusal, int no_hop)
{
	const struct verdict *all = &p->txn->verdict;

	if (refusal != NULL)
		return decide_refusal(p->o, refusal);
	if (all->discard || own->discard)
		return DECIDED_DISCARD;
	if (all->hold || own->hold)
		return DECIDED_HOLD;
	return no_hop ? DECIDED_NO_NEXT_HOP : DECIDED_ACCEPT;
}

void
want_refuse(struct want *w, int code, const char *enhanced, const char *text)
{
	w->kind = STEP_REFUSE;
	w->code = code;
	memset(w->enhanced, 0, sizeof(w->enhanced));
	memcpy(w->enhanced, enhanced, strnlen(enhanced, sizeof(w->enhanced) - 1));
	enhanced_fit(w->enhanced, code);
	w->text = text;
}

static const char *
reason_text(struct arena *a, const char *what, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return what;
	return arena_printf(a, "%s: %s", what, text);
}

static int
is_virus(const struct origin *o)
{
	return o->plugin != NULL && strcmp(o->plugin, "clamav") == 0;
}

static void
want_refusal(struct want *w, struct arena *a, const struct verdict *v)
{
	int code = refusal_code(v);

	want_refuse(w, code, v->enhanced, v->text == NULL ? "" : v->text);
	w->origin = v->origin;
	w->reason = arena_printf(a, "%s: %d%s%s%s%s", code < 500 ? "defer" : "reject", code,
	    w->enhanced[0] == '\0' ? "" : " ", w->enhanced, w->text[0] == '\0' ? "" : " ", w->text);
	w->class = code < 500 ? HOLD_FAILURE : is_virus(&v->origin) ? HOLD_VIRUS : HOLD_SPAM;
}

static void
want_effects(struct want *w, struct planner *p)
{
	const struct verdict *all = &p->txn->verdict;
	const struct verdict *v;
	struct arena *a = p->txn->arena;

	w->class = HOLD_POLICY;
	if (all->discard || w->own->discard) {
		v = all->discard ? all : w->own;
		w->origin = v->discard_origin;
		w->reason = reason_text(a, "discard", v->discard_reason);
	} else if (all->hold || w->own->hold) {
		v = all->hold ? all : w->own;
		w->origin = v->hold_origin;
		w->reason = reason_text(a, "hold", v->hold_reason);
		/* What a failure put there is not thrown away for want of room. */
		w->class = v->hold_failed              ? HOLD_FAILURE
			   : is_virus(&v->hold_origin) ? HOLD_VIRUS
						       : HOLD_POLICY;
	}
}

static const struct next_hop *
find_hop(struct planner *p, const char *filter)
{
	struct next_hop *hop;

	if (filter == NULL)
		return p->o->next_hop;
	if (p->asked != NULL && strcmp(p->asked, filter) == 0)
		return p->found;
	hop = arena_calloc(p->txn->arena, sizeof(*hop));
	p->asked = filter;
	p->found = p->filter_fn(p->filter_arg, filter, hop) == 0 ? hop : NULL;
	return p->found;
}

/* The rule that asks for it; NULL: none does. */
static const struct origin *
find_effect(const struct planner *p, const struct verdict *own, enum effect e)
{
	const struct verdict *all = &p->txn->verdict;
	const struct origin *by;

	switch (e) {
	case EFFECT_EDITS:
		by = plan_edits_by(own, all, p->o);
		return by != NULL ? by : plan_edits_by(all, own, p->o);
	case EFFECT_BCC:
		return own->bcc.n > 0   ? &own->bcc.v[0].origin
		       : all->bcc.n > 0 ? &all->bcc.v[0].origin
					: NULL;
	case EFFECT_REDIRECT:
		return own->redirect.arg != NULL   ? &own->redirect.origin
		       : all->redirect.arg != NULL ? &all->redirect.origin
						   : NULL;
	case EFFECT_FILTER:
		return own->filter.arg != NULL   ? &own->filter.origin
		       : all->filter.arg != NULL ? &all->filter.origin
						 : NULL;
	}
	return NULL;
}

/* A delivery with effects that this door cannot give it is none. */
static void
want_deliver(struct want *w, const struct planner *p)
{
	for (size_t i = 0; i < nitems(effect_rows); i++) {
		const struct origin *o = find_effect(p, w->own, (enum effect)i);

		if (o == NULL || (p->o->door & effect_rows[i].needs) == effect_rows[i].needs)
			continue;
		w->origin = *o;
		w->reason = arena_printf(p->txn->arena, "defer: 451 %s %s", effect_rows[i].enhanced,
		    effect_rows[i].reply);
		w->class = HOLD_FAILURE;
		w->decided = "accept";
		want_refuse(w, 451, effect_rows[i].enhanced, effect_rows[i].reply);
	}
}

void
want_make(struct want *w, struct planner *p, int pass)
{
	const struct verdict *all = &p->txn->verdict, *refusal = NULL;
	enum decided d;

	if (!pass && (refuses(all) || refuses(w->own)))
		refusal = refuses(all) ? all : w->own;
	w->filter = w->own->filter.arg != NULL ? w->own->filter.arg : all->filter.arg;
	w->redirect = w->own->redirect.arg != NULL ? w->own->redirect.arg : all->redirect.arg;
	w->hop = find_hop(p, p->o->door & DOOR_FILTER ? w->filter : NULL);
	w->changes = w->own;
	w->reason = w->decided = NULL;
	w->origin = (struct origin){ 0 };
	if (refusal != NULL)
		want_refusal(w, p->txn->arena, refusal);
	else
		want_effects(w, p);

	d = decide(p, w->own, refusal, w->hop == NULL);
	w->kind = (p->o->door & decided_rows[d].needs) == decided_rows[d].needs
		      ? decided_rows[d].step
		      : decided_rows[d].instead;
	switch (d) {
	case DECIDED_ACCEPT:
		want_deliver(w, p);
		return;
	case DECIDED_DISCARD:
	case DECIDED_DEFER:
	case DECIDED_REJECT:
		return;
	case DECIDED_REJECT_TO_DISCARD:
		w->decided = "reject";
		return;
	case DECIDED_NO_NEXT_HOP:
		w->origin = w->own->filter.arg != NULL ? w->own->filter.origin : all->filter.origin;
		w->reason = "defer: 451 4.3.5 Server configuration error";
		w->class = HOLD_FAILURE;
		want_refuse(w, 451, "4.3.5", "Server configuration error");
		return;
	case DECIDED_REJECT_TO_HOLD:
	case DECIDED_HOLD:
		if (d == DECIDED_REJECT_TO_HOLD)
			w->decided = "reject";
		if (w->kind == STEP_HOLD)
			return;
		if (d == DECIDED_HOLD)
			w->decided = "hold";
		want_refuse(w, 451, "4.3.0", "Message cannot be held here, try again later");
		return;
	}
}

#define MANY ((size_t)4096)

/* Recipients are compared with one another, edit by edit. */
static int
has_many_edits(const struct transaction *txn)
{
	size_t n = txn->verdict.edits.n;

	for (size_t i = 0; i < txn->nrcpts && n < MANY; i++)
		n += txn->rcpts[i]->verdict.edits.n;
	return n >= MANY;
}

/* What is wanted becomes steps.  Nothing is waited for here. */
static void
settle(struct planner *p, struct plan *plan)
{
	int heavy = has_many_edits(p->txn);

	if (heavy)
		blocking_begin(); /* it computes for long */
	if ((p->o->door & (DOOR_EDIT | DOOR_EDIT_SOME)) == DOOR_EDIT)
		plan_one_text(p);
	plan_not_parted(p);
	plan_steps_make(p, plan);
	if (heavy)
		blocking_end();
}

void
plan_make(struct transaction *txn, const struct plan_options *o, plan_filter_fn *fn, void *arg,
    struct plan *plan)
{
	struct planner p = { .txn = txn, .o = o, .filter_fn = fn, .filter_arg = arg };
	const struct plan_step *s;

	assert(o->next_hop != NULL);
	*plan = (struct plan){ 0 };
	if (txn->nrcpts == 0)
		return;
	p.wants = arena_calloc(txn->arena, txn->nrcpts * sizeof(*p.wants));
	for (size_t i = 0; i < txn->nrcpts; i++) {
		p.wants[i].own = &txn->rcpts[i]->verdict;
		want_make(&p.wants[i], &p, 0);
	}
	if (!(o->door & DOOR_REPLY_EACH))
		plan_one_reply(&p);
	settle(&p, plan);
	s = plan->steps;
	plan->as_is = plan->nsteps == 1 && s->kind == STEP_DELIVER && s->to == NULL &&
		      s->nextra == 0 && strcmp(s->hop.text, o->next_hop->text) == 0;
}
