/* Bodies that nobody looks at: only a line that begins with "--" could matter. */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mail/mime_impl.h"

/* Sixteen octets at a time; lines are too short for one memchr(3) each. */
static const uint8_t *
skip_blocks(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
	const __m128i nl = _mm_set1_epi8('\n'), dash = _mm_set1_epi8('-');

	for (; end - p >= 18; p += 16) {
		__m128i a = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), nl);
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
		int found;

		b = _mm_and_si128(_mm_cmpeq_epi8(b, dash), _mm_cmpeq_epi8(c, dash));
		found = _mm_movemask_epi8(_mm_and_si128(a, b));
		if (found != 0)
			return p + __builtin_ctz((unsigned)found);
	}
#else
	(void)end;
#endif
	return p;
}

const uint8_t *
mime_find_dashes(const uint8_t *p, const uint8_t *end)
{
	if (end - p >= 2 && p[0] == '-' && p[1] == '-')
		return p;
	p = skip_blocks(p, end);
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && ++p != end)
		if (end - p >= 2 && p[0] == '-' && p[1] == '-')
			return p;
	return end;
}
