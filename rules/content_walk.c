#include "rules/content_walk.h"

#include <string.h>

#include "base/counters.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"

struct walking {
	struct content_walk *w;
	struct arena *arena;
};

/* Room for one more of so many octets. */
static void *
grown(struct arena *arena, void *v, size_t n, size_t *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return v;
	*cap = *cap == 0 ? 16 : *cap * 2;
	more = arena_alloc(arena, *cap * size);
	if (n > 0)
		memcpy(more, v, n * size);
	return more;
}

/* The text may be the walk's, which has it for the time of the event. */
static struct span
kept_text(const struct walking *g, const struct mime_header *h)
{
	struct span text = mime_header_text(h), m = g->w->message;

	return text.p >= m.p && text.p < m.p + m.len ? text : arena_span(g->arena, text);
}

static int
on_header(void *arg, const struct mime_header *h)
{
	struct walking *g = arg;
	struct content_walk *w = g->w;

	w->fields = grown(g->arena, w->fields, w->nfields, &w->fields_cap, sizeof(*w->fields));
	w->fields[w->nfields] = (struct content_field){ .text = kept_text(g, h),
		.class = h->class,
		.name_len = h->name.len,
		.at = (size_t)(h->raw.p - w->message.p),
		.len = h->raw.len };
	w->of[h->class].v = grown(g->arena, w->of[h->class].v, w->of[h->class].n,
	    &w->of[h->class].cap, sizeof(*w->of[h->class].v));
	w->of[h->class].v[w->of[h->class].n++] = w->nfields++;
	return 0;
}

static int
on_line(void *arg, const struct mime_line *l)
{
	struct walking *g = arg;
	struct content_walk *w = g->w;
	size_t piece = w->nlines / CONTENT_LINES;

	if (w->nlines % CONTENT_LINES == 0) {
		w->lines = grown(g->arena, w->lines, piece, &w->pieces_cap, sizeof(*w->lines));
		w->lines[piece] = arena_alloc(g->arena, CONTENT_LINES * sizeof(**w->lines));
	}
	/* Postfix asks with a C string. */
	w->lines[piece][w->nlines++ % CONTENT_LINES] = (struct content_line){ .at = l->at,
		.text_len = (uint32_t)strnlen((const char *)l->text.p, l->text.len),
		.raw_len = (uint32_t)l->raw_len };
	return 0;
}

static struct content_walk *
walk(struct rule_run *run, struct span message)
{
	struct walking g = { .arena = run->arena };
	struct mime_options opt = run->o->mime;
	struct mime_events events = { .header = on_header,
		.line = run->rules->asks_lines ? on_line : NULL,
		.line_limit = (size_t)run->o->body_checks_size_limit,
		.lazy_text = 1,
		.arg = &g };
	struct mime_index index;

	g.w = arena_calloc(run->arena, sizeof(*g.w));
	g.w->message = message;
	opt.lead = run->txn->lead;
	(void)mime_walk(message, &opt, &events, run->arena, &index);
	g.w->seen = index.seen;
	g.w->odd = index.odd;
	if (run->ask->services != NULL && run->ask->services->counters != NULL)
		counter_inc(run->ask->services->counters, content_walks);
	return g.w;
}

const struct content_walk *
content_walk(struct rule_run *run)
{
	struct span message;

	/* It is asked for with each line. */
	if (run->kept->walk == NULL && content_message(run, &message))
		run->kept->walk = walk(run, message);
	return run->kept->walk;
}
