/*
 * snapshot - one configuration, checked and compiled, counted
 *
 * Everything a transaction needs of the configuration: parameters (one set a listener), compiled
 * content checks, tables.  A reload builds a new one aside, checks all of it and swaps a pointer;
 * transactions keep theirs to the end (DESIGN.md, decision 14).
 *
 * Threads: any; immutable but for the tables' own refresh.
 */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include <stddef.h>

#include "action/plan.h"
#include "base/attr.h"
#include "conf/conf.h"

struct content_checks;
struct counters;
struct err;
struct mime_options;
struct rules;
struct snapshot;
struct table_registry;

/* A listener with its own parameter values, its compiled rules and parsed lists. */
struct snap_listener {
	const struct conf_listener *conf; /* kind, endpoint, name, role */
	const struct params *params;      /* with the listener's own values */
	struct next_hop next_hop;         /* text "": a policy listener, which has none */
	struct content_checks *checks;
	struct rules *rules;
	int asks; /* there is a list or a check, so that there are decisions to keep */
	struct net_list *allowed, *xforward, *xclient;
	struct plan_options plan;
	int filter_map; /* number of filter_next_hop_maps in the registry, -1 none */
};

/* Build from a loaded configuration; findings go to `report` (errors and warnings with file and
 * line), each once, for however many listeners and parameters it holds.  NULL: at least one error.
 * Takes conf over in both cases. */
struct snapshot *snapshot_build(
    struct conf *, struct counters *, conf_report_fn *report, void *arg) ATTR_MUST_USE;
struct snapshot *snapshot_ref(struct snapshot *);
void snapshot_unref(struct snapshot *); /* NULL is fine */

/* How these parameters have messages taken apart. */
void snapshot_mime_options(const struct params *, struct mime_options *);

const struct conf *snapshot_conf(const struct snapshot *);
struct table_registry *snapshot_tables(const struct snapshot *);
size_t snapshot_listener_count(const struct snapshot *);
const struct snap_listener *snapshot_listener(const struct snapshot *, size_t i);
const struct snap_listener *snapshot_listener_by_name(const struct snapshot *, const char *name);

#endif
