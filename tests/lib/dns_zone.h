/*
 * dns_zone - a DNS server in a thread, on a port of 127.0.0.1, that answers from a text
 *
 * A line a record, fields with one blank between:
 *
 *	ok.example MX 10 mx.ok.example
 *	mx.ok.example A 192.0.2.1
 *	ok.example TXT whatever to the end
 *	old.example * SERVFAIL		or a type; or REFUSED, or TIMEOUT
 *
 * Types A, AAAA, MX, NS, TXT, PTR, CNAME.  A name that no line has is NXDOMAIN, unless one has a
 * name below it.  CNAMEs are not followed, and MX . is a null MX.  UDP only; names are compared
 * without case.
 */
#ifndef TESTS_LIB_DNS_ZONE_H
#define TESTS_LIB_DNS_ZONE_H

struct dns_zone;

struct dns_zone *dns_zone_start(const char *records);
void dns_zone_stop(struct dns_zone *); /* NULL is fine */
/* "127.0.0.1:PORT" */
const char *dns_zone_at(const struct dns_zone *);
/* What was asked since this was asked for last: "MX ok.example, A ok.example"; a name is told in
 * lower case.  Good until the next call. */
const char *dns_zone_asked(struct dns_zone *);

#endif
