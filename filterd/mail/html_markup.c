/* What begins with "<!" and its kin: comments, conditions, the doctype. */
#include <string.h>

#include "mail/html_reader.h"
#include "mail/html_scan.h"

/* A token with `skip` octets in front of its text and `end` behind it. */
static void
up_to(struct html_reader *r, struct html_token *t, size_t skip, const char *end)
{
	struct span in = r->in;
	size_t start = r->at + skip, len = strlen(end), at = start;

	while ((at = html_scan(in, at, (uint8_t)end[0])) < in.len && !html_starts(in, at, end))
		at++;
	t->text = html_span(in, start, at);
	t->broken = at == in.len;
	r->at = t->broken ? at : at + len;
}

/* At "<!--". */
static void
read_comment(struct html_reader *r, struct html_token *t)
{
	struct span in = r->in;
	size_t start = r->at + 4, at = start;

	t->kind = HTML_COMMENT;
	if (html_starts(in, at, ">") || html_starts(in, at, "->")) {
		t->text = html_span(in, at, at);
		r->at = html_scan(in, at, '>') + 1;
		return;
	}
	for (; (at = html_scan(in, at, '>')) < in.len; at++) {
		size_t dashes = in.p[at - 1] == '!' ? 3 : 2;

		if (at - start >= dashes && in.p[at - dashes] == '-' &&
		    in.p[at - dashes + 1] == '-') {
			t->text = html_span(in, start, at - dashes);
			r->at = at + 1;
			return;
		}
	}
	t->text = html_span(in, start, at);
	t->broken = 1;
	r->at = at;
}

/* Text up to behind "<![endif]...>" is none: at a condition that does not hold. */
static void
skip_condition(struct html_reader *r)
{
	struct span in = r->in;

	while ((r->at = html_scan(in, r->at, '<')) < in.len && !html_starts(in, r->at, "<![endif"))
		r->at++;
	r->at = html_scan(in, r->at, '>');
	r->at += r->at < in.len;
}

/* "<!--[if mso]>" and "<![if mso]>", where conditions count: only this much is a comment, and later
 * "<![endif]-->". */
static int
read_condition(struct html_reader *r, struct html_token *t)
{
	int comment = html_starts(r->in, r->at, "<!--[if");
	struct html_token whole;
	struct html_reader other;

	if (r->conditions == HTML_COMMENTS || (!comment && !html_starts(r->in, r->at, "<![if")))
		return 0;
	if (comment && r->at >= r->until) {
		other = *r;
		read_comment(&other, &whole);
		r->until = other.at;
		r->was_foreign = r->foreign;
	}
	up_to(r, t, comment ? 4 : 2, ">");
	if (r->conditions == HTML_OUTLOOK && !html_condition(t->text))
		skip_condition(r);
	return 1;
}

void
html_read_markup(struct html_reader *r, struct html_token *t)
{
	t->kind = HTML_COMMENT;
	if (read_condition(r, t))
		return;
	if (html_starts(r->in, r->at, "<!--")) {
		read_comment(r, t);
	} else if (html_starts(r->in, r->at, "<!doctype")) {
		up_to(r, t, 9, ">");
		t->kind = HTML_DOCTYPE;
	} else if (r->foreign > 0 && html_starts(r->in, r->at, "<![CDATA[")) {
		up_to(r, t, 9, "]]>");
		t->kind = HTML_CDATA;
	} else {
		up_to(r, t, r->in.p[r->at + 1] == '?' ? 1 : 2, ">");
	}
}
