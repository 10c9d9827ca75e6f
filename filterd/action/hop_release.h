/*
 * hop_release - a transaction that will have no data is forgotten, and its connection kept
 *
 * Somebody waits for a reply that owes nothing to this: so the next hop is given about a second to
 * answer RSET, and one that takes longer loses its connection, which ends the transaction as well.
 *
 * Threads: any.
 */
#ifndef ACTION_HOP_RELEASE_H
#define ACTION_HOP_RELEASE_H

#include "base/clock.h"

struct hop;
struct hop_pool;

/* The connection is the pool's again, or closed.  until: no longer than that in any case. */
void hop_release(struct hop_pool *, struct hop *, struct deadline until);

#endif
