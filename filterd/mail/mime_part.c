#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "mail/mime_impl.h"

/* A field may be given again and again, and the last one counts: so its words have a place of fixed
 * size in the part. */
#define TYPE_SIZE 128
#define WORD_SIZE 48

struct words {
	char type[TYPE_SIZE], charset[WORD_SIZE], encoding[WORD_SIZE];
};

static struct mime_part *
part_now(struct mime_walk *w)
{
	return w->unlisted ? NULL : &w->index->parts[w->part];
}

static void
grow(struct mime_walk *w)
{
	struct mime_index *ix = w->index;
	size_t cap = w->parts_cap == 0 ? 4 : w->parts_cap * 2;
	struct mime_part *v = arena_alloc(w->arena, cap * sizeof(*v));

	if (ix->nparts > 0)
		memcpy(v, ix->parts, ix->nparts * sizeof(*v));
	ix->parts = v;
	w->parts_cap = cap;
}

void
mime_part_open(struct mime_walk *w, int parent)
{
	struct mime_index *ix = w->index;

	if (w->unlisted || (w->opt->parts_limit > 0 && ix->nparts >= w->opt->parts_limit)) {
		ix->seen |= MIME_SEEN_PARTS;
		w->unlisted = 1;
		return;
	}
	if (ix->nparts == w->parts_cap)
		grow(w);
	ix->parts[ix->nparts] = (struct mime_part){
		.header_at = w->at,
		.body_at = w->at,
		.body_end = w->end,
		.parent = parent,
		.depth = parent == -1 ? 0 : ix->parts[parent].depth + 1,
		.type = w->type.kind == MIME_KIND_MESSAGE ? "message/rfc822" : "text/plain",
		.encoding = "",
		.charset = "",
	};
	w->words = NULL;
	w->part = (int)ix->nparts++;
}

void
mime_part_body(struct mime_walk *w)
{
	struct mime_part *p = part_now(w);

	mime_way_header_end(w);
	mime_odd_header_end(w);
	if (p != NULL)
		p->body_at = w->at;
}

void
mime_part_close(struct mime_walk *w, int owner, size_t at)
{
	const uint8_t *b = w->base;

	/* The line end in front of a boundary belongs to the boundary (RFC 2046, 5.1.1). */
	if (at > 0 && b[at - 1] == '\n')
		at -= at > 1 && b[at - 2] == '\r' ? 2 : 1;
	for (int i = w->part; i != owner && i != -1; i = w->index->parts[i].parent) {
		struct mime_part *p = &w->index->parts[i];

		p->body_end = at < p->body_at ? p->body_at : at;
	}
	w->part = owner;
	w->unlisted = 0;
}

static void
put_lower(char *out, size_t size, struct span s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
	text_lower(out);
}

static struct words *
words_now(struct mime_walk *w)
{
	if (w->words == NULL)
		w->words = arena_alloc(w->arena, sizeof(*w->words));
	return w->words;
}

void
mime_part_type(struct mime_walk *w)
{
	struct mime_part *p = part_now(w);
	struct words *words;
	size_t n;

	if (p == NULL)
		return;
	words = words_now(w);
	put_lower(words->type, TYPE_SIZE - 2, w->type.type);
	n = strlen(words->type);
	words->type[n++] = '/';
	put_lower(words->type + n, TYPE_SIZE - n, w->type.subtype);
	put_lower(words->charset, WORD_SIZE, w->type.charset);
	p->type = words->type;
	p->charset = words->charset;
}

void
mime_part_encoding(struct mime_walk *w, struct span word)
{
	struct mime_part *p = part_now(w);

	if (p == NULL || word.len == 0)
		return;
	put_lower(words_now(w)->encoding, WORD_SIZE, word);
	p->encoding = w->words->encoding;
}
