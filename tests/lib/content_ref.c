#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "tests/lib/content_ref.h"

static int
is_eol(uint8_t c)
{
	return c == '\r' || c == '\n';
}

/* Is there a dot at in[i] that stands alone between line ends of some kind, but not the end? */
static int
lone_dot(const uint8_t *in, size_t n, size_t i)
{
	size_t k = i + 1;

	if (in[i] != '.' || (i > 0 && !is_eol(in[i - 1])))
		return 0;
	while (k < n && in[k] == '\0')
		k++;
	if (k == n || !is_eol(in[k]))
		return 0;
	if ((i == 0 || (i >= 2 && memcmp(in + i - 2, "\r\n", 2) == 0)) && k == i + 1) {
		if (k + 1 == n && in[k] == '\r')
			return 0; /* not known yet */
		if (k + 1 < n && memcmp(in + k, "\r\n", 2) == 0)
			return 0;
	}
	return 1;
}

static void
add_line(struct content_ref *r, const uint8_t *p, size_t len)
{
	if (len > CONTENT_LINE)
		r->seen |= SEEN_LONG_LINE;
	if (len > 0 && p[0] == '.')
		r->seen |= SEEN_DOT_LINE;
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\r')
			r->seen |= SEEN_BARE_CR;
		if (p[i] == '\0')
			r->seen |= SEEN_NUL;
		if (p[i] & 0x80)
			r->seen |= SEEN_8BIT;
		buf_addc(&r->out, p[i] == '\r' ? ' ' : (char)p[i]);
	}
	buf_adds(&r->out, "\r\n");
}

void
content_ref_run(struct content_ref *r, enum content_mode mode, const uint8_t *in, size_t n)
{
	const int dots = mode == CONTENT_DATA;
	int after_crlf = 1;
	size_t at = 0;

	memset(r, 0, sizeof(*r));
	r->seen = dots ? 0 : SEEN_DOT_LINE; /* not looked for */
	while (at < n && !r->done) {
		const uint8_t *lf = memchr(in + at, '\n', n - at);
		size_t len, crlf;

		if (lf == NULL)
			break;
		len = (size_t)(lf - (in + at));
		crlf = len > 0 && lf[-1] == '\r';
		len -= crlf;
		if (!crlf)
			r->seen |= SEEN_BARE_LF;
		if (dots && len == 1 && in[at] == '.') {
			r->done = after_crlf && crlf;
		} else if (dots && len > 0 && in[at] == '.') {
			add_line(r, in + at + 1, len - 1);
		} else {
			add_line(r, in + at, len);
		}
		at = (size_t)(lf - in) + 1;
		after_crlf = (int)crlf;
	}
	r->used = r->done ? at : n;
	for (size_t i = 0; dots && i < r->used; i++)
		if (lone_dot(in, n, i))
			r->seen |= SEEN_SMUGGLING;
	if (mode == CONTENT_BDAT && at < n)
		add_line(r, in + at, n - at);
}

void
content_ref_fini(struct content_ref *r)
{
	buf_fini(&r->out);
}

static int
differs(const struct content_ref *want, const struct content *c, const struct buf *got, size_t used)
{
	/* Behind the last line end the reference has no opinion on DATA that did not end. */
	int whole = want->done || c->mode == CONTENT_BDAT;

	if (want->done != (c->done && c->mode == CONTENT_DATA) || want->used != used)
		return 1;
	if (want->out.len > got->len || (whole && want->out.len != got->len))
		return 1;
	if (want->out.len > 0 && memcmp(want->out.p, got->p, want->out.len) != 0)
		return 1;
	return whole && want->seen != c->seen;
}

static void
show(const char *what, const void *p, size_t n)
{
	fprintf(stderr, "%s (%zu):", what, n);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x", ((const uint8_t *)p)[i]);
	fprintf(stderr, "\n");
}

int
content_ref_compare(
    enum content_mode mode, const uint8_t *in, size_t n, const size_t *cuts, size_t ncuts)
{
	struct content_ref want;
	struct content c;
	struct buf got = { 0 };
	size_t at = 0, used = 0;
	int rc = 0;

	content_ref_run(&want, mode, in, n);
	content_init(&c, mode);
	for (size_t k = 0; at < n && !c.done; k++) {
		size_t piece = cuts[k % ncuts] < n - at ? cuts[k % ncuts] : n - at;
		/* Its own allocation: address sanitizer sees a step outside. */
		uint8_t *room = xmalloc(CONTENT_ROOM(piece));
		struct span rest;
		size_t wrote;

		memcpy(room + c.held, in + at, piece);
		wrote = content_feed(&c, room, piece, &rest);
		buf_add(&got, room, wrote);
		at += piece;
		used = at - rest.len;
		if (rest.len > 0 && memcmp(rest.p, in + used, rest.len) != 0)
			rc = -1;
		free(room);
	}
	if (mode == CONTENT_BDAT) {
		uint8_t *end = xmalloc(CONTENT_FINISH);

		buf_add(&got, end, content_finish(&c, end));
		free(end);
	}
	if (rc != 0 || differs(&want, &c, &got, used)) {
		rc = -1;
		show("in  ", in, n);
		show("want", want.out.p, want.out.len);
		show("got ", got.p, got.len);
		fprintf(stderr, "seen %#x, want %#x; done %d, want %d; used %zu, want %zu\n",
		    c.seen, want.seen, c.done, want.done, used, want.used);
	}
	buf_fini(&got);
	content_ref_fini(&want);
	return rc;
}
