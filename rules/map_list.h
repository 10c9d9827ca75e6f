/*
 * map_list - "type:name type:name ...", asked in order
 *
 * The value of virtual_alias_maps, local_recipient_maps and their like.  The first table that has
 * the key answers; a table that cannot be asked ends the search.  An empty answer is Postfix's
 * "should return NO RESULT in case of NOT FOUND": ERR_CONFIG.
 *
 * Ownership: made in the load's arena.  Threads: find any.
 */
#ifndef RULES_MAP_LIST_H
#define RULES_MAP_LIST_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;
struct err;
struct rule_load;
struct table;
struct table_hit;
struct table_set;

/* Who asks the tables, and with what: of one evaluation. */
struct map_ask {
	const struct table_set *set;
	struct arena *arena; /* for keys and answers */
	/* NULL: table_get().  Else asked instead, with the same results, to keep a trace. */
	int (*get)(
	    void *arg, const struct table *, struct span key, struct table_hit *, struct err *);
	void *arg;
};

struct map_list {
	int *tables; /* numbers in the registry */
	size_t n;
};

/* text NULL or "": no tables. */
void map_list_compile(
    struct map_list *, struct rule_load *, const char *parameter, const char *text);
/* partial: the key is part of what is looked for, so pattern tables are not asked.  1, 0, or -1:
 * ERR_RETRY when a table could not be asked (a broken one too), ERR_CONFIG for an empty answer. */
int map_list_find(const struct map_list *, const struct map_ask *, struct span key, int partial,
    struct table_hit *, struct err *) ATTR_MUST_USE;
/* One table in the same way: 1, 0, -1 with the table's own error. */
int map_ask_table(const struct map_ask *, int number, struct span key, struct table_hit *,
    struct err *) ATTR_MUST_USE;

#endif
