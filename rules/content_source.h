/*
 * content_source - restrictions that ask a table about one thing of the message after another
 *
 * check_body, check_text, check_attachment, check_url, check_fact and their kin differ in what they
 * take from the message; what a row of the table does is the same for all (DESIGN.md, "Verdicts"):
 *
 *	REJECT, DEFER, 4NN, 5NN [text]: the reply is "CODE ENH text"; the list ends
 *	OK, PASS: the list ends, accepted
 *	DISCARD: effect; the list ends
 *	DUNNO, WARN, INFO, HOLD, TAG, SCORE, BCC, REDIRECT, FILTER: effect; the next key
 *	IGNORE, STRIP, REPLACE, PREPEND: an edit at the key's place, for this recipient; next key
 *	a class, or a list: evaluated once, at its first match; its OK ends the list
 *
 * Without a place PREPEND is a header field in front of the message; IGNORE, STRIP and REPLACE do
 * nothing and are told of, at load where it can be known.
 *
 * A source is a numbered set of keys, the same for all recipients; so is what a table says of them.
 * Both are worked out once a transaction, and only as far as some recipient's list wants to know:
 * the keys are the source's to keep (content_keep()), the hits of a table are kept here.
 *
 * So are the edits of hits, for recipients whose list was the same before (content_share.h); other
 * effects are each recipient's own.  Limits: what they take together is bounded, and above that, or
 * when time is over, the check has failed for who comes then.  The log has a line a row (and text)
 *and one of how many more, for the first recipient who met it.
 *
 * A look-up that fails, and a key that cannot be had, is rule_failed(): patterns_on_failure, or the
 * op's own.  Keys behind it are looked up all the same; where that comes to an end, since what
 * failed took too long, the table knows too much or no time is left, that is told, and the fact
 * patterns=limit.
 *
 * Threads: a transaction has one at a time.
 */
#ifndef RULES_CONTENT_SOURCE_H
#define RULES_CONTENT_SOURCE_H

#include <stddef.h>

#include "base/span.h"
#include "rules/rule_run.h"

struct err;

enum content_place_kind {
	PLACE_NONE,
	PLACE_FIELD, /* a whole header field with its folding */
	PLACE_LINE,  /* a physical line of a body, or a piece of it */
};

struct content_key {
	struct span text; /* what the table is asked with; it lives as long as the transaction */
	/* Keys of one thing have the same number, rising: once a table knows one of them (DUNNO
	 * included) it is not asked about the others.  A host and then its parent domains, say.
	 * What comes to be known of a thing later may stand behind other things, as another
	 * reading. */
	size_t thing;
	enum content_place_kind place;
	size_t at, len;    /* of the message: what REPLACE takes away, line ends included */
	struct span shown; /* for the log; p NULL: text */
	/* Where mail readers may differ on a thing: keys of another reading, 0 being the first, are
	 * asked about although one of the thing is known, but a row that has answered for the thing
	 * does not do so again. */
	int reading;
	/* Octets in which this key and some after it lie, each of them where words may begin and
	 * end, and how many keys these are, of things of their own: they are passed over if all of
	 * it has nothing that the table knows.  0: none. */
	struct span around;
	size_t naround;
};

struct content_source {
	const char *name; /* unique: "header", "body", "text", "url" */
	/* 1: key number i is in *key; 0: there are no more; -1: they could not be found out, err
	 * says why.  i is asked for in order, from 0 on, but may be asked for again. */
	int (*get)(struct rule_run *, size_t i, struct content_key *key, struct err *);
	const char *shown; /* what the log calls it; NULL: its name */
};

/* The check of such a restriction, with the op's table. */
enum rule_result content_source_check(
    struct rule_run *, const struct rule_op *, const struct content_source *);

/* Compile functions of such restrictions: what the rows of the table say is looked at while the
 * configuration is loaded.  By the place that the keys have: none, _FIELD, _LINE. */
int content_compile(struct rule_compile *, struct rule_op *);
int content_compile_fields(struct rule_compile *, struct rule_op *);
int content_compile_lines(struct rule_compile *, struct rule_op *);
/* The same of one result, which stands in the item itself. */
void content_look_at_result(struct rule_compile *, struct rule_op *, const char *value);

/* The same memory for all who ask by this name in this transaction, cleared when first asked for:
 * where a source keeps what it has worked out.  Names are compared as pointers' texts. */
void *content_keep(struct rule_run *, const char *name, size_t size);

/* The message; its view lives as long as the transaction.  0: it has not come yet. */
int content_message(const struct rule_run *, struct span *);

#endif
