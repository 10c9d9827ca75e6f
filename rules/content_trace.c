/* What header and body checks tell the transaction's trace: only what matched, for a message has
 * many lines. */
#include "base/arena.h"
#include "core/transaction.h"
#include "rules/content_impl.h"
#include "rules/trace.h"
#include "table/table.h"

#define SHOWN ((size_t)200)

static const char *
reply_of(struct transaction *t)
{
	const struct verdict *v = &t->verdict;

	return arena_printf(t->arena, "%d %s %s", v->code, v->enhanced, v->text);
}

static int
refused(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

int
content_trace_begin(const struct content_checks *cc, struct transaction *t)
{
	if (t->trace == NULL || !cc->any)
		return 0;
	/* A list that matches nothing has been asked all the same. */
	t->trace->rows++;
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_STAGE, .name = "END-OF-MESSAGE" });
	trace_add(t->trace,
	    &(struct trace_event){ .kind = TRACE_LIST, .name = "header and body checks" });
	return refused(&t->verdict);
}

void
content_trace_hit(struct transaction *t, const char *list, const struct table *table,
    struct span text, const struct table_hit *hit)
{
	if (t->trace == NULL)
		return;
	if (text.len > SHOWN)
		text.len = SHOWN;
	trace_add(
	    t->trace, &(struct trace_event){
			  .kind = TRACE_ROW, .name = list, .file = hit->file, .line = hit->line });
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_LOOKUP,
				.name = table_name(table),
				.key = text,
				.answer = hit->value,
				.file = hit->file,
				.line = hit->line });
}

void
content_trace_effect(
    struct transaction *t, const char *verb, const char *arg, const struct origin *origin)
{
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_EFFECT,
				.name = verb,
				.answer = arg,
				.file = origin->file,
				.line = origin->line });
}

void
content_trace_result(struct transaction *t, const struct origin *o)
{
	const struct origin *by = &t->verdict.origin;

	if (t->trace == NULL)
		return;
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_RESULT,
				.answer = refused(&t->verdict) && by->list == o->list &&
						  by->file == o->file && by->line == o->line
					      ? reply_of(t)
					      : NULL });
}

void
content_trace_end(const struct content_checks *cc, struct transaction *t, int before)
{
	const struct verdict *v = &t->verdict;
	struct trace_event e = { .kind = TRACE_VERDICT, .answer = "dunno" };

	if (t->trace == NULL || !cc->any)
		return;
	if (refused(v) && !before) {
		e.answer = reply_of(t);
		e.name = v->origin.list;
		e.file = v->origin.file;
		e.line = v->origin.file == NULL ? 0 : v->origin.line;
	}
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_END, .answer = e.answer });
	trace_add(t->trace, &e);
}
