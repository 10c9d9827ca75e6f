#include <string.h>

#include "core/transaction.h"
#include "rules/content_impl.h"

/* What the results of checks do to the message. */

static void
put_text(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_addc(out, s.p[i] == '\r' ? ' ' : (char)s.p[i]);
}

/* A field, cut at header_size_limit; what is no continuation line in it becomes one. */
static void
put_field(struct content_run *r, struct span text)
{
	struct span line, rest;
	int more = 1;

	text.len = mime_header_cut(text, r->cc->mime.header_size_limit);
	for (int first = 1; more; first = 0, text = rest) {
		more = span_cut(text, '\n', &line, &rest);
		if (!first && (line.len == 0 || (line.p[0] != ' ' && line.p[0] != '\t')))
			buf_addc(&r->out, '\t');
		put_text(&r->out, line);
		buf_adds(&r->out, "\r\n");
	}
}

static void
put_line(struct content_run *r, const char *text, int ended)
{
	struct span line, rest = span_str(text);

	while (span_cut(rest, '\n', &line, &rest)) {
		put_text(&r->out, line);
		buf_adds(&r->out, "\r\n");
	}
	put_text(&r->out, line);
	if (ended)
		buf_adds(&r->out, "\r\n");
}

static int
is_dropped(const struct content_checks *cc, struct span name)
{
	for (size_t i = 0; i < cc->ndrop; i++) {
		if (span_case_eq_str(name, cc->drop[i]))
			return 1;
	}
	return 0;
}

void
content_edit_field(struct content_run *r, const struct mime_header *h, struct span text,
    const struct check_result *res)
{
	struct span name = h->name;
	int drop = res->drop;

	if (res->replace != NULL) {
		text = span_str(res->replace);
		name = span_make(text.p, mime_field_name(text));
	}
	/* Postfix keeps a MIME header field even if its name, or that of its replacement, is in the
	 * list. */
	drop |= h->class == MIME_HDR_PRIMARY && is_dropped(r->cc, name);
	if (!drop && res->prepend == NULL && res->replace == NULL && !h->changed)
		return;
	buf_reset(&r->out);
	if (res->prepend != NULL)
		put_field(r, span_str(res->prepend));
	if (!drop && (res->replace != NULL || h->changed))
		put_field(r, text);
	edit_add(&r->txn->verdict.edits, (size_t)(h->raw.p - r->base),
	    drop || res->replace != NULL || h->changed ? h->raw.len : 0, buf_span(&r->out));
}

void
content_edit_line(struct content_run *r, const struct mime_line *l, const struct check_result *res)
{
	if (!res->drop && res->prepend == NULL && res->replace == NULL)
		return;
	buf_reset(&r->out);
	if (res->prepend != NULL)
		put_line(r, res->prepend, 1);
	/* A piece that is not the last one of its line has no line end to give back. */
	if (res->replace != NULL)
		put_line(r, res->replace, l->last);
	edit_add(&r->txn->verdict.edits, l->at, res->prepend != NULL ? 0 : l->raw_len,
	    buf_span(&r->out));
}
