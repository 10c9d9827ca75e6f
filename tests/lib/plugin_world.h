/*
 * plugin_world - a rule_world (rule_world.h) that has the plugin of probe_plugin.c, opened, and the
 * scanner of probe_scanner.h
 */
#ifndef TESTS_LIB_PLUGIN_WORLD_H
#define TESTS_LIB_PLUGIN_WORLD_H

#include <stdint.h>

#include "rules/plugin.h"
#include "tests/lib/probe_scanner.h"
#include "tests/lib/rule_world.h"

/* What a client is told of a check that failed. */
#define UNAVAILABLE "451 4.7.1 Service temporarily unavailable, try again later"

struct message;

struct plugin_world {
	struct rule_world w;
	struct filterd_value values[1];
	struct plugin_instance plugin;
	struct message *message;
	struct probe_scanner scanner;
	struct scan_ops ops;
};

void plugin_world_init(struct plugin_world *);
void plugin_world_fini(struct plugin_world *);
/* The transaction's message. */
void plugin_world_message(struct plugin_world *, const char *text);
/* As in the log; until the next call. */
const char *plugin_world_facts(struct plugin_world *);
/* A counter of the plugin; -1: there is none. */
int64_t plugin_world_counted(const char *name);

#endif
