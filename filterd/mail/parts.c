#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "mail/parts.h"
#include "mail/parts_private.h"

struct entry {
	const char *type, *name;
	struct span raw;
	enum codec codec;
	int odd;
};

/* An encoded container, decoded. */
struct inner {
	struct inner *next;
	uint8_t octets[];
};

struct parts {
	struct span message;
	struct parts_options opt;
	struct arena *arena;
	int walked, limited;
	struct entry *v;
	size_t n, cap;

	struct inner *inners;
	size_t inner_octets;
	uint8_t *decoded; /* of the part that was asked for last */
	size_t decoded_cap;
};

#define ENCODED (1u << CODEC_BASE64 | 1u << CODEC_QP | 1u << CODEC_UU)

struct parts *
parts_new(struct span message, const struct parts_options *opt)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	p->message = message;
	p->opt = *opt;
	p->arena = arena_new();
	return p;
}

void
parts_free(struct parts *p)
{
	struct inner *next;

	if (p == NULL)
		return;
	for (struct inner *i = p->inners; i != NULL; i = next) {
		next = i->next;
		free(i);
	}
	arena_free(p->arena);
	free(p->decoded);
	free(p->v);
	free(p);
}

/* --- the list --- */

static int
is_full(struct parts *p)
{
	if (p->opt.mime.parts_limit == 0 || p->n < p->opt.mime.parts_limit)
		return 0;
	p->limited = 1;
	return 1;
}

static void
add(struct parts *p, struct entry e)
{
	if (is_full(p))
		return;
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 8 : p->cap * 2;
		p->v = xreallocarray(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = e;
}

static void
add_uuencoded(struct parts *p, struct span text)
{
	struct span name, block;

	while (codec_uu_next(&text, &name, &block) && !is_full(p))
		add(p, (struct entry){ .type = "application/octet-stream",
			   .name = parts_name(p->arena, name),
			   .raw = block,
			   .codec = CODEC_UU });
}

/* One that is no container: once for each way in which it is encoded. */
static void
add_leaf(struct parts *p, struct span raw, const char *type, const struct parts_head *h, int odd)
{
	struct entry e = { .type = type, .name = h->name, .raw = raw };
	int plain = (h->codecs & ENCODED) != h->codecs || h->codecs == 0;

	e.odd = odd || (h->codecs & (h->codecs - 1)) != 0;
	for (enum codec c = CODEC_BASE64; c <= CODEC_UU; c++) {
		e.codec = c;
		if (h->codecs & 1u << c)
			add(p, e);
	}
	e.codec = CODEC_NONE;
	if (plain)
		add(p, e);
	if (plain && strncmp(type, "text/", 5) == 0)
		add_uuencoded(p, raw);
}

/* --- containers --- */

static int
is_multipart(const char *type)
{
	return strncmp(type, "multipart/", 10) == 0;
}

static int
is_container(const char *type)
{
	return is_multipart(type) || strcmp(type, "message/rfc822") == 0 ||
	       strcmp(type, "message/global") == 0;
}

/* The container decoded, behind `head`, to be taken apart.  0: it does not fit the memory. */
static int
decode_inner(struct parts *p, enum codec codec, struct span head, struct span raw, struct span *out)
{
	size_t left = p->opt.memory_limit - p->inner_octets;
	size_t room = codec_room(codec, raw), n;
	struct inner *i;
	unsigned odd;

	if (head.len > left)
		return 0;
	if (room > left - head.len)
		room = left - head.len;
	i = xmalloc(sizeof(*i) + head.len + room);
	if (head.len > 0)
		memcpy(i->octets, head.p, head.len);
	n = codec_decode(codec, raw, i->octets + head.len, room, &odd);
	if (odd & CODEC_ODD_CUT) {
		free(i);
		return 0;
	}
	i->next = p->inners;
	p->inners = i;
	p->inner_octets += head.len + room;
	*out = span_make(i->octets, head.len + n);
	return 1;
}

static void walk(struct parts *, struct span message, int depth);

/* Take an encoded container apart, once for each way in which it is encoded.  0: a limit keeps us
 * from it. */
static int
open_container(struct parts *p, const struct mime_part *part, struct span raw,
    const struct parts_head *h, int depth)
{
	struct span head = is_multipart(part->type) ? h->type : span_make(NULL, 0), inner;
	int done = 1;

	if (head.len > 0) {
		struct span blank = span_str("\r\n");
		char *p2 = arena_alloc(p->arena, head.len + blank.len);

		memcpy(p2, head.p, head.len);
		memcpy(p2 + head.len, blank.p, blank.len);
		head = span_make(p2, head.len + blank.len);
	}
	for (enum codec c = CODEC_BASE64; c <= CODEC_UU; c++) {
		if ((h->codecs & 1u << c) == 0)
			continue;
		if (depth < p->opt.inner_limit && decode_inner(p, c, head, raw, &inner))
			walk(p, inner, depth + 1);
		else
			done = 0;
	}
	p->limited |= !done;
	return done;
}

/* Made of the encoded octets of a message by a walk that does not decode. */
static int
is_shadow(const struct mime_index *ix, const struct parts_head *heads, size_t i)
{
	int parent = ix->parts[i].parent;

	return parent != -1 && heads[i].children == 0 && !is_multipart(ix->parts[parent].type) &&
	       (heads[parent].codecs & ENCODED) != 0 &&
	       (heads[parent].codecs & ENCODED) == heads[parent].codecs;
}

static void
walk(struct parts *p, struct span message, int depth)
{
	struct mime_options opt = p->opt.mime;
	struct mime_index ix;
	struct parts_head *heads;

	if (depth > 0)
		opt.lead = 0;
	parts_walk(message, &opt, p->arena, &ix, &heads);
	if (ix.seen & (MIME_SEEN_DEPTH | MIME_SEEN_PARTS | MIME_SEEN_BOUNDARY_CUT))
		p->limited = 1;
	for (size_t i = 0; i < ix.nparts && !is_full(p); i++) {
		const struct mime_part *part = &ix.parts[i];
		struct span raw =
		    span_make(message.p + part->body_at, part->body_end - part->body_at);
		int open = is_container(part->type) && (heads[i].codecs & ENCODED) != 0;

		if (open && open_container(p, part, raw, &heads[i], depth))
			continue;
		if ((heads[i].children == 0 || open) && !is_shadow(&ix, heads, i))
			add_leaf(p, raw, part->type, &heads[i], depth > 0 || open);
	}
}

/* --- one --- */

static void
decode(struct parts *p, const struct entry *e, struct parts_part *out)
{
	size_t room = codec_room(e->codec, e->raw), left = p->opt.memory_limit - p->inner_octets;
	unsigned odd;

	if (room > left)
		room = left;
	if (room > p->decoded_cap) {
		free(p->decoded);
		p->decoded = xmalloc(room);
		p->decoded_cap = room;
	}
	out->decoded.len = codec_decode(e->codec, e->raw, p->decoded, room, &odd);
	out->decoded.p = p->decoded;
	out->whole = (odd & CODEC_ODD_CUT) == 0;
	out->odd |= (odd & ~(unsigned)CODEC_ODD_CUT) != 0;
}

int
parts_get(struct parts *p, size_t i, struct parts_part *out)
{
	const struct entry *e;

	if (!p->walked) {
		p->walked = 1;
		walk(p, p->message, 0);
	}
	if (i >= p->n)
		return p->limited ? -1 : 0;
	e = &p->v[i];
	*out = (struct parts_part){ .type = e->type,
		.name = e->name,
		.raw = e->raw,
		.decoded = e->raw,
		.whole = 1,
		.odd = e->odd };
	if (e->codec != CODEC_NONE)
		decode(p, e, out);
	return 1;
}
