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
	enum access_kind kind;
	size_t list; /* ACCESS_LIST: a number of this text, from 0 on */
};

/* Hit number i of this source and table: 1; 0: there is none; -1: no time is left to look. */
int content_hit(struct rule_run *, int table, const struct content_source *, size_t i,
    struct content_hit *) ATTR_MUST_USE;

#endif
