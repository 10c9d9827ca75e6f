/*
 * delivered - recipients already served, remembered across a retry
 *
 * When one reply stands for several transactions and a later one fails, the client tries the whole
 * message again; who has it already must not get it twice (DESIGN.md, decision 3).  Key: a digest
 * (SHA-256) of sender, recipient as sent, next hop and message octets.  One small file, appended
 * and fsynced before the reply; forgotten after delivered_memory_time.
 *
 * The file is a header and records of fixed size; a record cut off by a crash, and what follows a
 * broken one, is dropped at the next start: then a recipient may get a message twice, never not at
 * all.  It is written anew, beside and then renamed, when most of it is forgotten.
 *
 * Two processes may have it open, a worker that drains and its successor: both append, each sees
 * what the other wrote, and the file is written anew only when the last one is alone with it.
 *
 * Threads: any.  Weak spot: of more than 65,536 entries within the time the oldest go first.
 */
#ifndef ACTION_DELIVERED_H
#define ACTION_DELIVERED_H

#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct delivered;
struct err;

struct delivered_digest { /* of the message octets, made once a message */
	uint8_t octets[32];
};

struct delivered_key {
	uint8_t digest[32];
};

/* keep_ms 0: nothing is remembered. */
struct delivered *delivered_open(const char *path, int64_t keep_ms, struct err *) ATTR_MUST_USE;
void delivered_close(struct delivered *);                     /* NULL is fine */
void delivered_set_keep(struct delivered *, int64_t keep_ms); /* after a reload */
void delivered_digest(struct delivered_digest *, struct span message);
void delivered_key(struct delivered_key *, const char *sender, const char *rcpt, const char *hop,
    const struct delivered_digest *);
/* On disk when it returns 0. */
int delivered_add(
    struct delivered *, const struct delivered_key *, size_t n, struct err *) ATTR_MUST_USE;
int delivered_has(struct delivered *, const struct delivered_key *);
int delivered_any(struct delivered *); /* 0: the memory is empty and no key need be made */

#endif
