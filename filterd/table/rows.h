/*
 * rows - key and value pairs in memory: what texthash and inline keep
 *
 * Keys are compared without regard to the case of ASCII letters (PITFALLS B15); Postfix folds
 * letters of other scripts too.  The first row added comes first in rows_each().
 *
 * Ownership: keys and values are the caller's (the table's arena).  Threads: rows_find() any.
 */
#ifndef TABLE_ROWS_H
#define TABLE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct row {
	const char *key, *value;
	size_t key_len;
	int line;
};

struct rows {
	struct row *row;
	size_t n, cap;
	uint32_t *slot; /* hash: row number + 1, 0 free */
	size_t slots;
};

/* key is folded in place. */
struct row *rows_add(struct rows *, char *key, const char *value, int line);
struct row *rows_find(const struct rows *, struct span key);
void rows_each(const struct rows *, const char *file,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);
void rows_fini(struct rows *);

#endif
