/*
 * dns_name - domain names as text and as on the wire; names to look up addresses by
 *
 * As text: labels with dots between; a dot at the end changes nothing, "." is the root.  \C is the
 * octet C, \DDD the one of that decimal number.  Octets above 127 are taken as they come, for who
 * asks in UTF-8 wants to know what the DNS has under that; no IDNA here.  On the wire: labels with
 * their length in front, then a 0.
 *
 * Limits: 63 octets a label, 255 a name with all lengths.  A NUL in a name is refused: no host and
 * no list has one, and C strings lose it.
 * Threads: any.
 */
#ifndef NET_DNS_NAME_H
#define NET_DNS_NAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/span.h"

#define DNS_NAME_MAX  255
#define DNS_LABEL_MAX 63
/* Room for any name as text, all octets escaped, and a NUL. */
#define DNS_NAME_TEXT_SIZE (4 * DNS_NAME_MAX + 1)

struct dns_name {
	uint8_t len; /* with the 0 at the end; at least 1 in a name */
	uint8_t p[DNS_NAME_MAX];
};

/* 0, or -1: empty, an empty label, too long, a NUL, a broken escape. */
int dns_name_parse(struct span text, struct dns_name *) ATTR_MUST_USE;
/* Printable ASCII, without a dot at the end; the root is ".".  Returns the length. */
size_t dns_name_format(const struct dns_name *, char out[DNS_NAME_TEXT_SIZE]);
/* One more label at the end: 0, or -1 too long.  Begins with len 0; label length 0 ends the name.
 */
int dns_name_add(struct dns_name *, struct span label) ATTR_MUST_USE;
/* Equal, ASCII case folded. */
int dns_name_eq(const struct dns_name *, const struct dns_name *);
/* Is the first the second, or below it? */
int dns_name_within(const struct dns_name *, const struct dns_name *);
/* ASCII letters to lower case. */
void dns_name_lower(struct dns_name *);

/* The name under which a zone keeps an address: d.c.b.a.ZONE for IPv4, and IPv4 in IPv6; 32 nibbles
 * and ZONE for IPv6.  zone NULL: in-addr.arpa or ip6.arpa.  0, or -1: no such address family, or
 * it does not fit. */
int dns_reverse_name(
    const struct sockaddr_storage *, const char *zone, char *out, size_t size) ATTR_MUST_USE;

#endif
