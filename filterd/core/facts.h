/*
 * facts - what was noticed about a transaction, for rules, log and explain
 *
 * facts.def is the list of filterd's own; the set is a bit each, with details or none.  Those of
 * plugins are texts.  Some of either come from outside (a virus' name, a charset's).
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct arena;

enum fact {
#define FACT(id, subject, value, stage, text) FACT_##id,
#include "core/facts.def"
#undef FACT
	FACT_COUNT
};

struct fact_told { /* as shown: blanks are "_", what cannot be shown is \xHH */
	struct fact_told *next;
	const char *teller;
	const char *subject, *value;
	const char *detail; /* NULL: none */
};
/* A transaction and teller, so that one who tells a lot takes no other's place; of "failed", which
 * must never be lost among the rest, there are places besides.  facts=limit tells of more. */
#define FACTS_TOLD_MAX   64
#define FACTS_FAILED_MAX 8

/* Details of one of filterd's own facts, and of all of them: facts=limit tells of more. */
#define FACT_DETAILS_MAX     8
#define FACT_ALL_DETAILS_MAX 32

struct fact_detail {
	enum fact id;
	const char *text; /* as it was given; arena memory */
};

struct facts {
	uint64_t set;
	struct fact_detail details[FACT_ALL_DETAILS_MAX]; /* in the order told, each once */
	size_t ndetails;
	struct fact_told *told, *told_last; /* in the order told, each once */
	int told_more;
};

void fact_set(struct facts *, enum fact);
/* A further one, if it is not there yet. */
void fact_set_detail(struct facts *, enum fact, const char *detail);
/* "text=limit:size", as log and explain show it: blanks are "_", what cannot be shown is \xHH. */
const char *fact_detail_shown(const struct fact_detail *, struct arena *);
int fact_has(const struct facts *, enum fact);
/* "mime=limit:depth" */
const char *fact_name(enum fact);
/* A fact of a plugin, whose name TELLER outlives the facts; detail NULL: none.  What it looks like,
 * "subject=value:detail", or NULL: it is there already, or there are too many. */
const char *facts_tell(struct facts *, struct arena *, const char *teller, const char *subject,
    const char *value, const char *detail);
/* "mime=limit:depth line=long", the set ones with a blank between. */
void facts_format(const struct facts *, struct buf *);

#endif
