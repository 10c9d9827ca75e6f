/*
 * span - bytes from outside, as pointer and length; and a reader that checks first
 *
 * A span never owns its bytes and need not end with NUL; it may hold NULs.  It becomes a C string
 * only through arena_str() (base/arena.h), which refuses a NUL inside.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t len;
};

static inline struct span
span_make(const void *p, size_t len)
{
	return (struct span){ .p = p, .len = len };
}

static inline struct span
span_str(const char *s)
{
	return (struct span){ .p = (const uint8_t *)s, .len = s == NULL ? 0 : strlen(s) };
}

/* Equal octets; the _case form folds ASCII letters only. */
int span_eq(struct span, struct span);
int span_case_eq(struct span, struct span);
int span_eq_str(struct span, const char *);
int span_case_same(const uint8_t *, const uint8_t *, size_t len);
static inline int
span_case_eq_str(struct span a, const char *s)
{
	struct span b = span_str(s);

	/* What is looked for in a list of words is mostly of another length. */
	return a.len == b.len && span_case_same(a.p, b.p, b.len);
}
/* Does the first begin with the second?  ASCII case is folded. */
int span_case_starts(struct span, const char *);
/* Without white space (blank, tab, CR, LF) at both ends. */
struct span span_trim(struct span);
/* How many octets at its front are printable ASCII, blanks among them. */
size_t span_printable(struct span);
/* Index of the byte, or len when absent. */
size_t span_find(struct span, uint8_t);
/* Cut at the first `sep`: *head gets what stands before it, *rest what follows.  1 if sep was
 * there, else 0 with everything in *head and *rest empty. */
int span_cut(struct span, uint8_t sep, struct span *head, struct span *rest);
/* As much of it as fits, and a NUL. */
void span_copy(struct span, char *out, size_t size);
/* Decimal digits only, value at most max: 0, or -1. */
int span_u64(struct span, uint64_t max, uint64_t *out);

/* A reader over bytes: every rd_ call checks the length first; after the first failure all further
 * calls return zero or empty and rd.bad stays set, so one test at the end suffices. */
struct rd {
	const uint8_t *p, *end;
	int bad;
};

void rd_init(struct rd *, struct span);
size_t rd_left(const struct rd *);
uint8_t rd_u8(struct rd *);
uint16_t rd_u16(struct rd *); /* network byte order */
uint32_t rd_u32(struct rd *); /* network byte order */
struct span rd_bytes(struct rd *, size_t n);
/* Bytes up to a NUL, which is consumed and not part of the result. */
struct span rd_cstr(struct rd *);

/* What the two hexadecimal digits at this place stand for; -1: there are no two. */
int span_hex_octet(struct span, size_t at);

#endif
