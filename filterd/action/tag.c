#include <string.h>

#include "action/tag.h"
#include "base/arena.h"
#include "base/buf.h"
#include "mail/rfc2047.h"
#include "mail/rfc2047_decode.h"

#define LINE_MAX_OCTETS 998 /* RFC 5322 2.1.1, without CRLF */

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static size_t
line_end(struct span m, size_t at)
{
	const uint8_t *lf = at < m.len ? memchr(m.p + at, '\n', m.len - at) : NULL;

	return lf == NULL ? m.len : (size_t)(lf - m.p) + 1;
}

/* Length of a field name at this line's start and where its colon is; 0: no header field.  What
 * Postfix takes for a field: printable ASCII, blanks before the colon allowed. */
static size_t
name_len(struct span m, size_t at, size_t *colon)
{
	size_t n = at, end;

	while (n < m.len && m.p[n] > ' ' && m.p[n] < 127 && m.p[n] != ':')
		n++;
	for (end = n; n < m.len && is_blank(m.p[n]); n++)
		continue;
	if (end == at || n == m.len || m.p[n] != ':')
		return 0;
	*colon = n;
	return end - at;
}

/* A first line "From " of a mailbox stands in the header without being a field. */
static int
is_mailbox_line(struct span m)
{
	return (m.len >= 5 && memcmp(m.p, "From ", 5) == 0) ||
	       (m.len >= 6 && memcmp(m.p, ">From ", 6) == 0);
}

/* Where the field that begins at `at` ends, with its continuation lines; `at` itself when the
 * header is over. */
static size_t
field_end(struct span m, size_t at)
{
	size_t colon, end;

	if (at >= m.len)
		return at;
	if (name_len(m, at, &colon) == 0 && !(at == 0 && is_mailbox_line(m)))
		return at;
	end = line_end(m, at);
	while (end < m.len && is_blank(m.p[end]))
		end = line_end(m, end);
	return end;
}

int
tag_next_field(struct span m, struct tag_field *f)
{
	size_t colon;

	f->at = f->end;
	f->end = field_end(m, f->at);
	f->name = span_make(m.p + f->at, name_len(m, f->at, &colon));
	return f->end > f->at;
}

static size_t
header_end(struct span m)
{
	size_t at = 0, end;

	while ((end = field_end(m, at)) > at)
		at = end;
	return at;
}

/* The field's value without white space (and folds) round it. */
static struct span
field_value(struct span m, size_t colon, size_t end)
{
	return span_trim(span_make(m.p + colon + 1, end - colon - 1));
}

/* The blank behind it is ours to set. */
static struct span
subject_prefix(const struct tag_options *o)
{
	return span_trim(span_str(o->subject_prefix));
}

static int
has_prefix(struct span value, struct span want)
{
	struct buf text = { 0 };
	int has;

	rfc2047_decode(value, &text);
	has = text.len >= want.len && memcmp(text.p, want.p, want.len) == 0;
	buf_fini(&text);
	return has;
}

static int
must_encode(struct span prefix, int smtputf8)
{
	for (size_t i = 0; i < prefix.len; i++) {
		uint8_t c = prefix.p[i];

		if (c < ' ' || c == 127 || (c > 126 && !smtputf8))
			return 1;
		if (c == '=' && i + 1 < prefix.len && prefix.p[i + 1] == '?')
			return 1;
	}
	return 0;
}

/* The prefix as it stands in the header.  White space between two encoded words is not shown, so in
 * front of one the blank goes into ours. */
static void
prefix_text(const struct tag_options *o, struct span value, struct buf *out)
{
	struct span prefix = subject_prefix(o);
	struct buf text = { 0 };

	if (!must_encode(prefix, o->smtputf8)) {
		buf_add_span(out, prefix);
		return;
	}
	buf_add_span(&text, prefix);
	if (value.len > 2 && memcmp(value.p, "=?", 2) == 0)
		buf_addc(&text, ' ');
	rfc2047_encode(buf_span(&text), out);
	buf_fini(&text);
}

static void
prefix_one(struct edit_list *out, struct span m, size_t at, size_t colon, size_t end,
    const struct tag_options *o)
{
	struct span value = field_value(m, colon, end);
	struct buf ins = { 0 };
	size_t put, line;

	if (has_prefix(value, subject_prefix(o)))
		return;
	put = value.len == 0 ? colon + 1 : (size_t)(value.p - m.p);
	for (line = put; line > at && m.p[line - 1] != '\n'; line--)
		continue;
	if (put == colon + 1)
		buf_addc(&ins, ' ');
	prefix_text(o, value, &ins);
	if (value.len > 0)
		buf_adds(&ins, line_end(m, put) - line + ins.len > LINE_MAX_OCTETS ? "\r\n " : " ");
	edit_add(out, put, 0, buf_span(&ins));
	buf_fini(&ins);
}

/* An edit for each Subject: of this header that lacks the prefix; the number of Subject: fields. */
static size_t
prefix_all(struct edit_list *out, struct span header, const struct tag_options *o)
{
	size_t n = 0, end, colon;

	for (size_t at = 0; (end = field_end(header, at)) > at; at = end) {
		size_t len = name_len(header, at, &colon);

		if (!span_case_eq_str(span_make(header.p + at, len), "Subject"))
			continue;
		prefix_one(out, header, at, colon, end, o);
		n++;
	}
	return n;
}

static int
add_piece(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

static void
add_edits(struct edit_list *out, const struct edit_list *in, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		edit_add_kept(out, in->v[i].at, in->v[i].del, in->v[i].ins);
}

/* One line for the header; the parameter is ours, but a line end in it must not make two. */
static void
add_header(struct edit_list *out, const char *text)
{
	struct buf line = { 0 };

	for (; *text != '\0'; text++)
		buf_addc(&line, *text == '\r' || *text == '\n' ? ' ' : *text);
	buf_adds(&line, "\r\n");
	edit_add(out, 0, 0, buf_span(&line));
	buf_fini(&line);
}

static void
add_subject(struct edit_list *out, const struct tag_options *o)
{
	struct buf line = { 0 };

	buf_adds(&line, "Subject: ");
	prefix_text(o, span_make(NULL, 0), &line);
	buf_adds(&line, "\r\n");
	edit_add(out, 0, 0, buf_span(&line));
	buf_fini(&line);
}

/* Rules changed the header: the prefix goes into what they made of it, and all of the header
 * becomes one edit.  n: rules' edits in the header. */
static void
prefix_changed(struct edit_list *out, struct span header, const struct edit_list *rules, size_t n,
    const struct tag_options *o)
{
	struct edit_list in_header = *rules, subject;
	struct buf changed = { 0 }, done = { 0 };
	size_t found;

	in_header.n = n;
	edit_walk(header, &in_header, add_piece, &changed);
	edit_list_init(&subject, out->arena);
	found = prefix_all(&subject, buf_span(&changed), o);
	if (subject.n == 0) {
		if (found == 0)
			add_subject(out, o);
		add_edits(out, rules, 0, n);
	} else {
		edit_walk(buf_span(&changed), &subject, add_piece, &done);
		edit_add(out, 0, header.len, buf_span(&done));
	}
	buf_fini(&changed);
	buf_fini(&done);
}

void
tag_apply(struct edit_list *out, struct span message, const struct edit_list *rules,
    const struct tag_options *o)
{
	struct edit_list subject;
	struct span header = span_make(message.p, header_end(message));
	size_t n = 0;

	if (o->header[0] != '\0')
		add_header(out, o->header);
	while (n < rules->n && rules->v[n].at < header.len)
		n++;
	/* An edit that takes the end of the header with it leaves no telling what is header. */
	if (subject_prefix(o).len == 0 ||
	    (n > 0 && rules->v[n - 1].at + rules->v[n - 1].del > header.len)) {
		add_edits(out, rules, 0, rules->n);
		return;
	}
	if (n > 0) {
		prefix_changed(out, header, rules, n, o);
	} else {
		edit_list_init(&subject, out->arena);
		if (prefix_all(&subject, header, o) == 0)
			add_subject(out, o);
		add_edits(out, &subject, 0, subject.n);
	}
	add_edits(out, rules, n, rules->n);
}
