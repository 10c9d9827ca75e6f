#include "rules/content_source.h"

#include <string.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "core/facts.h"
#include "rules/access_impl.h"
#include "rules/content_hits.h"
#include "rules/content_share.h"
#include "rules/rules_private.h"
#include "table/table.h"

#define SHOWN ((size_t)200)

/* What comes of hits in a transaction takes so many octets; where each of a thousand recipients has
 * thousands of changes of its own, some of them cannot be checked. */
#define EFFECTS_MAX ((size_t)64 * 1024 * 1024)
/* The clock is looked at once in so many hits, and another thread takes over. */
#define ACT_CLOCK 64

struct check { /* one restriction at work */
	struct rule_run *run;
	const struct rule_op *op;
	const struct content_source *source;
	struct kept_hits *hits;
	struct content_share share;
	uint8_t *done; /* lists that were evaluated, by their number */
	size_t ndone;
	size_t acted; /* hits */
	int heavy;    /* another thread has been told to take over */
	int failed;   /* that was told */
};

/* Is there no time for the next hit? */
static int
is_late(struct check *c)
{
	if (++c->acted % ACT_CLOCK != 0)
		return 0;
	if (!c->heavy)
		blocking_begin(); /* it computes for long */
	c->heavy = 1;
	return deadline_passed(c->run->ask->deadline);
}

static void
rest(struct check *c)
{
	if (c->heavy)
		blocking_end();
	c->heavy = 0;
}

static void
share_end(struct check *c, size_t upto)
{
	size_t used = arena_used(c->run->arena);

	content_share_end(&c->share, upto);
	c->run->kept->hits_octets += arena_used(c->run->arena) - used;
}

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

/* Told whatever has failed before: what stands behind may be hidden there. */
static enum rule_result
give_up(struct check *c, const char *why)
{
	const struct table *t = rule_table(c->run, c->op->table);

	if (!c->run->looking)
		fact_set_detail(&c->run->txn->facts, FACT_PATTERNS_LIMIT, table_name(t));
	c->failed = 1;
	return rule_failed(c->run, "%s", why);
}

/* *end: nothing more is to be asked. */
static enum rule_result
act(struct check *c, struct content_hit *hit, int *end)
{
	const struct table *t = rule_table(c->run, c->op->table);
	struct origin origin = {
		.list = rule_list_names[c->run->list], .file = hit->row.file, .line = hit->row.line
	};
	struct access_content about = { .source = c->source->shown == NULL ? c->source->name
									   : c->source->shown,
		.key = &hit->key,
		.told = hit->told };

	if (hit->failed != NULL)
		return hit->over ? give_up(c, hit->failed) : fail(c, hit->failed);
	trace_hit(c->run, t, hit);
	/* A refusal that is only logged or counted is one restriction's all the same. */
	*end = hit->kind == ACCESS_REFUSAL;
	hit->told |= !c->run->looking;
	return access_result_content(c->run, table_name(t), hit->row.value, &origin, &about);
}

/* A class or a list.  What it does is for this recipient alone. */
static enum rule_result
act_list(struct check *c, struct content_hit *hit, size_t i, int *end)
{
	enum rule_result r;

	if (!is_first(c, hit->list))
		return RULE_DUNNO;
	share_end(c, i);
	rest(c); /* it may wait */
	r = act(c, hit, end);
	content_share_begin(&c->share, c->run, c->hits, i + 1);
	return r;
}

/* An effect, or an edit that is not there already. */
static enum rule_result
act_once(struct check *c, struct content_hit *hit, int *end)
{
	size_t used = arena_used(c->run->arena);
	enum rule_result r = act(c, hit, end);

	c->share.others += hit->kind != ACCESS_EDIT && hit->kind != ACCESS_NOTHING;
	used = arena_used(c->run->arena) - used;
	c->run->kept->hits_octets += used;
	if (r != RULE_DUNNO || *end || used == 0 || c->run->kept->hits_octets <= EFFECTS_MAX)
		return r;
	c->share.records = 0;
	*end = 1;
	return give_up(c, "what the table's rows do for all recipients takes too much memory");
}

/* Hit number *i, and those behind it that need no look; *end: it was the last one. */
static enum rule_result
next(struct check *c, struct content_hit *hit, size_t *i, int *end)
{
	if (*i < c->share.upto && c->share.alone) {
		*i = c->share.upto - 1;
		return RULE_DUNNO;
	}
	if (hit->kind == ACCESS_LIST && hit->failed == NULL)
		return act_list(c, hit, *i, end);
	if (*i < c->share.upto && hit->kind == ACCESS_EDIT)
		return RULE_DUNNO;
	return act_once(c, hit, end);
}

enum rule_result
content_source_check(
    struct rule_run *run, const struct rule_op *op, const struct content_source *source)
{
	struct check c = {
		.run = run, .op = op, .source = source, .hits = content_hits(run, op->table, source)
	};
	enum rule_result r = RULE_DUNNO;
	struct content_hit *hit;
	size_t i = 0;
	int rc, end = 0;

	content_share_begin(&c.share, run, c.hits, 0);
	while ((rc = content_hit(run, c.hits, source, i, &hit)) == 1) {
		if (is_late(&c)) {
			rc = -1;
			break;
		}
		r = next(&c, hit, &i, &end);
		if (r != RULE_DUNNO || end)
			break;
		i++;
	}
	share_end(&c, i);
	rest(&c);
	content_told_more(run);
	if (rc == -1)
		return give_up(&c, "no time is left for it (message_time_limit)");
	return r;
}
