/* check_text: the texts of the message, as people read them. */
#include "mail/utf8.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"
#include "rules/text_parts.h"

enum { SHOWN = 80 };

/* The log gets the beginning: a text may be long. */
static struct span
shown(struct span text)
{
	if (text.len <= SHOWN)
		return text;
	text.len = SHOWN;
	while (text.len > 0 && (text.p[text.len] & 0xc0) == 0x80)
		text.len--;
	return text;
}

static int
get_text(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct text_part part;

	(void)err;
	if (!text_part_get(run, i, &part))
		return 0;
	*key = (struct content_key){
		.text = part.text,
		.thing = part.part,
		.reading = part.reading,
		.place = PLACE_NONE,
		.shown = shown(part.text),
	};
	return 1;
}

static enum rule_result
check_text(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source source = { "text", get_text, NULL };

	return content_source_check(run, op, &source);
}

const struct restriction_def restrictions_text[] = {
	{ .name = "check_text",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .check = check_text,
	    .compile = content_compile,
	    .on_failure = "patterns",
	    .text = "Looks up each text of the message as a person reads it, whole, in UTF-8: "
		    "base64, quoted-printable and the charset undone, HTML rendered to text "
		    "without comments, tags inside words and what cannot be seen. Where readers "
		    "differ on a part each of its texts is looked up. See "
		    "text_check_size_limit and text_fold_homoglyphs." },
	{ .name = NULL },
};
