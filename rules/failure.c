/* A check that could not be made: what is said of it, and what becomes of the mail. */
#include <stdarg.h>
#include <string.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/text.h"
#include "rules/plugin_impl.h"

/* All that a client is told; why is the log's. */
#define UNAVAILABLE "Service temporarily unavailable, try again later"

static const struct {
	enum rule_failure failure;
	const char *word;
} words[] = {
	{ FAILURE_DEFER, "defer" },
	{ FAILURE_HOLD, "hold" },
	{ FAILURE_TAG, "tag" },
	{ FAILURE_ACCEPT, "accept" },
};

enum rule_failure
rule_failure_parse(const char *word)
{
	for (size_t i = 0; i < nitems(words); i++)
		if (text_case_eq(words[i].word, word))
			return words[i].failure;
	return FAILURE_POSTFIX;
}

const char *
rule_failure_word(enum rule_failure f)
{
	for (size_t i = 0; i < nitems(words); i++)
		if (words[i].failure == f)
			return words[i].word;
	return "";
}

static const char *
family_of(const struct rule_op *op)
{
	if (op->plugin != NULL)
		return op->plugin->def->name;
	return op->def->on_failure == NULL ? op->def->name : op->def->on_failure;
}

/* Once a transaction: the same trouble meets every recipient's list.  What came of it for one of
 * them says nothing of another one for whom it is something else. */
static int
is_news(struct rule_run *run, const char *family, const char *outcome, const char *why)
{
	struct kept_failure *f;

	for (f = run->kept->failures; f != NULL; f = f->next)
		if (strcmp(f->family, family) == 0 && strcmp(f->outcome, outcome) == 0 &&
		    strcmp(f->why, why) == 0)
			return 0;
	if (run->looking)
		return 1;
	f = arena_calloc(run->arena, sizeof(*f));
	f->family = family;
	f->outcome = outcome;
	f->why = why;
	f->next = run->kept->failures;
	run->kept->failures = f;
	return 1;
}

static void
tell(struct rule_run *run, const char *outcome, const char *why)
{
	const char *family = family_of(run->op);
	const char *text =
	    arena_printf(run->arena, "%s: %s could not be checked: %s; on_failure = %s", family,
		run->op->def->name, why, outcome);

	rule_trace_text(run, TRACE_NOTE, NULL, text);
	if (!is_news(run, family, outcome, why) || run->looking)
		return;
	log_warn(run->txn->service, run->txn->id, "%s", text);
	run->failed_why = why;
	if (run->op->plugin == NULL)
		rule_failed_fact(run);
}

void
rule_failed_fact(struct rule_run *run)
{
	const char *family;

	if (run->failed_why != NULL && !run->told_failure) {
		family = family_of(run->op);
		facts_tell(&run->txn->facts, run->arena, family, family, "failed", run->failed_why);
	}
	run->failed_why = NULL;
}

/* Before MAIL there is no message that could be held or tagged. */
static int
has_message(const struct rule_run *run)
{
	return run->ask->stage != RULE_CONNECT && run->ask->stage != RULE_HELO;
}

/* Who only counts points counts none for a check that could not be made, unless the item itself
 * wants something else: a family's "defer" is meant for refusals. */
static int
adds_nothing(const struct rule_run *run, enum rule_failure f)
{
	return f == FAILURE_DEFER && run->score != NULL && !run->op->own_failure;
}

enum rule_result
rule_failed(struct rule_run *run, const char *fmt, ...)
{
	enum rule_failure f = run->op->on_failure;
	const char *family = family_of(run->op);
	const char *why;
	va_list ap;

	va_start(ap, fmt);
	why = arena_vprintf(run->arena, fmt, ap);
	va_end(ap);
	if (f == FAILURE_POSTFIX || ((f == FAILURE_HOLD || f == FAILURE_TAG) && !has_message(run)))
		f = FAILURE_DEFER;
	if (adds_nothing(run, f)) {
		tell(run, "no points (score_if_reject)", why);
		return RULE_DUNNO;
	}
	tell(run, rule_failure_word(f), why);
	switch (f) {
	case FAILURE_HOLD:
		rule_effect_hold(run, arena_printf(run->arena, "%s failed: %s", family, why));
		run->effects->hold_failed = 1;
		return RULE_DUNNO;
	case FAILURE_TAG:
		rule_effect_tag(run, arena_printf(run->arena, "%s failed: %s", family, why));
		return RULE_DUNNO;
	case FAILURE_ACCEPT:
		return RULE_DUNNO;
	case FAILURE_POSTFIX:
	case FAILURE_DEFER:
		break;
	}
	rule_trouble_begin(run);
	return rule_trouble_end(run, rule_refuse(run, 451, "4.7.1", UNAVAILABLE));
}
