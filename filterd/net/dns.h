/*
 * dns - ask the DNS: many look-ups at once, answers kept as long as they may be
 *
 * One resolver serves everybody.  Its thread sends what is asked and reads what is answered; what
 * has been answered is kept for its time to live, also that there is nothing; and who asks for what
 * is being asked already waits for the same answer.  The servers do the recursion and check DNSSEC:
 * there should be one on this machine.
 *
 *	struct dns_batch *b = dns_batch_new(dns, txn->arena);
 *	struct dns_query *mx = dns_start(b, span_str("example.com"), DNS_MX);
 *	struct dns_query *a = dns_start(b, span_str("example.com"), DNS_A);
 *	dns_wait(b, deadline);
 *	const struct dns_result *r = dns_result(mx);
 *	...
 *	dns_batch_end(b);		before the arena is reset
 *
 * Trouble is never "absent": the outcome says which of the two it is (dns_outcome.def).
 *
 * Ownership: dns_new() gives the resolver to the caller, who calls dns_free() when all batches have
 *	ended.  Batches, queries and results lie in the arena of the batch.  Nothing but the
 *resolver points into what the resolver keeps, so a batch may end at any time; its queries go on,
 *and their answers are kept for the next who asks. Waiting: dns_wait() and dns_wait_query() wait in
 *net_wait() (net/fiber.h), nothing else does. Threads: the resolver any; a batch one at a time.
 * Cost: what the cache has costs no system call and no memory but the arena's.
 * Weak spots: resolv.conf is read once, its options not at all.  Of a forged answer nothing but id,
 *	port and question must be guessed, which is one more reason for servers on this machine.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"

struct arena;
struct dns;
struct dns_batch;
struct dns_query;
struct err;

/* Their numbers in the DNS. */
enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
};

enum dns_outcome {
#define OUTCOME(name, text, answer, means) DNS_##name,
#include "net/dns_outcome.def"
#undef OUTCOME
	DNS_OUTCOMES /* how many there are */
};

/* As in the log: "found", "NXDOMAIN", "timeout". */
const char *dns_outcome_text(enum dns_outcome);
/* Are there records?  1, 0, or -1: cannot tell. */
int dns_outcome_answer(enum dns_outcome);
/* "MX"; and back, case folded: 0 is none of ours. */
const char *dns_type_text(enum dns_type);
enum dns_type dns_type_of(const char *);

/* --- what was answered --- */

struct dns_soa {
	const char *rname;
	uint32_t serial, refresh, retry, expire, minimum;
};

struct dns_rr {
	uint32_t ttl;        /* seconds left */
	uint16_t preference; /* MX */
	uint16_t nstrings;   /* TXT */
	const char *name; /* NS, CNAME, PTR, MX, SOA: a name as dns_name_format() writes it: "." is
			     the root; else NULL */
	struct span data; /* A, AAAA: the 4 or 16 octets of the address; TXT: all strings as one */
	const struct span *strings; /* TXT: each for itself; they lie in data */
	const struct dns_soa *soa;  /* SOA */
};

struct dns_result {
	enum dns_outcome outcome;
	uint32_t ttl;     /* seconds it may still be used; 0: for this once, or not to be kept */
	unsigned aliases; /* CNAMEs that were followed */
	const char *name; /* where they led, or the name asked for; NULL in case of trouble */
	const struct dns_rr *rr; /* as they came */
	size_t n;                /* 0 unless found */
};

/* The domain takes no mail (RFC 7505): an MX whose name is the root.  As in Postfix one is enough,
 * whatever stands beside it. */
int dns_null_mx(const struct dns_result *);

/* --- asking --- */

struct dns_batch *dns_batch_new(struct dns *, struct arena *);
/* Forget what has not come.  NULL, and once more, is fine. */
void dns_batch_end(struct dns_batch *);
/* One more look-up; never fails: what is wrong is the result's outcome.  It leaves with the next
 * dns_send() or wait, so that many leave together. */
struct dns_query *dns_start(struct dns_batch *, struct span name, enum dns_type);
void dns_send(struct dns_batch *);
/* Until all of the batch, or this one, have been answered: 1, or 0 at the deadline. */
int dns_wait(struct dns_batch *, struct deadline);
int dns_wait_query(struct dns_query *, struct deadline);
/* What has come; DNS_TIMEOUT while nothing has.  Good as long as the arena. */
const struct dns_result *dns_result(struct dns_query *);

/* --- the resolver --- */

struct dns_options {
	/* "ADDRESS[:PORT] [V6][:PORT] ...", asked in this order; port 53.  NULL or empty: those of
	 * resolv_conf. */
	const char *servers;
	const char *resolv_conf;   /* NULL: /etc/resolv.conf */
	unsigned timeout_ms;       /* that a server has for an answer: 0 is 5000, as resolver(3) */
	unsigned tries;            /* rounds over the servers: 0 is 2, as resolver(3) */
	size_t cache_size;         /* octets: 0 is 16 MB */
	unsigned max_ttl;          /* seconds an answer is kept at most: 0 is a day */
	unsigned max_negative_ttl; /* the same for "there is nothing": 0 is an hour */
	/* The same for trouble that a server or its silence told of: 0 is 5 (RFC 9520 wants one at
	 * least).  That no server could be asked is not kept. */
	unsigned trouble_ttl;
	unsigned max_in_flight; /* questions on the way; the others queue: 0 is 2000 */
	unsigned max_queue;     /* more get DNS_BUSY: 0 is 50,000 */
};

/* NULL: ERR_CONFIG the servers are wrong, ERR_SYSTEM. */
struct dns *dns_new(const struct dns_options *, struct err *) ATTR_MUST_USE;
void dns_free(struct dns *); /* NULL is fine */
/* Are these servers as dns_new() wants them?  0, or -1. */
int dns_servers_check(const char *servers, struct err *) ATTR_MUST_USE;

struct dns_stats {
	uint64_t started;                /* look-ups, all told */
	uint64_t cached;                 /* of these, known already, */
	uint64_t joined;                 /* or being asked for already */
	uint64_t sent;                   /* questions to servers, those asked again included */
	uint64_t outcomes[DNS_OUTCOMES]; /* of those that were not cached, joined or bad names */
	uint64_t evicted;                /* answers that had to go for want of room */
	uint64_t entries, bytes;         /* in the cache now */
};
void dns_get_stats(struct dns *, struct dns_stats *);

#endif
