/*
 * verify_store - what address verification knows, on disk
 *
 * A table in an SQLite database of the state_directory.  It is a cache: one that cannot be read is
 * made anew, and a write that fails is a warning.
 *
 * Threads: one at a time.
 */
#ifndef RULES_VERIFY_STORE_H
#define RULES_VERIFY_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct verify_store;

struct verify_row {
	const char *key;
	int status;     /* enum verify_status */
	int64_t told;   /* when the status was found out, ms since the epoch */
	int64_t probed; /* when it was last tried */
	const char *text;
};

struct verify_store *verify_store_open(const char *directory, struct err *) ATTR_MUST_USE;
void verify_store_close(struct verify_store *); /* NULL is fine */
/* The newest max rows, oldest of them first; others are removed, now and then later too.  0 or -1.
 */
int verify_store_load(struct verify_store *, size_t max,
    void (*f)(void *arg, const struct verify_row *), void *arg, struct err *) ATTR_MUST_USE;
int verify_store_put(struct verify_store *, const struct verify_row *, struct err *) ATTR_MUST_USE;

#endif
