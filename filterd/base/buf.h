/*
 * buf - a byte buffer that grows
 *
 * Ownership: embedded in its owner; buf_fini() frees the bytes.  A zeroed struct is a valid empty
 * buffer. p[len] is always NUL once something was added, so p can be printed when the bytes hold no
 * NUL. Threads: one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/span.h"

struct buf {
	char *p;
	size_t len, cap;
};

/* Make room for n more bytes after len, and a NUL. */
void buf_grow(struct buf *, size_t n);

/* Room for n more bytes after len; returns where they go. */
static inline char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->cap - b->len <= n)
		buf_grow(b, n);
	return b->p + b->len;
}

/* Inline: replies and log lines are made of hundreds of small pieces, most of a known length. */
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	b->len += n;
}

static inline void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

static inline void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void
buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.len);
}

void buf_add_num(struct buf *, int64_t); /* decimal */
void buf_printf(struct buf *, const char *fmt, ...) ATTR_PRINTF(2, 3);
void buf_vprintf(struct buf *, const char *fmt, va_list ap);
/* The bytes as a C string ("" when nothing was added); valid until the next change. */
const char *buf_cstr(struct buf *);
struct span buf_span(const struct buf *); /* p is never NULL */
/* Drop n bytes from the front. */
void buf_shift(struct buf *, size_t n);
/* Empty it and keep the memory. */
void buf_reset(struct buf *);
void buf_fini(struct buf *);
/* The bytes as a malloc'd C string for the caller to free; the buffer is empty afterwards. */
char *buf_take(struct buf *);

#endif
