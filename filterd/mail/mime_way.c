/*
 * Where mail readers part with Postfix.  A walk in Postfix's way only notes that there is something
 * of the kind; it is seen by another one, with mime_options.way and boundary.
 */
#include <string.h>

#include "base/arena.h"
#include "mail/mime_impl.h"
#include "mail/mime_param.h"

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks at its end. */
static size_t
trimmed(const struct mime_walk *w, size_t at, size_t end)
{
	while (end > at && is_blank(w->base[end - 1]))
		end--;
	return end;
}

int
mime_way_line(struct mime_walk *w, struct span boundary, size_t at, size_t end)
{
	/* One that was cut is followed by what it lacks. */
	if (boundary.len >= w->opt->boundary_length_limit)
		return 1;
	return at >= trimmed(w, at, end);
}

size_t
mime_boundary_at(struct mime_walk *w, size_t at, size_t len, int *closing)
{
	size_t end = at + len, max = w->opt->line_length_limit;
	int whole = (w->opt->way & MIME_WAY_WHOLE_LINES) != 0;
	const uint8_t *p = w->base + at;

	if (len > max)
		len = max;
	/* To some an empty boundary is one. */
	if (len < 2 || (len == 2 && !whole) || p[0] != '-' || p[1] != '-')
		return 0;
	/* Once a line, however many boundaries there are. */
	if (whole)
		end = trimmed(w, at, end);
	p += 2;
	len -= 2;
	for (size_t i = w->ndelims; i > 0; i--) {
		const struct span text = w->delims[i - 1].text;

		if (len < text.len || (text.len > 0 && memcmp(p, text.p, text.len) != 0))
			continue;
		*closing = len >= text.len + 2 && memcmp(p + text.len, "--", 2) == 0;
		if (!whole || mime_way_line(w, text, at + 2 + text.len + (*closing ? 2 : 0), end))
			return i;
	}
	return 0;
}

int
mime_way_no_field(struct mime_walk *w, size_t bound, int first, struct mime_field *f)
{
	size_t limit = w->opt->line_length_limit;
	int closing;

	if (w->primary || (w->opt->way & MIME_WAY_WHOLE_HEADERS) == 0 || f->len == 0 ||
	    mime_boundary_at(w, f->at, f->len, &closing) != 0)
		return 0;
	if (first && is_blank(w->base[f->at])) {
		while (f->len > 0 && is_blank(w->base[f->at])) {
			f->at++;
			f->len--;
		}
		f->name_len = f->colon =
		    mime_field_name(span_make(w->base + f->at, f->len < limit ? f->len : limit));
	}
	if (f->name_len == 0)
		w->at = f->next < bound ? f->next : bound;
	return 1;
}

/* --- boundaries --- */

/* With a blank at its end it is none by RFC 2046, and readers leave that out. */
static void
take_boundary(void *arg, struct span s)
{
	struct mime_walk *w = arg;
	struct mime_odd_head *h = &w->odd;

	s = span_trim(s);
	for (size_t i = 0; i < h->nothers; i++)
		if (span_eq(h->others[i], s))
			return;
	if (h->nothers == MIME_BOUNDARIES_MAX)
		w->index->seen |= MIME_SEEN_BOUNDARY_CUT;
	else
		h->others[h->nothers++] = arena_span(w->arena, s);
}

/* Postfix ends a word without quotes where RFC 2045 ends it; readers take all of it. */
static int
is_beginning(const struct mime_odd_head *h, struct span s)
{
	for (size_t i = 0; i < h->nothers; i++)
		if (h->others[i].len >= s.len && span_eq(span_make(h->others[i].p, s.len), s))
			return 1;
	return 0;
}

void
mime_way_type(struct mime_walk *w, struct span value, struct span params)
{
	struct span boundary;

	if (!w->opt->tell_boundaries && w->opt->boundary == 0)
		return;
	mime_param_readings(value, "boundary", take_boundary, w);
	while (mime_type_boundary(&params, w->arena, &boundary))
		if (!is_beginning(&w->odd, boundary))
			take_boundary(w, boundary);
}

void
mime_way_header_end(struct mime_walk *w)
{
	const struct mime_odd_head *h = &w->odd;
	unsigned n = (unsigned)h->nothers, wanted = w->opt->boundary;

	if (n == 0)
		return;
	if (wanted > 0)
		mime_push_boundary(w, h->others[wanted <= n ? wanted - 1 : 0]);
	if ((n > 1 || h->npushed != 1 || h->pushed.len == 0 || !span_eq(h->pushed, h->others[0])) &&
	    n > w->index->boundaries)
		w->index->boundaries = n;
}
