/*
 * snapshot_plugins - the plugins of a configuration, opened for those who decide
 *
 * Ownership: the caller's, who keeps conf to the end and calls snapshot_plugins_close() after rules
 *	that use them are gone.
 * Threads: opening and closing one at a time.
 */
#ifndef ENGINE_SNAPSHOT_PLUGINS_H
#define ENGINE_SNAPSHOT_PLUGINS_H

#include <stddef.h>

#include "base/attr.h"
#include "table/table.h"

struct arena;
struct conf;
struct conf_plugin;
struct counters;
struct plugin_instance;

struct snapshot_plugins {
	struct plugin_instance *v; /* in the order of `plugins` */
	size_t n;
	struct table_plugins tables; /* their table types */
};

/* All that can be opened are; what is wrong is told, a finding each. */
typedef void snapshot_plugin_fn(void *arg, const struct conf_plugin *, const char *text);
void snapshot_plugins_open(struct snapshot_plugins *, const struct conf *, struct counters *,
    struct arena *, snapshot_plugin_fn *tell, void *arg);
void snapshot_plugins_close(struct snapshot_plugins *);

#endif
