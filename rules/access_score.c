/* Points: the action SCORE of a row, and what score_if_reject makes of a refusal. */
#include <string.h>

#include "core/score.h"
#include "rules/access_impl.h"

/* These lists are asked again for every recipient, which must not give the message points anew. */
static int
was_given(const struct rule_run *run, const char *name, const struct origin *origin)
{
	return run->ask->stage < RULE_DATA && score_has(&run->effects->score, name, origin);
}

static const char *
joined(struct rule_run *run, const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	char *s = arena_alloc(run->arena, na + nb + 2);

	memcpy(s, a, na);
	s[na] = ' ';
	memcpy(s + na + 1, b, nb + 1);
	return s;
}

static void
give(struct rule_run *run, const char *name, int64_t points)
{
	struct origin origin = rule_origin(run);
	char shown[SCORE_TEXT];

	if (was_given(run, name, &origin))
		return;
	score_add(&run->effects->score, run->arena, name, points, origin);
	score_points(points, shown);
	if (run->trace != NULL) /* what it has no room for is only counted */
		rule_trace_text(run, TRACE_EFFECT, "SCORE",
		    run->trace->lost > 0 ? name : joined(run, shown, name));
}

void
rule_effect_score(struct rule_run *run, const char *name, int64_t points)
{
	struct access_row r = { .table = run->op->word, .value = run->op->word, .text = "" };

	if (!access_too_early(run, &r))
		give(run, name, points);
}

/* "SCORE 2.5 NAME"; without a name that of the restriction. */
enum rule_result
access_score(struct rule_run *run, const struct access_row *r)
{
	size_t n = strcspn(r->text, " \t");
	const char *name = r->text + n + strspn(r->text + n, " \t");
	int64_t points;

	if (access_too_early(run, r))
		return RULE_DUNNO;
	if (score_parse(span_make(r->text, n), &points) == -1)
		return access_useless(run, r, "needs a number of points, such as 2.5");
	if (name[0] == '\0')
		name = run->op->call == NULL ? run->op->def->name : run->op->call->name;
	give(run, name, points);
	return RULE_DUNNO;
}
