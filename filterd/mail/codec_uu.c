#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mail/codec.h"
#include "mail/codec_private.h"

/* "begin MODE NAME", three octal digits at least.  Some readers want no name. */
static int
begins(struct span line, struct span *name)
{
	size_t i = 6, digits;

	if (line.len < 9 || memcmp(line.p, "begin ", 6) != 0)
		return 0;
	while (i < line.len && line.p[i] == ' ')
		i++;
	for (digits = i; i < line.len && line.p[i] >= '0' && line.p[i] <= '7'; i++)
		continue;
	if (i - digits < 3 || (i < line.len && line.p[i] != ' ' && line.p[i] != '\t'))
		return 0;
	*name = span_trim(span_make(line.p + i, line.len - i));
	return 1;
}

static int
ends(struct span line)
{
	return span_eq_str(span_trim(line), "end");
}

/* Where the first line with a 'b' in front is, or the end; s begins with a line.  Nearly all texts
 * have no block, so most of them are looked through here. */
static size_t
line_with_b(struct span s)
{
	size_t at = 0;

	if (s.len > 0 && s.p[0] == 'b')
		return 0;
#ifdef __SSE2__
	for (; s.len - at > 16; at += 16) {
		const void *p = s.p + at, *next = s.p + at + 1;
		__m128i ends = _mm_cmpeq_epi8(_mm_loadu_si128(p), _mm_set1_epi8('\n'));
		__m128i bs = _mm_cmpeq_epi8(_mm_loadu_si128(next), _mm_set1_epi8('b'));
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(ends, bs));

		if (hits != 0)
			return at + (size_t)__builtin_ctz(hits) + 1;
	}
#endif
	for (; s.len > at + 1; at++)
		if (s.p[at] == '\n' && s.p[at + 1] == 'b')
			return at + 1;
	return s.len;
}

int
codec_uu_next(struct span *text, struct span *name, struct span *block)
{
	struct span line, end;
	int found = 0;

	while (text->len > 0 && !found) {
		size_t at = line_with_b(*text);

		*text = span_make(text->p + at, text->len - at);
		if (at > 0 && text->len == 0)
			return 0;
		codec_line(text, &line, &end);
		found = begins(line, name);
	}
	if (!found)
		return 0;
	*block = span_make(line.p, (size_t)(text->p - line.p));
	for (found = 0; text->len > 0 && !found; block->len = (size_t)(text->p - block->p)) {
		codec_line(text, &line, &end);
		found = ends(line);
	}
	return 1;
}

/* How many octets a line gives; 0 also for what is no line of a block. */
static size_t
line_octets(struct span line)
{
	return line.len == 0 || line.p[0] < ' ' || line.p[0] > '`' ? 0
								   : (size_t)(line.p[0] - ' ') & 63;
}

static uint32_t
digit(struct span line, size_t i, unsigned *odd)
{
	if (i >= line.len)
		return 0;
	if (line.p[i] < ' ' || line.p[i] > '`')
		*odd |= CODEC_ODD_JUNK;
	return ((uint32_t)line.p[i] - ' ') & 63;
}

static void
decode_line(struct span line, struct codec_out *o)
{
	size_t n = line_octets(line);

	if (n == 0 && line.len > 0 && line.p[0] != '`' && line.p[0] != ' ')
		o->odd |= CODEC_ODD_JUNK;
	for (size_t i = 1; n > 0; i += 4) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++)
			bits = bits << 6 | digit(line, i + k, &o->odd);
		for (int shift = 16; shift >= 0 && n > 0; shift -= 8, n--)
			codec_put(o, (uint8_t)(bits >> shift));
	}
}

static void
decode_block(struct span block, struct codec_out *o)
{
	struct span line, end;

	while (block.len > 0 && !codec_full(o)) {
		codec_line(&block, &line, &end);
		if (ends(line))
			return;
		decode_line(line, o);
	}
	o->odd |= CODEC_ODD_END;
}

size_t
codec_uu_room(struct span in)
{
	struct span line, end;
	size_t n = 0;

	while (in.len > 0) {
		codec_line(&in, &line, &end);
		n += line_octets(line);
	}
	return n;
}

void
codec_uu_decode(struct span in, struct codec_out *o)
{
	struct span rest = in, name, block;
	int blocks = 0;

	for (; !codec_full(o) && codec_uu_next(&rest, &name, &block); blocks++) {
		struct span line, end;

		codec_line(&block, &line, &end);
		decode_block(block, o);
	}
	if (blocks == 0)
		decode_block(in, o);
}
