/* The plugins of a configuration: opened, closed, and tried when their turn in a list comes. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "core/message.h"
#include "rules/plugin_impl.h"

int
plugin_open(struct plugin_instance *p, struct err *err)
{
	char why[400] = "";

	p->host = plugin_host(p->def->name, p->counters);
	p->state = NULL;
	if (p->def->open != NULL &&
	    p->def->open(p->host, p->values, &p->state, why, sizeof(why)) != 0) {
		why[sizeof(why) - 1] = '\0';
		err_set(err, ERR_CONFIG, "plugin %s: %s", p->def->name,
		    why[0] == '\0' ? "refuses these values, and does not say why" : why);
		return -1;
	}
	p->is_open = 1;
	return 0;
}

void
plugin_close(struct plugin_instance *p)
{
	if (p->is_open && p->def->close != NULL)
		p->def->close(p->state);
	p->is_open = 0;
	p->state = NULL;
}

const struct restriction_def *
plugin_row_find(const struct filterd_plugin *p, const char *name)
{
	const struct restriction_def *d;

	for (d = p->restrictions; d != NULL && d->name != NULL; d++)
		if (restriction_is_named(d, name))
			return d;
	return NULL;
}

void
plugin_rows_each(const struct filterd_plugin *p,
    void (*f)(void *arg, const char *name, const char *text), void *arg)
{
	const struct restriction_def *d;

	for (d = p->restrictions; d != NULL && d->name != NULL; d++)
		f(arg, d->name, d->text);
}

int
plugin_has_fact(const struct filterd_plugin *p, const char *subject, const char *value)
{
	const struct filterd_fact *f;

	if (strcmp(subject, p->name) == 0 && strcmp(value, "failed") == 0)
		return 1;
	for (f = p->facts; f != NULL && f->subject != NULL; f++)
		if (strcmp(f->subject, subject) == 0 &&
		    (f->value == NULL || strcmp(f->value, value) == 0))
			return 1;
	return 0;
}

const struct plugin_instance *
plugin_of(const struct rule_run *run)
{
	assert(run->op != NULL && run->op->plugin != NULL);
	return run->op->plugin;
}

int
rule_plugin_ready(struct rule_run *run, const struct rule_op *op)
{
	struct span unused;

	return op->plugin == NULL || !(op->def->needs & NEED_CONTENT) ||
	       content_message(run, &unused);
}

static int
has_refused(const struct rule_run *run)
{
	return run->v->outcome == OUTCOME_DEFER || run->v->outcome == OUTCOME_REJECT ||
	       run->scored != NULL;
}

/* An answer is taken for what the verdict bears out. */
static enum rule_result
proven(struct rule_run *run, const struct rule_op *op, enum rule_result r)
{
	switch (r) {
	case RULE_DUNNO:
		return r;
	case RULE_OK:
		if (op->def->needs & CAN_PERMIT || run->effects->discard)
			return r;
		return rule_failed(run, "it permitted, which its row does not announce");
	case RULE_REFUSED:
		return rule_failed(run, "it refused without a reply");
	}
	return rule_failed(run, "it answered %d, which is no result", (int)r);
}

enum rule_result
rule_plugin_try(struct rule_run *run, const struct rule_op *op)
{
	int told = run->told_failure, had_refused = has_refused(run);
	const char *failed_why = run->failed_why;
	enum rule_result r;

	run->told_failure = 0;
	run->failed_why = NULL;
	if (rule_plugin_ready(run, op))
		r = op->def->check(run, op);
	else
		r = rule_failed(run, "it needs the message, which is not there at %s",
		    rules_stage_name(run->ask->stage));
	/* What was refused stays so, whatever the answer; a refusal without a reply is none. */
	r = !had_refused && has_refused(run) ? RULE_REFUSED : proven(run, op, r);
	rule_failed_fact(run);
	run->told_failure = told;
	run->failed_why = failed_why;
	return r;
}
