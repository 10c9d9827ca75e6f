/*
 * arena - memory that is freed all at once
 *
 * What lives as long as a transaction sits in its arena and is never freed piece by piece;
 *arena_reset() keeps the first block for the next transaction of the session.
 *
 * Ownership: arena_new() gives it to the caller, who calls arena_free().  Returned memory is
 *aligned for any type and valid until reset or free. Threads: one at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *); /* NULL is fine */
void arena_reset(struct arena *);
void *arena_alloc(struct arena *, size_t size);  /* not cleared */
void *arena_calloc(struct arena *, size_t size); /* zeroed */
char *arena_strdup(struct arena *, const char *);
char *arena_printf(struct arena *, const char *fmt, ...) ATTR_PRINTF(2, 3);
char *arena_vprintf(struct arena *, const char *fmt, va_list);
/* A copy of the bytes. */
struct span arena_span(struct arena *, struct span);
/* The bytes as a C string; NULL when they hold a NUL. */
char *arena_str(struct arena *, struct span) ATTR_MUST_USE;
/* Takes back all that was handed out since the mark. */
struct arena_mark {
	const void *block;
	size_t in_block, used;
};
struct arena_mark arena_mark(const struct arena *);
void arena_rewind(struct arena *, const struct arena_mark *);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *);

#endif
