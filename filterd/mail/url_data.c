/* The URLs of documents that are URLs themselves (data:), and of scripts. */
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/codec.h"
#include "mail/url_private.h"
#include "mail/utf8.h"

#define TYPE_MAX 200 /* octets of media type and parameters before the comma in a text */

/* --- data: --- */

enum content { NOTHING, PAGE, CSS, TEXT };

static int
ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && span_case_eq_str(span_make(s.p + s.len - n, n), end);
}

static enum content
content_of(struct span head)
{
	struct span type = span_trim(span_make(head.p, span_find(head, ';')));

	if (span_case_eq_str(type, "text/html") || ends_with(type, "/xml") ||
	    ends_with(type, "+xml"))
		return PAGE;
	if (span_case_eq_str(type, "text/css"))
		return CSS;
	if (type.len == 0 || span_case_starts(type, "text/") || ends_with(type, "javascript"))
		return TEXT;
	return NOTHING;
}

static void
unpercent(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		int c = s.p[i] == '%' ? span_hex_octet(s, i + 1) : -1;

		buf_addc(out, c == -1 ? (char)s.p[i] : (char)c);
		if (c != -1)
			i += 2;
	}
}

static void
unbase64(struct buf *b)
{
	struct span in = buf_span(b);
	struct buf out = { 0 };
	size_t room = codec_room(CODEC_BASE64, in);
	uint8_t *p = (uint8_t *)buf_reserve(&out, room);

	out.len = codec_decode(CODEC_BASE64, in, p, room, NULL);
	buf_fini(b);
	*b = out;
}

void
url_data(struct urls *u, struct span behind)
{
	struct url_base none = { 0 };
	struct buf b = { 0 };
	size_t comma = span_find(behind, ',');
	struct span head = span_make(behind.p, comma);
	enum content content = content_of(head);

	if (comma == behind.len || content == NOTHING)
		return;
	unpercent(span_make(behind.p + comma + 1, behind.len - comma - 1), &b);
	if (ends_with(span_trim(head), "base64"))
		unbase64(&b);
	if (content == PAGE)
		url_page(u, buf_span(&b));
	else if (content == CSS)
		url_css(u, buf_span(&b), &none);
	else
		url_script(u, buf_span(&b));
	buf_fini(&b);
}

size_t
url_data_length(struct span s)
{
	size_t comma = span_find(span_make(s.p, s.len < TYPE_MAX ? s.len : TYPE_MAX), ','), n;

	if (comma == s.len || comma == TYPE_MAX || content_of(span_make(s.p, comma)) != PAGE)
		return 0;
	for (n = comma; n < s.len && s.p[n] > ' ' && memchr("\"'`<>", s.p[n], 5) == NULL; n++)
		;
	return n;
}

/* --- scripts --- */

/* The value of n hexadecimal digits at i; -1: there are not so many. */
static int32_t
hex_at(struct span s, size_t i, size_t n)
{
	int32_t value = 0;

	for (size_t k = 0; k < n; k += 2) {
		int octet = span_hex_octet(s, i + k);

		if (octet == -1)
			return -1;
		value = value * 256 + octet;
	}
	return value;
}

/* "\x2f", "\u002f", "\/": what is behind the backslash at i; how many octets of it are used. */
static size_t
unescape(struct span s, size_t i, struct buf *out)
{
	size_t digits = i < s.len && s.p[i] == 'x' ? 2 : i < s.len && s.p[i] == 'u' ? 4 : 0;
	int32_t c = digits == 0 ? -1 : hex_at(s, i + 1, digits);
	char octets[4];

	if (c == -1) {
		if (i < s.len && s.p[i] != '\n')
			buf_addc(out, (char)s.p[i]);
		return i < s.len ? 1 : 0;
	}
	if (c > 0 && (c < 0xd800 || c > 0xdfff))
		buf_add(out, octets, utf8_put((uint32_t)c, octets));
	return 1 + digits;
}

static int
has_escape(struct span s)
{
	for (size_t i = span_find(s, '\\'); i + 1 < s.len; i++)
		if (s.p[i] == '\\' && (s.p[i + 1] == 'x' || s.p[i + 1] == 'u'))
			return 1;
	return 0;
}

void
url_script(struct urls *u, struct span script)
{
	struct buf b = { 0 };

	url_scan(u, script, 0);
	if (!has_escape(script))
		return;
	for (size_t i = 0; i < script.len; i++) {
		if (script.p[i] == '\\')
			i += unescape(script, i + 1, &b);
		else
			buf_addc(&b, (char)script.p[i]);
	}
	url_scan(u, buf_span(&b), 0);
	buf_fini(&b);
}
