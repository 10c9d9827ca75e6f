/* A message walked as Postfix walks it, and again in other ways of mail readers if the walk saw
 * that they may differ. */
#include <string.h>

#include "base/arena.h"
#include "mail/parts_private.h"

/* --- what there is to be done with a part --- */

static int
is_encoded(const struct parts_head *h)
{
	return (h->codecs & PARTS_ENCODED) != 0;
}

/* Made of the encoded octets of a message by a walk that does not decode. */
static int
is_shadow(const struct parts_reading *r, size_t i)
{
	int parent = r->index.parts[i].parent;
	const struct parts_head *h;

	if (parent == -1 || r->heads[i].children > 0)
		return 0;
	h = &r->heads[parent];
	return !parts_is_multipart(r->index.parts[parent].type) && is_encoded(h) &&
	       (h->codecs & PARTS_ENCODED) == h->codecs;
}

/* Given a name, or a type that is none of a container: there are readers who save or show the
 * whole of it. */
static int
is_other_type(const struct parts_head *h)
{
	for (size_t i = 0; h->label != NULL && i < h->label->ntypes; i++)
		if (!parts_is_container(h->label->types[i]))
			return 1;
	return 0;
}

static void
set_roles(struct parts_reading *r)
{
	for (size_t i = 0; i < r->index.nparts; i++) {
		struct parts_head *h = &r->heads[i];

		h->opens = parts_is_container(r->index.parts[i].type) && is_encoded(h);
		h->other = is_other_type(h);
		h->apart = h->children > 0 && !h->opens && !is_shadow(r, i) &&
			   (h->other || (h->label != NULL && h->label->nnames > 0));
		h->leaf = (h->children == 0 || h->opens) && !is_shadow(r, i);
	}
}

/* --- the ways --- */

/* Of one walk: its way, and which boundaries.  Readers that want whole lines take boundaries as
 * readers do, and the other way round. */
static int
is_wanted(const struct parts_ways *w, unsigned way, unsigned boundary)
{
	unsigned most = w->boundaries;

	if (most == 0 && (w->ways & MIME_WAY_WHOLE_LINES) != 0)
		most = 1;
	return boundary <= most && (w->done[boundary] & 1u << way) == 0 &&
	       (way & ~(w->ways | MIME_WAY_WHOLE_LINES)) == 0 &&
	       ((way & MIME_WAY_WHOLE_LINES) != 0) == (boundary > 0);
}

static int
choose(const struct parts_ways *w, struct mime_options *opt)
{
	for (unsigned boundary = 0; boundary <= MIME_BOUNDARIES_MAX; boundary++)
		for (unsigned way = 0; way <= MIME_WAY_ALL; way++) {
			if (!is_wanted(w, way, boundary))
				continue;
			opt->way = way;
			opt->boundary = boundary;
			return 1;
		}
	return 0;
}

int
parts_ways_more(const struct parts_ways *w)
{
	struct mime_options opt;

	return choose(w, &opt);
}

struct parts_reading *
parts_ways_next(struct parts_ways *w, struct span message, struct arena *arena)
{
	struct mime_options opt = w->opt;
	struct parts_reading *r;

	opt.tell_boundaries = 1;
	if (!choose(w, &opt))
		return NULL;
	w->done[opt.boundary] |= 1u << opt.way;
	r = arena_calloc(arena, sizeof(*r));
	parts_walk(message, &opt, arena, &r->index, &r->heads);
	set_roles(r);
	w->ways |= r->index.ways;
	if (r->index.boundaries > w->boundaries)
		w->boundaries = r->index.boundaries;
	r->before = w->newest;
	w->newest = r;
	for (struct parts_reading *b = r->before; b != NULL; b = b->before)
		b->at = 0;
	return r;
}

/* --- what is new in a way --- */

static int
same_spans(const struct span *a, const struct span *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!span_eq(a[i], b[i]))
			return 0;
	return 1;
}

static int
same_words(const char *const *a, const char *const *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return 0;
	return 1;
}

static int
same_label(const struct parts_label *a, const struct parts_label *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->nnames == b->nnames && a->ntypes == b->ntypes && a->ncharsets == b->ncharsets &&
	       a->delsp == b->delsp && same_spans(a->names, b->names, a->nnames) &&
	       same_words(a->types, b->types, a->ntypes) &&
	       same_words(a->charsets, b->charsets, a->ncharsets);
}

static int
same_head(const struct parts_head *a, const struct parts_head *b)
{
	return a->codecs == b->codecs && a->opens == b->opens && a->leaf == b->leaf &&
	       span_eq(a->type, b->type) && strcmp(a->name, b->name) == 0 &&
	       same_label(a->label, b->label);
}

static int
same_part(const struct mime_part *a, const struct mime_part *b)
{
	return a->body_at == b->body_at && a->body_end == b->body_end &&
	       strcmp(a->type, b->type) == 0 && strcmp(a->charset, b->charset) == 0;
}

/* Bodies begin in their order, so no part is looked at again and again. */
static int
has(struct parts_reading *r, const struct mime_part *part, const struct parts_head *head)
{
	const struct mime_index *ix = &r->index;

	while (r->at < ix->nparts && ix->parts[r->at].body_at < part->body_at)
		r->at++;
	for (size_t i = r->at; i < ix->nparts && ix->parts[i].body_at == part->body_at; i++)
		if (same_part(&ix->parts[i], part) && same_head(&r->heads[i], head))
			return 1;
	return 0;
}

int
parts_ways_known(const struct parts_reading *r, size_t i)
{
	for (struct parts_reading *b = r->before; b != NULL; b = b->before)
		if (has(b, &r->index.parts[i], &r->heads[i]))
			return 1;
	return 0;
}
