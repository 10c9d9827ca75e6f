/* score_if_reject, and what a score brings about: tag_if_score, hold_if_score, defer_if_score,
 * reject_if_score, discard_if_score. */
#include <string.h>

#include "core/score.h"
#include "mail/reply.h"
#include "rules/rules_private.h"

static enum rule_result check_limit(struct rule_run *, const struct rule_op *);

enum at_score { AT_SCORE_TAG, AT_SCORE_HOLD, AT_SCORE_DEFER, AT_SCORE_REJECT, AT_SCORE_DISCARD };

/* As rows of an access(5) table. */
static const struct {
	const char *action;
	char code;        /* of replies that may stand in front of the text; 0: none may */
	const char *text; /* without one of the item's own */
} brings[] = {
	[AT_SCORE_TAG] = { "TAG", 0, NULL },
	[AT_SCORE_HOLD] = { "HOLD", 0, NULL },
	[AT_SCORE_DEFER] = { "DEFER", '4', "4.7.1 Message score too high, try again later" },
	[AT_SCORE_REJECT] = { "REJECT", '5', "5.7.1 Message score too high" },
	[AT_SCORE_DISCARD] = { "DISCARD", 0, NULL },
};

/* --- at load --- */

static void
compile_points(struct rule_compile *c, struct rule_op *op)
{
	if (op->arg == NULL || score_parse(span_str(op->arg), &op->number) == -1)
		rule_compile_broken(c, op,
		    "%s: must be a number of points, such as 5, 2.5 or -1, of at most three "
		    "places behind the point",
		    op->word);
}

static int
compile_score(struct rule_compile *c, struct rule_op *op)
{
	compile_points(c, op);
	op->scores = op->def != &restriction_broken;
	return 0;
}

static int
compile_limit(struct rule_compile *c, struct rule_op *op)
{
	compile_points(c, op);
	return 0;
}

/* A reply code in front of the text, as in a table row. */
static int
has_code(const char *text)
{
	return strspn(text, "0123456789") == 3 && (text[3] == ' ' || text[3] == '\t');
}

const char *
score_take_text(struct rule_compile *c, struct rule_op *op, const char *text)
{
	size_t n;
	char code;

	if (op->def->check != check_limit)
		return "it takes no text";
	code = brings[op->def->variant].code;
	n = has_code(text) ? 4 : 0;
	if (text[0] == '\0')
		return "there must be a text";
	if (n > 0 && text[0] != code)
		return "the code does not fit";
	n += strspn(text + n, " \t");
	if (code != 0 && enhanced_len(span_str(text + n)) > 0 && text[n] != code)
		return "the enhanced code does not fit";
	op->text = has_code(text)
		       ? text
		       : arena_printf(c->load.mem, "%s %s", brings[op->def->variant].action, text);
	return NULL;
}

/* --- when it is asked --- */

/* At CONTENT what was given for the message and for the recipient; else for the message. */
static int64_t
total(const struct rule_run *run)
{
	const struct score *at_hand = &run->effects->score;

	return run->ask->stage == RULE_CONTENT ? score_total(&run->txn->verdict.score, at_hand)
					       : score_total(at_hand, NULL);
}

static void
tell(struct rule_run *run, const char *score)
{
	const struct score *at_hand = &run->effects->score;
	struct buf b = { 0 };

	if (run->trace == NULL)
		return;
	buf_adds(&b, "score ");
	if (run->ask->stage == RULE_CONTENT)
		score_format(&run->txn->verdict.score, at_hand, &b);
	else
		score_format(at_hand, NULL, &b);
	if (b.len == strlen("score "))
		buf_adds(&b, score);
	rule_trace_text(run, TRACE_NOTE, NULL, buf_cstr(&b));
	buf_fini(&b);
}

static enum rule_result
check_limit(struct rule_run *run, const struct rule_op *op)
{
	const char *action = brings[op->def->variant].action, *text = op->text;
	int64_t score = total(run);
	char shown[SCORE_TEXT];

	score_points(score, shown);
	tell(run, shown);
	if (score < op->number)
		return RULE_DUNNO;
	if (text == NULL && brings[op->def->variant].text != NULL)
		text = arena_printf(run->arena, "%s %s", action, brings[op->def->variant].text);
	else if (text == NULL)
		text = arena_printf(
		    run->arena, "%s score %s, %s %s", action, shown, op->def->name, op->arg);
	if (op->def->variant != AT_SCORE_TAG)
		return access_result(run, NULL, text, NULL, rule_subject(run, SUBJECT_CONTENT));
	/* With config_errors = postfix tables have no TAG. */
	rule_effect_tag(run, text + strlen("TAG "));
	return RULE_DUNNO;
}

static enum rule_result
check_next(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_DUNNO;
}

#define LIMIT(brings_about)                                                                        \
	.args = ARG_TEXT, .stages = AT_ANY, .needs = NEED_SENDER, .variant = (brings_about),       \
	.check = check_limit, .compile = compile_limit

const struct restriction_def restrictions_score[] = {
	{ .name = "score_if_reject",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .check = check_next,
	    .compile = compile_score,
	    .text =
		"Makes a refusal by the item behind it so many points: 5, 2.5, -1. An item "
		"gives them once; a class ends with its first refusal. A check that could not "
		"be made gives none and, unless the item itself has on_failure = defer, does not "
		"defer; hold and tag hold, and Postfix's own defer as ever. The name in the list "
		"of points is that of the restriction, or of the class." },
	{ .name = "tag_if_score",
	    LIMIT(AT_SCORE_TAG),
	    .text = "TAG for a score of so many points or more; the list goes on." },
	{ .name = "hold_if_score",
	    LIMIT(AT_SCORE_HOLD),
	    .text = "HOLD for a score of so many points or more; the list goes on." },
	{ .name = "defer_if_score",
	    LIMIT(AT_SCORE_DEFER),
	    .text = "Defers with access_map_defer_code for a score of so many points or more." },
	{ .name = "reject_if_score",
	    LIMIT(AT_SCORE_REJECT),
	    .text = "Rejects with access_map_reject_code for a score of so many points or more. "
		    "With a text, and codes if need be: { reject_if_score 8, text = 550 5.7.1 This "
		    "looks like spam }; so with its siblings." },
	{ .name = "discard_if_score",
	    LIMIT(AT_SCORE_DISCARD),
	    .text = "DISCARD for a score of so many points or more; the list ends." },
	{ .name = NULL },
};
