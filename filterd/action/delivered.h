/*
 * delivered - recipients already served, remembered across a retry
 *
 * When one reply stands for several transactions and a later one fails, the client tries the whole
 * message again; who has it already must not get it twice (DESIGN.md, decision 3).  Key: a digest
 * of sender, recipient as sent, next hop and message octets.  One small file, appended and fsynced
 * before the reply; forgotten after delivered_memory_time.
 *
 * Threads: any.
 */
#ifndef ACTION_DELIVERED_H
#define ACTION_DELIVERED_H

#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct delivered;
struct err;

struct delivered_key {
	uint8_t digest[32];
};

struct delivered *delivered_open(const char *path, int64_t keep_ms, struct err *) ATTR_MUST_USE;
void delivered_close(struct delivered *); /* NULL is fine */
void delivered_key(struct delivered_key *, const char *sender, const char *rcpt, const char *hop,
    struct span message);
/* On disk when it returns 0. */
int delivered_add(struct delivered *, const struct delivered_key *, struct err *) ATTR_MUST_USE;
int delivered_has(struct delivered *, const struct delivered_key *);
int delivered_any(struct delivered *); /* 0: the memory is empty and no key need be made */

#endif
