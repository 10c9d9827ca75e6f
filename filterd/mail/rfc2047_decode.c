#include <string.h>

#include "mail/rfc2047_decode.h"

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
rfc2047_word(struct span s, struct rfc2047_word *w)
{
	struct span rest, encoding, lang;

	if (s.len < 8 || s.p[0] != '=' || s.p[1] != '?' || s.p[s.len - 1] != '=' ||
	    s.p[s.len - 2] != '?')
		return 0;
	rest = span_make(s.p + 2, s.len - 4);
	if (!span_cut(rest, '?', &w->charset, &rest) || !span_cut(rest, '?', &encoding, &rest) ||
	    encoding.len != 1 || span_find(rest, '?') != rest.len)
		return 0;
	span_cut(w->charset, '*', &w->charset, &lang); /* RFC 2231 5: the language */
	w->encoding = encoding.p[0] | 0x20;
	w->text = rest;
	return w->encoding == 'b' || w->encoding == 'q';
}

static void
decode_q(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		int octet = s.p[i] == '=' ? span_hex_octet(s, i + 1) : -1;

		if (octet != -1) {
			buf_addc(out, (char)octet);
			i += 2;
		} else {
			buf_addc(out, s.p[i] == '_' ? ' ' : (char)s.p[i]);
		}
	}
}

static int
b64_digit(uint8_t c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* What follows an '=' is read by some, as the next group or as if it stood without it. */
static void
decode_b(struct span s, struct rfc2047_bits *b, struct buf *out)
{
	int ended = 0;

	for (size_t i = 0; i < s.len; i++) {
		int v = b64_digit(s.p[i]);

		if (s.p[i] == '=') {
			ended = 1;
			if (b->groups)
				b->n = 0;
		}
		if (v == -1)
			continue;
		b->went_on |= ended;
		b->bits = (b->bits << 6 | (unsigned)v) & 0xffffff;
		b->n += 6;
		if (b->n >= 8) {
			b->n -= 8;
			buf_addc(out, (char)(b->bits >> b->n & 0xff));
		}
	}
	if (ended)
		b->n = 0;
}

void
rfc2047_octets(const struct rfc2047_word *w, struct rfc2047_bits *bits, struct buf *out)
{
	if (w->encoding == 'q')
		decode_q(w->text, out);
	else
		decode_b(w->text, bits, out);
}

static int
is_sound_b(struct span s)
{
	size_t n = s.len;

	while (n > 0 && s.len - n < 2 && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		if (b64_digit(s.p[i]) == -1)
			return 0;
	return s.len % 4 == 0;
}

static int
is_sound_q(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    (s.p[i] == '=' && span_hex_octet(s, i + 1) == -1))
			return 0;
	return 1;
}

int
rfc2047_is_sound(const struct rfc2047_word *w)
{
	return w->encoding == 'q' ? is_sound_q(w->text) : is_sound_b(w->text);
}

static void
add_latin1(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < 0x80) {
			buf_addc(out, (char)s.p[i]);
		} else {
			buf_addc(out, (char)(0xc0 | s.p[i] >> 6));
			buf_addc(out, (char)(0x80 | (s.p[i] & 0x3f)));
		}
	}
}

static int
decode_word(struct span token, struct buf *out)
{
	struct rfc2047_bits bits = { 0 };
	struct buf octets = { 0 };
	struct rfc2047_word w;
	int latin1;

	if (!rfc2047_word(token, &w))
		return 0;
	latin1 = span_case_eq_str(w.charset, "iso-8859-1");
	if (!latin1 && !span_case_eq_str(w.charset, "utf-8") &&
	    !span_case_eq_str(w.charset, "us-ascii"))
		return 0;
	rfc2047_octets(&w, &bits, &octets);
	if (latin1)
		add_latin1(buf_span(&octets), out);
	else
		buf_add_span(out, buf_span(&octets));
	buf_fini(&octets);
	return 1;
}

void
rfc2047_decode(struct span value, struct buf *out)
{
	size_t at = 0, end, blank;
	int after_word = 0;

	while (at < value.len) {
		size_t before = out->len;

		for (blank = at; at < value.len && is_space(value.p[at]); at++)
			if (value.p[at] != '\r' && value.p[at] != '\n')
				buf_addc(out, (char)value.p[at]);
		for (end = at; end < value.len && !is_space(value.p[end]); end++)
			continue;
		if (end > at) {
			struct buf word = { 0 };
			struct span token = span_make(value.p + at, end - at);
			int is_word = decode_word(token, &word);

			if (is_word && after_word && at > blank)
				out->len = before;
			buf_add_span(out, is_word ? buf_span(&word) : token);
			buf_fini(&word);
			after_word = is_word;
		}
		at = end;
	}
}
