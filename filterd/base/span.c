#include <strings.h>

#include "base/span.h"

int
span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static uint8_t
fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

int
span_case_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && fold(a[i]) != fold(b[i]))
			return 0;
	return 1;
}

int
span_case_eq(struct span a, struct span b)
{
	return a.len == b.len && span_case_same(a.p, b.p, a.len);
}

int
span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

int
span_case_starts(struct span a, const char *s)
{
	size_t n = strlen(s);

	return a.len >= n && span_case_same(a.p, (const uint8_t *)s, n);
}

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Eight at a time, for nearly all are. */
size_t
span_printable(struct span s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = 0x80 * ones;
	size_t i = 0;
	uint64_t w;

	/* Below 0x20 the subtraction borrows, at 0x7f the addition carries, into the high bit; into
	 * a neighbour's only where one of them has it already. */
	for (; s.len - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, s.p + i, sizeof(w));
		if (((w | (w - 0x20 * ones) | (w + ones)) & high) != 0)
			break;
	}
	while (i < s.len && s.p[i] >= 0x20 && s.p[i] < 0x7f)
		i++;
	return i;
}

size_t
span_find(struct span s, uint8_t c)
{
	const uint8_t *q = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return q == NULL ? s.len : (size_t)(q - s.p);
}

int
span_cut(struct span s, uint8_t sep, struct span *head, struct span *rest)
{
	size_t at = span_find(s, sep);

	*head = span_make(s.p, at);
	if (at == s.len) {
		*rest = span_make(s.p == NULL ? NULL : s.p + s.len, 0);
		return 0;
	}
	*rest = span_make(s.p + at + 1, s.len - at - 1);
	return 1;
}

void
span_copy(struct span s, char *out, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

int
span_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t d = (uint64_t)s.p[i] - '0';

		if (s.p[i] < '0' || s.p[i] > '9' || v > (UINT64_MAX - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	if (v > max)
		return -1;
	*out = v;
	return 0;
}

void
rd_init(struct rd *r, struct span s)
{
	/* Nothing may be counted from NULL, not even nothing. */
	r->p = s.p == NULL ? (const uint8_t *)"" : s.p;
	r->end = r->p + s.len;
	r->bad = 0;
}

size_t
rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

struct span
rd_bytes(struct rd *r, size_t n)
{
	struct span s = { NULL, 0 };

	if (rd_left(r) < n) {
		r->bad = 1;
		return s;
	}
	s = span_make(r->p, n);
	r->p += n;
	return s;
}

uint8_t
rd_u8(struct rd *r)
{
	struct span s = rd_bytes(r, 1);

	return s.len == 1 ? s.p[0] : 0;
}

uint16_t
rd_u16(struct rd *r)
{
	struct span s = rd_bytes(r, 2);

	return s.len == 2 ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

uint32_t
rd_u32(struct rd *r)
{
	struct span s = rd_bytes(r, 4);

	if (s.len != 4)
		return 0;
	return (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3];
}

struct span
rd_cstr(struct rd *r)
{
	const uint8_t *nul = rd_left(r) == 0 ? NULL : memchr(r->p, 0, rd_left(r));
	struct span s = { NULL, 0 };

	if (nul == NULL) {
		r->bad = 1;
		return s;
	}
	s = span_make(r->p, (size_t)(nul - r->p));
	r->p = nul + 1;
	return s;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
span_hex_octet(struct span s, size_t at)
{
	int high, low;

	if (at >= s.len || s.len - at < 2)
		return -1;
	high = hex_digit(s.p[at]);
	low = hex_digit(s.p[at + 1]);
	return high == -1 || low == -1 ? -1 : high * 16 + low;
}
