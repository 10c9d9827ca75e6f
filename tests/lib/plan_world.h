/*
 * plan_world - what the tests of plans share: verdicts by name, a door's options, what became of
 * whom
 */
#ifndef TESTS_LIB_PLAN_WORLD_H
#define TESTS_LIB_PLAN_WORLD_H

#include "action/plan.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "tests/lib/txn_make.h"

#define PLAN_TEXT "Subject: hello\r\nFrom: a@example.com\r\n\r\nbody\r\n"
/* What a door that sends the message on itself can do. */
#define DOOR_SENDS (DOOR_FILTER | DOOR_RCPTS)
#define DOOR_ALL                                                                                   \
	(DOOR_REPLY_EACH | DOOR_EDIT | DOOR_HOLD | DOOR_AFTER_QUEUE | DOOR_EDIT_SOME | DOOR_SENDS)

/* An MTA that has granted everything. */
#define DOOR_MILTER (DOOR_EDIT | DOOR_HOLD | DOOR_RCPTS)

/* What one recipient's rules may have said. */
enum said {
	SAID_NOTHING,
	SAID_OK,
	SAID_EDIT,
	SAID_TAG,
	SAID_PREPEND,
	SAID_HOLD,
	SAID_DISCARD,
	SAID_REDIRECT,
	SAID_BCC,
	SAID_FILTER,
	SAID_BAD_FILTER,
	SAID_DEFER,
	SAID_REJECT,     /* by header_checks */
	SAID_LOOP,       /* a REJECT that is no content's */
	SAID_SOFT,       /* REJECT with a 4xx code is a DEFER */
	SAID_HOLD_BOTH,  /* HOLD and DISCARD: discard beats hold */
	SAID_REJECT_TOO, /* HOLD, then REJECT: the refusal answers */
	SAID_COUNT
};

enum fate { F_DELIVER, F_HOLD, F_DISCARD, F_DEFER, F_REJECT };

/* Put into the verdict what a rule would. */
void plan_say(struct verdict *, enum said, struct arena *);
/* plan_filter_fn; arg: an int that counts. */
int plan_find_hop(void *arg, const char *filter, struct next_hop *);
/* on_mixed_edits is the first one; the next hop is always the same and lives to the end. */
struct plan_options plan_opts(unsigned door, enum reject_as, enum on_mixed);
extern const char plan_usual_hop[];
enum fate plan_fate(const struct plan_step *);
/* For edit_walk(): arg is a buf. */
int plan_collect(void *arg, struct span piece);

#endif
