/* { restriction [argument], on_failure = outcome }: an item with a setting of its own. */
#include "base/text.h"
#include "rules/rules_private.h"

/* The words behind the restriction: on_failure = WORD, with or without blanks. */
static int
read_setting(struct rule_compile *c, struct span *rest, char **name, char **value)
{
	struct span word, text = { 0 }, left, right;

	while (rule_word(rest, &word)) {
		if (text.p == NULL)
			text = word;
		text.len = (size_t)(word.p + word.len - text.p);
		if (span_find(text, '=') + 1 < text.len)
			break;
	}
	if (text.p == NULL || !span_cut(text, '=', &left, &right))
		return -1;
	*name = rule_compile_word(c, span_trim(left));
	*value = rule_compile_word(c, span_trim(right));
	return 0;
}

static void
apply_setting(struct rule_compile *c, struct rule_op *op, const char *name, const char *value)
{
	enum rule_failure f = rule_failure_parse(value);

	if (!text_case_eq(name, "on_failure"))
		rule_compile_broken(c, op, "{ %s ... }: \"%s\" can not be set here; on_failure can",
		    op->word, name);
	else if (f == FAILURE_POSTFIX)
		rule_compile_broken(c, op,
		    "{ %s ... }: on_failure = \"%s\" must be one of " RULE_FAILURE_WORDS, op->word,
		    value);
	else if (op->on_failure == FAILURE_POSTFIX)
		rule_compile_broken(
		    c, op, "{ %s ... }: it has no on_failure: it fails as in Postfix", op->word);
	else {
		op->on_failure = f;
		op->own_failure = 1;
	}
}

/* text = all up to the closing brace: 1; 0: it is another setting. */
static int
take_text(struct rule_compile *c, struct rule_op *op, struct span rest)
{
	struct span left, right;
	const char *text, *fault;

	while (rest.len > 0 && (*rest.p == ',' || *rest.p <= ' '))
		rest = span_make(rest.p + 1, rest.len - 1);
	if (!span_cut(rest, '=', &left, &right) || !span_case_eq_str(span_trim(left), "text"))
		return 0;
	text = rule_compile_word(c, span_trim(right));
	fault = score_take_text(c, op, text);
	if (fault != NULL)
		rule_compile_broken(c, op, "{ %s, text = %s }: %s", op->word, text, fault);
	else
		op->word = arena_printf(c->load.mem, "{ %s, text = %s }", op->word, text);
	return 1;
}

static void
compile_settings(struct rule_compile *c, struct rule_op *op, struct span *rest)
{
	char *name = NULL, *value = NULL;
	struct span word;

	if (take_text(c, op, *rest))
		return;
	if (read_setting(c, rest, &name, &value) == -1) {
		rule_compile_broken(c, op, "{ %s ... } must end with on_failure = VALUE", op->word);
		return;
	}
	apply_setting(c, op, name, value);
	if (op->def != &restriction_broken && rule_word(rest, &word))
		rule_compile_broken(c, op, "{ %s, on_failure = %s ... }: \"%s\" is too much",
		    op->word, value, rule_compile_word(c, word));
	op->word = arena_printf(c->load.mem, "{ %s, %s = %s }", op->word, name, value);
}

/* An item with settings of its own. */
void
rule_compile_braces(struct rule_compile *c, struct rule_op *op, struct span text)
{
	struct span rest = text, word;
	struct rule_item it = { .rest = &rest, .op = op, .in_braces = 1 };

	if (text.len < 2 || text.p[text.len - 1] != '}') {
		rule_compile_broken(c, op, "\"%s\": a closing brace is missing", op->word);
		return;
	}
	rest = span_make(text.p + 1, text.len - 2);
	if (!rule_word(&rest, &word)) {
		rule_compile_broken(
		    c, op, "\"%s\": there must be a restriction in the braces", op->word);
		return;
	}
	rule_compile_item(c, &it, word);
	if (op->def == &restriction_broken)
		return; /* told */
	if (op->def->args == ARG_NEXT || op->scores)
		rule_compile_broken(c, op, "%s must stand in front of the braces", op->word);
	else
		compile_settings(c, op, &rest);
}
