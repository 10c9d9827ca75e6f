#include <string.h>

#include "mail/rfc2047.h"
#include "mail/syntax_private.h"

static const char word_start[] = "=?UTF-8?Q?";
static const char word_end[] = "?=";

#define WORD_MAX 75

/* One character of text as UTF-8: its octets to c, returns how many; *used of text. */
static size_t
next_char(struct span text, uint8_t c[4], size_t *used)
{
	for (size_t n = 1; n <= 4 && n <= text.len; n++) {
		if (utf8_valid(span_make(text.p, n))) {
			memcpy(c, text.p, n);
			*used = n;
			return n;
		}
	}
	*used = 1;
	c[0] = (uint8_t)(0xc0 | text.p[0] >> 6);
	c[1] = (uint8_t)(0x80 | (text.p[0] & 0x3f));
	return 2;
}

/* RFC 2047 5 (3): what may stand in an encoded word anywhere, also in a phrase. */
static int
is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!*+-/", c) != NULL);
}

static size_t
encode_char(const uint8_t *c, size_t n, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (c[i] == ' ') {
			out[len++] = '_';
		} else if (is_plain(c[i])) {
			out[len++] = (char)c[i];
		} else {
			out[len++] = '=';
			out[len++] = hex[c[i] >> 4];
			out[len++] = hex[c[i] & 15];
		}
	}
	return len;
}

void
rfc2047_encode(struct span text, struct buf *out)
{
	size_t start = out->len; /* of the present word */

	if (text.len == 0)
		return;
	buf_adds(out, word_start);
	while (text.len > 0) {
		uint8_t c[4];
		char enc[12];
		size_t used, n = encode_char(c, next_char(text, c, &used), enc);

		if (out->len - start + n > WORD_MAX - (sizeof(word_end) - 1)) {
			buf_adds(out, word_end);
			buf_addc(out, ' ');
			start = out->len;
			buf_adds(out, word_start);
		}
		buf_add(out, enc, n);
		text = span_make(text.p + used, text.len - used);
	}
	buf_adds(out, word_end);
}

static int
is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return 0;
	return 1;
}

void
rfc2047_prefix(struct span prefix, struct span value, struct buf *out)
{
	int word, blank;

	while (value.len > 0 && is_blank(value.p[0]))
		value = span_make(value.p + 1, value.len - 1);
	word = span_case_starts(value, "=?");
	blank = prefix.len > 0 && prefix.p[prefix.len - 1] == ' ';
	if (prefix.len == 0 || (is_printable(prefix) && (blank || !word))) {
		buf_add_span(out, prefix);
	} else {
		/* Blanks between two encoded words are not seen, those before other text are. */
		if (blank && !word)
			prefix.len--;
		rfc2047_encode(prefix, out);
		buf_addc(out, ' ');
	}
	buf_add_span(out, value);
}
