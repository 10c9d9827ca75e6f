/* A message walked as Postfix walks it, and again in other ways of mail readers if the walk saw
 * that they may differ. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xmem.h"
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

/* --- what was seen before --- */

struct seen_part {
	size_t body_at;
	uint64_t hash;
};

struct parts_seen { /* in one walk */
	struct parts_seen *next;
	size_t n, at;
	struct seen_part parts[];
};

/* A 64-bit hash with a secret key stands for all that is said of it: whole walks would be far more
 * than a message of small parts. */
static struct seen_part
seen_of(struct parts_ways *w, size_t i)
{
	const struct mime_part *part = &w->newest.index.parts[i];
	const struct parts_head *h = &w->newest.heads[i];
	const unsigned bits[] = { h->codecs, h->opens != 0, h->leaf != 0, h->apart != 0,
		h->other != 0 };
	struct buf *b = &w->octets;

	buf_reset(b);
	buf_add(b, &part->body_at, sizeof(part->body_at));
	buf_add(b, &part->body_end, sizeof(part->body_end));
	buf_add(b, bits, sizeof(bits));
	buf_add(b, part->type, strlen(part->type) + 1);
	buf_add(b, part->charset, strlen(part->charset) + 1);
	buf_add(b, h->name, strlen(h->name) + 1);
	buf_add(b, &h->type.len, sizeof(h->type.len));
	buf_add_span(b, h->type);
	parts_label_write(h->label, b);
	return (struct seen_part){ part->body_at, keyhash(&w->key, b->p, b->len) };
}

static void
remember(struct parts_ways *w)
{
	size_t n = w->newest.index.nparts;
	struct parts_seen *seen = xmalloc(sizeof(*seen) + n * sizeof(seen->parts[0]));

	seen->n = n;
	for (size_t i = 0; i < n; i++)
		seen->parts[i] = seen_of(w, i);
	seen->next = w->seen;
	w->seen = seen;
}

/* Bodies begin in their order, so no part is looked at again and again. */
static int
has(struct parts_seen *s, struct seen_part part)
{
	while (s->at < s->n && s->parts[s->at].body_at < part.body_at)
		s->at++;
	for (size_t i = s->at; i < s->n && s->parts[i].body_at == part.body_at; i++)
		if (s->parts[i].hash == part.hash)
			return 1;
	return 0;
}

int
parts_ways_known(struct parts_ways *w, size_t i)
{
	struct seen_part part;

	if (w->seen == NULL)
		return 0;
	part = seen_of(w, i);
	for (struct parts_seen *s = w->seen; s != NULL; s = s->next)
		if (has(s, part))
			return 1;
	return 0;
}

/* --- the walks --- */

struct parts_reading *
parts_ways_next(struct parts_ways *w, struct span message)
{
	struct mime_options opt = w->opt;
	struct parts_reading *r = &w->newest;

	opt.tell_boundaries = 1;
	if (!choose(w, &opt))
		return NULL;
	if (w->walks == 0) {
		w->arena = arena_new();
		keyhash_init(&w->key);
	} else {
		remember(w);
		arena_reset(w->arena);
	}
	r->again = w->walks++ > 0;
	w->done[opt.boundary] |= 1u << opt.way;
	parts_walk(message, &opt, w->arena, &r->index, &r->heads);
	set_roles(r);
	w->ways |= r->index.ways;
	if (r->index.boundaries > w->boundaries)
		w->boundaries = r->index.boundaries;
	for (struct parts_seen *s = w->seen; s != NULL; s = s->next)
		s->at = 0;
	return r;
}

void
parts_ways_fini(struct parts_ways *w)
{
	struct parts_seen *next;

	for (struct parts_seen *s = w->seen; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	arena_free(w->arena);
	buf_fini(&w->octets);
}
