/*
 * handback - carry out a plan where the MTA that asks goes on with the message itself
 *
 * The milter door's counterpart of relay.h: nothing is sent by us.  Refusals become one reply, held
 * copies go to the hold store or stay in the MTA's hold queue, and everything that changes for
 * those who are to have the message becomes a list of changes, all or none: it is complete before
 * the first one leaves (PITFALLS H3).
 *
 * Results: in each recipient fate, code, reply and decided, as relay_run() leaves them; a recipient
 * the MTA goes on with is FATE_DELIVERED.
 * Ownership: changes live in the transaction's arena.  Threads: any; one transaction each.
 */
#ifndef ACTION_HANDBACK_H
#define ACTION_HANDBACK_H

#include <stddef.h>
#include <stdint.h>

#include "action/plan.h"
#include "base/clock.h"
#include "base/span.h"

struct arena;
struct counters;
struct edit_list;
struct hold_store;

/* An MTA carries changes out one by one, and counts fields as they then are; but not all count
 * alike (Postfix 3.7, cleanup; Sendmail 8.17, headers.c and milter.c):
 *
 *	of a name	from 1, among the fields that filters were shown: both.  After a field was
 *			deleted those below it move up (Postfix) or not (Sendmail): so the last one
 *			of a name is changed first.  After one was put on top of all, Postfix before
 *			3.9 takes it for the one that it had hidden, its own Received:, and counts
 *			that in its place: so nothing is counted by name once something was
 *			inserted, or added, for Sendmail adds above the first of the same name.
 *	of all		0 is the top.  Postfix counts its own Received:, which nobody was shown.
 *			Sendmail also counts what its configuration would add (H lines: eight beside
 *			the Received: in what m4 makes of its own files) and what was deleted; where
 *			a site has other H lines, a new field stands so many too high or too low,
 *			but for the top and the bottom.
 *	what is added	and is a field that Sendmail would make itself takes that one's place, so it
 *			is not there twice.
 *
 * Hence the order: deletions and new values from the bottom of the header to the top; what goes
 * below all others; what goes between or on top, from the bottom to the top; the body. */
enum change_kind {
	CHANGE_INSERT_HEADER, /* index 0: on top of everything; CHANGE_INDEX_END: below the last
				 one; N, between: as this MTA counts */
	CHANGE_ADD_HEADER,    /* below the last one, or where Sendmail would put its own; no other
				 has, or had, this name */
	CHANGE_HEADER, /* index: from 1, the how manieth field of this name; value NULL: it is
			  deleted */
	CHANGE_BODY,   /* all of it */
	CHANGE_FROM,
	CHANGE_ADD_RCPT,
	CHANGE_DELETE_RCPT,
	CHANGE_QUARANTINE,
};
#define CHANGE_INDEX_END INT32_MAX

/* They are to be made in this order. */
struct change {
	enum change_kind kind;
	uint32_t index;
	const char *name;  /* of a field; a path with <>; QUARANTINE: the reason */
	struct span value; /* of a field: all behind the colon, lines parted by CRLF, without the
			      last line end; p NULL: delete.  BODY: its octets */
};

enum handback_answer {
	HANDBACK_GO_ON, /* with the changes */
	HANDBACK_REPLY, /* code, enhanced, text */
	HANDBACK_DISCARD,
};

struct handback {
	enum handback_answer answer;
	int code;
	const char *enhanced, *text;
	const struct recipient *about; /* REPLY: whose it is, for the footer */
	const struct change *changes;
	size_t nchanges;
};

enum milter_hold { MILTER_HOLD_MTA, MILTER_HOLD_STORE, MILTER_HOLD_BOTH };

struct handback_options {
	struct hold_store *hold; /* NULL: no store */
	struct counters *counters;
	enum milter_hold where; /* milter_hold.  MTA, where all that is not discarded is held alike
				   and without redirect or filter: QUARANTINE; else the store */
	unsigned can;           /* of enum milter_action (mail/milter_syntax.h): what was granted */
	int soft_bounce;
	int sendmail; /* the MTA is one; else it counts fields as Postfix does */
};

/* The bits of plan_options.door that an MTA with these rights stands for: DOOR_EDIT needs header
 * fields and body to be changeable, DOOR_RCPTS recipients to be added and deleted, DOOR_HOLD what
 * `where` needs. */
unsigned handback_door(unsigned can, const struct handback_options *);

/* The plan was made with handback_door()'s bits.  A hold copy that cannot be kept, or a change that
 * cannot be told, defers everybody (451 4.3.0) and leaves no copy behind. */
void handback_run(
    struct transaction *, const struct plan *, const struct handback_options *, struct handback *);

struct change_list {
	struct arena *arena;
	struct change *v;
	size_t n, cap;
	int sendmail; /* that counts the fields */
};
struct change *change_list_add(struct change_list *, enum change_kind);
/* Pure: what the edits come to as changes of fields and body; appends.  0; -1: they leave no header
 * that could be told so (a field without a colon, a NUL, a line that ends the header, ...), and
 * nothing is appended. */
int changes_of_edits(struct span message, const struct edit_list *, struct change_list *);

#endif
