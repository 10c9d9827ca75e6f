/*
 * html_scan - find octets that are mostly near
 *
 * Tags and values are short: a call of memchr() takes longer than most of the searches.
 */
#ifndef MAIL_HTML_SCAN_H
#define MAIL_HTML_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/span.h"

/* Where the octet is, from `at` on, or the end. */
static inline size_t
html_scan(struct span in, size_t at, uint8_t c)
{
#ifdef __SSE2__
	const __m128i wanted = _mm_set1_epi8((char)c);

	for (; in.len - at >= 16; at += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in.p + at));
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, wanted));

		if (hits != 0)
			return at + (size_t)__builtin_ctz(hits);
	}
#endif
	while (at < in.len && in.p[at] != c)
		at++;
	return at;
}

/* How long the name is that begins at `at`, in an input that has 16 octets more: up to white space,
 * '/', '>', another control character or, with equal, '='.  16: it does not end there, or who knows
 * where. */
static inline unsigned
html_scan_name(struct span in, size_t at, int equal)
{
#ifdef __SSE2__
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in.p + at));
	__m128i ends = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ')), v);

	ends = _mm_or_si128(ends, _mm_cmpeq_epi8(v, _mm_set1_epi8('/')));
	ends = _mm_or_si128(ends, _mm_cmpeq_epi8(v, _mm_set1_epi8('>')));
	if (equal)
		ends = _mm_or_si128(ends, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
	return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(ends) | 1U << 16);
#else
	(void)in;
	(void)at;
	(void)equal;
	return 16;
#endif
}

#endif
