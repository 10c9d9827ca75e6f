/*
 * trace - every step of an evaluation, for explain
 *
 * Events in the order in which they happened, in an arena.  depth says how deep inside classes and
 * table rows; a LOOKUP, DNS or POLICY event belongs to the ROW before it.
 *
 * Ownership: the trace is its maker's; texts are copied into its arena.
 * Threads: one at a time.
 */
#ifndef RULES_TRACE_H
#define RULES_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct arena;

enum trace_kind {
	TRACE_LIST,   /* a list begins: name */
	TRACE_ROW,    /* an item is tried: name is its word, file:line where it stands */
	TRACE_LOOKUP, /* a table was asked: name, key, answer (NULL: absent), us */
	TRACE_DNS,    /* the DNS was asked: name is "MX example.com", answer, us waited */
	TRACE_POLICY, /* a policy server was asked: name, answer, us */
	TRACE_RESULT, /* of the row: answer is "dunno", "ok", "450 4.7.1 ...", "hold ..." */
	TRACE_END,    /* the list's result: answer */
	TRACE_NOTE,   /* answer: what else is to be known */
};

struct trace_event {
	struct trace_event *next;
	enum trace_kind kind;
	int depth;
	const char *name, *key, *answer;
	const char *file;
	int line;
	int64_t us;
};

struct rule_trace {
	struct arena *arena;
	struct trace_event *first, *last;
	size_t n;
	int go_on;             /* after the decision, look what would have decided next */
	const char *recipient; /* for whom the events are that come; "" none */
};

/* NULL trace: nothing happens.  Texts may be NULL. */
void trace_add(struct rule_trace *, const struct trace_event *);

#endif
