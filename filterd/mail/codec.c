#include <string.h>

#include "mail/codec.h"
#include "mail/codec_private.h"

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

/* The next word behind white space, comments, quotes and whatever else is no word; "" none. */
static struct span
next_word(struct span *value)
{
	struct span word;
	int depth = 0;

	while (value->len > 0 && (depth > 0 || !is_word(*value->p))) {
		depth += *value->p == '(';
		depth -= *value->p == ')' && depth > 0;
		value->p++;
		value->len--;
	}
	word = span_make(value->p, 0);
	while (word.len < value->len && is_word(value->p[word.len]))
		word.len++;
	value->p += word.len;
	value->len -= word.len;
	return word;
}

static enum codec
codec_of(struct span word)
{
	static const struct {
		const char *word;
		enum codec codec;
	} known[] = {
		{ "7bit", CODEC_NONE },
		{ "8bit", CODEC_NONE },
		{ "binary", CODEC_NONE },
		{ "base64", CODEC_BASE64 },
		{ "quoted-printable", CODEC_QP },
		{ "x-uuencode", CODEC_UU },
		{ "x-uue", CODEC_UU },
		{ "uuencode", CODEC_UU },
		{ "uue", CODEC_UU },
		{ "x-yencode", CODEC_YENC },
		{ "x-yenc", CODEC_YENC },
		{ "yencode", CODEC_YENC },
		{ "yenc", CODEC_YENC },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (span_case_eq_str(word, known[i].word))
			return known[i].codec;
	}
	return CODEC_UNKNOWN;
}

unsigned
codec_named(struct span value)
{
	struct span word = next_word(&value);
	unsigned codecs = 1u << (word.len == 0 ? CODEC_NONE : codec_of(word));

	while ((word = next_word(&value)).len > 0) {
		enum codec c = codec_of(word);

		if (c != CODEC_UNKNOWN)
			codecs |= 1u << c;
	}
	return codecs;
}

/* --- base64 --- */

enum { B64_JUNK = 64, B64_BLANK = 65, B64_PAD = 66 };

static uint8_t
b64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	return c == '=' ? B64_PAD : is_blank(c) ? B64_BLANK : B64_JUNK;
}

/* Made anew for each part: 256 steps, beside thousands of octets. */
static void
b64_table(uint8_t table[256])
{
	for (int c = 0; c < 256; c++)
		table[c] = b64_value((uint8_t)c);
}

struct b64 {
	uint32_t bits; /* the digits of the group at hand */
	int n;         /* how many */
	int ended;     /* padding was seen */
	int short_pad; /* padding that is still to come */
};

/* The octets that a group of 2 or 3 digits has whole. */
static void
b64_partial(struct b64 *b, struct codec_out *o)
{
	if (b->n >= 2)
		codec_put(o, (uint8_t)(b->n == 2 ? b->bits >> 4 : b->bits >> 10));
	if (b->n == 3)
		codec_put(o, (uint8_t)(b->bits >> 2));
	b->bits = 0;
	b->n = 0;
}

static void
b64_digit(struct b64 *b, uint8_t v, struct codec_out *o)
{
	if (b->ended)
		o->odd |= CODEC_ODD_MORE;
	b->bits = b->bits << 6 | v;
	if (++b->n < 4)
		return;
	codec_put(o, (uint8_t)(b->bits >> 16));
	codec_put(o, (uint8_t)(b->bits >> 8));
	codec_put(o, (uint8_t)b->bits);
	b->bits = 0;
	b->n = 0;
}

static void
b64_pad(struct b64 *b, struct codec_out *o)
{
	if (b->n >= 2) {
		b->short_pad = 3 - b->n;
		b->ended = 1;
		b64_partial(b, o);
	} else if (b->n == 0 && b->short_pad > 0) {
		b->short_pad--;
	} else {
		o->odd |= CODEC_ODD_JUNK;
	}
}

/* Whole groups of digits, as long as there is nothing else. */
static size_t
b64_groups(const uint8_t table[256], struct span in, size_t i, struct codec_out *o)
{
	for (; in.len - i >= 4 && o->size - o->len >= 3; i += 4) {
		uint8_t a = table[in.p[i]], b = table[in.p[i + 1]], c = table[in.p[i + 2]],
			d = table[in.p[i + 3]];

		if ((a | b | c | d) >= 64)
			break;
		if (o->p != NULL) {
			o->p[o->len] = (uint8_t)(a << 2 | b >> 4);
			o->p[o->len + 1] = (uint8_t)(b << 4 | c >> 2);
			o->p[o->len + 2] = (uint8_t)(c << 6 | d);
		}
		o->len += 3;
	}
	return i;
}

/* on: '=' is junk. */
static void
base64_decode(struct span in, int on, struct codec_out *o)
{
	uint8_t table[256];
	struct b64 b = { 0 };

	b64_table(table);
	for (size_t i = 0; i < in.len && !codec_full(o); i++) {
		uint8_t v;

		if (b.n == 0 && !b.ended && (i = b64_groups(table, in, i, o)) == in.len)
			break;
		v = table[in.p[i]];
		if (v < 64)
			b64_digit(&b, v, o);
		else if (v == B64_PAD && !on)
			b64_pad(&b, o);
		else if (v == B64_PAD || v == B64_JUNK)
			o->odd |= CODEC_ODD_JUNK;
	}
	if (b.n > 0 || b.short_pad > 0)
		o->odd |= CODEC_ODD_END;
	b64_partial(&b, o);
}

/* A digit behind an '='. */
static int
base64_goes_on(struct span in)
{
	for (size_t i = span_find(in, '='); i < in.len; i++)
		if (b64_value(in.p[i]) < 64)
			return 1;
	return 0;
}

unsigned
codec_ways(unsigned codecs, struct span in)
{
	if ((codecs & 1u << CODEC_BASE64) != 0 && base64_goes_on(in))
		codecs |= 1u << CODEC_BASE64_ON;
	return codecs;
}

/* --- quoted-printable --- */

static void
qp_text(struct span s, struct codec_out *o)
{
	for (size_t i = 0; i < s.len && !codec_full(o); i++) {
		int octet = s.p[i] == '=' ? span_hex_octet(s, i + 1) : -1;

		if (octet != -1) {
			codec_put(o, (uint8_t)octet);
			i += 2;
			continue;
		}
		if (s.p[i] == '=')
			o->odd |= CODEC_ODD_JUNK;
		codec_put(o, s.p[i]);
	}
}

static void
qp_decode(struct span in, struct codec_out *o)
{
	while (in.len > 0 && !codec_full(o)) {
		struct span line, end;
		size_t all;

		codec_line(&in, &line, &end);
		all = line.len;
		while (line.len > 0 && is_blank(line.p[line.len - 1]))
			line.len--;
		if (line.len > 0 && line.p[line.len - 1] == '=') {
			if (line.len < all)
				o->odd |= CODEC_ODD_SOFT;
			line.len--;
			end.len = 0;
		}
		qp_text(line, o);
		for (size_t i = 0; i < end.len; i++)
			codec_put(o, end.p[i]);
	}
}

/* --- all --- */

void
codec_line(struct span *rest, struct span *line, struct span *end)
{
	const uint8_t *nl = memchr(rest->p, '\n', rest->len);
	size_t all = nl == NULL ? rest->len : (size_t)(nl - rest->p) + 1, len = all;

	if (nl != NULL) {
		len--;
		if (len > 0 && rest->p[len - 1] == '\r')
			len--;
	}
	*line = span_make(rest->p, len);
	*end = span_make(rest->p + len, all - len);
	rest->p += all;
	rest->len -= all;
}

void
codec_put(struct codec_out *o, uint8_t c)
{
	if (o->len == o->size)
		o->odd |= CODEC_ODD_CUT;
	else if (o->p == NULL)
		o->len++;
	else
		o->p[o->len++] = c;
}

size_t
codec_room(enum codec codec, struct span in)
{
	switch (codec) {
	case CODEC_BASE64:
	case CODEC_BASE64_ON:
		return in.len / 4 * 3 + 3;
	case CODEC_UU:
		return codec_uu_room(in);
	case CODEC_NONE:
	case CODEC_QP:
	case CODEC_YENC:
	case CODEC_UNKNOWN:
		break;
	}
	return in.len;
}

static void
copy(struct span in, struct codec_out *o)
{
	o->len = in.len < o->size ? in.len : o->size;
	if (o->len > 0 && o->p != NULL)
		memcpy(o->p, in.p, o->len);
	o->odd = o->len < in.len ? CODEC_ODD_CUT : 0;
}

static void
decode(enum codec codec, struct span in, struct codec_out *o)
{
	switch (codec) {
	case CODEC_BASE64:
	case CODEC_BASE64_ON:
		base64_decode(in, codec == CODEC_BASE64_ON, o);
		break;
	case CODEC_QP:
		qp_decode(in, o);
		break;
	case CODEC_UU:
		codec_uu_decode(in, o);
		break;
	case CODEC_YENC:
		codec_yenc_decode(in, o);
		break;
	case CODEC_NONE:
	case CODEC_UNKNOWN:
		copy(in, o);
		break;
	}
}

size_t
codec_decode(enum codec codec, struct span in, uint8_t *out, size_t size, unsigned *odd)
{
	uint8_t none;
	struct codec_out o = { .p = out == NULL ? &none : out, .size = out == NULL ? 0 : size };

	decode(codec, in, &o);
	if (odd != NULL)
		*odd = o.odd;
	return o.len;
}

size_t
codec_measure(enum codec codec, struct span in, unsigned *odd)
{
	struct codec_out o = { .size = SIZE_MAX };

	decode(codec, in, &o);
	*odd = o.odd;
	return o.len;
}
