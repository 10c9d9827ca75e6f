/*
 * plan_private - the making of a plan, for plan*.c only
 *
 * First what is wanted for each recipient (plan.c); at a door with one reply, what they agree upon
 * (plan_mixed.c), and at one that edits for all or nobody, which edits (plan_mixed_edits.c); then
 * those that want the same become steps (plan_steps.c).
 */
#ifndef ACTION_PLAN_PRIVATE_H
#define ACTION_PLAN_PRIVATE_H

#include "action/plan.h"

/* What is wanted for one recipient, before recipients are put into groups. */
struct want {
	enum step_kind kind;
	const struct verdict *own;
	const struct verdict *changes; /* whose prepends, tags and edits are made; usually own */
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

/* The recipient's own wish.  pass: its refusal is passed over (on_mixed = lenient). */
void want_make(struct want *, struct planner *, int pass);
/* Make it a refusal; the class of the enhanced code is made to fit. */
void want_refuse(struct want *, int code, const char *enhanced, const char *text);

/* plan_mixed.c: one reply for recipients that differ. */
void plan_one_reply(struct planner *);
/* Everybody is deferred: recipients disagree. */
void plan_all_again(struct planner *);

/* A door that cannot take recipients out: all or none are delivered. */
void plan_not_parted(struct planner *);

/* plan_mixed_edits.c: one text for recipients that differ. */
void plan_one_text(struct planner *);

/* plan_steps.c: a step for each group of recipients that want the same. */
void plan_steps_make(struct planner *, struct plan *);

#endif
