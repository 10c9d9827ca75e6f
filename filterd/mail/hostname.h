/*
 * hostname - what may be the name or the address of a host, in HELO, in mail addresses, in lists
 *
 * Pure functions over bytes, with Postfix's idea of what is valid: it takes underscores, which the
 * standards do not, and refuses names of digits and dots alone, which some resolvers take for
 * addresses.
 */
#ifndef MAIL_HOSTNAME_H
#define MAIL_HOSTNAME_H

#include "base/span.h"

#define HOSTNAME_MAX       255
#define HOSTNAME_LABEL_MAX 63

/* A host name: labels of letters, digits, '_' and inner '-', with single dots between; no dot at
 * the end.  utf8: octets above 127 are letters. */
int hostname_valid(struct span, int utf8);
/* The same, and it has a dot inside; one dot at the end is overlooked. */
int hostname_qualified(struct span, int utf8);
/* Without one dot at the end; "a.." stays as it is. */
struct span hostname_undotted(struct span);

/* Addresses as text, without brackets.  0.1.2.3 is none, 0.0.0.0 is. */
int hostaddr_v4_valid(struct span);
int hostaddr_v6_valid(struct span);
int hostaddr_valid(struct span); /* either */

/* "[...]" */
int host_is_literal(struct span);
/* What stands in the brackets of an address literal, as an address: "192.0.2.1", or the IPv6
 * address behind "IPv6:"; empty when it is none. */
struct span host_literal_addr(struct span inside);

#endif
