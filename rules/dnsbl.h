/*
 * dnsbl - which DNS lists answer us, and which are switched off
 *
 * A list that does not want to answer us any more says so with an address that no listing has, or
 * not at all, or its domain falls to someone who answers everything.  What has been refused has no
 * effect (rules/rbl_spec.h); here is counted how often.  After `refused_limit` refusals in a row
 *the list is switched off: it is not asked, and nobody is listed there.  Then, `probe_interval`
 *apart, whoever would have asked it asks for its test points first (RFC 5782): 127.0.0.2, or TEST,
 *must be listed and 127.0.0.1, or INVALID, must not.  If that is so, it is switched on.
 *
 * A list that says of everybody that he is listed refuses nobody.  So a listing is only believed if
 * the second test point was not listed when it was looked at, at most `probe_interval` ago; if it
 * is, the list is switched off at once.
 *
 * Ownership: dnsbl_zones_new() gives the zones to the caller; one for the process.  A zone lives as
 *	long as they do, so its pointer may be kept.
 * Threads: any.  Limits: DNSBL_ZONES_MAX zones; what is asked beyond that is never switched off.
 * Weak spots: the test points come out of the resolver's cache, so a list comes back when what it
 *	answered for them has expired.
 */
#ifndef RULES_DNSBL_H
#define RULES_DNSBL_H

#include <stddef.h>
#include <stdint.h>

#include "rules/rbl_spec.h"

#define DNSBL_ZONES_MAX 1000

struct dnsbl_zone;
struct dnsbl_zones;

struct dnsbl_limits {
	int64_t refused_limit;
	int64_t probe_interval; /* ms */
};

struct dnsbl_zones *dnsbl_zones_new(void);
void dnsbl_zones_free(struct dnsbl_zones *); /* NULL is fine */
/* The state of this zone; NULL: none is kept, it is always on (every function takes NULL so). */
struct dnsbl_zone *dnsbl_zone(struct dnsbl_zones *, enum rbl_kind, const char *zone);

/* The names of the test points. */
struct dnsbl_points {
	char listed[DNS_NAME_MAX + 20], not_listed[DNS_NAME_MAX + 20];
};
void dnsbl_points(enum rbl_kind, const char *zone, struct dnsbl_points *);

enum dnsbl_turn {
	DNSBL_ASK,
	DNSBL_OFF,
	DNSBL_PROBE, /* ask the test points and tell dnsbl_probed(); it says whether to ask */
};
/* What to do with a question now.  Of many who come at a time only one is to probe. */
enum dnsbl_turn dnsbl_turn(
    struct dnsbl_zone *, const struct dnsbl_limits *, int64_t now_ms) ATTR_MUST_USE;
/* Would it be that?  Nothing is claimed. */
enum dnsbl_turn dnsbl_turn_peek(struct dnsbl_zone *, int64_t now_ms) ATTR_MUST_USE;
/* The results of the test points: 1 the zone is on. */
int dnsbl_probed(
    struct dnsbl_zone *, const struct dns_result *listed, const struct dns_result *not_listed);

/* What a question got; odd: the refused address. */
void dnsbl_answered(struct dnsbl_zone *, const struct dnsbl_limits *, enum rbl_reading,
    const char *odd, int64_t now_ms);
/* Must the second test point be looked at before a listing is believed? */
int dnsbl_doubted(struct dnsbl_zone *, int64_t now_ms) ATTR_MUST_USE;
/* It was: 1 the listing may be believed. */
int dnsbl_confirmed(
    struct dnsbl_zone *, const struct dnsbl_limits *, const struct dns_result *, int64_t now_ms);

/* For `filterctl status`. */
struct dnsbl_status {
	const char *zone;
	enum rbl_kind kind;
	int off;
	const char *why; /* it was switched off last, "" never */
	uint64_t listed, not_listed, refused, trouble, probes;
};
void dnsbl_zones_each(
    struct dnsbl_zones *, void (*f)(void *arg, const struct dnsbl_status *), void *arg);

#endif
