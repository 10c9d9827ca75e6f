#include "base/attr.h"
#include "mail/text_seen.h"
#include "mail/utf8.h"

#define UNSEEN8(first)                                                                             \
	[first] = TEXT_UNSEEN, [first + 1] = TEXT_UNSEEN, [first + 2] = TEXT_UNSEEN,               \
	[first + 3] = TEXT_UNSEEN, [first + 4] = TEXT_UNSEEN, [first + 5] = TEXT_UNSEEN,           \
	[first + 6] = TEXT_UNSEEN, [first + 7] = TEXT_UNSEEN

/* The leads are those of the characters in the tables below. */
const uint8_t text_octets[256] = {
	UNSEEN8(0),
	[8] = TEXT_UNSEEN,
	[11] = TEXT_UNSEEN,
	[14] = TEXT_UNSEEN,
	[15] = TEXT_UNSEEN,
	UNSEEN8(16),
	UNSEEN8(24),
	[127] = TEXT_UNSEEN,
	['\t'] = TEXT_SPACE,
	['\n'] = TEXT_SPACE,
	['\f'] = TEXT_SPACE,
	['\r'] = TEXT_SPACE,
	[' '] = TEXT_SPACE,
	['&'] = TEXT_MARK,
	[0xc2] = TEXT_LEAD,
	[0xcc] = TEXT_LEAD,
	[0xcd] = TEXT_LEAD,
	[0xd8] = TEXT_LEAD,
	[0xe1] = TEXT_LEAD,
	[0xe2] = TEXT_LEAD,
	[0xe3] = TEXT_LEAD,
	[0xef] = TEXT_LEAD,
	[0xf0] = TEXT_LEAD,
	[0xf1] = TEXT_LEAD,
	[0xf2] = TEXT_LEAD,
	[0xf3] = TEXT_LEAD,
	[0xf4] = TEXT_LEAD,
};

struct range {
	uint32_t first, last;
};

static const struct range unseen[] = {
	{ 0x80, 0x9f },       /* control characters */
	{ 0xad, 0xad },       /* soft hyphen */
	{ 0x334, 0x338 },     /* overlays: strokes through a letter */
	{ 0x34f, 0x34f },     /* combining grapheme joiner */
	{ 0x61c, 0x61c },     /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x17b4, 0x17b5 },   /* Khmer inherent vowels */
	{ 0x180b, 0x180f },   /* Mongolian variation selectors, vowel separator */
	{ 0x200b, 0x200f },   /* zero width space, joiners, marks of direction */
	{ 0x202a, 0x202e },   /* embeddings */
	{ 0x2060, 0x206f },   /* word joiner, invisible operators, isolates */
	{ 0x2d7f, 0x2d7f },   /* Tifinagh consonant joiner */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfdd0, 0xfdef },   /* noncharacters */
	{ 0xfe00, 0xfe0f },   /* variation selectors */
	{ 0xfeff, 0xfeff },   /* zero width no-break space */
	{ 0xffa0, 0xffa0 },   /* Hangul filler, half width */
	{ 0xfff0, 0xffff },   /* interlinear annotations, replacements for what is none */
	{ 0x13430, 0x1343f }, /* hieroglyph format controls */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d159, 0x1d159 }, /* musical null note head */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0xe0fff }, /* tags, variation selectors */
};

static const struct range blank[] = {
	{ 0xa0, 0xa0 },
	{ 0x1680, 0x1680 },
	{ 0x2000, 0x200a },
	{ 0x2028, 0x2029 },
	{ 0x202f, 0x202f },
	{ 0x205f, 0x205f },
	{ 0x2800, 0x2800 },
	{ 0x3000, 0x3000 },
};

static int
is_in(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n && c >= r[i].first; i++)
		if (c <= r[i].last)
			return 1;
	return 0;
}

size_t
text_seen(struct span s, int *as)
{
	uint32_t c = 0;
	size_t n = utf8_get(s, &c);

	*as = 1;
	if (n == 0)
		return 1;
	if ((c & 0xfffe) == 0xfffe || is_in(c, unseen, nitems(unseen)))
		*as = 0;
	else if (is_in(c, blank, nitems(blank)))
		*as = ' ';
	return n;
}

void
text_clean(struct span s, struct buf *out)
{
	char *start = buf_reserve(out, s.len), *to = start;
	size_t at = 0;

	while (at < s.len) {
		uint8_t c = s.p[at];
		size_t used = 1;
		int as = 1;

		if (c == '\r') {
			at++;
			if (at == s.len || s.p[at] != '\n')
				*to++ = '\n';
			continue;
		}
		if (text_octets[c] == TEXT_UNSEEN)
			as = 0;
		else if (text_octets[c] == TEXT_LEAD)
			used = text_seen(span_make(s.p + at, s.len - at), &as);
		if (as == ' ')
			*to++ = ' ';
		for (size_t i = 0; as == 1 && i < used; i++)
			*to++ = (char)s.p[at + i];
		at += used;
	}
	*to = '\0';
	out->len += (size_t)(to - start);
}
