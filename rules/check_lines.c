/* check_header, check_mime_header, check_nested_header, check_body: what header_checks(5) and
 * body_checks see, for one recipient. */
#include "rules/content_source.h"
#include "rules/content_walk.h"
#include "rules/rules_private.h"

/* --- header fields --- */

static int
get_field(struct rule_run *run, enum mime_class class, size_t i, struct content_key *key)
{
	const struct content_walk *w = content_walk(run);
	const struct content_field *f;

	if (w == NULL || i >= w->of[class].n)
		return 0;
	f = &w->fields[w->of[class].v[i]];
	*key = (struct content_key){
		.text = f->text, .thing = i, .place = PLACE_FIELD, .at = f->at, .len = f->len
	};
	return 1;
}

static int
get_header(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	(void)err;
	return get_field(run, MIME_HDR_PRIMARY, i, key);
}

static int
get_mime_header(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	(void)err;
	return get_field(run, MIME_HDR_MULTIPART, i, key);
}

static int
get_nested_header(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	(void)err;
	return get_field(run, MIME_HDR_NESTED, i, key);
}

static const struct content_source fields[CONTENT_CLASSES] = {
	[MIME_HDR_PRIMARY] = { "header", get_header, NULL },
	[MIME_HDR_MULTIPART] = { "mime_header", get_mime_header, NULL },
	[MIME_HDR_NESTED] = { "nested_header", get_nested_header, NULL },
};

static enum rule_result
check_fields(struct rule_run *run, const struct rule_op *op)
{
	return content_source_check(run, op, &fields[op->def->variant]);
}

/* --- body lines --- */

/* So many are asked about at once: of more, fewer have nothing that a table knows. */
#define AROUND 64

static const struct content_line *
line_at(const struct content_walk *w, size_t i)
{
	return &w->lines[i / CONTENT_LINES][i % CONTENT_LINES];
}

/* The lines from number i on that are whole: a piece of a long one may begin or end inside a word.
 */
static void
look_around(const struct content_walk *w, size_t i, struct content_key *key)
{
	size_t from = line_at(w, i)->at, to = from;

	for (; key->naround < AROUND && i < w->nlines; i++, key->naround++) {
		const struct content_line *l = line_at(w, i);

		if (l->raw_len == l->text_len || (l->at > 0 && w->message.p[l->at - 1] != '\n'))
			break;
		to = l->at + l->text_len;
	}
	key->around = span_make(w->message.p + from, to - from);
}

static int
get_line(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	const struct content_walk *w = content_walk(run);
	const struct content_line *l;

	(void)err;
	if (w == NULL || i >= w->nlines)
		return 0;
	l = line_at(w, i);
	*key = (struct content_key){ .text = span_make(w->message.p + l->at, l->text_len),
		.thing = i,
		.place = PLACE_LINE,
		.at = l->at,
		.len = l->raw_len };
	if (i % AROUND == 0)
		look_around(w, i, key);
	return 1;
}

static enum rule_result
check_body(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source body = { "body", get_line, NULL };
	const struct content_walk *w = content_walk(run);

	if (w != NULL && w->seen & MIME_SEEN_LINES_CUT)
		fact_set(&run->txn->facts, FACT_BODY_LIMIT);
	return content_source_check(run, op, &body);
}

/* Lines take memory: they are kept where somebody asks. */
static int
compile_body(struct rule_compile *c, struct rule_op *op)
{
	c->rules->asks_lines = 1;
	return content_compile_lines(c, op);
}

const struct restriction_def restrictions_lines[] = {
	{ .name = "check_header",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .variant = MIME_HDR_PRIMARY,
	    .check = check_fields,
	    .compile = content_compile_fields,
	    .on_failure = "patterns",
	    .text = "Looks up each field of the message's header as it arrived, as header_checks "
		    "sees it: unfolded to one text with line ends in it." },
	{ .name = "check_mime_header",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .variant = MIME_HDR_MULTIPART,
	    .check = check_fields,
	    .compile = content_compile_fields,
	    .on_failure = "patterns",
	    .text = "Looks up each MIME header field of the message and of its parts, as "
		    "mime_header_checks sees them." },
	{ .name = "check_nested_header",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .variant = MIME_HDR_NESTED,
	    .check = check_fields,
	    .compile = content_compile_fields,
	    .on_failure = "patterns",
	    .text = "Looks up each other header field of attached messages, as "
		    "nested_header_checks sees them." },
	{ .name = "check_body",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .check = check_body,
	    .compile = compile_body,
	    .on_failure = "patterns",
	    .text = "Looks up each line that is no header as it arrived, as body_checks sees it: "
		    "nothing is decoded, and body_checks_size_limit holds." },
	{ .name = NULL },
};
