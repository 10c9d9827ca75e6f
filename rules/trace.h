/*
 * trace - every step of an evaluation, for explain
 *
 * Events in the order in which they happened, written at once in a compact form into an arena:
 * names (words of lists, tables, files) once each, then by reference.  The same octets go into the
 * decision log (engine/decision_log.h) and are read there again, so what is read comes from
 * outside.
 *
 * LIST ... END, and ROW ... RESULT within it, enclose one another like brackets; what stands
 * between ROW and RESULT is about that row.  After NEXT, up to NEXT_END, comes what would have
 * decided if the decision just made had not been (go_on).
 *
 * Ownership: the trace is its maker's, its octets the arena's.  An event's name and file must live
 *	as long as the trace and not change (compiled rules, tables, the transaction's arena); the
 *	other texts are copied, cut to TRACE_TEXT octets.
 * Limits: TRACE_MAX octets; what comes then is counted in `lost`.
 * Threads: one at a time.
 */
#ifndef RULES_TRACE_H
#define RULES_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;

#define TRACE_MAX   ((size_t)64 * 1024)
#define TRACE_TEXT  ((size_t)1000)
#define TRACE_NAMES 64 /* a power of 2 */

enum trace_kind {
	TRACE_STAGE,   /* a question: name is the stage, key the recipient (if there is one) */
	TRACE_LIST,    /* a list begins: name */
	TRACE_ROW,     /* an item is tried: name is its word, file:line where it stands; warned */
	TRACE_LOOKUP,  /* a table was asked: name, key, answer (absent: none) at file:line, us;
			  failed: answer says why */
	TRACE_DNS,     /* the DNS was asked: name the type, key the name, answer, us waited */
	TRACE_POLICY,  /* a policy server was asked: name, answer, us */
	TRACE_VERIFY,  /* an address was verified: name is whom it asked, key the address, answer */
	TRACE_EFFECT,  /* name is "HOLD" or the like, answer its text, file:line the rule's */
	TRACE_WAITS,   /* remembered: name is "defer_if_permit" or "defer_if_reject", answer */
	TRACE_SETTLED, /* what had been remembered becomes the reply: name, file:line its rule */
	TRACE_WARNED,  /* warn_if_reject: answer is the refusal that was only logged */
	TRACE_NOTE,    /* answer: what else is to be known */
	TRACE_RESULT,  /* of the row: answer is "ok", "450 4.7.1 ..."; none: "dunno" */
	TRACE_END,     /* the list's result: answer */
	TRACE_NEXT,    /* from here on: what would have decided next */
	TRACE_NEXT_END, /* up to here; answer: nothing would, if there is one */
	TRACE_VERDICT,  /* of the stage: answer, name the list, file:line the rule */
	TRACE_REPLY,    /* what was sent to the client, with its footer: answer */
	TRACE_SCAN,     /* a scanner was asked: name is PLUGIN/SCAN, answer, us; failed */
};
#define TRACE_KINDS (TRACE_SCAN + 1)

struct trace_event {
	enum trace_kind kind;
	const char *name; /* NULL: none */
	const char *file; /* NULL: none */
	int line;
	struct span key;    /* p NULL: none */
	const char *answer; /* NULL: none */
	int64_t us;
	int warned; /* ROW: behind warn_if_reject */
	int failed; /* LOOKUP, POLICY: no answer could be had */
};

struct rule_trace {
	struct arena *arena;
	uint8_t *p;
	size_t len, cap;
	size_t lost; /* events for which there was no room */
	size_t rows; /* items tried, content tables' hits included */
	int go_on;   /* after a decision, look what would have decided next */
	struct {     /* where names that were written stand, by their address */
		const char *name;
		uint32_t at;
	} names[TRACE_NAMES];
};

void trace_init(struct rule_trace *, struct arena *);
/* The same with room to begin with, which must outlive the trace; the arena gives what is needed
 * above it. */
void trace_init_room(struct rule_trace *, struct arena *, void *room, size_t size);
/* NULL trace: nothing happens. */
void trace_add(struct rule_trace *, const struct trace_event *);
/* Forget the events, as they have been taken elsewhere. */
void trace_clear(struct rule_trace *);

/* An event that is read: texts point into the octets; p NULL: none. */
struct trace_read {
	enum trace_kind kind;
	struct span name, file, key, answer;
	int line;
	int64_t us;
	int warned, failed;
};
struct trace_reader {
	struct span all;
	size_t at;
};
/* The next event: 1; 0 at the end; -1 these octets are no trace. */
int trace_next(struct trace_reader *, struct trace_read *) ATTR_MUST_USE;

#endif
