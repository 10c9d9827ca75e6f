/*
 * fiber - straight code that waits without holding a thread
 *
 * A fiber is a function with a stack of its own.  It runs on the thread that resumes it until it
 * returns or yields, and may be resumed by another thread.  So a handler is written straight, waits
 * in net_wait(), and its thread serves others meanwhile.  What it costs: two switches without the
 * kernel (0.5 us where they are swapcontext(3)), where a blocked thread costs two of the kernel's,
 * 5 us each on the machine this was measured on; and 8-16 KB of touched stack while it waits.
 *
 * Rules for code that may run in a fiber: no lock is held across a wait; and no function keeps the
 * address of a thread-local variable (errno too) from before a wait to after it, for it may be
 * another thread's by then.
 *
 * Ownership: fiber_new() gives it to the caller, who calls fiber_free() when it does not run.
 * Threads: a fiber is resumed by one thread at a time.
 */
#ifndef NET_FIBER_H
#define NET_FIBER_H

#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"

struct fiber;

/*
 * A descriptor, and what those who wait for it know of it.  It lives as long as the descriptor is
 * waited for; all but fd begins as 0.
 */
struct net_watch {
	int fd;
	unsigned known; /* the fiber owner's own: how it was told of the descriptor */
	int hung_up;    /* a wait has seen that the peer will send no more */
	int counter;    /* an eventfd(2): the owner ends a wait by adding to it, where it shuts a
			   socket down; so it can be waited for again */
};

/* The fiber's owner; its functions are called inside the fiber. */
struct fiber_owner {
	/* Note what is waited for, and yield.  1: ready; 0: the deadline passed. */
	int (*wait)(void *arg, struct net_watch *, int for_write, struct deadline);
	/* 0: nothing has come, and nobody has hung up, since the last wait to read. */
	int (*stirred)(void *arg, const struct net_watch *);
	/* Yield, and go on when others have had their turn. */
	void (*pause)(void *arg);
};

/* NULL: no memory for a stack. */
struct fiber *fiber_new(size_t stack_size, const struct fiber_owner *) ATTR_MUST_USE;
void fiber_free(struct fiber *); /* NULL is fine */
/* Prepare it to run f(arg); arg is the owner's functions' too. */
void fiber_start(struct fiber *, void (*f)(void *arg), void *arg);
/* Run it: 1 it has yielded, 0 f has returned. */
int fiber_resume(struct fiber *);
/* Inside a fiber: back to whoever resumed it. */
void fiber_yield(void);
/* Is this code running in a fiber? */
int fiber_inside(void);

/*
 * Wait until the descriptor can be read or written: 1, or 0 at the deadline, or -1 (errno).  In a
 * fiber the fiber waits, elsewhere the thread does.
 *
 * A fiber may be told of changes alone (an edge triggered epoll(7)).  So who waits to read has read
 * before until a call brought less than it asked for, and once hung_up is set has read in vain just
 * now; who waits to write has written in vain.  And a wait may end for nothing.
 */
int net_wait(struct net_watch *, int for_write, struct deadline);
/* Is it worth asking the kernel whether something has come?  0: no event has told of any; 1: it is,
 * and always so outside fibers. */
int net_stirred(const struct net_watch *);
/* In a fiber: let others go first.  Elsewhere nothing. */
void net_pause(void);

#endif
