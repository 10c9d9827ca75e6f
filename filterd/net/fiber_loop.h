/*
 * fiber_loop - a thread of its own that runs many fibers
 *
 * For work that nobody waits for on his own thread: each job is a function that runs in a fiber and
 * may wait in net_wait(), while the others go on.  Few descriptors at a time are expected
 *(poll(2)).
 *
 * Ownership: the caller's; fiber_loop_free() makes each wait end as at its deadline, then waits for
 *	the jobs to return.  Those that have not begun are run too, so that they can let go of what
 *is theirs. Threads: fiber_loop_add() any.  Limits: max fibers at a time; more jobs wait for their
 *turn, and no more than the queue holds.
 */
#ifndef NET_FIBER_LOOP_H
#define NET_FIBER_LOOP_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct fiber_loop;

struct fiber_loop_options {
	const char *name; /* of the thread, at most 15 octets */
	size_t stack_size;
	size_t max;   /* fibers */
	size_t queue; /* jobs that have not begun */
};

/* NULL: ERR_SYSTEM. */
struct fiber_loop *fiber_loop_new(const struct fiber_loop_options *, struct err *) ATTR_MUST_USE;
void fiber_loop_free(struct fiber_loop *); /* NULL is fine */
/* Run f(arg): 0, or -1: the queue is full. */
int fiber_loop_add(struct fiber_loop *, void (*f)(void *arg), void *arg) ATTR_MUST_USE;

#endif
