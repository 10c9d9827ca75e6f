/*
 * policy_service - the argument of check_policy_service, understood
 *
 *	inet:HOST:PORT   unix:PATH   local:PATH
 *	{ SERVICE, NAME = VALUE ... }
 *
 * NAME is timeout, max_idle, max_ttl, retry_delay (times), request_limit, try_limit (numbers),
 * default_action or policy_context, and takes the place of smtpd_policy_service_NAME; a value with
 * commas or white space is { NAME = VALUE }.  A relative PATH is below queue_directory, where
 * Postfix's smtpd(8) stands; an absolute one is taken as it is.
 */
#ifndef RULES_POLICY_SERVICE_H
#define RULES_POLICY_SERVICE_H

#include "base/attr.h"
#include "client/policy_client.h"

struct arena;
struct err;

struct policy_check {
	struct policy_service service;
	const char *default_action; /* when it cannot be asked */
	int nowhere; /* and it never can: no endpoint is named, see rules_compile()'s tolerant */
};

/* `check` has the parameters' values and becomes what the text says; what it points to lives in the
 * arena.  0, or -1 with err (ERR_CONFIG). */
int policy_service_parse(struct arena *, const char *text, const char *queue_directory,
    struct policy_check *check, struct err *) ATTR_MUST_USE;

#endif
