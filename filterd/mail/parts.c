#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/xmem.h"
#include "mail/parts.h"
#include "mail/parts_private.h"
#include "mail/pkcs7.h"

/* How often as many octets as the message has are walked once more, and decoded. */
#define AGAIN_MAX 16
/* The same of encoded containers, which are walked and kept as well, if it is more than some. */
#define OPENED_MAX   3
#define OPENED_LEAST (1 << 20)

struct entry {
	const char *type, *name, *charset;
	const struct parts_label *label; /* or NULL */
	struct span raw;
	enum codec codec;
	int odd, apart;
	int is_measured;   /* odd is known */
	unsigned mistakes; /* enum codec_odd, but for CUT */
	int is_done;       /* decoded is there */
	struct span decoded;
	int whole;
};

struct block { /* of decoded octets */
	struct block *next;
	uint8_t octets[];
};

struct parts {
	struct span message;
	struct parts_options opt;
	struct arena *arena;
	int walked, limited;
	unsigned inner_mistakes; /* of encoded containers */
	size_t again;            /* octets walked once more */
	size_t looked;           /* encoded octets, decoded or measured */
	size_t opened;           /* those of containers */
	struct entry *v;
	size_t n, cap;

	struct block *blocks;
	size_t used; /* octets in them */
};

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
	struct block *next;

	if (p == NULL)
		return;
	for (struct block *b = p->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	arena_free(p->arena);
	free(p->v);
	free(p);
}

/* Encoded containers within each other all go on to the end of the message. */
static int
may_look(struct parts *p, struct span raw)
{
	if (p->looked / AGAIN_MAX > p->message.len)
		return 0;
	p->looked += raw.len;
	return 1;
}

/* Decode behind `head`, as much as there is memory for; *odd gets enum codec_odd. */
static struct span
decode(struct parts *p, enum codec codec, struct span head, struct span raw, unsigned *odd)
{
	size_t left = p->opt.memory_limit - p->used, room, n;
	struct block *b;

	if (head.len > left || (left == head.len && raw.len > 0) || !may_look(p, raw)) {
		*odd = CODEC_ODD_CUT;
		return span_make("", 0);
	}
	room = codec_room(codec, raw);
	if (room > left - head.len)
		room = left - head.len;
	b = xmalloc(sizeof(*b) + head.len + room);
	if (head.len > 0)
		memcpy(b->octets, head.p, head.len);
	n = head.len + codec_decode(codec, raw, b->octets + head.len, room, odd);
	b = xrealloc(b, sizeof(*b) + n);
	b->next = p->blocks;
	p->blocks = b;
	p->used += n;
	return span_make(b->octets, n);
}

/* What was decoded last is of no use. */
static void
forget(struct parts *p, struct span octets)
{
	struct block *b = p->blocks;

	if (b == NULL || b->octets != octets.p)
		return;
	p->blocks = b->next;
	p->used -= octets.len;
	free(b);
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

/* With copies: the memory of the walk is given back. */
static struct entry
entry_of(struct parts *p, struct span raw, const struct mime_part *part, const struct parts_head *h)
{
	return (struct entry){ .type = arena_strdup(p->arena, part->type),
		.name = arena_strdup(p->arena, h->name),
		.charset = arena_strdup(p->arena, part->charset),
		.label = parts_label_keep(p->arena, h->label),
		.raw = raw };
}

static void
add_file(struct parts *p, struct span name, struct span block, enum codec codec, int odd)
{
	struct parts_label *label = NULL;

	(void)parts_label_name(p->arena, &label, name);
	add(p, (struct entry){ .type = "application/octet-stream",
		   .name = parts_name(p->arena, name),
		   .charset = "",
		   .label = label,
		   .raw = block,
		   .odd = odd,
		   .codec = codec });
}

/* The files that somebody put into a text.  Those that are not uuencoded not all readers see. */
static void
add_files(struct parts *p, struct span text, int odd)
{
	static const enum codec codecs[] = { CODEC_UU, CODEC_BASE64, CODEC_YENC };

	for (size_t i = 0; i < nitems(codecs); i++) {
		struct span rest = text, name, block;
		enum codec c = codecs[i];

		while (!is_full(p) && codec_block_next(c, &rest, &name, &block)) {
			unsigned ways = codec_ways(1u << c, block);

			add_file(p, name, block, c, odd || c != CODEC_UU);
			if ((ways & 1u << CODEC_BASE64_ON) != 0)
				add_file(p, name, block, CODEC_BASE64_ON, 1);
		}
	}
}

/* What it may be encoded in. */
static unsigned
ways_of(struct parts *p, const struct parts_head *h, struct span raw)
{
	if ((h->codecs & PARTS_ENCODED) == 0)
		return h->codecs;
	if (may_look(p, raw))
		return codec_ways(h->codecs, raw);
	p->limited = 1;
	return h->codecs;
}

/* As add_files() for a text that is encoded.  What is decoded here is kept only if it has some.  If
 * a limit cuts it, the text itself will be cut as well. */
static void
add_files_encoded(struct parts *p, struct span raw, enum codec codec)
{
	unsigned odd;
	struct span text = decode(p, codec, span_make(NULL, 0), raw, &odd);
	size_t n = p->n;

	add_files(p, text, 1);
	if (p->n == n)
		forget(p, text);
}

/* One that is no container: once for each way in which it is encoded. */
static void
add_leaf(struct parts *p, struct span raw, const struct mime_part *part, const struct parts_head *h,
    int odd)
{
	struct entry e;
	int plain = (h->codecs & PARTS_ENCODED) != h->codecs || h->codecs == 0;
	int shown = parts_is_shown(part->type, h);
	unsigned codecs = ways_of(p, h, raw);

	if (is_full(p))
		return;
	e = entry_of(p, raw, part, h);
	e.odd = odd || (codecs & (codecs - 1)) != 0;
	for (enum codec c = CODEC_BASE64; c <= CODEC_YENC; c++) {
		e.codec = c;
		if (codecs & 1u << c)
			add(p, e);
		if (shown && (codecs & 1u << c) != 0)
			add_files_encoded(p, raw, c);
	}
	e.codec = CODEC_NONE;
	if (plain)
		add(p, e);
	if (plain && shown)
		add_files(p, raw, 0);
}

/* --- containers --- */

static unsigned
mistake_of(enum codec codec, unsigned odd)
{
	if (odd == 0)
		return 0;
	if (codec == CODEC_BASE64 || codec == CODEC_BASE64_ON)
		return PARTS_BAD_BASE64;
	return codec == CODEC_QP ? PARTS_BAD_QP : 0;
}

static void walk(struct parts *, struct span message, int depth, int odd);

static int
may_open(struct parts *p, struct span raw, int depth)
{
	if (depth >= p->opt.inner_limit ||
	    (p->opened / OPENED_MAX > p->message.len && p->opened > OPENED_LEAST))
		return 0;
	p->opened += raw.len;
	return 1;
}

/* Take an encoded container apart, once for each way in which it is encoded.  0: a limit keeps us
 * from it. */
static int
open_container(struct parts *p, const struct mime_part *part, struct span raw,
    const struct parts_head *h, int depth)
{
	struct span head = parts_is_multipart(part->type) ? h->type : span_make(NULL, 0), inner;
	unsigned odd, codecs = ways_of(p, h, raw);
	int done = 1;

	if (head.len > 0) {
		struct span blank = span_str("\r\n");
		char *p2 = arena_alloc(p->arena, head.len + blank.len);

		memcpy(p2, head.p, head.len);
		memcpy(p2 + head.len, blank.p, blank.len);
		head = span_make(p2, head.len + blank.len);
	}
	for (enum codec c = CODEC_BASE64; c <= CODEC_YENC; c++) {
		if ((codecs & 1u << c) == 0)
			continue;
		odd = CODEC_ODD_CUT;
		inner = span_make(NULL, 0);
		if (may_open(p, raw, depth))
			inner = decode(p, c, head, raw, &odd);
		p->inner_mistakes |= mistake_of(c, odd & ~(unsigned)CODEC_ODD_CUT);
		if (odd & CODEC_ODD_CUT) {
			forget(p, inner);
			done = 0;
		} else {
			walk(p, inner, depth + 1, 1);
		}
	}
	p->limited |= !done;
	return done;
}

/* Parts that overlap, each of them walked in several ways, would grow with their depth. */
static int
may_walk_again(const struct parts *p)
{
	return p->again / AGAIN_MAX <= p->message.len;
}

static void
walk_file(struct parts *p, struct span inner, int depth, int odd)
{
	if (!may_walk_again(p)) {
		p->limited = 1;
		return;
	}
	p->again += inner.len;
	walk(p, inner, depth, odd);
}

/* What is signed there in the clear, in one piece. */
static struct span
signed_content(struct parts *p, struct span file)
{
	struct pkcs7_pieces pieces, again;
	struct span piece, content = span_make("", 0);
	struct block *b;
	size_t n = 0, len = 0;

	if (pkcs7_look(file, &pieces) == PKCS7_ENCRYPTED)
		p->inner_mistakes |= PARTS_ENCRYPTED;
	for (again = pieces; pkcs7_next(&again, &piece); n++) {
		content = piece;
		len += piece.len;
	}
	if (n <= 1)
		return content;
	if (len > p->opt.memory_limit - p->used) {
		p->limited = 1;
		return span_make("", 0);
	}
	b = xmalloc(sizeof(*b) + len);
	for (n = 0; pkcs7_next(&pieces, &piece); n += piece.len)
		if (piece.len > 0)
			memcpy(b->octets + n, piece.p, piece.len);
	b->next = p->blocks;
	p->blocks = b;
	p->used += len;
	return span_make(b->octets, len);
}

static void
open_signed(struct parts *p, struct span file, const struct parts_head *h, int depth, int odd)
{
	struct span content = signed_content(p, file);
	struct parts_label *label;

	if (content.len == 0)
		return;
	label = parts_signed_file(p->arena, h->label, content);
	if (label == NULL)
		walk_file(p, content, depth, odd);
	else
		add(p, (struct entry){ .type = "application/octet-stream",
			   .name = parts_name(p->arena, label->names[0]),
			   .charset = "",
			   .label = label,
			   .raw = content,
			   .codec = CODEC_NONE,
			   .odd = odd });
}

static void
open_octets(struct parts *p, struct span octets, const struct parts_head *h, int depth, int odd)
{
	if (parts_is_message(h->label))
		walk_file(p, octets, depth, odd);
	if (parts_is_signed(h->label))
		open_signed(p, octets, h, depth, odd);
}

/* A file that is opened as a message: what is in it comes behind it. */
static void
open_file(struct parts *p, struct span raw, const struct parts_head *h, int depth, int odd)
{
	unsigned mistakes, codecs = ways_of(p, h, raw);

	if (depth >= p->opt.inner_limit) {
		p->limited = 1;
		return;
	}
	for (enum codec c = CODEC_BASE64; c <= CODEC_YENC; c++) {
		if ((codecs & 1u << c) == 0)
			continue;
		struct span inner = decode(p, c, span_make(NULL, 0), raw, &mistakes);

		/* The file itself will be cut as well. */
		open_octets(p, inner, h, depth + 1, odd || mistakes != 0);
	}
	if ((h->codecs & PARTS_ENCODED) != h->codecs || h->codecs == 0)
		open_octets(p, raw, h, depth + 1, odd);
}

/* A container whose parts come by themselves.  Those around each other overlap. */
static void
add_apart(struct parts *p, struct span raw, const struct mime_part *part,
    const struct parts_head *h, int odd)
{
	struct entry e;

	if (is_full(p))
		return;
	if (!may_walk_again(p)) {
		p->limited = 1;
		return;
	}
	p->again += raw.len;
	e = entry_of(p, raw, part, h);
	e.apart = 1;
	e.odd = odd || h->other;
	add(p, e);
}

/* As it is seen in one way; what was seen so before is passed over. */
static void
take(struct parts *p, struct parts_ways *ways, struct span message, int depth, int odd)
{
	const struct parts_reading *r = &ways->newest;
	const struct mime_index *ix = &r->index;

	odd |= r->again;
	if (ix->seen & (MIME_SEEN_DEPTH | MIME_SEEN_PARTS | MIME_SEEN_BOUNDARY_CUT))
		p->limited = 1;
	for (size_t i = 0; i < ix->nparts && !is_full(p); i++) {
		const struct mime_part *part = &ix->parts[i];
		const struct parts_head *h = &r->heads[i];
		struct span raw =
		    span_make(message.p + part->body_at, part->body_end - part->body_at);

		if (parts_ways_known(ways, i) ||
		    (h->opens && open_container(p, part, raw, h, depth)))
			continue;
		if (h->apart)
			add_apart(p, raw, part, h, odd);
		if (!h->leaf)
			continue;
		add_leaf(p, raw, part, h, odd || h->opens);
		if (!parts_is_container(part->type) &&
		    (parts_is_message(h->label) || parts_is_signed(h->label)))
			open_file(p, raw, h, depth, odd);
	}
}

static int
may_walk(struct parts *p, const struct parts_ways *ways)
{
	if (ways->walks == 0 || may_walk_again(p))
		return 1;
	p->limited |= parts_ways_more(ways);
	return 0;
}

static void
walk(struct parts *p, struct span message, int depth, int odd)
{
	struct parts_ways ways = { .opt = p->opt.mime };
	const struct parts_reading *r;

	if (depth > 0)
		ways.opt.lead = 0;
	if (message.len == 0)
		message.p = (const uint8_t *)"";
	while (may_walk(p, &ways) && (r = parts_ways_next(&ways, message)) != NULL) {
		if (r->again)
			p->again += message.len;
		take(p, &ways, message, depth, odd);
	}
	parts_ways_fini(&ways);
}

/* --- one --- */

static void
decode_entry(struct parts *p, struct entry *e)
{
	unsigned odd;

	e->is_done = 1;
	e->decoded = e->raw;
	e->whole = 1;
	if (e->codec == CODEC_NONE)
		return;
	e->decoded = decode(p, e->codec, span_make(NULL, 0), e->raw, &odd);
	e->whole = (odd & CODEC_ODD_CUT) == 0;
	e->mistakes = odd & ~(unsigned)CODEC_ODD_CUT;
	e->odd |= e->mistakes != 0;
	e->is_measured |= e->whole;
}

static void
walk_once(struct parts *p)
{
	if (p->walked)
		return;
	p->walked = 1;
	walk(p, p->message, 0, 0);
}

/* One that there is no time for may have any mistake. */
static void
measure(struct parts *p, struct entry *e)
{
	if (!e->is_measured && e->codec != CODEC_NONE && !may_look(p, e->raw))
		e->odd = 1;
	else if (!e->is_measured)
		codec_measure(e->codec, e->raw, &e->mistakes);
	e->is_measured = 1;
	e->odd |= e->mistakes != 0;
}

static int
is_odd(struct parts *p, struct entry *e)
{
	if (!e->odd && !e->is_done)
		measure(p, e);
	return e->odd;
}

unsigned
parts_mistakes(struct parts *p)
{
	unsigned all;

	walk_once(p);
	all = p->inner_mistakes;
	for (size_t i = 0; i < p->n; i++) {
		struct entry *e = &p->v[i];

		measure(p, e);
		all |= mistake_of(e->codec, e->mistakes);
		if (e->odd || (e->label != NULL && e->label->values > 1))
			all |= PARTS_READINGS;
		if (parts_is_piece(e->label))
			all |= PARTS_PIECE;
	}
	return all;
}

int
parts_odd(struct parts *p, size_t n, struct parts_part *out)
{
	size_t i;

	walk_once(p);
	for (i = 0; i < p->n; i++)
		if (is_odd(p, &p->v[i]) && n-- == 0)
			break;
	return parts_get(p, i, out);
}

static void
fill(const struct entry *e, struct parts_part *out)
{
	*out = (struct parts_part){ .type = e->type,
		.name = e->name,
		.charset = e->charset,
		.raw = e->raw,
		.decoded = e->decoded,
		.whole = e->whole,
		.odd = e->odd,
		.apart = e->apart };
	if (e->label != NULL) {
		out->names = e->label->names;
		out->nnames = e->label->nnames;
		out->types = e->label->types;
		out->ntypes = e->label->ntypes;
		out->charsets = e->label->charsets;
		out->ncharsets = e->label->ncharsets;
		out->delsp = e->label->delsp;
		out->more = e->label->more;
	}
}

int
parts_look(struct parts *p, size_t i, struct parts_part *out)
{
	walk_once(p);
	if (i >= p->n)
		return p->limited ? -1 : 0;
	fill(&p->v[i], out);
	out->decoded = span_make(NULL, 0);
	out->whole = 1;
	return 1;
}

int
parts_get(struct parts *p, size_t i, struct parts_part *out)
{
	int rc = parts_look(p, i, out);

	if (rc != 1)
		return rc;
	if (!p->v[i].is_done)
		decode_entry(p, &p->v[i]);
	fill(&p->v[i], out);
	return 1;
}
