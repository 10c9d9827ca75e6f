/* A URL into the set, and then the URLs in it: what redirectors are asked for. */
#include <string.h>

#include "base/buf.h"
#include "mail/codec.h"
#include "mail/url_private.h"

#define ENCODINGS_MAX 3
/* How often each octet of an outermost URL may be looked at.  Honest ones need no more than one for
 * each URL that they are in, and as many encodings. */
#define LOOKS_MAX 32

static int
is_between(uint8_t c)
{
	return c == '?' || c == '&' || c == '#' || c == ';';
}

/* Percent-encodings undone, once; s may be what was undone before. */
static struct span
undone(struct urls *u, struct span s, int depth)
{
	size_t n = 0;
	uint8_t *out;

	if (u->undone[depth] == NULL)
		u->undone[depth] = arena_alloc(u->arena, URL_REST_MAX);
	out = u->undone[depth];
	for (size_t i = 0; i < s.len; i++) {
		int c = s.p[i] == '%' ? span_hex_octet(s, i + 1) : -1;

		if (c != -1)
			i += 2;
		out[n++] = c == -1 ? s.p[i] : (uint8_t)c;
	}
	return span_make(out, n);
}

static void
scan(struct urls *u, struct span piece, int depth)
{
	if (piece.len > u->inner_left) {
		u->limits |= URLS_LIMIT_DEPTH;
		return;
	}
	u->inner_left -= piece.len;
	url_scan(u, piece, depth);
}

static int
is_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' ||
	       c == '/' || c == '-' || c == '_';
}

/* What redirectors have in base64, or its variant for URLs. */
static void
scan_base64(struct urls *u, struct span s, int depth)
{
	static const char http[] = "aHR0c";
	const uint8_t *at;
	struct buf b = { 0 };

	while (s.len > 0 && (at = memmem(s.p, s.len, http, sizeof(http) - 1)) != NULL) {
		size_t n = 0, room;
		uint8_t *out;

		s = span_make(at, (size_t)(s.p + s.len - at));
		buf_reset(&b);
		for (; n < s.len && is_digit(s.p[n]); n++)
			buf_addc(&b, s.p[n] == '-' ? '+' : s.p[n] == '_' ? '/' : (char)s.p[n]);
		room = codec_room(CODEC_BASE64, buf_span(&b));
		out = (uint8_t *)buf_reserve(&b, room);
		room = codec_decode(CODEC_BASE64, buf_span(&b), out, room, NULL);
		scan(u, span_make(out, room), depth + 1);
		s = span_make(s.p + n, s.len - n);
	}
	buf_fini(&b);
}

/* One redirector behind another encodes again. */
static void
scan_piece(struct urls *u, struct span piece, int depth)
{
	scan(u, piece, depth + 1);
	scan_base64(u, piece, depth);
	for (int i = 0; i < ENCODINGS_MAX && span_find(piece, '%') < piece.len; i++) {
		piece = undone(u, piece, depth);
		scan(u, piece, depth + 1);
		scan_base64(u, piece, depth);
	}
}

static void
inner(struct urls *u, struct span rest, int depth)
{
	size_t from = 0, i;

	if (rest.len == 0)
		return;
	for (i = 0; i <= rest.len && !urls_full(u); i++) {
		if (i < rest.len && !is_between(rest.p[i]))
			continue;
		scan_piece(u, span_make(rest.p + from, i - from), depth);
		from = i + 1;
	}
}

void
url_emit(struct urls *u, struct span rest, int depth)
{
	if (depth > URL_DEPTH_MAX) {
		u->limits |= URLS_LIMIT_DEPTH;
		return;
	}
	if (u->form.cut)
		u->limits |= URLS_LIMIT_LENGTH;
	urls_put(u, &u->form.url);
	if (rest.len > URL_REST_MAX)
		rest.len = URL_REST_MAX;
	if (depth == 0)
		u->inner_left = LOOKS_MAX * rest.len;
	inner(u, rest, depth);
}
