#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/attr.h"
#include "base/xmem.h"
#include "mail/charset.h"
#include "mail/utf8.h"

enum how {
	GUESS,
	UTF8,
	CP1252,
	ICONV,
	OPAQUE,
	HZ,
	UTF16,
	UTF16LE,
	UTF16BE,
	UTF32,
	UTF32LE,
	UTF32BE
};

struct charset {
	const char *label;
	enum how how;
	const char *name; /* iconv's */
};

static const struct charset charsets[] = {
#define C(label, how, name) { label, how, name },
#include "mail/charsets.def"
#undef C
};

/* --- labels --- */

enum { LABEL_MAX = 20 };

static const struct charset *
charset_find(struct span label)
{
	char plain[LABEL_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = label.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			continue;
		if (n == LABEL_MAX)
			return NULL;
		plain[n++] = (char)c;
	}
	plain[n] = '\0';
	for (size_t i = 0; i < nitems(charsets); i++) {
		if (strcmp(charsets[i].label, plain) == 0)
			return &charsets[i];
	}
	return NULL;
}

int
charset_known(struct span label)
{
	return charset_find(label) != NULL;
}

/* A byte order mark at the front is taken away, and says more than the label. */
static enum how
mark_cut(struct span *text, enum how how)
{
	static const struct {
		const char *mark;
		uint8_t len;
		enum how how;
	} marks[] = {
		{ "\xef\xbb\xbf", 3, UTF8 },
		{ "\xff\xfe\0\0", 4, UTF32LE },
		{ "\0\0\xfe\xff", 4, UTF32BE },
		{ "\xff\xfe", 2, UTF16LE },
		{ "\xfe\xff", 2, UTF16BE },
	};

	for (size_t i = 0; i < nitems(marks); i++) {
		if (text->len < marks[i].len || memcmp(text->p, marks[i].mark, marks[i].len) != 0)
			continue;
		*text = span_make(text->p + marks[i].len, text->len - marks[i].len);
		return marks[i].how;
	}
	return how;
}

/* --- what is read without iconv --- */

static void
add_char(struct buf *out, uint32_t c)
{
	char octets[4];

	buf_add(out, octets, utf8_put(c, octets));
}

static unsigned
add_utf8(struct span text, struct buf *out)
{
	unsigned seen = 0;

	while (text.len > 0) {
		size_t good = utf8_good(text);

		buf_add(out, text.p, good);
		if (good < text.len) {
			seen = CHARSET_BAD;
			add_char(out, UTF8_REPLACEMENT);
			good++;
		}
		text = span_make(text.p + good, text.len - good);
	}
	return seen;
}

uint32_t
charset_cp1252(uint8_t c)
{
	static const uint16_t high[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020,
		0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018,
		0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153,
		0x9d, 0x17e, 0x178 };

	return c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c;
}

static void
add_cp1252(struct span text, struct buf *out)
{
	for (size_t at = 0; at < text.len;) {
		size_t start = at;

		while (at < text.len && text.p[at] < 0x80)
			at++;
		buf_add(out, text.p + start, at - start);
		for (; at < text.len && text.p[at] >= 0x80; at++)
			add_char(out, charset_cp1252(text.p[at]));
	}
}

static uint32_t
unit16(const uint8_t *p, int little)
{
	return little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8;
}

static unsigned
add_utf16(struct span text, int little, struct buf *out)
{
	unsigned seen = 0;
	size_t at = 0;

	while (text.len - at >= 2) {
		uint32_t c = unit16(text.p + at, little), low;

		at += 2;
		if (c >= 0xd800 && c <= 0xdbff && text.len - at >= 2 &&
		    (low = unit16(text.p + at, little)) >= 0xdc00 && low <= 0xdfff) {
			c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
			at += 2;
		} else if (c >= 0xd800 && c <= 0xdfff) {
			seen = CHARSET_BAD;
		}
		add_char(out, c);
	}
	if (at < text.len) {
		add_char(out, UTF8_REPLACEMENT);
		seen = CHARSET_BAD;
	}
	return seen;
}

static unsigned
add_utf32(struct span text, int little, struct buf *out)
{
	unsigned seen = 0;
	size_t at;

	for (at = 0; text.len - at >= 4; at += 4) {
		uint32_t one = unit16(text.p + at, little), two = unit16(text.p + at + 2, little);
		uint32_t c = little ? two << 16 | one : one << 16 | two;

		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			seen = CHARSET_BAD;
		add_char(out, c);
	}
	if (at < text.len) {
		add_char(out, UTF8_REPLACEMENT);
		seen = CHARSET_BAD;
	}
	return seen;
}

/* Text of any language has more zero octets where the high ones of its characters are: blanks and
 * line ends alone see to that. */
static int
is_little(struct span text)
{
	size_t zeros[2] = { 0, 0 };

	for (size_t i = 0; i < text.len && i < 4096; i++)
		zeros[i & 1] += text.p[i] == 0;
	return zeros[1] >= zeros[0];
}

/* --- what iconv reads --- */

/* The next piece: 0, or -1 at octets that are none of the charset. */
static int
iconv_step(iconv_t cd, char **in, size_t *in_left, struct buf *out)
{
	size_t room = *in_left + *in_left / 2 + 16, left = room;
	char *to = buf_reserve(out, room);
	/* Some hold the last character back, for it may have an accent: without input it comes. */
	size_t rc = iconv(cd, *in_left == 0 ? NULL : in, in_left, &to, &left);

	out->len += room - left;
	return rc == (size_t)-1 && errno != E2BIG ? -1 : 0;
}

/* The C library loads the module of a charset when a descriptor is opened and unloads it with the
 * last, which for a header of many charsets costs fifty times what reading it does.  So one
 * descriptor of each that was ever used stays open and is never worked with: the list is closed.
 * 1: the present one was kept. */
static int
keep_module(const struct charset *cs, iconv_t cd)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static iconv_t kept[nitems(charsets)]; /* NULL: none */
	iconv_t *k = &kept[cs - charsets];
	int taken;

	pthread_mutex_lock(&lock);
	taken = *k == NULL;
	if (taken)
		*k = cd;
	pthread_mutex_unlock(&lock);
	return taken;
}

/* -1: this machine's does not know the charset. */
static iconv_t
open_kept(const struct charset *cs)
{
	iconv_t cd = iconv_open("UTF-8", cs->name);

	if (cd != (iconv_t)-1 && keep_module(cs, cd))
		cd = iconv_open("UTF-8", cs->name);
	return cd;
}

/* Signs that Big5 has twice, or a font had first: mail readers show them, the C library's iconv
 * knows the other place alone.  0: none of them. */
static uint32_t
big5_char(struct span s)
{
	static const uint16_t chars[][2] = { { 0xa15a, 0x2574 }, { 0xa1c3, 0xffe3 },
		{ 0xa1c5, 0x2cd }, { 0xa1fe, 0xff0f }, { 0xa240, 0xff3c }, { 0xa2cc, 0x5341 },
		{ 0xa2ce, 0x5345 } };

	for (size_t i = 0; i < nitems(chars) && s.len >= 2; i++)
		if (unit16(s.p, 0) == chars[i][0])
			return chars[i][1];
	return 0;
}

/* -1: as open_kept(). */
static int
add_iconv(struct span text, const struct charset *cs, struct buf *out)
{
	iconv_t cd = open_kept(cs);
	char *in = (char *)(uintptr_t)text.p; /* iconv() does not write there */
	size_t in_left = text.len;
	int seen = 0;

	if (cd == (iconv_t)-1)
		return -1;
	while (in_left > 0) {
		uint32_t c = 0;

		if (iconv_step(cd, &in, &in_left, out) == 0)
			continue;
		if (strcmp(cs->name, "BIG5-HKSCS") == 0)
			c = big5_char(span_make(in, in_left));
		if (c == 0)
			seen = CHARSET_BAD;
		add_char(out, c == 0 ? UTF8_REPLACEMENT : c);
		in += c == 0 ? 1 : 2;
		in_left -= c == 0 ? 1 : 2;
	}
	iconv_step(cd, &in, &in_left, out);
	iconv_close(cd);
	return seen;
}

/* "~{" and "~}" are about GB 2312 in seven bits, which iconv here does not know. */
static int
add_hz(struct span text, struct buf *out)
{
	struct buf octets = { 0 };
	uint8_t high = 0;
	int seen;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i], then = i + 1 < text.len ? text.p[i + 1] : 0;

		if (c == '\n')
			high = 0; /* the end of a line ends it, too */
		if (c == '~' && (then == '{' || then == '}')) {
			high = then == '{' ? 0x80 : 0;
			i++;
		} else if (c == '~' && high == 0 && (then == '~' || then == '\n')) {
			if (then == '~')
				buf_addc(&octets, '~');
			i++;
		} else {
			buf_addc(&octets, (char)(c > ' ' ? c | high : c));
		}
	}
	seen = add_iconv(buf_span(&octets), charset_find(span_str("gb18030")), out);
	buf_fini(&octets);
	return seen;
}

void
charset_load(void)
{
	for (size_t i = 0; i < nitems(charsets); i++) {
		iconv_t cd = charsets[i].name == NULL ? (iconv_t)-1 : open_kept(&charsets[i]);

		if (cd != (iconv_t)-1)
			iconv_close(cd);
	}
}

/* --- all together --- */

static int
is_7bit(struct span text)
{
	uint64_t four[4], all = 0;
	size_t at = 0;

	for (; text.len - at >= sizeof(four); at += sizeof(four)) {
		memcpy(four, text.p + at, sizeof(four));
		all |= (four[0] | four[1]) | (four[2] | four[3]);
	}
	for (; at < text.len; at++)
		all |= text.p[at];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* ISO-2022 is 7-bit, but has escapes. */
static int
is_ascii(struct span text)
{
#ifdef __SSE2__
	__m128i odd = _mm_setzero_si128();
	size_t at = 0;

	for (; text.len - at >= 32; at += 32) {
		const void *p = text.p + at, *behind = text.p + at + 16;
		__m128i a = _mm_loadu_si128(p), b = _mm_loadu_si128(behind);

		odd = _mm_or_si128(odd, _mm_or_si128(a, b));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(a, _mm_set1_epi8(0x1b)));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8(0x1b)));
	}
	if (_mm_movemask_epi8(odd) != 0)
		return 0;
	text = span_make(text.p + at, text.len - at);
#endif
	return is_7bit(text) && span_find(text, 0x1b) == text.len;
}

/* Without a label, too: "ESC ( B", "ESC $ B". */
static int
is_iso2022(struct span text)
{
	if (!is_7bit(text))
		return 0;
	for (;;) {
		size_t at = span_find(text, 0x1b);

		if (text.len - at < 3)
			return 0;
		text = span_make(text.p + at + 1, text.len - at - 1);
		if (text.p[0] == '(' || text.p[0] == '$')
			return 1;
	}
}

void
charset_guess(struct span text, struct buf *out)
{
	if (is_iso2022(text) && add_iconv(text, charset_find(span_str("iso2022jp")), out) != -1)
		return;
	if (mark_cut(&text, GUESS) == UTF8 || utf8_good(text) == text.len)
		add_utf8(text, out);
	else
		add_cp1252(text, out);
}

/* By the label's word; -1: that cannot be. */
static int
add_as(struct span text, enum how how, const struct charset *cs, struct buf *out)
{
	switch (how) {
	case GUESS:
		charset_guess(text, out);
		return 0;
	case UTF8:
		return (int)add_utf8(text, out);
	case CP1252:
		add_cp1252(text, out);
		return 0;
	case UTF16:
		return (int)add_utf16(text, is_little(text), out);
	case UTF16LE:
	case UTF16BE:
		return (int)add_utf16(text, how == UTF16LE, out);
	case UTF32:
	case UTF32LE:
	case UTF32BE:
		return (int)add_utf32(text, how == UTF32LE, out);
	case HZ:
		return add_hz(text, out);
	case ICONV:
	case OPAQUE:
		return add_iconv(text, cs, out);
	}
	return -1;
}

/* ISO-2022 and the like are 7-bit, too. */
static int
is_as_written(struct span text, enum how how)
{
	return how <= ICONV && is_ascii(text);
}

int
charset_as_is(struct span *text, struct span label)
{
	const struct charset *cs = charset_find(label);
	struct span rest = *text;
	enum how how;

	if (cs == NULL && label.len > 0)
		return 0;
	how = mark_cut(&rest, cs == NULL ? GUESS : cs->how);
	if (!is_as_written(rest, how) && (how != UTF8 || utf8_good(rest) < rest.len))
		return 0;
	*text = rest;
	return 1;
}

unsigned
charset_decode(struct span text, struct span label, struct buf *out)
{
	const struct charset *cs = charset_find(label);
	enum how how = mark_cut(&text, cs == NULL ? GUESS : cs->how);
	unsigned unknown = cs == NULL && label.len > 0 ? CHARSET_UNKNOWN : 0;
	int seen;

	if (is_as_written(text, how)) {
		buf_add_span(out, text);
		return unknown;
	}
	seen = add_as(text, how, cs, out);
	if (seen == -1) {
		charset_guess(text, out);
		return CHARSET_UNKNOWN;
	}
	if (seen != 0 || how >= OPAQUE ||
	    (how != UTF8 && how != GUESS && !is_7bit(text) && utf8_good(text) == text.len))
		seen |= CHARSET_DOUBT;
	return unknown | (unsigned)seen;
}
