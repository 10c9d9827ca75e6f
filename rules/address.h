/*
 * address - what an envelope address means here
 *
 * Postfix's smtpd does not look at an address as it was sent but at what its address rewriting and
 * resolver make of it: "local" becomes local@$myorigin, a trailing dot goes, user%dom@here is
 * user@dom, dom!user too, and the domain puts it into a class.  All of it is in lower case then.
 *
 * Ownership: rules in the load's arena; results point into the arena of the evaluation, or into
 *	`text`.
 * Threads: any.  Postfix 3.7's trivial-rewrite and resolve_local are the measure; domain names
 *	outside ASCII are not put through IDNA.
 * Weak spots: an operator inside quotes beside blanks, comments, backslashes or brackets, which
 *	Postfix would tokenise once more, is malformed here.
 */
#ifndef RULES_ADDRESS_H
#define RULES_ADDRESS_H

#include "base/attr.h"

struct address_rules;
struct err;
struct map_ask;
struct match_list;
struct own_networks;
struct rule_load;
struct rule_options;

enum address_class {
	ADDR_DEFAULT,         /* none of the below */
	ADDR_LOCAL,           /* mydestination, or an address literal of ours */
	ADDR_VIRTUAL_ALIAS,   /* virtual_alias_domains */
	ADDR_VIRTUAL_MAILBOX, /* virtual_mailbox_domains */
	ADDR_RELAY,           /* relay_domains */
};

struct address {
	const char *text; /* as given */
	/* As understood; never NULL, "" when malformed or broken came first. */
	const char *full;   /* user+ext@domain, not quoted; keys are made of this */
	const char *local;  /* user+ext */
	const char *domain; /* "example.org", "[192.0.2.1]" */
	const char *bare;   /* user@domain without the extension, or NULL: it has none */
	enum address_class class;
	int ours;      /* the domain is $myorigin or local: keys without domain count */
	int routed;    /* user@a@b, user%a@b, a!user@b: never permitted by name alone */
	int malformed; /* Postfix answers 501 5.1.7 or 5.1.3 before anything else */
	int broken;    /* -1: a table that is needed could not be asked; class is not known */
};

/* Of the options: myorigin, mydomain, myhostname, mydestination, virtual_alias_domains,
 * virtual_alias_maps, virtual_mailbox_domains, virtual_mailbox_maps, relay_domains,
 * parent_domain_matches_subdomains, recipient_delimiter, double_bounce_sender, allow_percent_hack,
 * swap_bangpath, resolve_*, append_dot_mydomain, allow_min_user.
 * An unset list of domains (NULL) is the one of
 * maps. Never NULL; what is wrong has been told. */
struct address_rules *address_rules_compile(
    struct rule_load *, const struct rule_options *, const struct own_networks *) ATTR_MUST_USE;

/* relay_domains, for who asks it by itself; the rules' own. */
const struct match_list *address_relay_domains(const struct address_rules *);

/* text: the address with quotes undone and without a source route (core's path.addr); "" is
 * MAILER-DAEMON.  0, or -1 with out->broken set and err ERR_RETRY. */
int address_resolve(const struct address_rules *, const struct map_ask *, const char *text,
    struct address *out, struct err *);
/* Is the domain one of mydestination, or an address literal of ours?  1, 0, -1. */
int address_domain_local(const struct address_rules *, const struct map_ask *, const char *domain,
    struct err *) ATTR_MUST_USE;

#endif
