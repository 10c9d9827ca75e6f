#include <assert.h>
#include <string.h>

#include "action/plan.h"
#include "action/plan_edit.h"
#include "base/arena.h"
#include "base/text.h"
#include "mail/reply.h"

#define DOOR_NEVER (1u << 31) /* no door has it */

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

enum mixed_do { DO_OWN, DO_PASS, DO_KEEP, DO_STRICT, DO_AGAIN };

static const struct mixed_row {
	unsigned needs;
	enum on_mixed instead;
	enum mixed_do accepted, rejected, deferred;
} mixed_rows[] = {
#define MIXED(id, needs, instead, accepted, rejected, deferred, text)                              \
	[MIXED_##id] = { needs, MIXED_##instead, DO_##accepted, DO_##rejected, DO_##deferred },
#include "action/plan.def"
#undef MIXED
};

static const char *const content_lists[] = {
#define CONTENT_LIST(name) name,
#include "action/plan.def"
#undef CONTENT_LIST
};

/* What is wanted for one recipient, before recipients are put into groups. */
struct want {
	enum step_kind kind;
	const struct verdict *own;
	const char *filter, *redirect;
	const struct next_hop *hop; /* NULL: FILTER names none */
	enum hold_class class;
	const char *reason, *decided, *text;
	char enhanced[12];
	int code;
	struct origin origin;
	size_t step; /* the group it went to */
};

struct planner {
	struct transaction *txn;
	const struct plan_options *o;
	plan_filter_fn *filter_fn;
	void *filter_arg;
	const char *asked; /* the FILTER argument looked up last, and what came of it */
	const struct next_hop *found;
	struct want *wants; /* one a recipient */
};

/* --- one recipient --- */

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

static void
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

static void
want_refusal(struct want *w, struct arena *a, const struct verdict *v)
{
	int code = refusal_code(v);

	want_refuse(w, code, v->enhanced, v->text == NULL ? "" : v->text);
	w->origin = v->origin;
	w->reason = arena_printf(a, "%s: %d%s%s%s%s", code < 500 ? "defer" : "reject", code,
	    w->enhanced[0] == '\0' ? "" : " ", w->enhanced, w->text[0] == '\0' ? "" : " ", w->text);
	w->class = code < 500 ? HOLD_FAILURE
		   : v->origin.plugin != NULL && strcmp(v->origin.plugin, "clamav") == 0
		       ? HOLD_VIRUS
		       : HOLD_SPAM;
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

/* pass: its refusal is passed over (on_mixed = lenient). */
static void
want_make(struct want *w, struct planner *p, int pass)
{
	const struct verdict *all = &p->txn->verdict, *refusal = NULL;
	enum decided d;

	if (!pass && (refuses(all) || refuses(w->own)))
		refusal = refuses(all) ? all : w->own;
	w->filter = w->own->filter.arg != NULL ? w->own->filter.arg : all->filter.arg;
	w->redirect = w->own->redirect.arg != NULL ? w->own->redirect.arg : all->redirect.arg;
	w->hop = find_hop(p, w->filter);
	w->reason = w->decided = NULL;
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

/* --- one reply for recipients that differ --- */

static const char *
want_name(const struct want *w)
{
	switch (w->kind) {
	case STEP_DELIVER:
		return "accept";
	case STEP_HOLD:
		return "hold";
	case STEP_DISCARD:
		return "discard";
	case STEP_REFUSE:
		return w->code < 500 ? "defer" : "reject";
	}
	return NULL;
}

static void
want_become(struct want *w, const struct want *like)
{
	const char *was = want_name(w);

	if (w == like)
		return;
	if (w->decided == NULL && (w->kind != STEP_REFUSE || w->code / 100 != like->code / 100))
		w->decided = was;
	w->origin = like->origin;
	w->reason = like->reason;
	want_refuse(w, like->code, like->enhanced, like->text);
}

/* The first refusal of this class (4 or 5), else the first one of any. */
static const struct want *
first_refusal(const struct planner *p, int class)
{
	const struct want *any = NULL;

	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		const struct want *w = &p->wants[i];

		if (w->kind != STEP_REFUSE)
			continue;
		if (w->code / 100 == class)
			return w;
		if (any == NULL)
			any = w;
	}
	return any;
}

static void
all_become(struct planner *p, const struct want *like)
{
	struct want copy = *like;

	for (size_t i = 0; i < p->txn->nrcpts; i++)
		want_become(&p->wants[i], p->wants + i == like ? like : &copy);
}

static void
all_again(struct planner *p)
{
	struct want again = { .origin.list = "on_mixed", .reason = "defer: recipients disagree" };

	want_refuse(&again, 451, "4.3.0", "Recipients disagree about this message, try later");
	all_become(p, &again);
}

static int
is_mixed(const struct planner *p, size_t *refused)
{
	*refused = 0;
	for (size_t i = 0; i < p->txn->nrcpts; i++)
		*refused += p->wants[i].kind == STEP_REFUSE;
	return *refused > 0 && *refused < p->txn->nrcpts;
}

static void
mixed_one(struct planner *p, struct want *w, enum mixed_do what)
{
	const char *was = w->decided != NULL ? w->decided : want_name(w);

	switch (what) {
	case DO_OWN:
	case DO_STRICT: /* these two are done for all at once */
	case DO_AGAIN:
		return;
	case DO_PASS:
		want_make(w, p, 1);
		break;
	case DO_KEEP: /* reason and class are those of the refusal */
		w->kind = STEP_HOLD;
		break;
	}
	w->decided = was;
}

static void
settle_mixed(struct planner *p, enum on_mixed mode)
{
	const struct mixed_row *row = &mixed_rows[mode];

	/* Ends: each `instead` leads to a row that needs less, DEFER needs nothing. */
	while ((p->o->door & row->needs) != row->needs) {
		mode = row->instead;
		row = &mixed_rows[mode];
	}
	if (row->accepted == DO_STRICT) {
		all_become(p, first_refusal(p, 5));
		return;
	}
	if (row->accepted == DO_AGAIN) {
		all_again(p);
		return;
	}
	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		struct want *w = &p->wants[i];

		if (w->kind == STEP_REFUSE)
			mixed_one(p, w, w->code < 500 ? row->deferred : row->rejected);
		else
			mixed_one(p, w, row->accepted);
	}
}

static void
settle_one_reply(struct planner *p)
{
	size_t refused;

	if (is_mixed(p, &refused))
		settle_mixed(p, p->o->on_mixed);
	/* What was passed over may be refused for another reason: FILTER without a next hop. */
	if (is_mixed(p, &refused))
		all_again(p);
	if (refused == p->txn->nrcpts)
		all_become(p, first_refusal(p, p->o->on_mixed == MIXED_STRICTEST ? 5 : 4));
}

/* --- groups --- */

static int
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || strcmp(a, b) == 0;
}

static int
same_origin(const struct origin *a, const struct origin *b)
{
	return a->line == b->line && same_text(a->file, b->file) && same_text(a->list, b->list) &&
	       same_text(a->plugin, b->plugin);
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
same_group(const struct want *a, const struct want *b)
{
	if (a->kind != b->kind || a->class != b->class || !same_text(a->decided, b->decided) ||
	    !same_text(a->reason, b->reason) || !same_origin(&a->origin, &b->origin))
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
	       plan_edits_same(a->own, b->own);
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

static void
step_fill(struct plan_step *s, struct planner *p, const struct want *w, int with_message)
{
	s->kind = w->kind;
	s->class = w->class;
	s->reason = w->reason;
	s->origin = w->origin;
	s->decided = w->decided;
	s->code = w->code;
	s->enhanced = w->enhanced;
	s->text = w->text;
	if (w->kind != STEP_DELIVER && w->kind != STEP_HOLD)
		return;
	s->filter = w->filter;
	s->redirect = w->redirect;
	step_extra(s, p, w, with_message);
	s->edits = plan_edits(p->txn, w->own, p->o);
	s->hop = *(w->kind == STEP_HOLD ? p->o->next_hop : w->hop);
	if (w->kind != STEP_DELIVER)
		return;
	if (w->redirect != NULL) {
		s->to = arena_alloc(p->txn->arena, sizeof(*s->to));
		s->to[0] = w->redirect;
		s->nto = 1;
	}
	if (s->edits != NULL && !(p->o->door & DOOR_EDIT)) {
		s->edits = NULL;
		s->reason = "this door cannot change the message";
	}
}

/* Index of the want that stands for its group; the number of groups. */
static size_t
find_groups(struct planner *p, size_t *first)
{
	size_t n = 0;

	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		size_t g = 0;

		while (g < n && !same_group(&p->wants[first[g]], &p->wants[i]))
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

static void
make_steps(struct planner *p, struct plan *plan)
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
		plan->steps[g].rcpts = rcpts;
		rcpts += plan->steps[g].nrcpts;
		plan->steps[g].nrcpts = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct plan_step *s = &plan->steps[p->wants[i].step];

		s->rcpts[s->nrcpts++] = i;
	}
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
		settle_one_reply(&p);
	make_steps(&p, plan);
	s = plan->steps;
	plan->as_is = plan->nsteps == 1 && s->kind == STEP_DELIVER && s->to == NULL &&
		      s->nextra == 0 && strcmp(s->hop.text, o->next_hop->text) == 0;
}
