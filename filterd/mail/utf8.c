#include <string.h>

#include "mail/utf8.h"

size_t
utf8_put(uint32_t c, char out[4])
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = UTF8_REPLACEMENT;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t
utf8_get(struct span s, uint32_t *c)
{
	uint8_t first = s.p[0];
	size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t got;

	if (n == 1)
		*c = first;
	if (n <= 1)
		return n;
	if (first > 0xf4 || s.len < n)
		return 0;
	got = first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		got = got << 6 | (s.p[i] & 0x3f);
	}
	if ((n == 3 && (got < 0x800 || (got >= 0xd800 && got <= 0xdfff))) ||
	    (n == 4 && (got < 0x10000 || got > 0x10ffff)))
		return 0;
	*c = got;
	return n;
}

/* Eight octets of ASCII at a time: most texts have little else. */
static size_t
ascii_run(struct span s, size_t at)
{
	uint64_t eight;

	for (; s.len - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, s.p + at, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (at < s.len && s.p[at] < 0x80)
		at++;
	return at;
}

size_t
utf8_good(struct span s)
{
	size_t at = 0;

	for (;;) {
		uint32_t c;
		size_t n;

		at = ascii_run(s, at);
		if (at == s.len)
			return at;
		n = utf8_get(span_make(s.p + at, s.len - at), &c);
		if (n == 0)
			return at;
		at += n;
	}
}
