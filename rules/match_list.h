/*
 * match_list - Postfix's lists of domains, of strings, and of hosts and networks
 *
 * The value of mydestination (strings), relay_domains (domains), mynetworks (hosts and networks).
 * Items are separated by comma or white space and tried in order; the first that matches decides.
 *
 *	!ITEM		the answer is turned round
 *	/file/name	the items in the file, a line beginning with # is a comment
 *	type:name	a table that has the name, or the address, as a key
 *	name		that name; for domains and hosts its subdomains too with `parents`
 *	.name		subdomains, without `parents`
 *	1.2.3.4  1.2.3.0/24  [2001:db8::1]  [2001:db8::]/32	addresses (hosts only)
 *
 * Names and addresses are compared without case.  A table is asked for a domain's parents as well:
 * "b.c" and "c" for a.b.c with `parents`, ".b.c" and ".c" without; pattern tables get the whole
 * name only.
 *
 * A network that is wrong ("10.0.0.1/8": non-null host address bits), a file that cannot be read, a
 * table that cannot be opened: told at load.  With `tolerant` it stays in the list and the answer
 * is -1 when a match gets that far, as Postfix has it.
 *
 * Ownership: made in the load's arena.  Threads: matching any.
 * Cost: a list without tables takes nothing from the arena.
 */
#ifndef RULES_MATCH_LIST_H
#define RULES_MATCH_LIST_H

#include "base/attr.h"

struct err;
struct map_ask;
struct match_list;
struct rule_load;

enum match_kind {
	MATCH_STRING, /* mydestination, virtual_alias_domains, virtual_mailbox_domains */
	MATCH_DOMAIN, /* relay_domains */
	MATCH_HOST,   /* mynetworks, permit_mx_backup_networks */
};

/* Never NULL; what is wrong has been told.  parents: parent_domain_matches_subdomains names this
 * list (match_list_parents()). */
struct match_list *match_list_compile(struct rule_load *, const char *parameter, const char *text,
    enum match_kind, int parents) ATTR_MUST_USE;
/* Is the name of a parameter in the value of parent_domain_matches_subdomains?  1 or 0. */
int match_list_parents(
    struct rule_load *, const char *parent_domain_matches_subdomains, const char *parameter);

/* For MATCH_STRING and MATCH_DOMAIN.  1, 0, or -1 ERR_RETRY: could not find out. */
int match_list_domain(const struct match_list *, const struct map_ask *, const char *domain,
    struct err *) ATTR_MUST_USE;
/* For MATCH_HOST.  name NULL: only the address counts; addr is text as sockaddr_text() has it. */
int match_list_host(const struct match_list *, const struct map_ask *, const char *name,
    const char *addr, struct err *) ATTR_MUST_USE;
/* No items? */
int match_list_empty(const struct match_list *);

#endif
