#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/mime_param.h"
#include "mail/parts_private.h"

#define NAME_MAX_OCTETS 1000

struct collect {
	struct arena *arena;
	const struct mime_index *index;
	struct parts_head *v;
	size_t n, cap;
};

const char *
parts_name(struct arena *arena, struct span s)
{
	size_t n = s.len < NAME_MAX_OCTETS ? s.len : NAME_MAX_OCTETS;
	char *name = arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		name[i] = s.p[i] < ' ' || s.p[i] == 0x7f ? '_' : (char)s.p[i];
	name[n] = '\0';
	return name;
}

/* The heads of all parts that there are by now. */
static void
fill(struct collect *c)
{
	if (c->index->nparts > c->cap) {
		size_t cap = c->index->nparts * 2;
		struct parts_head *v = arena_calloc(c->arena, cap * sizeof(*v));

		if (c->n > 0)
			memcpy(v, c->v, c->n * sizeof(*v));
		c->v = v;
		c->cap = cap;
	}
	for (; c->n < c->index->nparts; c->n++)
		c->v[c->n] = (struct parts_head){ .name = "" };
}

static void
take_name(struct collect *c, struct parts_head *h, struct span value, const char *param, int rank)
{
	struct buf name = { 0 };

	if ((h->rank == 0 || rank < h->rank) && mime_param(value, param, &name)) {
		h->name = parts_name(c->arena, buf_span(&name));
		h->rank = rank;
	}
	buf_fini(&name);
}

/* A header field belongs to the part that was opened last. */
static int
on_header(void *arg, const struct mime_header *field)
{
	struct collect *c = arg;
	struct parts_head *h;
	struct span value;

	if (c->index->seen & MIME_SEEN_PARTS || !span_case_starts(field->name, "content-"))
		return 0;
	fill(c);
	h = &c->v[c->n - 1];
	value = mime_header_text(field);
	value = span_make(value.p + field->name.len + 1, value.len - field->name.len - 1);
	if (span_case_eq_str(field->name, "content-transfer-encoding")) {
		h->codecs |= 1u << codec_named(value);
	} else if (span_case_eq_str(field->name, "content-disposition")) {
		take_name(c, h, value, "filename", 1);
		take_name(c, h, value, "name", 3);
	} else if (span_case_eq_str(field->name, "content-type")) {
		take_name(c, h, value, "name", 2);
		take_name(c, h, value, "filename", 4);
		h->type = field->raw;
	}
	return 0;
}

void
parts_walk(struct span message, const struct mime_options *opt, struct arena *arena,
    struct mime_index *index, struct parts_head **heads)
{
	struct collect c = { .arena = arena, .index = index };
	struct mime_events events = { .header = on_header, .lazy_text = 1, .arg = &c };

	/* No event ends it. */
	(void)mime_walk(message, opt, &events, arena, index);
	fill(&c);
	for (size_t i = 1; i < c.n; i++)
		c.v[index->parts[i].parent].children++;
	*heads = c.v;
}
