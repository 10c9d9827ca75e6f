/*
 * verify - does this address take mail?  Asked where its mail goes, and remembered
 *
 * Postfix's address verification as its users know it (ADDRESS_VERIFICATION_README): a probe is
 *MAIL FROM:<probe sender>, RCPT TO:<address> and QUIT at the next hop, or at the MX hosts of the
 * address's domain.  Who asks waits for a while; a probe that takes longer goes on without him, and
 * when the client comes again the answer is there.
 *
 * What is known has an age.  A good address is good for positive_expire, a bad one bad for
 * negative_expire.  From positive_refresh or negative_refresh on it is probed again when it is
 * asked for, in the background.  That a good address fails a later probe changes nothing until it
 * expires (caching is optimistic, as Postfix's).  What could not be told (4xx, nobody there) counts
 * as bad does, but is probed again after VERIFY_DEFER_REFRESH_MS: greylisting must not take hours.
 *
 * Ownership: one for the process; verify_cache_free() lets probes under way fail.  Who asks is gone
 *	by then.
 * Threads: verify_ask() any, also in fibers; the cache has one thread of its own, on which the
 *	probes are fibers (net/fiber_loop.h).
 * Limits: max_entries in memory, those not asked for longest go first; VERIFY_PROBES probes at a
 *	time and VERIFY_QUEUE that wait, what is beyond that is "in progress" without being.
 */
#ifndef RULES_VERIFY_H
#define RULES_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"

struct arena;
struct counters;
struct dns;
struct err;
struct verify_cache;

#define VERIFY_PROBES           64
#define VERIFY_QUEUE            1000
#define VERIFY_DEFER_REFRESH_MS (5 * 60 * 1000)
#define VERIFY_PORT             "25"

struct verify_options {
	const char *directory; /* its database lies there; NULL: nothing outlives the process */
	struct dns *dns;
	struct counters *counters; /* NULL is fine */
	const char *helo_name;     /* what probes say at EHLO */
	int connect_ms, helo_ms;   /* smtp_connect_timeout, smtp_helo_timeout */
	int probe_ms;              /* a whole probe */
	size_t max_entries;
	int64_t positive_expire_ms, positive_refresh_ms;
	int64_t negative_expire_ms, negative_refresh_ms;
	int negative_cache;
};

/* Never NULL for what is on disk: a database that cannot be used is a warning.  NULL: ERR_SYSTEM.
 */
struct verify_cache *verify_cache_new(const struct verify_options *, struct err *) ATTR_MUST_USE;
void verify_cache_free(struct verify_cache *); /* NULL is fine */
/* After a reload; directory and dns stay as they were. */
void verify_cache_set_options(struct verify_cache *, const struct verify_options *);

struct verify_question {
	const char *address; /* local@domain, as between < and > */
	const char *domain;  /* of it, "[192.0.2.1]" too */
	const char *hop;     /* next hop as its parameter has it; "": the domain's MX hosts */
	const char *sender;  /* of the probe, as between < and > */
};

enum verify_status {
	VERIFY_GOOD,
	VERIFY_BAD,      /* it was refused with 5xx, or its domain takes no mail */
	VERIFY_DEFERRED, /* it could not be told */
	VERIFY_PENDING,  /* the probe goes on */
};

struct verify_answer {
	enum verify_status status;
	const char *text; /* why not good, in the arena */
};

/* What is known, or what a probe finds out until the deadline. */
void verify_ask(struct verify_cache *, const struct verify_question *, struct arena *,
    struct deadline, struct verify_answer *);

struct verify_stats {
	uint64_t entries, probes, good, bad, deferred, under_way;
};
void verify_get_stats(struct verify_cache *, struct verify_stats *);

#endif
