/*
 * dns_cache - what has been answered, and what is being asked
 *
 * An entry is a name and a type.  It is made when somebody asks and nothing is known; until its
 * answer comes whoever asks for the same joins in.  The answer wakes them, and is kept for its
 *time.
 *
 * Ownership: entries are counted: the cache has one of each it keeps, the asking side one, and each
 *	query that waits one.  An answer never changes once it is there.
 * Limits: the size covers answers, the least recently used go first; entries without an answer are
 *	as many as the resolver has under way.
 * Threads: any.  The time is the caller's, clock_ms().
 */
#ifndef NET_DNS_CACHE_H
#define NET_DNS_CACHE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/keyhash.h"
#include "net/dns.h"
#include "net/dns_name.h"

struct dns_waiter;
struct dns_cache;

struct dns_key {
	uint64_t hash;
	unsigned type;
	struct dns_name name; /* lower case */
};

struct dns_entry {
	/* For everybody, when answer is not NULL. */
	_Atomic(struct dns_result *) answer; /* packed (net/dns_packet.h) */
	size_t size;                         /* of it */
	int64_t made_ms;
	/* The cache's. */
	atomic_int refs;
	int64_t until_ms;
	struct dns_entry *next;
	TAILQ_ENTRY(dns_entry) used;
	struct dns_link *waiters;
	/* The resolver's, for its queue. */
	struct dns_entry *queued;
	struct dns_key key;
};

struct dns_cache *dns_cache_new(size_t size);
/* Nobody uses it and no entry any more. */
void dns_cache_free(struct dns_cache *);
/* 0, or -1: no such name (net/dns_name.h). */
int dns_cache_key(struct dns_cache *, struct span name, enum dns_type, struct dns_key *);

/* An answer that is good still, its entry counted for the caller; or NULL. */
struct dns_entry *dns_cache_find(struct dns_cache *, const struct dns_key *, int64_t now);
/* An answer as above, or an entry that gets one, of which the waiter will be told.  *made: it is
 * new, and the caller sees to it that it is asked. */
struct dns_entry *dns_cache_join(
    struct dns_cache *, const struct dns_key *, int64_t now, struct dns_waiter *, int *made);
/* The waiter need not be told any more. */
void dns_cache_leave(struct dns_cache *, struct dns_entry *, struct dns_waiter *);
/* The answer, which is the cache's from here on; kept for ttl seconds, 0 not at all. */
void dns_cache_answer(struct dns_cache *, struct dns_entry *, struct dns_result *, size_t size,
    unsigned ttl, int64_t now);
struct dns_entry *dns_entry_ref(struct dns_entry *);
void dns_entry_unref(struct dns_entry *); /* NULL is fine */

/* Answers, their octets, and how many had to go for want of room. */
void dns_cache_stats(struct dns_cache *, uint64_t *entries, uint64_t *bytes, uint64_t *evicted);

#endif
