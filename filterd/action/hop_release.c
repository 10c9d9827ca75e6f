#include "action/hop_release.h"
#include "base/err.h"
#include "client/pool.h"

/* A new connection costs less than a client that waits for what it has no part in. */
#define RSET_WAIT_MS 1000

void
hop_release(struct hop_pool *pool, struct hop *hop, struct deadline until)
{
	struct err err;

	if (hop_standing(hop) &&
	    hop_rset(hop, deadline_min(until, deadline_in_ms(RSET_WAIT_MS)), &err) == 0)
		pool_put(pool, hop);
	else
		pool_break(pool, hop);
}
