/*
 * pool - connections to next hops, kept and lent, and what each next hop can do
 *
 * A connection is lent to one transaction at a time.  Kept ones are looked at before they are lent
 * (a peer that hung up is noticed) and closed after smtp_connection_cache_time_limit unused or
 * smtp_connection_reuse_count_limit transactions.  What the next hop said at EHLO is remembered by
 * next hop; the door announces the intersection.  Mail can name next hops without end (FILTER with
 * a piece of the message in it), so only the POOL_PEERS_MAX used last are kept.
 *
 * Threads: any.  No lock is held while anything waits.
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "base/attr.h"
#include "base/clock.h"
#include "client/hop.h"

struct counters;
struct err;
struct hop_pool;

struct hop_options {
	const char *helo_name;  /* what we say at EHLO/LHLO */
	int connect_timeout_ms; /* smtp_connect_timeout */
	int helo_timeout_ms;    /* banner and EHLO */
	int idle_limit_ms;      /* kept so long unused */
	int max_idle;           /* kept connections a next hop */
	int max_reuse;          /* transactions a connection; 0: any number */
};

#define POOL_PEERS_MAX 256

struct hop_pool *pool_new(const struct hop_options *, struct counters *);
/* All connections must be back.  The kept ones are told QUIT. */
void pool_free(struct hop_pool *); /* NULL is fine */
/* After a reload: new options, kept connections stay. */
void pool_set_options(struct hop_pool *, const struct hop_options *);

/* A connection that has said EHLO, kept or new; NULL with err.  fresh: never a kept one. ERR_RETRY:
 * could not connect, deadline; ERR_PEER: it is there and refuses, or speaks another protocol: the
 * text gives its words, cleaned.  No text names it. */
struct hop *pool_get(struct hop_pool *, const struct next_hop *, int fresh, struct deadline,
    struct err *) ATTR_MUST_USE;
/* Was this one used before?  Then a failure before the first reply deserves one try with a fresh
 * one. */
int hop_reused(const struct hop *);
/* Give it back between transactions (hop_idle()); in any other state it is broken off. */
void pool_put(struct hop_pool *, struct hop *);
/* Close it at once, without QUIT: breaks off a transaction whose data is open (PITFALLS B11). */
void pool_break(struct hop_pool *, struct hop *);

/* What is remembered of this next hop: 1 and *caps, or 0 when it was never learnt.  Never waits. */
int pool_caps(struct hop_pool *, const struct next_hop *, struct hop_caps *);
/* Learn it, by connecting if it is not remembered; 0 or -1. */
int pool_learn(struct hop_pool *, const struct next_hop *, struct hop_caps *, struct deadline,
    struct err *) ATTR_MUST_USE;
/* Close what has been unused too long; called about once a second by one thread. */
void pool_tidy(struct hop_pool *);

#endif
