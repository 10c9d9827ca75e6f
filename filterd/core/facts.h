/*
 * facts - what was noticed about a transaction, for rules, log and explain
 *
 * facts.def is the list; the set is a bit each, with an optional detail (last one wins).
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdint.h>

#include "base/buf.h"

enum fact {
#define FACT(id, subject, value, stage, text) FACT_##id,
#include "core/facts.def"
#undef FACT
	FACT_COUNT
};

struct facts {
	uint64_t set;
	const char *detail[FACT_COUNT]; /* arena memory, or NULL */
};

void fact_set(struct facts *, enum fact);
void fact_set_detail(struct facts *, enum fact, const char *detail);
int fact_has(const struct facts *, enum fact);
/* "mime=limit:depth line=long", the set ones with a blank between. */
void facts_format(const struct facts *, struct buf *);

#endif
