#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "mail/mime.h"
#include "mail/mime_impl.h"

size_t
mime_line_len(const struct mime_walk *w, size_t at, size_t bound, size_t *next)
{
	const uint8_t *p = w->base + at, *nl = memchr(p, '\n', bound - at);
	size_t len;

	if (nl == NULL) {
		*next = bound;
		return bound - at;
	}
	len = (size_t)(nl - p);
	*next = at + len + 1;
	return len > 0 && p[len - 1] == '\r' ? len - 1 : len;
}

/* Not so where a part's header begins in the middle of a long boundary line. */
static int
line_starts(const struct mime_walk *w, size_t at)
{
	return at == 0 || w->base[at - 1] == '\n';
}

static int
is_blank_char(const struct mime_walk *w, size_t at)
{
	return at < w->end && (w->base[at] == ' ' || w->base[at] == '\t');
}

/* --- header fields --- */

enum field_name { NAME_OTHER, NAME_MIME, NAME_TYPE, NAME_ENCODING, NAME_RECEIVED };

/* Postfix counts these six as MIME header fields; Content-Length and the like are none. */
static enum field_name
known_name(struct span n)
{
	switch (n.p[0] | 0x20) {
	case 'c':
		if (n.len < 10 || !span_case_starts(n, "content-"))
			return NAME_OTHER;
		if (span_case_eq_str(n, "content-type"))
			return NAME_TYPE;
		if (span_case_eq_str(n, "content-transfer-encoding"))
			return NAME_ENCODING;
		return span_case_eq_str(n, "content-id") ||
			       span_case_eq_str(n, "content-disposition") ||
			       span_case_eq_str(n, "content-description")
			   ? NAME_MIME
			   : NAME_OTHER;
	case 'm':
		return span_case_eq_str(n, "mime-version") ? NAME_MIME : NAME_OTHER;
	case 'r':
		return span_case_eq_str(n, "received") ? NAME_RECEIVED : NAME_OTHER;
	default:
		return NAME_OTHER;
	}
}

void
mime_push_boundary(struct mime_walk *w, struct span text)
{
	struct mime_delim *d;

	/* Two above the limit are what Postfix allows. */
	if (w->ndelims > (size_t)w->opt->nesting_limit + 1) {
		w->index->seen |= MIME_SEEN_DEPTH;
		return;
	}
	if (w->ndelims == w->delims_cap) {
		size_t cap = w->delims_cap == 0 ? 8 : w->delims_cap * 2;

		d = arena_alloc(w->arena, cap * sizeof(*d));
		if (w->ndelims > 0)
			memcpy(d, w->delims, w->ndelims * sizeof(*d));
		w->delims = d;
		w->delims_cap = cap;
	}
	if (text.len > w->opt->boundary_length_limit) {
		w->index->seen |= MIME_SEEN_BOUNDARY_CUT;
		text.len = w->opt->boundary_length_limit;
	}
	d = &w->delims[w->ndelims++];
	*d = (struct mime_delim){
		.text = arena_span(w->arena, text), .digest = w->type.digest, .owner = w->part
	};
}

/* All boundaries are taken, of all Content-Type fields: a sender who gives several must not choose
 * which one we follow. */
static void
content_type(struct mime_walk *w, struct span value)
{
	struct span params, boundary, all;
	int multipart = mime_type_parse(value, w->arena, &w->type, &params);

	all = params;
	mime_part_type(w);
	while (multipart && mime_type_boundary(&params, w->arena, &boundary)) {
		mime_odd_boundary(w, boundary);
		if (w->odd.npushed++ == 0)
			w->odd.pushed = arena_span(w->arena, boundary);
		if (w->opt->boundary == 0)
			mime_push_boundary(w, boundary);
	}
	if (multipart)
		mime_way_type(w, value, all);
	mime_odd_type_end(w, multipart);
}

static int
on_field(struct mime_walk *w, const struct mime_field *f)
{
	struct mime_header h = { .class = w->class };
	struct span name = span_make(w->base + f->at, f->name_len);
	enum field_name known = f->colon == 0 ? NAME_OTHER : known_name(name);
	int wanted = w->ev != NULL && w->ev->header != NULL;
	int parse = !w->opt->disable_mime && (known == NAME_TYPE || known == NAME_ENCODING);

	w->index->headers++;
	if (w->opt->header_count_limit > 0 && w->index->headers > w->opt->header_count_limit)
		w->index->seen |= MIME_SEEN_HEADER_COUNT;
	if (known == NAME_RECEIVED && w->primary)
		w->index->received++;
	else if (known != NAME_OTHER && known != NAME_RECEIVED)
		h.class = MIME_HDR_MULTIPART;
	mime_field_read(w, f, parse || (wanted && !w->ev->lazy_text), &h);
	if (parse) {
		struct span value = mime_header_text(&h);

		value.p += f->name_len + 1;
		value.len -= f->name_len + 1;
		if (known == NAME_TYPE) {
			mime_odd_type(w, span_make(w->base + f->at + f->colon + 1,
					     f->end - f->at - f->colon - 1));
			content_type(w, value);
		} else {
			mime_odd_encoding(w, value);
			mime_part_encoding(w, mime_encoding_parse(value));
		}
	}
	return wanted ? w->ev->header(w->ev->arg, &h) : 0;
}

/* Header fields up to a line that is none, or to bound.  `at` ends up there. */
static int
read_fields(struct mime_walk *w, size_t bound)
{
	int first = 1;

	while (w->at < bound) {
		struct mime_field f = { .at = w->at };
		struct span line;
		size_t next;

		f.len = mime_line_len(w, w->at, bound, &f.next);
		f.end = f.next;
		line = span_make(w->base + w->at, f.len);

		if (line.len > w->opt->line_length_limit)
			line.len = w->opt->line_length_limit;
		f.name_len = f.colon = mime_field_name(line);
		if (f.name_len == 0) {
			if (!mime_way_no_field(w, bound, first, &f))
				break;
			if (f.name_len == 0)
				continue;
			line.p = w->base + f.at;
		}
		first = 0;
		while (line.p[f.colon] != ':')
			f.colon++;
		while (f.end < bound && is_blank_char(w, f.end)) {
			mime_line_len(w, f.end, bound, &next);
			f.end = next;
		}
		w->at = f.end;
		if (on_field(w, &f) == -1)
			return -1;
	}
	return 0;
}

/* --- where a header ends --- */

static int
tell_end_of_header(struct mime_walk *w, int insert_blank)
{
	if (!w->primary)
		return 0;
	w->primary = 0;
	w->index->body_at = w->at;
	if (insert_blank)
		w->index->seen |= MIME_SEEN_NON_HEADER;
	if (w->index->headers == 0)
		w->index->seen |= MIME_SEEN_NO_HEADER;
	if (w->ev == NULL || w->ev->end_of_header == NULL)
		return 0;
	return w->ev->end_of_header(w->ev->arg, w->at, insert_blank);
}

/* An empty line, there or put in by us: the body begins, or the header of an attached message. */
static int
blank_line(struct mime_walk *w, int insert)
{
	int rc;

	mime_part_body(w);
	rc = tell_end_of_header(w, insert);
	w->segment = 1;
	if (w->type.kind == MIME_KIND_MESSAGE && !w->opt->disable_mime) {
		w->type = (struct mime_type){ .kind = MIME_KIND_OTHER };
		w->class = MIME_HDR_NESTED;
		mime_part_open(w, w->part);
	} else {
		w->in_header = 0;
	}
	return rc;
}

static int
end_header(struct mime_walk *w)
{
	size_t next, len;
	int closing;

	if (w->at == w->end) {
		mime_part_body(w);
		w->in_header = 0;
		return tell_end_of_header(w, 0);
	}
	len = mime_line_len(w, w->at, w->end, &next);
	if (len == 0) {
		w->at = next;
		return blank_line(w, 0);
	}
	/* Of the message's own header all see an empty line there: we put it in. */
	if (!w->primary && mime_boundary_at(w, w->at, len, &closing) == 0)
		w->index->ways |= MIME_WAY_WHOLE_HEADERS;
	mime_part_body(w);
	w->in_header = 0;
	w->segment = 0;
	return tell_end_of_header(w, 1);
}

/* What Postfix's smtpd does to the sender's first lines: "From " lines become header fields, and
 * white space in front of all ends the header at once.  1: the header has ended so. */
static int
first_lines(struct mime_walk *w)
{
	for (;;) {
		struct mime_field f = { .at = w->at };
		struct span line;
		size_t n = 0;

		if (is_blank_char(w, w->at))
			return blank_line(w, 1) == -1 ? -1 : 1;
		if (w->at < w->end)
			f.len = mime_line_len(w, w->at, w->end, &f.next);
		f.end = f.next;
		line = span_make(w->base + w->at, f.len);
		while (n < line.len && line.p[n] == '>')
			n++;
		if (line.len - n < 5 || memcmp(line.p + n, "From ", 5) != 0)
			return 0;
		w->at = f.end;
		if (on_field(w, &f) == -1)
			return -1;
	}
}

static int
primary_header(struct mime_walk *w)
{
	size_t lead = w->opt->lead < w->end ? w->opt->lead : w->end;
	int rc;

	if (read_fields(w, lead) == -1)
		return -1;
	rc = w->at == lead ? first_lines(w) : 0;
	if (rc != 0)
		return rc == -1 ? -1 : 0;
	if (read_fields(w, w->end) == -1)
		return -1;
	return end_header(w);
}

/* --- the body --- */

static int
lines_wanted(const struct mime_walk *w)
{
	return w->ev != NULL && w->ev->line != NULL &&
	       (w->ev->line_limit == 0 || w->segment < w->ev->line_limit);
}

/* There is something that is not told, for it lies beyond the limit. */
static void
cut(struct mime_walk *w)
{
	if (w->ev != NULL && w->ev->line != NULL)
		w->index->seen |= MIME_SEEN_LINES_CUT;
}

/* A line that begins with "--": does one of our boundaries stand there? */
static void
boundary_line(struct mime_walk *w, size_t at, size_t len, size_t next)
{
	int digest, closing;
	size_t i = mime_boundary_at(w, at, len, &closing);
	const struct mime_delim *d;

	if (i-- == 0)
		return;
	d = &w->delims[i];
	if (!mime_way_line(w, d->text, at + 2 + d->text.len + (closing ? 2 : 0), at + len))
		w->index->ways |= MIME_WAY_WHOLE_LINES;
	if (len >= w->opt->line_length_limit)
		next = at + w->opt->line_length_limit; /* what is left of the line counts for one of
							* the header */
	mime_part_close(w, d->owner, at);
	mime_odd_boundary_line(w, i, closing);
	if (closing) {
		w->ndelims = i;
		w->segment = 0;
		w->type = (struct mime_type){ .kind = MIME_KIND_OTHER };
		return;
	}
	digest = d->digest;
	w->ndelims = i + 1;
	w->type = (struct mime_type){ .kind = digest ? MIME_KIND_MESSAGE : MIME_KIND_OTHER };
	w->class = MIME_HDR_MULTIPART;
	w->in_header = 1;
	w->at = next; /* the header starts behind the line that is reported now */
	mime_part_open(w, d->owner);
}

static int
tell_line(struct mime_walk *w, size_t at, size_t len, size_t next)
{
	size_t max = w->opt->line_length_limit;
	struct mime_line l = { .first = 1 };

	/* In SMTP a dot stood in front of this one, and Postfix counts it. */
	if (len > 0 && w->base[at] == '.' && line_starts(w, at))
		max--;
	do {
		size_t n = len < max ? len : max;

		l.text = span_make(w->base + at, n);
		l.at = at;
		/* A line that fills its last piece is followed by an empty one, with the line end.
		 */
		l.last = n == len && n < max;
		l.raw_len = l.last ? next - at : n;
		l.segment = w->segment;
		if (n > 0 && !lines_wanted(w))
			cut(w);
		else if (n > 0 && w->ev->line(w->ev->arg, &l) == -1)
			return -1;
		w->segment += n + 1;
		at += n;
		len -= n;
		l.first = 0;
		max = w->opt->line_length_limit;
	} while (!l.last && (len > 0 || at < next));
	return 0;
}

/* Nobody wants lines: only "--" at the start of one could matter. */
static void
skip_to_dashes(struct mime_walk *w)
{
	const uint8_t *end = w->base + w->end;
	size_t at = w->at, next;

	w->at =
	    w->ndelims == 0 ? w->end : (size_t)(mime_find_dashes(w->base + w->at, end) - w->base);
	/* Empty lines are not told in any case. */
	while (at < w->at && mime_line_len(w, at, w->at, &next) == 0)
		at = next;
	if (at < w->at)
		cut(w);
}

static int
read_body(struct mime_walk *w)
{
	while (!w->in_header) {
		size_t at, len, next;

		if (!lines_wanted(w))
			skip_to_dashes(w);
		if (w->at == w->end)
			break;
		at = w->at;
		len = mime_line_len(w, at, w->end, &next);
		w->at = next;
		if (len >= 2 && w->base[at] == '-' && w->base[at + 1] == '-' && line_starts(w, at))
			boundary_line(w, at, len, next);
		if (w->at < next)
			len = w->at - at;
		if (tell_line(w, at, len, w->at) == -1)
			return -1;
	}
	return 0;
}

int
mime_walk(struct span message, const struct mime_options *opt, const struct mime_events *ev,
    struct arena *arena, struct mime_index *index)
{
	struct mime_walk w = { .end = message.len, .opt = opt, .ev = ev };
	int rc;

	assert(opt->line_length_limit > 0 && opt->nesting_limit >= 0);
	*index = (struct mime_index){ 0 };
	w.base = message.len > 0 ? message.p : (const uint8_t *)"";
	w.arena = arena;
	w.index = index;
	w.primary = w.in_header = 1;
	w.class = MIME_HDR_PRIMARY;
	w.type.kind = MIME_KIND_OTHER;
	mime_part_open(&w, -1);
	rc = primary_header(&w);
	while (rc == 0 && (w.at < w.end || w.in_header)) {
		if (!w.in_header)
			rc = read_body(&w);
		else if ((rc = read_fields(&w, w.end)) == 0)
			rc = end_header(&w);
	}
	if (rc == 0)
		mime_odd_end(&w);
	buf_fini(&w.text);
	return rc;
}
