/*
 * address_impl - what the files of address share; nobody else includes it
 */
#ifndef RULES_ADDRESS_IMPL_H
#define RULES_ADDRESS_IMPL_H

#include "base/span.h"
#include "rules/address.h"

struct arena;
struct match_list;

struct address_rules {
	const char *myhostname, *mydomain, *myorigin;
	const char *recipient_delimiter, *double_bounce_sender;
	int allow_percent_hack, swap_bangpath, resolve_numeric_domain, resolve_dequoted_address;
	int resolve_null_domain, append_dot_mydomain, allow_min_user;
	const struct own_networks *own;
	struct match_list *mydestination, *virtual_alias_domains, *virtual_mailbox_domains,
	    *relay_domains;
};

/* An address while it is being understood: local part, and perhaps @domain. */
struct parts {
	struct span local, domain;
	int quoted; /* the local part is a quoted string: what is in it is no operator */
	int has_at;
};

/* --- address_rewrite.c --- */
/* Take text apart at its last @. */
struct parts parts_of(struct span text);
struct span parts_join(struct arena *, const struct parts *);
/* An address without @ gets one: dom!user, user%dom, $myorigin.  Then $mydomain where it is wanted,
 * and a final dot goes. */
void parts_rewrite(const struct address_rules *, struct arena *, struct parts *);
/* "dom." is "dom"; "dom.." and "." stay. */
struct span without_final_dot(struct span domain);
/* user%dom, a@b or dom!user inside quotes becomes an address with an operator.  1: it did. */
int parts_crack(const struct address_rules *, struct arena *, struct parts *);

/* --- address_domain.c --- */
/* What Postfix takes for the name of a host: letters, digits, - and _ in labels of up to 63, not
 * all of it digits.  Octets above 127 are let pass as letters. */
int domain_valid(struct span);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]": 1, and the address as text, or 0. */
int domain_literal(struct span, char *addr, size_t size);
int domain_is_address(struct span);

#endif
