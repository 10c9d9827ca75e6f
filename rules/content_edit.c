#include <string.h>

#include "core/transaction.h"
#include "rules/content_impl.h"

/* What the results of checks do to the message. */

/* Nothing but a line's own line end is one. */
static void
put_text(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_addc(out, s.p[i] == '\r' ? ' ' : (char)s.p[i]);
}

void
content_put_field(struct buf *out, struct span text, size_t header_size_limit)
{
	struct span line, rest;
	int more = 1;

	text.len = mime_header_cut(text, header_size_limit);
	for (int first = 1; more; first = 0, text = rest) {
		more = span_cut(text, '\n', &line, &rest);
		if (!first && (line.len == 0 || (line.p[0] != ' ' && line.p[0] != '\t')))
			buf_addc(out, '\t');
		put_text(out, line);
		buf_adds(out, "\r\n");
	}
}

void
content_put_line(struct buf *out, const char *text, int ended)
{
	struct span line, rest = span_str(text);

	while (span_cut(rest, '\n', &line, &rest)) {
		put_text(out, line);
		buf_adds(out, "\r\n");
	}
	put_text(out, line);
	if (ended)
		buf_adds(out, "\r\n");
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
	struct edit *e;
	size_t limit = r->cc->mime.header_size_limit;
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
		content_put_field(&r->out, span_str(res->prepend), limit);
	if (!drop && (res->replace != NULL || h->changed))
		content_put_field(&r->out, text, limit);
	e = edit_add(&r->txn->verdict.edits, (size_t)(h->raw.p - r->base),
	    drop || res->replace != NULL || h->changed ? h->raw.len : 0, buf_span(&r->out));
	if (e != NULL)
		e->yields = !drop && res->prepend == NULL && res->replace == NULL;
}

void
content_edit_line(struct content_run *r, const struct mime_line *l, const struct check_result *res)
{
	if (!res->drop && res->prepend == NULL && res->replace == NULL)
		return;
	buf_reset(&r->out);
	if (res->prepend != NULL)
		content_put_line(&r->out, res->prepend, 1);
	/* A piece that is not the last one of its line has no line end to give back. */
	if (res->replace != NULL)
		content_put_line(&r->out, res->replace, l->last);
	edit_add(&r->txn->verdict.edits, l->at, res->prepend != NULL ? 0 : l->raw_len,
	    buf_span(&r->out));
}
