/* Evaluation: a list, its items one after the other, and what holds them together. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "rules/rules_private.h"
#include "table/table.h"

static const char *
result_text(struct rule_run *run, enum rule_result r)
{
	switch (r) {
	case RULE_DUNNO:
		return "dunno";
	case RULE_OK:
		return "ok";
	case RULE_REFUSED:
		return arena_printf(
		    run->arena, "%d %s %s", run->v->code, run->v->enhanced, run->v->text);
	}
	return "";
}

static void
trace_row(struct rule_run *run, const struct rule_op *op, int warned)
{
	if (run->trace == NULL)
		return;
	trace_add(run->trace,
	    &(struct trace_event){ .kind = TRACE_ROW,
		.depth = run->depth,
		.name = warned ? arena_printf(run->arena, "warn_if_reject %s", op->word) : op->word,
		.file = op->where.file,
		.line = op->where.line });
}

static void
trace_result(struct rule_run *run, enum trace_kind kind, enum rule_result r)
{
	if (run->trace == NULL)
		return;
	trace_add(
	    run->trace, &(struct trace_event){
			    .kind = kind, .depth = run->depth, .answer = result_text(run, r) });
}

/* Neither classes within classes nor the rows that one question may try are without end. */
static int
over_budget(struct rule_run *run)
{
	return run->depth > run->o->rule_depth_limit || run->steps > run->o->rule_step_limit ||
	       deadline_passed(run->ask->deadline);
}

static enum rule_result
try_op(struct rule_run *run, const struct rule_op *op)
{
	const struct rule_op *before = run->op;
	enum rule_result r;

	run->op = op;
	run->steps++;
	trace_row(run, op, run->warn_depth == run->depth);
	if (over_budget(run))
		r = rule_broken(run, "%s: %s", op->word,
		    deadline_passed(run->ask->deadline)
			? "no time is left for it (stage_time_limit)"
		    : run->depth > run->o->rule_depth_limit
			? "too many classes within one another (rule_depth_limit)"
			: "too many restrictions tried (rule_step_limit)");
	else
		r = op->def->check(run, op);
	trace_result(run, TRACE_RESULT, r);
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

enum rule_result
rule_list_run(struct rule_run *run, const struct rule_list *l)
{
	enum rule_result r = RULE_DUNNO;
	size_t begun = 0;

	run->depth++;
	for (size_t i = 0; i < l->n && r == RULE_DUNNO; i++) {
		const struct rule_op *op = &l->ops[i];

		if (run->effects->discard)
			break;
		if (op->def->args == ARG_NEXT) {
			if (run->warn_depth == 0)
				run->warn_depth = run->depth;
			continue;
		}
		if (op->def->needs & NEED_DNS && i >= begun) {
			rule_dns_begin(run, l, i);
			begun = i + op->together;
		}
		r = try_op(run, op);
		end_warn(run);
		/* Whatever comes, the answer is a deferral. */
		if (run->if_permit.active && run->if_reject.active)
			break;
	}
	end_warn(run);
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
	int64_t began = run->trace == NULL ? 0 : clock_us();
	int rc = table_get(t, key, run->arena, hit, err);

	if (run->trace != NULL)
		trace_add(run->trace, &(struct trace_event){ .kind = TRACE_LOOKUP,
					  .depth = run->depth,
					  .name = table_name(t),
					  .key = arena_str(run->arena, key),
					  .answer = rc == 1   ? hit->value
						    : rc == 0 ? NULL
							      : err->text,
					  .file = rc == 1 ? hit->file : NULL,
					  .line = rc == 1 ? hit->line : 0,
					  .us = clock_us() - began });
	return rc;
}
