/* A URL into the set, and then the URLs in it: what redirectors are asked for. */
#include <string.h>

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

/* One redirector behind another encodes again. */
static void
scan_piece(struct urls *u, struct span piece, int depth)
{
	scan(u, piece, depth + 1);
	for (int i = 0; i < ENCODINGS_MAX && span_find(piece, '%') < piece.len; i++) {
		piece = undone(u, piece, depth);
		scan(u, piece, depth + 1);
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
