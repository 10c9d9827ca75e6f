/*
 * plan - verdicts turned into steps for a door
 *
 * plan.def is the one table: what each outcome and effect becomes at a door that can or cannot do
 * it, with the written substitute.  Pure: no I/O.
 *
 * Ownership: the plan lives in the transaction's arena.
 */
#ifndef ACTION_PLAN_H
#define ACTION_PLAN_H

#include <stddef.h>

#include "action/hold.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "core/transaction.h"

enum door_can {                   /* bits */
	DOOR_REPLY_EACH = 1 << 0, /* a reply a recipient after the data: LMTP */
	DOOR_EDIT = 1 << 1,
	DOOR_HOLD = 1 << 2,
	DOOR_AFTER_QUEUE = 1 << 3, /* a refusal becomes a bounce */
	DOOR_EDIT_SOME = 1 << 4,   /* edits for some recipients only: a transaction for each group.
				      Means nothing without DOOR_EDIT */
	DOOR_FILTER = 1 << 5,      /* the message can go by another next hop */
	DOOR_RCPTS = 1 << 6, /* it can go to others than those who were accepted, and to some of
				them only.  A door with DOOR_REPLY_EACH has both of these */
};

enum reject_as { REJECT_AS_REJECT, REJECT_AS_HOLD, REJECT_AS_DISCARD }; /* after_queue_reject */
/* SPLIT_DISCARD: split with on_mixed_refused = discard. */
enum on_mixed {
	MIXED_SPLIT,
	MIXED_STRICTEST,
	MIXED_LENIENT,
	MIXED_HOLD,
	MIXED_DEFER,
	MIXED_SPLIT_DISCARD,
};
enum on_mixed_edits { MIXED_EDITS_ALL, MIXED_EDITS_NONE, MIXED_EDITS_HOLD };

struct plan_options {
	unsigned door; /* enum door_can */
	enum reject_as after_queue_reject;
	enum on_mixed on_mixed;
	enum on_mixed_edits on_mixed_edits;
	const struct next_hop *next_hop;
	const char *tag_header;         /* "X-Spam-Flag: YES" */
	const char *tag_subject_prefix; /* "" none */
	const char *score_header;       /* "X-Filterd-Score"; "" or NULL: none */
};

enum step_kind { STEP_DELIVER, STEP_HOLD, STEP_DISCARD, STEP_REFUSE };

/* One step for a group of recipients that share next hop, edits and target. */
struct plan_step {
	enum step_kind kind;
	size_t *rcpts; /* indexes into transaction.rcpts */
	size_t nrcpts;
	struct next_hop hop; /* DELIVER; HOLD: the usual one, without FILTER */
	/* DELIVER */
	const char **to; /* REDIRECT: the one path that is sent instead of the recipients' own;
			    NULL: their own */
	size_t nto;
	/* DELIVER, HOLD */
	const char **extra; /* BCC paths added behind the recipients (or behind `to`) */
	size_t nextra;
	const struct edit_list *edits; /* NULL: none */
	/* HOLD: kept in the hold file, carried out at release */
	const char *filter, *redirect; /* arguments, or NULL */
	enum hold_class class;
	const char *reason;   /* HOLD, DISCARD: why, for the store and the log; DELIVER: how it
				 differs from what this recipient's rules said, or NULL */
	struct origin origin; /* the rule that raised hold, discard or refusal */
	const char *decided;  /* what the rules said, where this step is a substitute: "reject",
				 "defer", "hold", "accept"; NULL: it was done as decided, or
				 DELIVER, where each recipient's verdict tells */
	/* REFUSE */
	int code;
	const char *enhanced, *text;
};

struct plan {
	struct plan_step *steps;
	size_t nsteps;
	int as_is; /* one DELIVER step: everyone, envelope and next hop unchanged (edits allowed):
		      an open transaction fits */
};

/* FILTER's destination for a transport:destination argument: 0 found; -1: none (451 4.3.5).
 * Supplied by engine (filter_next_hop_maps). */
typedef int plan_filter_fn(void *arg, const char *filter, struct next_hop *);

/* REDIRECT replaces all recipients of its scope, BCC ones too, by one delivery, as Postfix does;
 * BCC of the whole message goes with the first delivery (or, when nothing is delivered, with the
 * first held copy).  At a door without DOOR_REPLY_EACH either every step is STEP_REFUSE, all with
 * one reply, or none is.  At one with DOOR_EDIT but not DOOR_EDIT_SOME all deliveries have the same
 * edits; at one without DOOR_EDIT they have none.  At one without DOOR_FILTER they all have the
 * usual next hop; without DOOR_RCPTS there is no `to` and no `extra` in them, and if one step is a
 * delivery all are. */
void plan_make(
    struct transaction *, const struct plan_options *, plan_filter_fn *, void *arg, struct plan *);

#endif
