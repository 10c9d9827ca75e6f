/*
 * dns_packet - read a server's reply; make a result of it that can be kept and copied
 *
 * The whole packet must be well formed, the question must be the one that was asked, and a record
 * of the type asked for must be right to its last octet; else the outcome is DNS_BAD_ANSWER.  Names
 * point only backwards, each pointer further than the one before, so none is a loop.  CNAMEs are
 * followed within the answer, in whatever order they stand; records that no chain leads to are
 * left out.
 *
 * Limits: DNS_ALIASES_MAX CNAMEs, DNS_RECORDS_MAX records.
 * Threads: any.
 */
#ifndef NET_DNS_PACKET_H
#define NET_DNS_PACKET_H

#include "base/span.h"
#include "net/dns.h"
#include "net/dns_name.h"

struct arena;

#define DNS_ALIASES_MAX 16
#define DNS_RECORDS_MAX 1000

struct dns_reply {
	struct dns_result result; /* in the arena; not its name */
	struct dns_name name;     /* the name asked for, or where the aliases led */
	int go_on; /* nothing but aliases: ask for name to know; the result is NODATA for now */
	uint32_t alias_ttl; /* how long the aliases may be kept */
};

/* aliases: those that led to this name already, they count towards the limit. */
void dns_packet_read(struct span packet, const struct dns_name *, enum dns_type, unsigned aliases,
    struct arena *, struct dns_reply *);

/* One block for free(3), with all that the result points to; *size is its size. */
struct dns_result *dns_result_pack(const struct dns_result *, size_t *size) ATTR_MUST_USE;
/* A packed result into an arena. */
struct dns_result *dns_result_copy(const struct dns_result *, size_t size, struct arena *);

#endif
