/*
 * policy_client - asks a policy server what to do (SMTPD_POLICY_README): check_policy_service
 *
 * Each connection, request and reply has `timeout`, and all of them together the caller's deadline.
 * What fails is tried again up to try_limit times, on a new connection: retry_delay later, or at
 * once if the failed one was a kept connection, for the server may just have closed it.
 *
 * Threads: any; a service is read-only.
 */
#ifndef CLIENT_POLICY_CLIENT_H
#define CLIENT_POLICY_CLIENT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"

struct arena;
struct err;
struct policy_pool;
struct policy_request;

/* The fields have the meaning of smtpd_policy_service_NAME; times are in ms. */
struct policy_service {
	const char *name; /* as Postfix's log has it: "127.0.0.1:10023", "private/policy" */
	struct endpoint to;
	const char *policy_context;
	int64_t timeout, max_idle, max_ttl, retry_delay;
	int64_t request_limit, try_limit; /* request_limit 0: none */
};

/* 1: *action, in the arena, is what the server answered.  -1: it could not be asked; err is
 * "problem talking to server NAME: WHY", for the log, and the caller uses the default action.  The
 * request's policy_context is the service's, whatever it says itself. */
int policy_ask(struct policy_pool *, const struct policy_service *, const struct policy_request *,
    struct arena *, struct deadline, const char **action, struct err *) ATTR_MUST_USE;

#endif
