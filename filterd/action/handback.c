#include "action/handback.h"

#include <string.h>

#include "action/fate.h"
#include "base/arena.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "core/edit.h"
#include "core/message.h"
#include "mail/milter_syntax.h"
#include "mail/reply.h"

#define EDIT_RIGHTS (MILTER_CAN_ADDHDRS | MILTER_CAN_CHGHDRS | MILTER_CAN_CHGBODY)
#define RCPT_RIGHTS (MILTER_CAN_ADDRCPT | MILTER_CAN_DELRCPT)
#define AGAIN_TEXT  "Message cannot be handled now, try again later"
#define REASON_MAX  400 /* octets of it: MTAs write it into a line of a queue file */

struct run {
	struct transaction *t;
	const struct plan *plan;
	const struct handback_options *o;
	struct handback *out;
	struct held held;
	struct change_list list;
	const struct plan_step *shape; /* whose edits the message gets; NULL: it goes nowhere */
	int in_mta;                    /* what is held stays in the MTA's hold queue */
};

unsigned
handback_door(unsigned can, const struct handback_options *o)
{
	int quarantine = (can & MILTER_CAN_QUARANTINE) != 0, store = o->hold != NULL, hold = 0;

	switch (o->where) {
	case MILTER_HOLD_MTA:
		hold = quarantine || store;
		break;
	case MILTER_HOLD_STORE:
		hold = store;
		break;
	case MILTER_HOLD_BOTH:
		hold = quarantine && store;
		break;
	}
	return ((can & EDIT_RIGHTS) == EDIT_RIGHTS ? DOOR_EDIT : 0u) |
	       ((can & RCPT_RIGHTS) == RCPT_RIGHTS ? DOOR_RCPTS : 0u) | (hold ? DOOR_HOLD : 0u);
}

/* --- one reply for everybody --- */

static void
answer_reply(struct run *r, int code, const char *enhanced, const char *text)
{
	struct arena *a = r->t->arena;
	char *fit = arena_strdup(a, enhanced == NULL ? "" : enhanced);

	enhanced_fit(fit, code);
	*r->out = (struct handback){ .answer = HANDBACK_REPLY,
		.code = code,
		.enhanced = fit,
		.text = text == NULL ? "" : text,
		.about = r->t->rcpts[0] };
}

/* The plan has the same reply for all; it is the one's whose own it is. */
static void
refuse(struct run *r)
{
	const struct plan_step *why = NULL;
	const char *reply;
	int code;

	for (size_t i = 0; i < r->plan->nsteps; i++) {
		const struct plan_step *s = &r->plan->steps[i];

		if (s->kind == STEP_REFUSE && (why == NULL || (why->decided && !s->decided)))
			why = s;
	}
	code = why->code >= 500 && r->o->soft_bounce ? why->code - 100 : why->code;
	answer_reply(r, code, why->enhanced, why->text);
	r->out->about = r->t->rcpts[why->rcpts[0]];
	reply = r->out->enhanced[0] == '\0'
		    ? r->out->text
		    : arena_printf(r->t->arena, "%s %s", r->out->enhanced, r->out->text);
	for (size_t i = 0; i < r->t->nrcpts; i++)
		fate_set(r->t, i, code, reply, NULL);
}

/* Nothing is done for anybody. */
static void
give_up(struct run *r)
{
	held_undo(&r->held, r->t);
	answer_reply(r, 451, "4.3.0", AGAIN_TEXT);
	for (size_t i = 0; i < r->t->nrcpts; i++) {
		r->t->rcpts[i]->fate = FATE_NONE;
		fate_set(r->t, i, 451, "4.3.0 " AGAIN_TEXT, NULL);
	}
	if (r->o->counters != NULL)
		counter_inc(r->o->counters, not_handed_back);
}

/* --- changes --- */

static unsigned
right_for(const struct change *c)
{
	switch (c->kind) {
	case CHANGE_INSERT_HEADER:
	case CHANGE_ADD_HEADER:
		return MILTER_CAN_ADDHDRS;
	case CHANGE_HEADER:
		return MILTER_CAN_CHGHDRS;
	case CHANGE_BODY:
		return MILTER_CAN_CHGBODY;
	case CHANGE_FROM:
		return MILTER_CAN_CHGFROM;
	case CHANGE_ADD_RCPT:
		return MILTER_CAN_ADDRCPT;
	case CHANGE_DELETE_RCPT:
		return MILTER_CAN_DELRCPT;
	case CHANGE_QUARANTINE:
		return MILTER_CAN_QUARANTINE;
	}
	return 0;
}

static int
all_granted(const struct run *r)
{
	for (size_t i = 0; i < r->list.n; i++)
		if ((r->o->can & right_for(&r->list.v[i])) == 0)
			return 0;
	return 1;
}

static void
add_path(struct run *r, enum change_kind kind, const char *path)
{
	struct change_list *l = &r->list;
	struct change *c = change_list_add(l, kind);

	c->name = arena_printf(l->arena, "<%s>", path);
}

/* Does the MTA go on with it?  The recipients of such a step get the message, or those it names
 * instead. */
static int
goes_on(const struct run *r, const struct plan_step *s)
{
	return s->kind == STEP_DELIVER || (s->kind == STEP_HOLD && r->in_mta);
}

struct paths {
	const char **v;
	size_t n;
};

static int
has_path(const struct paths *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (text_case_eq(p->v[i], path))
			return 1;
	return 0;
}

static void
path_add(struct paths *p, const char *path)
{
	if (!has_path(p, path))
		p->v[p->n++] = path;
}

/* Postfix compares with the address less its source route, Sendmail with what that is to it. */
static const char *
without_route(const char *path)
{
	const char *colon = path[0] == '@' ? strchr(path, ':') : NULL;

	return colon == NULL ? path : colon + 1;
}

/* Who is to get the message: among those who came with it, and others. */
static void
find_wanted(const struct run *r, struct paths *own, struct paths *others)
{
	size_t max = r->t->nrcpts + 1;

	for (size_t i = 0; i < r->plan->nsteps; i++)
		max += r->plan->steps[i].nto + r->plan->steps[i].nextra;
	own->v = arena_alloc(r->t->arena, max * sizeof(*own->v));
	others->v = arena_alloc(r->t->arena, max * sizeof(*others->v));
	own->n = others->n = 0;
	for (size_t i = 0; i < r->plan->nsteps; i++) {
		const struct plan_step *s = &r->plan->steps[i];

		if (!goes_on(r, s))
			continue;
		for (size_t k = 0; k < s->nrcpts && s->to == NULL; k++)
			own->v[own->n++] = without_route(r->t->rcpts[s->rcpts[k]]->path.octets);
		for (size_t k = 0; k < s->nto; k++)
			path_add(others, s->to[k]);
		for (size_t k = 0; k < s->nextra; k++)
			path_add(others, s->extra[k]);
	}
}

/* Nobody is both deleted and added: Postfix takes what is added for a duplicate of what it has
 * deleted.  Nor are two deleted or added that differ in case alone from one that stays: Sendmail
 * would delete both.  -1: nobody is left. */
static int
change_rcpts(struct run *r)
{
	struct paths own, others, gone = { 0 };

	find_wanted(r, &own, &others);
	if (own.n + others.n == 0)
		return -1;
	gone.v = arena_alloc(r->t->arena, (r->t->nrcpts + 1) * sizeof(*gone.v));
	for (size_t i = 0; i < r->t->nrcpts; i++) {
		const char *path = without_route(r->t->rcpts[i]->path.octets);

		if (own.n == r->t->nrcpts || has_path(&own, path))
			continue;
		if (has_path(&others, path))
			own.v[own.n++] = path;
		else
			path_add(&gone, path);
	}
	for (size_t i = 0; i < others.n; i++)
		if (!has_path(&own, others.v[i]))
			add_path(r, CHANGE_ADD_RCPT, others.v[i]);
	for (size_t i = 0; i < gone.n; i++)
		add_path(r, CHANGE_DELETE_RCPT, gone.v[i]);
	return 0;
}

static void
add_quarantine(struct run *r)
{
	const char *reason = r->shape->reason == NULL ? "hold" : r->shape->reason;
	char *text = arena_printf(r->t->arena, "%.*s (id %s)", REASON_MAX, reason, r->t->id);

	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	change_list_add(&r->list, CHANGE_QUARANTINE)->name = text;
}

/* The whole list, or -1. */
static int
make_changes(struct run *r)
{
	r->list = (struct change_list){ .arena = r->t->arena, .sendmail = r->o->sendmail };
	if (change_rcpts(r) == -1)
		return -1;
	if (r->in_mta)
		add_quarantine(r);
	if (changes_of_edits(message_view(r->t->message), r->shape->edits, &r->list) == -1)
		return -1;
	return all_granted(r) ? 0 : -1;
}

/* --- held copies --- */

/* All that is not dropped is held, and alike, and what release would do is what the MTA does. */
static const struct plan_step *
held_alike(const struct plan *p)
{
	const struct plan_step *first = NULL;

	for (size_t i = 0; i < p->nsteps; i++) {
		const struct plan_step *s = &p->steps[i];

		if (s->kind == STEP_DISCARD)
			continue;
		if (s->kind != STEP_HOLD || s->filter != NULL || s->redirect != NULL)
			return NULL;
		if (first == NULL)
			first = s;
		if (!edit_list_same(first->edits, s->edits))
			return NULL;
	}
	return first;
}

/* In the MTA's hold queue, if it can be.  1: done. */
static int
hold_in_mta(struct run *r)
{
	r->shape = r->o->where == MILTER_HOLD_STORE ? NULL : held_alike(r->plan);
	r->in_mta = r->shape != NULL;
	if (r->in_mta && make_changes(r) == 0)
		return 1;
	r->in_mta = 0;
	return 0;
}

static int
hold_in_store(struct run *r)
{
	for (size_t i = 0; i < r->plan->nsteps; i++)
		if (r->plan->steps[i].kind == STEP_HOLD &&
		    held_put(&r->held, r->t, &r->plan->steps[i]) == -1)
			return -1;
	return 0;
}

/* --- all of it --- */

static const struct plan_step *
find_step(const struct plan *p, enum step_kind kind)
{
	for (size_t i = 0; i < p->nsteps; i++)
		if (p->steps[i].kind == kind)
			return &p->steps[i];
	return NULL;
}

static int
carry_out(struct run *r)
{
	int in_mta = hold_in_mta(r);

	if (!in_mta) {
		r->list.n = 0;
		r->shape = find_step(r->plan, STEP_DELIVER);
		/* Before anything is on disk. */
		if (r->shape != NULL && make_changes(r) == -1) {
			log_warn(r->t->service, r->t->id,
			    "the MTA cannot be told how this message is to be changed: deferred");
			return -1;
		}
	}
	if ((!in_mta || r->o->where == MILTER_HOLD_BOTH) && hold_in_store(r) == -1)
		return -1;
	r->out->answer = r->shape == NULL ? HANDBACK_DISCARD : HANDBACK_GO_ON;
	r->out->changes = r->list.v;
	r->out->nchanges = r->list.n;
	return 0;
}

static void
set_fates(struct run *r)
{
	for (size_t i = 0; i < r->plan->nsteps; i++) {
		const struct plan_step *s = &r->plan->steps[i];

		switch (s->kind) {
		case STEP_DELIVER:
			fate_set_step(r->t, s, FATE_DELIVERED);
			break;
		case STEP_HOLD:
			fate_set_step(r->t, s, FATE_HELD);
			break;
		case STEP_DISCARD:
			fate_set_step(r->t, s, FATE_DISCARDED);
			break;
		case STEP_REFUSE:
			break;
		}
	}
}

void
handback_run(struct transaction *t, const struct plan *plan, const struct handback_options *o,
    struct handback *out)
{
	struct run r = { .t = t, .plan = plan, .o = o, .out = out };

	*out = (struct handback){ .answer = HANDBACK_GO_ON };
	if (t->nrcpts == 0)
		return;
	r.list.arena = t->arena;
	held_init(&r.held, o->hold, t->arena, plan);
	fate_begin(t);
	for (size_t i = 0; i < plan->nsteps; i++)
		fate_decided(t, &plan->steps[i]);
	if (find_step(plan, STEP_REFUSE) != NULL)
		refuse(&r);
	else if (carry_out(&r) == -1)
		give_up(&r);
	else
		set_fates(&r);
}
