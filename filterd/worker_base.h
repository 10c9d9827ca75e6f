/*
 * worker_base - what every worker does, of whatever role
 *
 * Reads the configuration, gives it to what keeps things on disk, and hears the supervisor.
 */
#ifndef WORKER_BASE_H
#define WORKER_BASE_H

#include "base/attr.h"

struct counters;
struct decision_limits;
struct hold_options;
struct params;
struct proc_worker;
struct program;
struct snapshot;

/* What is found in the configuration is told once, by the worker proper: at the first start to the
 * terminal as well. */
enum worker_tells { WORKER_TELLS_NOTHING, WORKER_TELLS_LOG, WORKER_TELLS_ALL };
/* The configuration, if it is good and wants the sockets that are open, else NULL. */
struct snapshot *worker_load(
    const struct program *, struct counters *, enum worker_tells) ATTR_MUST_USE;
/* All at 0. */
struct counters *worker_counters(const struct program *, const struct proc_worker *);
/* The file's own values. */
const struct params *worker_params(const struct snapshot *);
/* Log as the parameters say. */
void worker_change_log(const struct params *);
void worker_hold_options(const struct params *, struct hold_options *);
void worker_decision_limits(const struct params *, struct decision_limits *);

struct worker_orders {
	int reload, reopen, stop;
};
/* All that wait: after a burst of reloads one is enough, and a stop waits for none. */
struct worker_orders worker_read_orders(const struct proc_worker *);

#endif
