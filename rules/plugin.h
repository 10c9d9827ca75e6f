/*
 * plugin - the plugins of a configuration, as restrictions use them
 *
 * A configuration opens each of its plugins (plugins/filterd_plugin.h) once, whatever the number of
 * its listeners; their rows are found like built-in ones (struct rule_options has the instances).
 * What plugins ask of filterd is answered in rules/plugin_host*.c.
 *
 * Ownership: an instance is its maker's, who keeps `def` and `values` alive until
 *	plugin_close().  A host is never freed: a plugin keeps it in a static variable, and another
 *	configuration, or none, may be in force by the time it is used.
 * Threads: opening and closing one at a time; hosts any.
 */
#ifndef RULES_PLUGIN_H
#define RULES_PLUGIN_H

#include <stddef.h>

#include "base/attr.h"
#include "plugins/filterd_plugin.h"

struct counters;
struct err;

/* What becomes of the mail when a check could not be made (DESIGN.md, "Failure has a name"). */
enum rule_failure {
	FAILURE_POSTFIX, /* no outcome of its own: as Postfix's restrictions fail */
	FAILURE_DEFER,
	FAILURE_HOLD,
	FAILURE_TAG,
	FAILURE_ACCEPT,
};
#define RULE_FAILURE_WORDS "defer hold tag accept" /* of NAME_on_failure */
/* FAILURE_POSTFIX: it is none of these words. */
enum rule_failure rule_failure_parse(const char *word);
const char *rule_failure_word(enum rule_failure);

struct plugin_instance {
	/* filled by who opens it */
	const struct filterd_plugin *def;
	const struct filterd_value *values; /* as many as def->params; NULL when there are none */
	enum rule_failure on_failure;
	struct counters *counters; /* where its counters are; NULL: nowhere */
	/* filled by plugin_open() */
	const struct filterd_host *host;
	void *state;
	int is_open;
};

/* Have the plugin make its state.  0, or -1: it refused, and err says why in its words. */
int plugin_open(struct plugin_instance *, struct err *) ATTR_MUST_USE;
void plugin_close(struct plugin_instance *); /* one that is not open is fine */

/* The host of a process that decides: members about scans must not be called.  Always the same for
 * the same two. */
const struct filterd_host *plugin_host(const char *plugin_name, struct counters *);

/* Its row with this name, an older one included; NULL: none. */
const struct restriction_def *plugin_row_find(const struct filterd_plugin *, const char *name);
void plugin_rows_each(const struct filterd_plugin *,
    void (*f)(void *arg, const char *name, const char *text), void *arg);

/* May the plugin set this fact?  Those of its rows, and NAME=failed. */
int plugin_has_fact(const struct filterd_plugin *, const char *subject, const char *value);

#endif
