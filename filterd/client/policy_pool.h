/*
 * policy_pool - connections to policy servers, kept and lent
 *
 * As pool.h for next hops: a connection is lent to one request at a time, kept ones are looked at
 * before they are lent, and how long each may be kept its borrower says.  Only POLICY_KEPT_MAX
 * unused ones are kept for a server.
 *
 * Ownership: a link is the borrower's until policy_pool_put() or policy_link_close().
 * Threads: any.  No lock is held while anything waits.
 */
#ifndef CLIENT_POLICY_POOL_H
#define CLIENT_POLICY_POOL_H

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"

struct err;
struct policy_pool;
struct stream;

#define POLICY_KEPT_MAX 64

struct policy_link {
	struct policy_link *next;
	struct stream *s;
	int64_t born_ms;
	int64_t good_until_ms; /* unused; set by whoever gives it back */
	int64_t requests;      /* it has answered */
};

struct policy_pool *policy_pool_new(void);
/* All links must be back. */
void policy_pool_free(struct policy_pool *); /* NULL is fine */

/* A kept connection, or NULL: there is none that is still good. */
struct policy_link *policy_pool_take(struct policy_pool *, const struct endpoint *);
/* A new one; NULL with err (ERR_RETRY, or ERR_CONFIG: no such host). */
struct policy_link *policy_link_open(
    const struct endpoint *, struct deadline, struct err *) ATTR_MUST_USE;
/* For the next request, until good_until_ms. */
void policy_pool_put(struct policy_pool *, const struct endpoint *, struct policy_link *);
void policy_link_close(struct policy_link *); /* NULL is fine */
/* Close what has been unused too long; called about once a second by one thread. */
void policy_pool_tidy(struct policy_pool *);

#endif
