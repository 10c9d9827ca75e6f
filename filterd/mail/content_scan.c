#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "mail/content.h"
#include "mail/content_scan.h"

struct scan {
	const uint8_t *p;
	size_t n;
	int dots;
	ptrdiff_t line_at; /* where the present line starts; negative: before p */
	unsigned seen;
};

/* The CR counts as part of its line here. */
static inline void
line_ends(struct scan *s, ptrdiff_t lf)
{
	if (lf - 1 - s->line_at > CONTENT_LINE)
		s->seen |= SEEN_LONG_LINE;
	s->line_at = lf + 1;
}

/* From i to `end` octet by octet; returns where it stopped.  An octet may be looked at although it
 * stands at or behind `end`. */
static size_t
scan_plain(struct scan *s, size_t i, size_t end)
{
	while (i < end) {
		uint8_t c = s->p[i];

		if (c == '\n') /* behind CR it was taken together with it */
			break;
		if (c == '.' && s->dots && i > 0 && s->p[i - 1] == '\n')
			break;
		if (c == '\r') {
			if (i + 1 >= s->n || s->p[i + 1] != '\n')
				break;
			line_ends(s, (ptrdiff_t)i + 1);
			i += 2;
			continue;
		}
		if (c == '\0')
			s->seen |= SEEN_NUL;
		if (c & 0x80)
			s->seen |= SEEN_8BIT;
		i++;
	}
	return i;
}

#ifdef __SSE2__
/*
 * Blocks of 64 octets that need no change, from i > 0 on; stops at the first block that needs some.
 * Each octet is compared together with the one before it: LF without CR, CR without LF and LF with
 * a dot behind it all show that way, so nothing is carried from block to block.
 */
static size_t
scan_blocks(struct scan *s, size_t i)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
	const __m128i dot = _mm_set1_epi8(s->dots ? '.' : '\n'); /* LF LF stops it anyway */
	__m128i high = _mm_setzero_si128(), low = _mm_set1_epi8(-1);

	for (; s->n - i >= 64; i += 64) {
		__m128i stop = _mm_setzero_si128(), h = high, l = low;
		uint64_t ends = 0;

#pragma GCC unroll 4
		for (int k = 0; k < 4; k++) {
			const uint8_t *at = s->p + i + 16 * k;
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
			__m128i before = _mm_loadu_si128((const __m128i *)(const void *)(at - 1));
			__m128i is_lf = _mm_cmpeq_epi8(v, lf);

			stop = _mm_or_si128(stop, _mm_xor_si128(is_lf, _mm_cmpeq_epi8(before, cr)));
			stop = _mm_or_si128(stop,
			    _mm_and_si128(_mm_cmpeq_epi8(v, dot), _mm_cmpeq_epi8(before, lf)));
			h = _mm_or_si128(h, v);
			l = _mm_min_epu8(l, v);
			ends |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_lf) << (16 * k);
		}
		if (_mm_movemask_epi8(stop) != 0)
			break;
		high = h;
		low = l;
		if (ends != 0) {
			/* Lines that begin and end within the block are short. */
			line_ends(s, (ptrdiff_t)i + __builtin_ctzll(ends));
			s->line_at = (ptrdiff_t)i + 64 - __builtin_clzll(ends);
		}
	}
	if (_mm_movemask_epi8(high) != 0)
		s->seen |= SEEN_8BIT;
	if (_mm_movemask_epi8(_mm_cmpeq_epi8(low, _mm_setzero_si128())) != 0)
		s->seen |= SEEN_NUL;
	return i;
}

/* The same with registers twice as wide, where the processor has them. */
__attribute__((target("avx2"))) static size_t
scan_blocks_avx2(struct scan *s, size_t i)
{
	const __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n');
	const __m256i dot = _mm256_set1_epi8(s->dots ? '.' : '\n');
	__m256i high = _mm256_setzero_si256(), low = _mm256_set1_epi8(-1);

	for (; s->n - i >= 64; i += 64) {
		__m256i stop = _mm256_setzero_si256(), h = high, l = low;
		uint64_t ends = 0;

#pragma GCC unroll 2
		for (int k = 0; k < 2; k++) {
			const uint8_t *at = s->p + i + 32 * k;
			__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)at);
			__m256i before =
			    _mm256_loadu_si256((const __m256i *)(const void *)(at - 1));
			__m256i is_lf = _mm256_cmpeq_epi8(v, lf);

			stop = _mm256_or_si256(
			    stop, _mm256_xor_si256(is_lf, _mm256_cmpeq_epi8(before, cr)));
			stop = _mm256_or_si256(stop, _mm256_and_si256(_mm256_cmpeq_epi8(v, dot),
							 _mm256_cmpeq_epi8(before, lf)));
			h = _mm256_or_si256(h, v);
			l = _mm256_min_epu8(l, v);
			ends |= (uint64_t)(uint32_t)_mm256_movemask_epi8(is_lf) << (32 * k);
		}
		if (!_mm256_testz_si256(stop, stop))
			break;
		high = h;
		low = l;
		if (ends != 0) {
			line_ends(s, (ptrdiff_t)i + __builtin_ctzll(ends));
			s->line_at = (ptrdiff_t)i + 64 - __builtin_clzll(ends);
		}
	}
	if (_mm256_movemask_epi8(high) != 0)
		s->seen |= SEEN_8BIT;
	if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, _mm256_setzero_si256())) != 0)
		s->seen |= SEEN_NUL;
	return i;
}
#endif

enum { PLAIN, NARROW, WIDE }; /* how many octets at a time */

static size_t
scan(struct scan *s, int blocks)
{
	size_t i = 0;

#ifdef __SSE2__
	if (blocks != PLAIN && s->n > 64) {
		i = scan_plain(s, 0, 1); /* 0, 1, or 2 when p begins with CR LF */
		if (i == 0)
			return 0;
		i = blocks == WIDE && __builtin_cpu_supports("avx2") ? scan_blocks_avx2(s, i)
								     : scan_blocks(s, i);
		/* A CR at the end of the last block is decided by what follows. */
		if (s->p[i - 1] == '\r' && (i >= s->n || s->p[i] != '\n'))
			return i - 1;
		if (i < s->n && s->p[i] == '\n' && s->p[i - 1] == '\r') {
			line_ends(s, (ptrdiff_t)i);
			i++;
		}
	}
#endif
	return scan_plain(s, i, s->n);
}

static size_t
scan_from(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen, int blocks)
{
	struct scan s = { .p = p, .n = n, .dots = dots, .line_at = -(ptrdiff_t)*line_len };
	size_t len = scan(&s, blocks);

	*seen |= s.seen;
	*line_len = (size_t)((ptrdiff_t)len - s.line_at);
	return len;
}

size_t
content_scan(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen)
{
	return scan_from(p, n, dots, line_len, seen, WIDE);
}

size_t
content_scan_plain(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen)
{
	return scan_from(p, n, dots, line_len, seen, PLAIN);
}

size_t
content_scan_narrow(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen)
{
	return scan_from(p, n, dots, line_len, seen, NARROW);
}
