/*
 * content_hits - which keys of a source a table knows, found out once a transaction
 *
 * Nobody but content_source.c includes it.  As far as some list has wanted to know: the next hit
 * is looked for when it is asked for.
 */
#ifndef RULES_CONTENT_HITS_H
#define RULES_CONTENT_HITS_H

#include "rules/access_impl.h"
#include "rules/content_source.h"
#include "table/table.h"

struct content_hit {
	struct content_key key;
	struct table_hit row;
	const char *failed; /* why there is none; NULL: there is one */
	int over;           /* failed, and the table is not asked any more */
	enum access_kind kind;
	size_t list; /* ACCESS_LIST: a number of this text, from 0 on */
	int told;    /* what a log has to say of it was said */
};

/* Of this source and table, none looked for yet. */
struct kept_hits *content_hits(struct rule_run *, int table, const struct content_source *);
/* Hit number i: 1, and it stays where it is; 0: there is none; -1: no time is left to look. */
int content_hit(struct rule_run *, struct kept_hits *, const struct content_source *, size_t i,
    struct content_hit **) ATTR_MUST_USE;

#endif
