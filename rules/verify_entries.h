/*
 * verify_entries - what is known of addresses: the entries of a verify cache (private to verify.c)
 *
 * By key, and by when they were asked for last.  A new one drives out those not asked for longest,
 * but never one that is being probed.
 *
 * Ownership: keys and texts are copied in; an entry is good until it is dropped or another is
 * added. Threads: one at a time; verify.c has the lock.
 */
#ifndef RULES_VERIFY_ENTRIES_H
#define RULES_VERIFY_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "net/fiber.h"
#include "rules/verify.h"

#define VERIFY_TEXT_MAX    400
#define VERIFY_BUCKETS     4096
#define VERIFY_IN_PROGRESS "Address verification in progress"

/* Somebody waits for a probe; on his stack. */
struct verify_waiter {
	struct verify_waiter *next;
	struct net_watch watch; /* eventfd(2) */
	int told;
	enum verify_status status;
	char text[VERIFY_TEXT_MAX];
};

struct verify_entry {
	struct verify_entry *next;          /* in the bucket */
	struct verify_entry *newer, *older; /* by when it was asked for */
	char *key;
	enum verify_status status; /* VERIFY_PENDING: nothing is known */
	char *text;
	int64_t told, probed; /* ms since the epoch: status found out, probe begun */
	int probing;
	struct verify_waiter *waiters;
};

struct verify_entries {
	struct keyhash hash;
	struct verify_entry *buckets[VERIFY_BUCKETS];
	struct verify_entry *newest, *oldest;
	size_t n, max;
};

/* The struct is zeroed. */
void verify_entries_init(struct verify_entries *);
void verify_entries_fini(struct verify_entries *);
/* NULL: there is none. */
struct verify_entry *verify_entry_find(struct verify_entries *, const char *key);
/* VERIFY_PENDING; there is none with this key. */
struct verify_entry *verify_entry_add(struct verify_entries *, const char *key);
void verify_entry_drop(struct verify_entries *, struct verify_entry *);
/* It was asked for just now. */
void verify_entry_asked(struct verify_entries *, struct verify_entry *);
void verify_entry_set_text(struct verify_entry *, const char *text);

#endif
