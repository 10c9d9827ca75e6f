/*
 * check_dns - does a host or mail domain exist?  What the restrictions reject_unknown_* share
 *
 * Trouble is never "does not exist"; but a record that was found counts, whatever trouble there is
 * with others of the name.
 */
#ifndef RULES_CHECK_DNS_H
#define RULES_CHECK_DNS_H

#include "rules/rule_run.h"

/* A, AAAA, then MX, up to the first there is.  1, 0, or -1: cannot tell. */
int check_host_known(struct rule_run *, const char *name);
/* MX, A, then AAAA.  *null: the domain says that it takes no mail, the result is 0. */
int check_domain_known(struct rule_run *, const char *domain, int *null);
/* What the *_tempfail_action says when it cannot be told: DUNNO, and deferred if permitted; or,
 * `defer`, a refusal. */
enum rule_result check_tempfail(struct rule_run *, const char *action, struct rule_subject,
    const char *enhanced, const char *text);

/* reject_non_fqdn_*, reject_unknown_*_domain for sender and recipient. */
enum rule_result check_path_qualified(struct rule_run *, const struct path *, struct rule_subject);
struct address;
enum rule_result check_address_domain(
    struct rule_run *, const struct address *, struct rule_subject);
void prepare_address_domain(struct rule_run *, const struct address *);
/* The address could not be classified: a table cannot be asked. */
enum rule_result check_address_broken(struct rule_run *, struct rule_subject);

#endif
