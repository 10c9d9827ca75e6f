/*
 * verdict - what was decided, and by which rule
 *
 * One outcome plus effects (DESIGN.md, "Verdicts").  A transaction has one for the message; each
 * recipient has one of its own.  Everything pointed to lives in the transaction's arena or in the
 * configuration snapshot the transaction holds.
 */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "core/edit.h"

struct arena;

enum outcome { OUTCOME_DUNNO, OUTCOME_OK, OUTCOME_DEFER, OUTCOME_REJECT };

/* Who said so.  file NULL: not a rule of a file; then `list` names the parameter or the part of
 * filterd. */
struct origin {
	const char *list;   /* "header_checks", "next hop", "message_size_limit" */
	const char *file;   /* table file */
	int line;           /* 1-based; 0: none */
	const char *plugin; /* or NULL */
};

struct effect_text { /* an effect with an argument, and who raised it */
	const char *arg;
	struct origin origin;
};

struct effect_texts {
	struct effect_text *v;
	size_t n, cap;
};

struct score_part { /* points, who gave them and by what name: core/score.h */
	const char *name;
	int64_t points;
	struct origin origin;
};

struct score {
	int64_t total; /* thousandths */
	struct score_part *v;
	size_t n, cap;
};

/* For a door that hands these on as they are (transaction.deferrals_by_name): the outcome is DUNNO
 * or OK, and code, enhanced, text and origin are the deferral's. */
enum deferral_kind { DEFERRAL_NONE, DEFERRAL_IF_PERMIT, DEFERRAL_IF_REJECT };

struct verdict {
	enum outcome outcome;
	enum deferral_kind deferral;
	int code;             /* 4xx or 5xx; 0 while DUNNO or OK */
	char enhanced[12];    /* "5.7.1" */
	const char *text;     /* without codes */
	const char *stage;    /* as logs have it: "END-OF-MESSAGE" */
	struct origin origin; /* of the outcome */

	int discard, hold;
	const char *hold_reason, *discard_reason; /* optional text of the rule */
	struct origin discard_origin, hold_origin;
	int hold_failed;                     /* it is held because a check could not be made */
	struct effect_text filter, redirect; /* arg NULL: none; the last one wins */
	struct effect_texts bcc;             /* they add up */
	struct effect_texts tags;            /* arg: the TAG's text, may be "" */
	struct effect_texts prepends; /* headers put in front of the message, "Name: value" */
	struct edit_list edits;
	struct score score; /* a recipient's counts beside the message's */
};

void verdict_init(struct verdict *, struct arena *);
/* A refusal; the first one stays, later calls change nothing.  The class of `enhanced` is forced to
 * the code's. */
void verdict_refuse(
    struct verdict *, int code, const char *enhanced, const char *text, struct origin);
void effect_add(struct effect_texts *, struct arena *, const char *arg, struct origin);
/* "FILE:LINE", or the list's name; "-" when there is none. */
void origin_format(const struct origin *, char *out, size_t size);
int origin_same(const struct origin *, const struct origin *);
const char *outcome_name(enum outcome);

#endif
