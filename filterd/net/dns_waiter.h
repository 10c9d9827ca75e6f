/*
 * dns_waiter - what a batch of look-ups is woken by
 *
 * Counts look-ups under way and makes one descriptor readable when so few are left as somebody
 * waits for.  It outlives the batch while an answer is on its way to it.
 *
 * Ownership: counted; the last who lets go gives it back to the pool it came from.
 * Threads: any; one waits at a time.
 */
#ifndef NET_DNS_WAITER_H
#define NET_DNS_WAITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/fiber.h"

struct dns_waiters { /* the pool */
	pthread_mutex_t lock;
	struct dns_waiter *spare;
	unsigned nspare;
};

struct dns_waiter {
	atomic_int refs;
	struct dns_waiters *pool;
	struct dns_waiter *next;
	struct net_watch watch; /* an eventfd(2), at 0 unless somebody has just been woken */
	pthread_mutex_t lock;
	int left;    /* look-ups not answered */
	int wake_at; /* wake when so few are left; -1: nobody waits */
};

void dns_waiters_init(struct dns_waiters *);
void dns_waiters_fini(struct dns_waiters *);
/* NULL: no descriptor is to be had. */
struct dns_waiter *dns_waiter_get(struct dns_waiters *) ATTR_MUST_USE;
struct dns_waiter *dns_waiter_ref(struct dns_waiter *);
void dns_waiter_unref(struct dns_waiter *);
/* One more look-up; one less. */
void dns_waiter_expect(struct dns_waiter *);
void dns_waiter_done(struct dns_waiter *);
int dns_waiter_left(struct dns_waiter *);
/* Until so few are left: 1, or 0 at the deadline. */
int dns_waiter_wait(struct dns_waiter *, int left, struct deadline);

#endif
