/*
 * rbl_spec - `zone=filter`: a DNS list, and which of its answers count
 *
 * The filter is postconf(5)'s d.d.d.d, each d a number or, in [], numbers and ranges N..M with ;
 * between.  It is read once, at load.
 *
 * What an answer means when nobody wrote a filter: 127.0.0.2 to 127.0.0.254 is a listing, with
 * lists of names also the like in 127.0.1 and 127.0.2.  Any other answer is how lists say that they
 * do not answer us (127.0.0.1, 127.255.255.254), or comes from whoever owns the zone by now: it is
 * "refused" and means nothing (PITFALLS F1).  With a filter the filter says what is a listing, and
 * 127.255.255.x and what is not in 127/8 is refused all the same.  strict is Postfix's own reading:
 * every answer, or those of the filter.
 *
 * Threads: any; nothing changes after parsing.
 */
#ifndef RULES_RBL_SPEC_H
#define RULES_RBL_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "net/dns_name.h"

struct dns_result;
struct err;

enum rbl_kind { RBL_ADDRESSES, RBL_NAMES }; /* what the list is asked with */

struct rbl_filter {
	uint64_t octet[4][4]; /* a bit for each value */
};

struct rbl_spec {
	const char *text; /* as written, with the filter: what rbl_reply_maps is asked with */
	char zone[DNS_NAME_MAX + 1];
	int has_filter;
	struct rbl_filter filter;
};

/* Can the zone be asked?  Without a filter. */
int rbl_zone_valid(struct span zone);
/* text lives as long as the spec.  0, or -1 and ERR_CONFIG. */
int rbl_spec_parse(const char *text, struct rbl_spec *, struct err *) ATTR_MUST_USE;

enum rbl_reading {
	RBL_NOT_LISTED, /* nothing there, or nothing that the filter asks for */
	RBL_LISTED,
	RBL_REFUSED,
	RBL_TROUBLE, /* the DNS could not tell */
};

/* The result of an A look-up.  odd gets the refused address as text, or is "". */
enum rbl_reading rbl_spec_read(
    const struct rbl_spec *, enum rbl_kind, int strict, const struct dns_result *, char odd[16]);

#endif
