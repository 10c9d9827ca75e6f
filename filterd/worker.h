/*
 * worker - the state of the process that serves
 *
 * Made by program_worker(); worker.c owns it.  What the control socket's threads may touch is
 * marked: everything else belongs to the main thread.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include <jansson.h>

#include "base/clock.h"
#include "rules/rules.h"

struct conf;
struct counters;
struct ctl_server;
struct delivered;
struct doors;
struct hold_store;
struct hop_pool;
struct proc_worker;
struct scan_glue;
struct program;

struct worker {
	/* Fixed while the control socket is open; any thread. */
	const struct program *prog;
	const struct proc_worker *proc;
	struct counters *counters;
	struct doors *doors;
	struct hop_pool *pool;
	struct hold_store *hold;
	struct delivered *delivered;
	struct reentry *reentry;
	struct rule_services services;
	struct scan_glue *scanners; /* NULL: there are none */
	int64_t born_us;            /* wall clock */
	_Atomic int64_t loaded_us;  /* of the configuration in use */
	_Atomic int restart_needed; /* parameters changed that a reload does not take over */
	/* Main thread. */
	struct ctl_server *ctl;
	struct conf *first; /* began with this one: what needs a restart still has its values */
	struct deadline expire_at;
	int stop_time_limit_ms;
};

/* How scanners fare, NULL where there are none: scanner_status.c */
json_t *worker_scanners(const struct worker *);
/* ctl_answer_fn: worker_ctl.c */
char *worker_answer(void *worker, const char *request);

#endif
