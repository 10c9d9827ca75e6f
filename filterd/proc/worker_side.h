/*
 * worker_side - what happens in the worker's process before and around its life
 *
 * Also the worker's half of the talk with the supervisor: a datagram each, first byte the kind.
 */
#ifndef PROC_WORKER_SIDE_H
#define PROC_WORKER_SIDE_H

#include <signal.h>
#include <stdint.h>

#include "proc/proc.h"

/* The worker's messages to the supervisor. */
#define WORKER_READY 'R'
#define WORKER_LIMIT 'S'

struct worker_message {
	char kind;
	int32_t value; /* WORKER_LIMIT: ms */
};

/* In the forked child: drop rights, live, exit.  Never returns.  mask: what the supervisor had
 * before it blocked its signals. */
void worker_side_run(
    const struct proc_ops *, const struct proc_worker *, const sigset_t *mask) ATTR_NORETURN;

#endif
