/* Looking up in a table of patterns; pattern_read.c builds it. */
#include <stdlib.h>

#include "base/err.h"
#include "table/pattern.h"
#include "table/table_type.h"

/* Does the pattern hold, its ! included?  A pattern that could not be decided is not "no match": a
 * line made to exhaust the matcher must not slip through (PITFALLS D6). */
static int
holds(const struct pattern_engine *e, const struct pattern_rule *r, struct pattern_call *c,
    struct err *err)
{
	int rc;

	c->groups = r->result.max_group;
	if ((rc = e->exec(r->code, c, err)) == -1 || rc == r->negated)
		return rc == -1 ? -1 : 0;
	if (r->code2 == NULL)
		return 1;
	c->groups = 0;
	if ((rc = e->exec(r->code2, c, err)) == -1)
		return -1;
	return rc != r->negated2;
}

int
pattern_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct pattern_table *p = t->data;
	struct span group[TEMPLATE_GROUPS];
	struct pattern_call call;
	int rc;

	call.key = key;
	call.arena = a;
	call.group = group;
	p->engine->begin(t, &call);
	for (size_t i = 0; i < p->nrules; i++) {
		const struct pattern_rule *r = &p->rules[i];

		if (r->kind == PATTERN_ENDIF)
			continue;
		if ((rc = holds(p->engine, r, &call, err)) == -1) {
			err_prefix(err, "%.200s, line %d", t->full, r->line);
			return -1;
		}
		if (r->kind == PATTERN_IF) {
			if (rc == 1)
				continue;
			if (r->endif == SIZE_MAX)
				return 0;
			i = r->endif;
		} else if (rc == 1) {
			hit->value = r->result.max_group == 0
					 ? r->result.text
					 : template_expand(&r->result, group, a);
			hit->file = t->file;
			hit->line = r->line;
			return 1;
		}
	}
	return 0;
}

void
pattern_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	const struct pattern_table *p = t->data;

	for (size_t i = 0; i < p->nrules; i++)
		if (p->rules[i].kind == PATTERN_RESULT)
			f(arg, p->rules[i].result.text, t->file, p->rules[i].line);
}

void
pattern_close(struct table *t)
{
	struct pattern_table *p = t->data;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nrules; i++) {
		if (p->rules[i].code != NULL)
			p->engine->free(p->rules[i].code);
		if (p->rules[i].code2 != NULL)
			p->engine->free(p->rules[i].code2);
	}
	free(p->rules);
}
