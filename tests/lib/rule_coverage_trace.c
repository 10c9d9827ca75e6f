/* What the trace of a question tells for the coverage table. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "rules/restriction.h"
#include "rules/trace.h"
#include "tests/lib/rule_coverage.h"

#define DEEP 300

struct open_row {
	char name[80], word[300];
	int warned, effect, waits, warn;
};

struct walk {
	struct open_row rows[DEEP];
	size_t depth;
	uint32_t actions;
	int64_t ms;
	int settled;
	struct {
		char name[80];
		const char *what;
	} done[DEEP]; /* rows that would have decided */
	size_t ndone;
	char outcome[800]; /* the answer, and all effects */
};

/* --- actions --- */

/* As access(5) has them, and ours. */
static const char *const action_names[] = { "OK", "REJECT", "DEFER", "DEFER_IF_REJECT",
	"DEFER_IF_PERMIT", "BCC", "DISCARD", "DUNNO", "FILTER", "HOLD", "PREPEND", "REDIRECT",
	"INFO", "WARN", "RELAY", "TAG", "SCORE", "all-numerical", "4NN text", "5NN text",
	"421 text", "521 text", "restriction...", "class" };

static size_t
action_named(const char *name)
{
	for (size_t i = 0; i < nitems(action_names); i++)
		if (strcasecmp(action_names[i], name) == 0)
			return i;
	fail_msg("%s: no action", name);
	return 0;
}

static const char *
action_of(struct span value)
{
	size_t n = 0, digits = 0;
	char word[40];

	while (n < value.len && !isspace(value.p[n]))
		n++;
	while (digits < n && isdigit(value.p[digits]))
		digits++;
	span_copy(span_make(value.p, n), word, sizeof(word));
	if (digits == value.len)
		return "all-numerical";
	if (digits == 3 && n == 3)
		return strcmp(word, "421") == 0   ? "421 text"
		       : strcmp(word, "521") == 0 ? "521 text"
		       : word[0] == '4'           ? "4NN text"
						  : "5NN text";
	for (size_t i = 0; i < nitems(action_names); i++)
		if (strcasecmp(action_names[i], word) == 0)
			return action_names[i];
	return n < value.len || restriction_find(word) != NULL ? "restriction..." : "class";
}

/* Tables of other restrictions say other things. */
static int
is_access(const char *restriction)
{
	size_t n = strlen(restriction);

	return (n > 7 && strcmp(restriction + n - 7, "_access") == 0) ||
	       strcmp(restriction, "type:name") == 0;
}

static void
on_value(struct walk *w, struct span value)
{
	if (w->depth > 0)
		w->actions |= 1u << action_named(action_of(value));
}

/* --- rows --- */

static void
on_row(struct walk *w, const struct trace_read *e)
{
	struct open_row *r = &w->rows[w->depth++];
	size_t n;

	assert_true(w->depth < DEEP);
	memset(r, 0, sizeof(*r));
	r->warned = e->warned;
	span_copy(e->name, r->word, sizeof(r->word));
	n = strcspn(r->word, " \t");
	for (size_t i = 0; i < n && i + 1 < sizeof(r->name); i++)
		r->name[i] = (char)tolower((unsigned char)r->word[i]);
	if (restriction_find(r->name) == NULL)
		snprintf(r->name, sizeof(r->name), "%s",
		    strchr(r->name, ':') == NULL ? "class" : "type:name");
}

static const char *
what_it_did(const struct walk *w, const struct open_row *r, const char *result)
{
	if (strncmp(result, "451 4.3.5 ", 10) == 0)
		return "broken";
	if (r->warn)
		return "warn";
	if (r->effect)
		return "effect";
	if (strcmp(r->name, "sleep") == 0) {
		long seconds = strtol(r->word + 5, NULL, 10);

		return seconds > 0 && w->ms >= seconds * 1000 ? "effect" : "no";
	}
	if (strcmp(result, "ok") == 0)
		return "permit";
	if (isdigit((unsigned char)result[0]))
		return "refuse";
	return r->waits ? "waits" : "no";
}

static void
on_result(struct walk *w, const struct trace_read *e)
{
	struct open_row *r = &w->rows[--w->depth], *outer = r - 1;
	const char *what;
	char result[200];

	span_copy(e->answer, result, sizeof(result));
	what = what_it_did(w, r, result);
	rule_coverage_line("restriction\t%s\t%s", r->name, what);
	if (w->ndone < DEEP) {
		memcpy(w->done[w->ndone].name, r->name, sizeof(r->name));
		w->done[w->ndone++].what = what;
	}
	if (r->warned)
		rule_coverage_line("restriction\twarn_if_reject\t%s", r->warn ? "effect" : "no");
	if (w->depth == 0)
		return;
	outer->effect |= r->effect;
	outer->waits |= r->waits;
	outer->warn |= r->warn;
}

static void
on_effect(struct walk *w, const struct trace_read *e)
{
	size_t at = strlen(w->outcome);

	snprintf(w->outcome + at, sizeof(w->outcome) - at, "; %d %.*s %.*s", (int)e->kind,
	    (int)e->name.len, e->name.p == NULL ? "" : (const char *)e->name.p, (int)e->answer.len,
	    e->answer.p == NULL ? "" : (const char *)e->answer.p);
	if (w->depth == 0)
		return;
	w->rows[w->depth - 1].effect |= e->kind == TRACE_EFFECT;
	w->rows[w->depth - 1].waits |= e->kind == TRACE_WAITS;
	w->rows[w->depth - 1].warn |= e->kind == TRACE_WARNED;
}

static void
on_event(struct walk *w, const struct trace_read *e)
{
	switch (e->kind) {
	case TRACE_ROW:
		on_row(w, e);
		break;
	case TRACE_RESULT:
		on_result(w, e);
		break;
	case TRACE_LOOKUP:
		if (e->answer.p != NULL && !e->failed && w->depth > 0 &&
		    is_access(w->rows[w->depth - 1].name))
			on_value(w, e->answer);
		break;
	case TRACE_POLICY:
		if (!e->failed)
			on_value(w, e->answer);
		break;
	case TRACE_EFFECT:
	case TRACE_WAITS:
	case TRACE_WARNED:
		on_effect(w, e);
		break;
	case TRACE_SETTLED:
		w->settled = 1;
		break;
	case TRACE_STAGE:
	case TRACE_LIST:
	case TRACE_DNS:
	case TRACE_VERIFY:
	case TRACE_NOTE:
	case TRACE_END:
	case TRACE_NEXT:
	case TRACE_NEXT_END:
	case TRACE_VERDICT:
	case TRACE_REPLY:
	case TRACE_SCAN:
		break;
	}
}

/* --- questions --- */

/* Rows whose decision was not the end of it. */
static void
find_overruled(const struct walk *w, const char *answer)
{
	int refused = isdigit((unsigned char)answer[0]);

	for (size_t i = 0; i < w->ndone; i++) {
		const char *what = w->done[i].what;

		if ((strcmp(what, "permit") == 0 && refused) || strcmp(what, "warn") == 0 ||
		    (strcmp(what, "waits") == 0 && !w->settled))
			rule_coverage_line("restriction\t%s\toverruled", w->done[i].name);
	}
}

/* An action that one of two met and the other did not, when they ended differently. */
static void
compare(const struct walk *w, uint32_t actions, const char *outcome)
{
	uint32_t one = w->actions ^ actions;

	if (strcmp(w->outcome, outcome) == 0)
		return;
	for (size_t i = 0; i < nitems(action_names); i++)
		if (one & (1u << i))
			rule_coverage_line("action\t%s", action_names[i]);
}

void
rule_coverage_asked(struct coverage_past *past, struct span trace, const char *answer, int64_t ms)
{
	struct trace_reader reader = { .all = trace };
	struct trace_read e;
	struct walk *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ms = ms;
	snprintf(w->outcome, sizeof(w->outcome), "%s", answer);
	while (trace_next(&reader, &e) == 1)
		on_event(w, &e);
	assert_int_equal(w->depth, 0);
	find_overruled(w, answer);
	for (size_t i = 0; i < past->n && i < COVERAGE_PAST; i++)
		compare(w, past->v[i].actions, past->v[i].outcome);
	past->v[past->n % COVERAGE_PAST].actions = w->actions;
	memcpy(past->v[past->n % COVERAGE_PAST].outcome, w->outcome, sizeof(w->outcome));
	past->n++;
	free(w);
}
