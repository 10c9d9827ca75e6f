/*
 * verify_probe - one probe: ask a mail server whether it takes mail for an address
 *
 * Waits in net_wait(), so it may run in a fiber.  Threads: any.
 */
#ifndef RULES_VERIFY_PROBE_H
#define RULES_VERIFY_PROBE_H

#include "base/clock.h"
#include "rules/verify.h"

struct hop_pool;

struct verify_probe {
	struct verify_question q;
	struct dns *dns;
	struct hop_pool *pool;
	struct deadline deadline;
};

/* Never VERIFY_PENDING. */
void verify_probe(const struct verify_probe *, struct arena *, struct verify_answer *);

#endif
