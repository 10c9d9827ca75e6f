/*
 * address_world - options, tables and arenas for tests of the address modules
 */
#ifndef TESTS_LIB_ADDRESS_WORLD_H
#define TESTS_LIB_ADDRESS_WORLD_H

#include "base/buf.h"
#include "rules/address.h"
#include "rules/load.h"
#include "rules/map_list.h"
#include "rules/own_networks.h"
#include "rules/rules.h"

struct table_set;

struct address_world {
	struct rule_options o; /* a site: world_open() fills in what Postfix would */
	struct table_registry *tables;
	struct arena *mem, *arena;
	struct rule_load load;
	struct buf told; /* "error NAME FILE:LINE: TEXT\n" for each finding */
	struct own_networks *own;
	struct address_rules *rules;
	struct table_set *set;
	struct map_ask ask; /* after address_world_ready() */
};

void address_world_open(struct address_world *);
/* Compile own networks and address rules from w->o. */
void address_world_compile(struct address_world *);
/* All tables are there: take the set. */
void address_world_ready(struct address_world *);
void address_world_close(struct address_world *);
/* Everything in one: compiled, ready, this address understood. */
const struct address *address_world_resolve(struct address_world *, const char *text);

#endif
