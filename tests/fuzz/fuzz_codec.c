/*
 * The decoders on any octets: nothing is written beyond the buffer, what fits a smaller one is the
 * beginning of the whole, and what was encoded here comes back.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

static void
any(enum codec codec, struct span in, size_t part)
{
	size_t room = codec_room(codec, in), n, m;
	uint8_t *whole = malloc(room + 1), *some = malloc(part + 1);
	unsigned odd, cut, counted;

	n = codec_decode(codec, in, whole, room, &odd);
	must(n <= room && (odd & CODEC_ODD_CUT) == 0);
	must(codec_measure(codec, in, &counted) == n && counted == odd);
	m = codec_decode(codec, in, some, part, &cut);
	must(m == (n < part ? n : part) && memcmp(whole, some, m) == 0);
	must(((cut & CODEC_ODD_CUT) != 0) == (n > part));
	free(whole);
	free(some);
}

static void
same(enum codec codec, struct buf *text, struct span octets)
{
	size_t room = codec_room(codec, buf_span(text)), n;
	uint8_t *out = malloc(room + 1);
	unsigned odd;

	n = codec_decode(codec, buf_span(text), out, room, &odd);
	must(n == octets.len && (odd & ~(unsigned)CODEC_ODD_SOFT) == 0 &&
	     (n == 0 || memcmp(out, octets.p, n) == 0));
	free(out);
	buf_fini(text);
}

static uint32_t
group(struct span s, size_t i)
{
	uint32_t bits = (uint32_t)s.p[i] << 16;

	if (i + 1 < s.len)
		bits |= (uint32_t)s.p[i + 1] << 8;
	if (i + 2 < s.len)
		bits |= s.p[i + 2];
	return bits;
}

static void
base64_and_back(struct span s, size_t line)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf b = { 0 };

	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t bits = group(s, i);

		for (size_t k = 0; k < 4; k++)
			buf_addc(&b, k > s.len - i ? '=' : digits[bits >> (18 - 6 * k) & 63]);
		if (i / 3 % (line + 1) == 0)
			buf_adds(&b, "\r\n");
	}
	same(CODEC_BASE64, &b, s);
}

static void
qp_and_back(struct span s, size_t line)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '=')
			buf_addc(&b, (char)s.p[i]);
		else
			buf_printf(&b, i & 1 ? "=%02X" : "=%02x", s.p[i]);
		if (i % (line + 1) == 0)
			buf_adds(&b, i & 1 ? "= \r\n" : "=\n");
	}
	same(CODEC_QP, &b, s);
}

static void
uu_and_back(struct span s)
{
	struct buf b = { 0 };

	buf_adds(&b, "begin 644 x\n");
	for (size_t at = 0; at < s.len; at += 45) {
		size_t n = s.len - at < 45 ? s.len - at : 45;

		buf_addc(&b, (char)(' ' + n));
		for (size_t i = 0; i < n; i += 3) {
			uint32_t bits = group(span_make(s.p + at, n), i);

			for (int shift = 18; shift >= 0; shift -= 6)
				buf_addc(&b, (char)(' ' + (bits >> shift & 63)));
		}
		buf_adds(&b, "\r\n");
	}
	buf_adds(&b, "`\nend\n");
	same(CODEC_UU, &b, s);
}

static void
yenc_and_back(struct span s, size_t line)
{
	struct buf b = { 0 };

	buf_adds(&b, "=ybegin line=128 size=1 name=x\r\n");
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)(s.p[i] + 42);

		if (c == '\0' || c == '\r' || c == '\n' || c == '=') {
			buf_addc(&b, '=');
			c = (uint8_t)(c + 64);
		}
		buf_addc(&b, (char)c);
		if (i % (line + 1) == 0)
			buf_adds(&b, "\r\n");
	}
	buf_adds(&b, "\r\n=yend size=1\r\n");
	same(CODEC_YENC, &b, s);
}

/* Blocks stand one behind the other. */
static void
blocks(enum codec codec, struct span text)
{
	const uint8_t *at = text.p, *end = text.p + text.len;
	struct span name, block;

	while (codec_block_next(codec, &text, &name, &block)) {
		must(block.p >= at && block.p + block.len <= text.p && text.p + text.len == end &&
		     text.p > at);
		at = text.p;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 2)
		return 0;
	in = span_make(data + 2, size - 2);
	codec_named(in);
	for (int c = CODEC_NONE; c <= CODEC_UNKNOWN; c++)
		any((enum codec)c, in, data[0]);
	base64_and_back(in, data[1]);
	qp_and_back(in, data[1]);
	uu_and_back(in);
	yenc_and_back(in, data[1]);
	blocks(CODEC_UU, in);
	blocks(CODEC_BASE64, in);
	blocks(CODEC_YENC, in);
	return 0;
}
