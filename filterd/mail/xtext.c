#include "mail/syntax.h"

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	/* RFC 3461 4 has upper case only; some senders write lower case, and it means one thing. */
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* One octet at in[*at], which moves on; -1 when it is no xtext. */
static int
decode_octet(struct span in, size_t *at)
{
	uint8_t c = in.p[*at];
	int high, low;

	if (c < 33 || c > 126 || c == '=')
		return -1;
	if (c != '+') {
		(*at)++;
		return c;
	}
	if (in.len - *at < 3)
		return -1;
	high = hex_value(in.p[*at + 1]);
	low = hex_value(in.p[*at + 2]);
	*at += 3;
	if (high == -1 || low == -1)
		return -1;
	return high * 16 + low;
}

/* The same, for text. */
static int
decode_one(struct span in, size_t *at)
{
	int c = decode_octet(in, at);

	return c < 32 || c == 127 ? -1 : c;
}

int
xtext_valid(struct span s)
{
	for (size_t at = 0; at < s.len;)
		if (decode_octet(s, &at) <= 0)
			return 0;
	return 1;
}

int
xtext_decode(struct span in, struct buf *out)
{
	size_t keep = out->len;

	for (size_t at = 0; at < in.len;) {
		int c = decode_one(in, &at);

		if (c == -1) {
			out->len = keep;
			if (out->p != NULL)
				out->p[keep] = '\0';
			return -1;
		}
		buf_addc(out, (char)c);
	}
	return 0;
}

void
xtext_encode(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.p[i];

		if (c < 33 || c > 126 || c == '+' || c == '=')
			buf_printf(out, "+%02X", c);
		else
			buf_addc(out, (char)c);
	}
}
