/*
 * nap - wait for a while and nothing else
 */
#ifndef NET_NAP_H
#define NET_NAP_H

#include "base/clock.h"

/* In a fiber the fiber waits, elsewhere the thread does (net/fiber.h).  It may be shorter: at the
 * deadline, and when there is no descriptor to wait on. */
void net_nap(int64_t ms, struct deadline);

#endif
