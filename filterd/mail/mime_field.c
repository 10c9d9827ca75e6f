#include <string.h>

#include "mail/mime_impl.h"

#define MAILBOX_LINE "X-Mailbox-Line"

size_t
mime_field_name(struct span line)
{
	size_t n = 0, i;

	while (n < line.len && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
		n++;
	for (i = n; i < line.len && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
		;
	return i < line.len && line.p[i] == ':' ? n : 0;
}

static void
add_to_nul(struct buf *b, const uint8_t *p, size_t len)
{
	buf_add(b, p, strnlen((const char *)p, len));
}

/* One line of the field, in the pieces in which Postfix's smtpd reads it: a NUL ends a piece, not
 * the line, and a field that has reached its limit takes no further piece.  0 when full. */
static int
add_line(struct mime_walk *w, size_t at, size_t len, int continues)
{
	size_t piece_max = w->opt->line_length_limit, limit = w->opt->header_size_limit;

	do {
		size_t n = len < piece_max ? len : piece_max;

		if (w->text.len >= limit)
			return 0;
		if (continues)
			buf_addc(&w->text, '\n');
		continues = 0;
		add_to_nul(&w->text, w->base + at, n);
		at += n;
		len -= n;
	} while (len > 0);
	return 1;
}

size_t
mime_header_cut(struct span text, size_t limit)
{
	const uint8_t *nl;

	if (text.len <= limit)
		return text.len;
	/* At the line end before the limit if that costs less than a tenth. */
	nl = memrchr(text.p, '\n', limit);
	if (nl != NULL && (size_t)(nl - text.p) >= limit - limit / 10)
		return (size_t)(nl - text.p);
	return limit;
}

/* 1 when it does not fit header_size_limit.  What a check is asked with then ends with the piece
 * that reached the limit; what is sent is cut at it. */
static int
make_text(struct mime_walk *w)
{
	const struct mime_field *f = &w->field;
	size_t limit = w->opt->header_size_limit, at = f->at, next, skip = f->colon;
	size_t len = f->len;
	size_t piece_max = w->opt->line_length_limit, n = len < piece_max ? len : piece_max;
	int full;

	buf_reset(&w->text);
	/* The first piece is taken whatever the limit. */
	if (f->colon == 0)
		buf_adds(&w->text, MAILBOX_LINE ": ");
	else
		buf_add(&w->text, w->base + at, f->name_len);
	add_to_nul(&w->text, w->base + at + skip, n - skip);
	full = len > n && !add_line(w, at + n, len - n, 0);
	for (at = f->next; at < f->end && !full; at = next) {
		len = mime_line_len(w, at, f->end, &next);
		full = !add_line(w, at, len, 1);
	}
	full |= w->text.len > limit;
	if (full)
		w->index->seen |= MIME_SEEN_HEADER_CUT;
	return full;
}

struct span
mime_header_text(const struct mime_header *h)
{
	if (h->text.p != NULL)
		return h->text;
	if (h->walk->text.len == 0)
		make_text(h->walk);
	return buf_span(&h->walk->text);
}

void
mime_field_read(struct mime_walk *w, const struct mime_field *f, int want, struct mime_header *h)
{
	int nul;

	w->field = *f;
	buf_reset(&w->text);
	h->walk = w;
	h->raw = span_make(w->base + f->at, f->end - f->at);
	h->name = f->colon == 0 ? span_str(MAILBOX_LINE) : span_make(h->raw.p, f->name_len);
	h->text = span_make(NULL, 0);
	nul = memchr(h->raw.p, 0, h->raw.len) != NULL;
	if (nul)
		w->index->seen |= MIME_SEEN_HEADER_NUL;
	h->changed = nul || f->colon != f->name_len || f->colon == 0;
	if (h->changed || h->raw.len > w->opt->header_size_limit || (want && f->next < f->end))
		h->changed |= make_text(w);
	if (w->text.len > 0)
		h->text = buf_span(&w->text);
	else if (f->next >= f->end)
		h->text = span_make(h->raw.p, f->len);
}
