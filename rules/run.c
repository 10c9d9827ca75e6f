/* Evaluation: a list, its items one after the other, and what holds them together. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "rules/rules_private.h"
#include "table/table.h"

static void
trace_row(struct rule_run *run, const struct rule_op *op)
{
	if (run->trace == NULL)
		return;
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_ROW,
				  .name = op->word,
				  .file = op->where.file,
				  .line = op->where.line,
				  .warned = run->warn_depth > 0 && run->warn_depth == run->depth });
}

/* Neither classes within classes nor the rows that one question may try are without end. */
static int
over_budget(struct rule_run *run)
{
	return run->depth > run->o->rule_depth_limit || run->steps > run->o->rule_step_limit ||
	       deadline_passed(run->ask->deadline);
}

/* What a time limit cuts off has failed; the other limits are for configurations that go wrong. */
static enum rule_result
cut_off(struct rule_run *run, const struct rule_op *op)
{
	const char *why = "too many restrictions tried (rule_step_limit)";
	enum rule_result r;

	if (deadline_passed(run->ask->deadline))
		why = run->ask->stage < RULE_END_OF_DATA
			  ? "no time is left for it (stage_time_limit)"
			  : "no time is left for it (message_time_limit)";
	else if (run->depth > run->o->rule_depth_limit)
		why = "too many classes within one another (rule_depth_limit)";
	if (op->on_failure == FAILURE_POSTFIX || !deadline_passed(run->ask->deadline))
		return rule_broken(run, "%s: %s", op->word, why);
	r = rule_failed(run, "%s", why);
	rule_failed_fact(run);
	return r;
}

int
rule_is_elsewhere(const struct rule_run *run, const struct rule_op *op)
{
	return op->plugin == NULL && op->def->stages == AT_END && run->ask->stage != RULE_CONTENT;
}

static enum rule_result
try_one(struct rule_run *run, const struct rule_op *op)
{
	if (rule_is_elsewhere(run, op)) {
		rule_trace_text(run, TRACE_NOTE, NULL, "it decides in content_restrictions alone");
		return RULE_DUNNO;
	}
	return op->plugin == NULL ? op->def->check(run, op) : rule_plugin_try(run, op);
}

enum rule_result
rule_try(struct rule_run *run, const struct rule_op *op)
{
	const struct rule_op *before = run->op;
	enum rule_result r;

	run->op = op;
	run->steps++;
	trace_row(run, op);
	if (over_budget(run))
		r = cut_off(run, op);
	else
		r = try_one(run, op);
	rule_trace_result(run, TRACE_RESULT, r);
	run->op = before;
	return r;
}

/* warn_if_reject ends with the item it stood in front of, at its own depth. */
static void
end_warn(struct rule_run *run)
{
	if (run->warn_depth >= run->depth)
		run->warn_depth = 0;
}

/* Behind score_if_reject: a refusal of the item, or from within it, is its end and gives points. */
static enum rule_result
try_scored(struct rule_run *run, const struct rule_op *score, const struct rule_op *op)
{
	const struct rule_op *before = run->op, *outer = run->score;
	const char *scored = run->scored;
	enum rule_result r;

	trace_row(run, score);
	run->score = score;
	run->scored = NULL;
	r = rule_try(run, op);
	run->op = score;
	if (run->scored != NULL) {
		rule_effect_score(
		    run, op->call == NULL ? op->def->name : op->call->name, score->number);
		r = RULE_DUNNO;
	}
	run->score = outer;
	run->scored = scored;
	rule_trace_result(run, TRACE_RESULT, r);
	run->op = before;
	return r;
}

/* From the i-th item on; *i is behind the one that decided. */
static enum rule_result
run_items(struct rule_run *run, const struct rule_list *l, size_t *at)
{
	const struct rule_op *score = NULL;
	enum rule_result r = RULE_DUNNO;
	size_t i, begun = *at;

	for (i = *at; i < l->n && r == RULE_DUNNO; i++) {
		const struct rule_op *op = &l->ops[i];

		if (run->effects->discard)
			break;
		if (op->def->args == ARG_NEXT) {
			if (run->warn_depth == 0)
				run->warn_depth = run->depth;
			continue;
		}
		if (op->scores) {
			score = op;
			continue;
		}
		if (op->def->needs & NEED_DNS && i >= begun) {
			rule_dns_begin(run, l, i);
			begun = i + op->together;
		}
		r = score == NULL ? rule_try(run, op) : try_scored(run, score, op);
		score = NULL;
		end_warn(run);
		/* Whatever comes, the answer is a deferral. */
		if (run->if_permit.active && run->if_reject.active)
			break;
	}
	end_warn(run);
	*at = i;
	return r;
}

/* A class that has decided goes on to its end, then the list that called it does, until something
 * else is found that would. */
static void
look_on(struct rule_run *run, const struct rule_list *l, size_t at)
{
	struct rule_look look;

	if (!rule_look_wanted(run) || at >= l->n)
		return;
	rule_look_begin(run, &look);
	rule_look_end(run, &look, run_items(run, l, &at) != RULE_DUNNO);
}

enum rule_result
rule_list_run(struct rule_run *run, const struct rule_list *l)
{
	enum rule_result r;
	size_t at = 0;

	run->depth++;
	r = run_items(run, l, &at);
	if (r != RULE_DUNNO)
		look_on(run, l, at);
	run->depth--;
	return r;
}

enum rule_result
rule_call(struct rule_run *run, const struct rule_list *l, struct rule_subject subject)
{
	struct rule_subject before = run->subject;
	enum rule_result r;

	run->subject = subject;
	r = rule_list_run(run, l);
	run->subject = before;
	return r;
}

static enum rule_result
check_class(struct rule_run *run, const struct rule_op *op)
{
	return rule_call(run, op->call, run->subject);
}

static enum rule_result
check_broken(struct rule_run *run, const struct rule_op *op)
{
	return rule_broken(run, "%s", op->arg == NULL ? op->word : op->arg);
}

const struct restriction_def restriction_class = {
	.name = "class", .stages = AT_ANY, .needs = CAN_PERMIT, .check = check_class
};
const struct restriction_def restriction_broken = {
	.name = "broken", .stages = AT_ANY, .check = check_broken
};

/* --- tables --- */

const struct table *
rule_table(struct rule_run *run, int number)
{
	return table_set_get(run->txn->tables, number);
}

int
rule_lookup(struct rule_run *run, const struct table *t, struct span key, struct table_hit *hit,
    struct err *err)
{
	int64_t began = rule_trace_clock(run);
	int rc = table_get(t, key, run->arena, hit, err);

	if (run->trace != NULL)
		trace_add(run->trace, &(struct trace_event){ .kind = TRACE_LOOKUP,
					  .name = table_name(t),
					  .key = key,
					  .failed = rc == -1,
					  .answer = rc == 1   ? hit->value
						    : rc == 0 ? NULL
							      : err->text,
					  .file = rc == 1 ? hit->file : NULL,
					  .line = rc == 1 ? hit->line : 0,
					  .us = rule_trace_clock(run) - began });
	return rc;
}
