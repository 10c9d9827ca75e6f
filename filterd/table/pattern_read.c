/* Reading a file of patterns: every odd line is a warning and that line is left out, as in Postfix.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "table/lines.h"
#include "table/pattern.h"
#include "table/table_type.h"

struct reader {
	struct table *t;
	struct pattern_table *p;
	int line;
	size_t *open; /* indices of the ifs that wait for their endif */
	size_t nopen, cap;
};

struct pattern_text {
	const char *text;
	unsigned flags;
	int negated;
};

/* `!/text/flags`: *at moves to what follows.  -1: told. */
static int
read_pattern(struct reader *r, char **at, struct pattern_text *out)
{
	const struct pattern_engine *e = r->p->engine;
	char *p = *at, delimiter;

	for (out->negated = 0; *p == '!' || lines_blank(*p); p++)
		out->negated ^= *p == '!';
	if (*p == '\0') {
		table_warn(r->t, r->line, "no pattern: skipping this rule");
		return -1;
	}
	delimiter = *p++;
	out->text = p;
	while (*p != '\0' && (*p == '\\' || *p != delimiter))
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	if (*p == '\0') {
		table_warn(
		    r->t, r->line, "no closing delimiter \"%c\": skipping this rule", delimiter);
		return -1;
	}
	*p++ = '\0';
	out->flags = e->flags;
	for (; *p != '\0' && !lines_blank(*p) && !(e->pairs && *p == '!'); p++) {
		switch (e->flag(*p, &out->flags)) {
		case 0:
			table_warn(r->t, r->line, "unknown flag \"%c\": skipping this rule", *p);
			return -1;
		case -1:
			table_warn(r->t, r->line, "ignoring the obsolete flag \"%c\"", *p);
			break;
		}
	}
	*at = p;
	return 0;
}

static void *
compile(struct reader *r, const struct pattern_text *text, unsigned groups, unsigned *has)
{
	char why[256];
	void *code;

	code = r->p->engine->compile(r->t, text->text, text->flags, groups, has, why, sizeof(why));
	if (code == NULL)
		table_warn(r->t, r->line, "%s: skipping this rule", why);
	return code;
}

static struct pattern_rule *
add_rule(struct reader *r, int kind)
{
	struct pattern_table *p = r->p;
	struct pattern_rule *rule;

	if (p->nrules == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->rules = xreallocarray(p->rules, p->cap, sizeof(*p->rules));
	}
	rule = &p->rules[p->nrules++];
	memset(rule, 0, sizeof(*rule));
	rule->kind = kind;
	rule->line = r->line;
	rule->endif = SIZE_MAX;
	return rule;
}

/* Keep what the rule was made of. */
static void
note_source(struct reader *r, const struct pattern_text *text, struct pattern_source *source)
{
	source->text = arena_strdup(r->t->mem, text->text);
	source->flags = text->flags;
	r->p->npatterns++;
}

static int
read_result(struct reader *r, const char *text, int negated, struct template *result)
{
	char why[256];

	if (*text == '\0')
		table_warn(r->t, r->line, "no result: using the empty string");
	if (template_parse(text, r->t->mem, result, why, sizeof(why)) == -1) {
		table_warn(r->t, r->line, "%s: skipping this rule", why);
		return -1;
	}
	if (result->max_group > 0 && negated) {
		table_warn(r->t, r->line,
		    "$number in the result of a negated pattern: skipping this rule");
		return -1;
	}
	return 0;
}

static void
read_match(struct reader *r, char *p)
{
	struct pattern_text first, second = { 0 };
	void *code = NULL, *code2 = NULL;
	struct pattern_rule *rule;
	struct template result;
	unsigned has, ignored;

	if (read_pattern(r, &p, &first) == -1)
		return;
	if (*p == '!' && read_pattern(r, &p, &second) == -1)
		return;
	if (read_result(r, lines_skip_blank(p), first.negated, &result) == -1)
		return;
	if ((code = compile(r, &first, result.max_group, &has)) == NULL)
		return;
	if (result.max_group > has) {
		table_warn(r->t, r->line,
		    "\"$%u\" is out of range, the pattern has %u group(s): skipping this rule",
		    result.max_group, has);
		goto drop;
	}
	if (second.text != NULL && (code2 = compile(r, &second, 0, &ignored)) == NULL)
		goto drop;
	rule = add_rule(r, PATTERN_RESULT);
	rule->code = code;
	rule->negated = first.negated;
	rule->code2 = code2;
	rule->negated2 = second.negated;
	rule->result = result;
	note_source(r, &first, &rule->source);
	if (code2 != NULL)
		note_source(r, &second, &rule->source2);
	if (result.max_group > r->p->max_group)
		r->p->max_group = result.max_group;
	r->t->rows++;
	return;
drop:
	r->p->engine->free(code);
}

static void
read_if(struct reader *r, char *p)
{
	struct pattern_text text;
	struct pattern_rule *rule;
	unsigned ignored;
	void *code;

	p = lines_skip_blank(p);
	if (read_pattern(r, &p, &text) == -1)
		return;
	p = lines_skip_blank(p);
	if (*p != '\0')
		table_warn(r->t, r->line,
		    "ignoring \"%.100s\" after IF (lines between IF and ENDIF must not start with "
		    "white space)",
		    p);
	if ((code = compile(r, &text, 0, &ignored)) == NULL)
		return;
	rule = add_rule(r, PATTERN_IF);
	rule->code = code;
	rule->negated = text.negated;
	note_source(r, &text, &rule->source);
	if (r->nopen == r->cap) {
		r->cap = r->cap == 0 ? 8 : r->cap * 2;
		r->open = xreallocarray(r->open, r->cap, sizeof(*r->open));
	}
	r->open[r->nopen++] = r->p->nrules - 1;
}

static void
read_endif(struct reader *r, char *p)
{
	if (r->nopen == 0) {
		table_warn(r->t, r->line, "ignoring ENDIF without IF");
		return;
	}
	if (*lines_skip_blank(p) != '\0')
		table_warn(r->t, r->line, "ignoring text after ENDIF");
	add_rule(r, PATTERN_ENDIF);
	r->p->rules[r->open[--r->nopen]].endif = r->p->nrules - 1;
}

static void
read_line(struct reader *r, char *p)
{
	if (!lines_alnum(*p))
		read_match(r, p);
	else if (strncasecmp(p, "if", 2) == 0 && !lines_alnum(p[2]))
		read_if(r, p + 2);
	else if (strncasecmp(p, "endif", 5) == 0 && !lines_alnum(p[5]))
		read_endif(r, p + 5);
	else
		table_warn(r->t, r->line,
		    "expected a pattern, IF or ENDIF, found \"%.60s\": ignoring this line", p);
}

int
pattern_open(struct table *t, const struct pattern_engine *engine, void *shared, struct err *err)
{
	struct reader r = { .t = t };
	struct lines l;
	char *line;

	t->data = r.p = arena_calloc(t->mem, sizeof(*r.p));
	r.p->engine = engine;
	r.p->shared = shared;
	t->is_pattern = 1;
	if (lines_open(&l, t, err) == -1)
		return -1;
	while ((line = lines_next(&l, &r.line)) != NULL)
		read_line(&r, line);
	while (r.nopen > 0)
		table_warn(t, r.p->rules[r.open[--r.nopen]].line, "IF without ENDIF");
	lines_close(&l);
	free(r.open);
	return 0;
}
