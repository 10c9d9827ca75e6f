/*
 * facts - what was noticed about a transaction, for rules, log and explain
 *
 * facts.def is the list of filterd's own; the set is a bit each, with an optional detail (last one
 * wins).  Those of plugins are texts, some of which come from outside (a virus' name).
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

struct facts {
	uint64_t set;
	const char *detail[FACT_COUNT];     /* arena memory, or NULL */
	struct fact_told *told, *told_last; /* in the order told, each once */
	int told_more;
};

void fact_set(struct facts *, enum fact);
void fact_set_detail(struct facts *, enum fact, const char *detail);
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
