/*
 * pattern - tables of rules that are tried in order: what regexp and pcre share
 *
 *	/pattern/flags result		!/pattern/flags result
 *	if /pattern/flags ... endif	if !/pattern/flags ... endif
 *
 * The file's grammar, the order of the rules and the results are here; an engine knows one kind of
 * pattern.
 *
 * Threads: pattern_get() any: what a look-up needs beside the compiled rules lies on its stack.
 */
#ifndef TABLE_PATTERN_H
#define TABLE_PATTERN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "table/template.h"

struct arena;
struct err;
struct prefilter;
struct table;
struct table_hit;
struct tree_pattern;

/* A key that is no line but a text.  What is small with a line is not with a text: such a look-up
 * may take PATTERN_LONG_US of processor time, rules and all, and then has failed; the rules behind
 * the one that took it have PATTERN_BEHIND_US. */
#define PATTERN_LONG      ((size_t)4096)
#define PATTERN_LONG_US   1000000
#define PATTERN_BEHIND_US 250000

/* What one look-up needs while it lasts. */
struct pattern_call {
	struct span key;
	struct arena *arena; /* the caller's */
	void *scratch;       /* the engine's */
	struct span *group;  /* TEMPLATE_GROUPS; filled when groups > 0 */
	unsigned groups;     /* so many are wanted of this rule */
	int64_t until_us;    /* clock_thread_us() when the look-up has taken enough; 0: not timed */
	_Alignas(max_align_t) char stack[2560];
};

struct pattern_engine {
	const char *word; /* "pcre" */
	unsigned flags;   /* when none is written */
	int pairs;        /* /a/!/b/ is allowed */
	int backtracks;   /* one pattern may take much more time than another */
	/* Toggle the flag: 1; 0 unknown; -1 known but without effect. */
	int (*flag)(char c, unsigned *flags);
	/* groups: how many the result wants.  NULL: why.  *has: how many the pattern has. */
	void *(*compile)(const struct table *, const char *text, unsigned flags, unsigned groups,
	    unsigned *has, char *why, size_t whysize);
	void (*free)(void *code);
	/* For the prefilter: -1 not understood. */
	int (*tree)(
	    const char *text, unsigned flags, struct arena *, struct tree_pattern *) ATTR_MUST_USE;
	/* Once a look-up, before the first exec(). */
	void (*begin)(const struct table *, struct pattern_call *);
	/* 1 match, 0 no match, -1 err without the rule's place. */
	int (*exec)(const void *code, struct pattern_call *, struct err *);
};

struct pattern_source { /* what was compiled; text NULL: none */
	const char *text;
	unsigned flags;
};

struct pattern_rule {
	enum { PATTERN_RESULT, PATTERN_IF, PATTERN_ENDIF } kind;
	int line;
	int negated, negated2;
	void *code, *code2; /* code2: of /a/!/b/ */
	struct pattern_source source, source2;
	size_t endif; /* of an if: index of its endif, SIZE_MAX when it has none */
	struct template result;
};

enum prefilter_state {
	PREFILTER_NONE, /* nobody asked, or there are too few patterns */
	PREFILTER_WAITING,
	PREFILTER_READY,
	PREFILTER_FAILED,
};

struct pattern_table {
	const struct pattern_engine *engine;
	void *shared;       /* the engine's, for all rules; the engine's type frees it */
	unsigned max_group; /* of all results */
	size_t nrules, cap;
	size_t npatterns; /* of all rules */
	struct pattern_rule *rules;
	_Atomic(struct prefilter *) prefilter; /* NULL: none, or not yet */
	atomic_int prefilter_state;            /* enum prefilter_state */
	char prefilter_why[200];               /* of PREFILTER_FAILED */
};

/* Read the table's file into t->data, a struct pattern_table. */
int pattern_open(
    struct table *, const struct pattern_engine *, void *shared, struct err *) ATTR_MUST_USE;
/* -1: hit->value may be there all the same, see table_get(). */
int pattern_get(
    const struct table *, struct span key, struct arena *, struct table_hit *, struct err *);
/* Is it certain that no part of the text that begins and ends where words may is found? */
int pattern_rules_out(const struct table *, struct span text);
/* Has the look-up taken more than it may?  For engines between pieces of work. */
int pattern_is_late(const struct pattern_call *);
void pattern_each(const struct table *,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);
void pattern_close(struct table *);

#endif
