/*
 * The MIME walk on any octets: what is told lies inside the message, in order, and all ways of
 * asking tell the same.  The first octets choose the limits and
 * the way to walk.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/mime.h"
#include "mail/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen { /* by one walk */
	struct span message;
	size_t at; /* nothing is told of what lies before */
	struct buf log;
	int ended;
	unsigned bits; /* of enum mime_seen */
};

static void
need(int true)
{
	if (!true)
		abort();
}

static void
move(struct seen *s, struct span raw)
{
	size_t at = (size_t)(raw.p - s->message.p);

	need(raw.p >= s->message.p && at >= s->at && raw.len <= s->message.len - at);
	s->at = at + raw.len;
}

static int
on_header(void *arg, const struct mime_header *h)
{
	struct seen *s = arg;
	struct span text = mime_header_text(h);

	move(s, h->raw);
	need(h->raw.len > 0 && text.len > h->name.len && text.p[h->name.len] == ':');
	need(h->text.p == NULL || h->text.p == text.p);
	need(memchr(text.p, 0, text.len) == NULL);
	need(mime_header_cut(text, 100) <= 100);
	need(mime_field_name(text) == h->name.len);
	buf_printf(&s->log, "H%d%d:", h->class, h->changed);
	buf_add_span(&s->log, text);
	return 0;
}

static int
on_end(void *arg, size_t at, int insert)
{
	struct seen *s = arg;

	need(!s->ended++ && at >= s->at && at <= s->message.len);
	s->at = at;
	buf_printf(&s->log, "E%zu%d", at, insert);
	return 0;
}

static int
on_line(void *arg, const struct mime_line *l)
{
	struct seen *s = arg;

	need(s->ended && l->text.len > 0 && l->raw_len >= l->text.len);
	need(l->at == (size_t)(l->text.p - s->message.p));
	need(memchr(l->text.p, '\n', l->text.len) == NULL);
	move(s, span_make(l->text.p, l->raw_len));
	buf_printf(&s->log, "L%zu%d%d:", l->segment, l->first, l->last);
	buf_add_span(&s->log, l->text);
	return 0;
}

static void
check_index(const struct mime_index *ix, size_t len)
{
	need(ix->nparts >= 1 && ix->body_at <= len && ix->parts[0].parent == -1);
	for (size_t i = 0; i < ix->nparts; i++) {
		const struct mime_part *p = &ix->parts[i];

		need(p->header_at <= p->body_at && p->body_at <= p->body_end && p->body_end <= len);
		need(p->parent < (int)i && (i == 0 || p->parent >= 0));
		need(i == 0 || p->depth == ix->parts[p->parent].depth + 1);
		need(strlen(p->type) < 200);
	}
}

static void
walk(struct span message, const struct mime_options *o, int lazy, size_t limit, struct seen *s)
{
	struct mime_events ev = { .header = on_header,
		.end_of_header = on_end,
		.line = on_line,
		.line_limit = limit,
		.lazy_text = lazy,
		.arg = s };
	struct arena *arena = arena_new();
	struct mime_index full, bare;

	*s = (struct seen){ .message = message };
	need(mime_walk(message, o, &ev, arena, &full) == 0);
	need(s->ended == 1);
	check_index(&full, message.len);
	need(mime_walk(message, o, NULL, arena, &bare) == 0);
	need(bare.nparts == full.nparts && bare.headers == full.headers &&
	     bare.body_at == full.body_at && bare.received == full.received);
	/* That lines were cut is told to him alone who asks for lines. */
	need((bare.seen & MIME_SEEN_LINES_CUT) == 0);
	need(bare.seen == (full.seen & ~(unsigned)MIME_SEEN_LINES_CUT));
	need(bare.odd == full.odd && bare.ways == full.ways && bare.boundaries == full.boundaries);
	need(full.ways <= MIME_WAY_ALL && full.boundaries <= MIME_BOUNDARIES_MAX);
	need(limit > 0 || (full.seen & MIME_SEEN_LINES_CUT) == 0);
	s->bits = full.seen;
	arena_free(arena);
}

static int
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

static void
check_received(struct span message)
{
	struct span ids[4];
	size_t n = received_ids(message, ids, sizeof(ids) / sizeof(ids[0]));

	need(n <= sizeof(ids) / sizeof(ids[0]));
	for (size_t i = 0; i < n; i++)
		need(ids[i].len > 0 && ids[i].p >= message.p &&
		     ids[i].p + ids[i].len <= message.p + message.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_options o = { 0 };
	struct span message;
	struct seen a, b;

	if (size < 7)
		return 0;
	message = span_make(data + 7, size - 7);
	o.line_length_limit = 1 + (size_t)data[0] * 8;
	o.header_size_limit = 1 + (size_t)data[1] * 4;
	o.nesting_limit = data[2] & 7;
	o.parts_limit = data[2] >> 4;
	o.boundary_length_limit = 1 + (size_t)(data[3] & 63);
	o.disable_mime = data[3] == 255;
	o.header_count_limit = data[3] >> 6;
	o.lead = data[4];
	o.way = data[6] & MIME_WAY_ALL;
	o.boundary = (data[6] >> 2) % (MIME_BOUNDARIES_MAX + 1);
	o.tell_boundaries = data[6] >> 7;
	check_received(message);
	walk(message, &o, 0, 0, &a);
	walk(message, &o, 1, 0, &b);
	need(same(&a.log, &b.log));
	buf_fini(&b.log);
	walk(message, &o, 1, data[5], &b);
	need(b.log.len <= a.log.len);
	/* What was left out is never left out in silence, nor is "cut" said of nothing. */
	need(same(&a.log, &b.log) == ((b.bits & MIME_SEEN_LINES_CUT) == 0));
	buf_fini(&a.log);
	buf_fini(&b.log);
	return 0;
}
