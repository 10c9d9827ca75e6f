/*
 * services - what restrictions ask beside tables, opened as the parameters say
 *
 * For the worker and for `filterctl explain`: the resolver, the state of DNS lists, connections to
 * policy servers, the addresses that were verified.  The decision log is not among them.
 */
#ifndef CTL_SERVICES_H
#define CTL_SERVICES_H

#include "base/attr.h"
#include "rules/rules.h"

struct counters;
struct err;
struct params;
struct verify_options;

/* verify_directory: where verified addresses are remembered; NULL: nowhere.  -1: what was opened is
 * for services_close() all the same. */
int services_open(struct rule_services *, const struct params *, struct counters *,
    const char *verify_directory, struct err *) ATTR_MUST_USE;
/* The parameters have changed. */
void services_apply(
    struct rule_services *, const struct params *, struct counters *, const char *verify_directory);
void services_close(struct rule_services *);

#endif
