/*
 * door - sessions, threads and parking, for every kind of listener
 *
 * Worker threads wait in epoll_wait(2) themselves; a session runs on a thread while there is input
 * and is parked at any command boundary with an empty buffer (DESIGN.md, decision 1).  A handler
 * keeps nothing in locals across commands.
 *
 * Threads: door_start() makes them; door_reload() and door_stop() are called by the worker's main
 * thread.
 */
#ifndef FRONT_DOOR_H
#define FRONT_DOOR_H

#include <stddef.h>

#include "action/relay.h"
#include "base/attr.h"

struct counters;
struct dns;
struct doors;
struct err;
struct reentry;
struct rule_services;
struct snapshot;

struct door_options {
	const int *listen_fds; /* one a listener of the configuration; -1: another process's */
	size_t nlisten;
	int threads; /* worker_threads */
	struct counters *counters;
	struct hop_pool *pool;
	struct hold_store *hold;
	struct delivered *delivered;
	struct reentry *reentry;
	struct dns *dns;                      /* NULL: no names are looked up */
	const struct rule_services *services; /* for the restrictions; NULL: none */
};

struct doors *doors_start(
    struct snapshot *, const struct door_options *, struct err *) ATTR_MUST_USE;
/* New sessions and new transactions use this configuration.  -1: its listeners are others, which
 * needs a restart; the old one stays. */
int doors_reload(struct doors *, struct snapshot *, struct err *) ATTR_MUST_USE;
/* Stop accepting, answer 421 to sessions between transactions, wait for the others; 0 all gone, -1
 * the limit passed.  Frees. */
int doors_stop(struct doors *, int time_limit_ms);
/* The present configuration, counted. */
struct snapshot *doors_snapshot(struct doors *);

#endif
