#include "rules/content_source.h"

#include <string.h>

#include "rules/access_impl.h"
#include "rules/content_hits.h"
#include "rules/rules_private.h"
#include "table/table.h"

#define SHOWN ((size_t)200)

struct check { /* one restriction at work */
	struct rule_run *run;
	const struct rule_op *op;
	const struct content_source *source;
	uint8_t *done; /* lists that were evaluated, by their number */
	size_t ndone;
	int failed; /* that was told */
};

/* Only what a table knows is told: there may be very many lines. */
static void
trace_hit(struct rule_run *run, const struct table *t, const struct content_hit *hit)
{
	struct span shown = hit->key.shown.p == NULL ? hit->key.text : hit->key.shown;

	if (run->trace == NULL)
		return;
	if (shown.len > SHOWN)
		shown.len = SHOWN;
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_LOOKUP,
				  .name = table_name(t),
				  .key = shown,
				  .answer = hit->row.value,
				  .file = hit->row.file,
				  .line = hit->row.line });
}

/* Is this the list's first match in this check? */
static int
is_first(struct check *c, size_t list)
{
	if (list >= c->ndone) {
		size_t n = (list + 1) * 2;
		uint8_t *done = arena_calloc(c->run->arena, n);

		if (c->ndone > 0)
			memcpy(done, c->done, c->ndone);
		c->done = done;
		c->ndone = n;
	}
	if (c->done[list])
		return 0;
	c->done[list] = 1;
	return 1;
}

/* Once a check: what comes of a second failure is what came of the first. */
static enum rule_result
fail(struct check *c, const char *why)
{
	if (c->failed) {
		rule_trace_text(c->run, TRACE_NOTE, NULL, why);
		return RULE_DUNNO;
	}
	c->failed = 1;
	return rule_failed(c->run, "%s", why);
}

/* *end: nothing more is to be asked. */
static enum rule_result
act(struct check *c, const struct content_hit *hit, int *end)
{
	const struct table *t = rule_table(c->run, c->op->table);
	struct origin origin = {
		.list = rule_list_names[c->run->list], .file = hit->row.file, .line = hit->row.line
	};
	struct access_content about = { .source = c->source->shown == NULL ? c->source->name
									   : c->source->shown,
		.key = &hit->key };

	if (hit->failed != NULL)
		return fail(c, hit->failed);
	if (hit->kind == ACCESS_LIST && !is_first(c, hit->list))
		return RULE_DUNNO;
	trace_hit(c->run, t, hit);
	/* A refusal that is only logged or counted is one restriction's all the same. */
	*end = hit->kind == ACCESS_REFUSAL;
	return access_result_content(c->run, table_name(t), hit->row.value, &origin, &about);
}

enum rule_result
content_source_check(
    struct rule_run *run, const struct rule_op *op, const struct content_source *source)
{
	struct check c = { .run = run, .op = op, .source = source };
	enum rule_result r = RULE_DUNNO;
	struct content_hit hit;
	int rc = 1, end = 0;

	for (size_t i = 0; r == RULE_DUNNO && !end; i++) {
		rc = content_hit(run, op->table, source, i, &hit);
		if (rc != 1)
			break;
		r = act(&c, &hit, &end);
	}
	edit_settle(&run->effects->edits);
	if (rc == -1)
		return fail(&c, "no time is left for it (message_time_limit)");
	return r;
}
