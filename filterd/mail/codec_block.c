#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mail/codec.h"
#include "mail/codec_private.h"

/* WORD, and behind it "MODE NAME", three octal digits at least.  Some readers want no name. */
static int
begins(struct span line, struct span word, struct span *name)
{
	size_t i = word.len, digits;

	if (line.len < word.len + 3 || memcmp(line.p, word.p, word.len) != 0)
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

/* The name is the last one of the words, and may have blanks. */
static int
ybegins(struct span line, struct span *name)
{
	const struct span word = span_str("=ybegin "), key = span_str("name=");
	const uint8_t *at;

	if (line.len < word.len || memcmp(line.p, word.p, word.len) != 0)
		return 0;
	at = memmem(line.p, line.len, key.p, key.len);
	*name = span_make(NULL, 0);
	if (at == NULL)
		return 1;
	at += key.len;
	*name = span_trim(span_make(at, line.len - (size_t)(at - line.p)));
	if (name->len >= 2 && name->p[0] == '"' && name->p[name->len - 1] == '"')
		*name = span_make(name->p + 1, name->len - 2);
	return 1;
}

static int
block_begins(enum codec codec, struct span line, struct span *name)
{
	if (codec == CODEC_YENC)
		return ybegins(line, name);
	return begins(line, span_str(codec == CODEC_UU ? "begin " : "begin-base64 "), name);
}

int
codec_block_ends(enum codec codec, struct span line)
{
	if (codec == CODEC_YENC)
		return line.len >= 5 && memcmp(line.p, "=yend", 5) == 0;
	return span_eq_str(span_trim(line), codec == CODEC_UU ? "end" : "====");
}

/* Where the first line with a c in front is, or the end; s begins with a line.  Nearly all texts
 * have no block, so most of them are looked through here. */
static size_t
line_with(struct span s, char c)
{
	size_t at = 0;

	if (s.len > 0 && s.p[0] == c)
		return 0;
#ifdef __SSE2__
	for (; s.len - at > 16; at += 16) {
		const void *p = s.p + at, *next = s.p + at + 1;
		__m128i ends = _mm_cmpeq_epi8(_mm_loadu_si128(p), _mm_set1_epi8('\n'));
		__m128i cs = _mm_cmpeq_epi8(_mm_loadu_si128(next), _mm_set1_epi8(c));
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(ends, cs));

		if (hits != 0)
			return at + (size_t)__builtin_ctz(hits) + 1;
	}
#endif
	for (; s.len > at + 1; at++)
		if (s.p[at] == '\n' && s.p[at + 1] == c)
			return at + 1;
	return s.len;
}

/* The lines up to the one that ends the block, and that one too. */
static struct span
lines_of(enum codec codec, struct span first, struct span *text)
{
	const uint8_t *from = codec == CODEC_BASE64 ? text->p : first.p;
	struct span line, end;

	while (text->len > 0) {
		codec_line(text, &line, &end);
		if (codec_block_ends(codec, line))
			return span_make(
			    from, (size_t)((codec == CODEC_BASE64 ? line.p : text->p) - from));
	}
	return span_make(from, (size_t)(text->p - from));
}

int
codec_block_next(enum codec codec, struct span *text, struct span *name, struct span *block)
{
	struct span line, end;

	while (text->len > 0) {
		size_t at = line_with(*text, codec == CODEC_YENC ? '=' : 'b');

		*text = span_make(text->p + at, text->len - at);
		if (text->len == 0)
			break;
		codec_line(text, &line, &end);
		if (block_begins(codec, line, name)) {
			*block = lines_of(codec, line, text);
			return 1;
		}
	}
	return 0;
}
