#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "core/verdict.h"
#include "mail/reply.h"

void
verdict_init(struct verdict *v, struct arena *arena)
{
	memset(v, 0, sizeof(*v));
	edit_list_init(&v->edits, arena);
}

void
verdict_refuse(
    struct verdict *v, int code, const char *enhanced, const char *text, struct origin origin)
{
	if (v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT)
		return;
	v->outcome = code >= 500 ? OUTCOME_REJECT : OUTCOME_DEFER;
	v->code = code;
	snprintf(v->enhanced, sizeof(v->enhanced), "%s", enhanced);
	enhanced_fit(v->enhanced, code);
	v->text = text;
	v->origin = origin;
}

void
effect_add(struct effect_texts *t, struct arena *arena, const char *arg, struct origin origin)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 4 : t->cap * 2;
		struct effect_text *v = arena_alloc(arena, cap * sizeof(*v));

		if (t->n > 0)
			memcpy(v, t->v, t->n * sizeof(*v));
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = (struct effect_text){ .arg = arg, .origin = origin };
}

void
origin_format(const struct origin *o, char *out, size_t size)
{
	if (o->file != NULL && o->line > 0)
		snprintf(out, size, "%s:%d", o->file, o->line);
	else if (o->file != NULL) /* an indexed file has no lines */
		snprintf(out, size, "%s", o->file);
	else
		span_copy(span_str(o->list == NULL ? "-" : o->list), out, size);
}

static int
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

int
origin_same(const struct origin *a, const struct origin *b)
{
	return a->line == b->line && same_text(a->file, b->file) && same_text(a->list, b->list) &&
	       same_text(a->plugin, b->plugin);
}

const char *
outcome_name(enum outcome o)
{
	switch (o) {
	case OUTCOME_DUNNO:
		return "dunno";
	case OUTCOME_OK:
		return "ok";
	case OUTCOME_DEFER:
		return "defer";
	case OUTCOME_REJECT:
		return "reject";
	}
	return "unknown";
}
