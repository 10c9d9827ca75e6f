/*
 * rbl_name - under which name a DNS list is asked
 *
 * An address is asked with its octets (IPv6: 32 nibbles) the other way round in front of the zone;
 * IPv4 in IPv6 as IPv4.  A name is asked as it is.  What no list can know is not asked at all:
 * address literals, names whose last label is a number, and what is no host name.
 * Private addresses are asked, as Postfix does: a list of one's own may well have them; who does
 * not want that puts permit_mynetworks in front.
 *
 * Results: 1, or 0: there is nothing to ask.
 * Threads: any.
 */
#ifndef RULES_RBL_NAME_H
#define RULES_RBL_NAME_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"

int rbl_name_of_address(
    const struct sockaddr_storage *, const char *zone, char *out, size_t size) ATTR_MUST_USE;
/* what: a host name, or a mail address of which the domain is asked. */
int rbl_name_of_domain(const char *what, const char *zone, char *out, size_t size) ATTR_MUST_USE;

#endif
