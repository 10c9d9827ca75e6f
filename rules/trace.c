#include <string.h>

#include "base/arena.h"
#include "rules/trace.h"

static const char *
copy(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strdup(a, s);
}

void
trace_add(struct rule_trace *t, const struct trace_event *e)
{
	struct trace_event *n;

	if (t == NULL)
		return;
	n = arena_alloc(t->arena, sizeof(*n));
	*n = *e;
	n->next = NULL;
	n->name = copy(t->arena, e->name);
	n->key = copy(t->arena, e->key);
	n->answer = copy(t->arena, e->answer);
	n->file = copy(t->arena, e->file);
	if (t->last == NULL)
		t->first = n;
	else
		t->last->next = n;
	t->last = n;
	t->n++;
}
