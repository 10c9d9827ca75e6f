/*
 * fate - what becomes of each recipient, for those who carry out a plan (relay.h, handback.h)
 *
 * The first result of a recipient stays.  Ownership: replies live in the transaction's arena.
 */
#ifndef ACTION_FATE_H
#define ACTION_FATE_H

#include "action/plan.h"

struct hold_store;

/* Nothing has become of anybody yet. */
void fate_begin(struct transaction *);
/* What the rules said where this step is a substitute, and the rule behind it. */
void fate_decided(struct transaction *, const struct plan_step *);
/* All of the step, with 250. */
void fate_set_step(struct transaction *, const struct plan_step *, enum rcpt_fate);
/* By the reply's class.  1: this is its result; 0: it had one. */
int fate_set(struct transaction *, size_t rcpt, int code, const char *reply, const char *hop);
/* "5.7.1 text" of a STEP_REFUSE. */
const char *fate_refusal(struct arena *, const struct plan_step *);

/* Held copies of one transaction, until it is sure that they stay. */
struct held {
	struct hold_store *store; /* NULL: there is none */
	struct held_copy *v;
	size_t n;
};
void held_init(struct held *, struct hold_store *, struct arena *, const struct plan *);
/* Keep a copy for a STEP_HOLD: 0, its recipients are FATE_HELD; -1: logged, and they are deferred.
 */
int held_put(struct held *, struct transaction *, const struct plan_step *);
/* The client keeps the message and will bring it again: no copy stays, and those who had one have
 * no result. */
void held_undo(struct held *, struct transaction *);

#endif
