/*
 * fake_policy - a policy server for tests, on a unix socket, that does what it is told
 *
 * A thread a connection.  The n-th request of all gets the n-th answer; the last answer holds for
 * all that follow.
 *
 * Threads: answers are set while no request is under way; the rest is behind a lock.
 */
#ifndef TESTS_LIB_FAKE_POLICY_H
#define TESTS_LIB_FAKE_POLICY_H

#include <stddef.h>

#include "base/endpoint.h"

struct fake_policy;

#define POLICY_BREAK "BREAK" /* instead of an answer: close */
#define POLICY_HANG  "HANG"  /* instead of an answer: none, until the other side closes */
#define POLICY_THEN  "THEN " /* in front of an answer: close behind it */

struct fake_policy *fake_policy_new(const char *const *answers, size_t n);
void fake_policy_free(struct fake_policy *);
const struct endpoint *fake_policy_endpoint(const struct fake_policy *);
void fake_policy_answers(struct fake_policy *, const char *const *answers, size_t n);

size_t fake_policy_connections(struct fake_policy *);
size_t fake_policy_open(struct fake_policy *); /* now */
size_t fake_policy_requests(struct fake_policy *);
/* The last request as it came; good until the next one. */
const char *fake_policy_last(struct fake_policy *);
/* Wait, 5 s at most, until so many connections are open. */
void fake_policy_settle(struct fake_policy *, size_t nopen);

#endif
