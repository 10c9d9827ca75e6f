/*
 * rows - key and value pairs in memory: what texthash and inline keep
 *
 * Keys are compared without regard to the case of ASCII letters (PITFALLS B15); Postfix folds
 * letters of other scripts too.  The first row added comes first in rows_each().
 *
 * Ownership: rows and values are in the caller's arena (the table's).  Threads: rows_find() any.
 */
#ifndef TABLE_ROWS_H
#define TABLE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;

/* One block, so that a look-up finds the key where the row is. */
struct row {
	struct row *next; /* in the order in which they were added */
	const char *value;
	uint32_t key_len;
	int line;
	char key[]; /* folded */
};

struct rows {
	struct row *first, *last;
	size_t n;
	struct row_slot {
		struct row *row; /* NULL: free */
		uint32_t hash;
	} * slot;
	size_t slots;
};

/* Rows live in the arena; the value is not copied. */
struct row *rows_add(struct rows *, struct arena *, const char *key, const char *value, int line);
struct row *rows_find(const struct rows *, struct span key);
void rows_each(const struct rows *, const char *file,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);
void rows_fini(struct rows *);

#endif
