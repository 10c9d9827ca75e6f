/* Numbers are in network byte order, texts begin with their length in two octets. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/score.h"
#include "core/transaction.h"
#include "engine/decision.h"
#include "rules/trace.h"

/* 2: recipients have a score.  Those of 1 can be read all the same. */
#define VERSION 2

#define SCORE_SHOWN ((size_t)500) /* octets; there may be many recipients */

/* --- writing --- */

static void
put_u32(struct buf *b, uint32_t v)
{
	uint8_t *p = (uint8_t *)buf_reserve(b, 4);

	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	b->len += 4;
}

static void
put_u64(struct buf *b, int64_t v)
{
	put_u32(b, (uint32_t)((uint64_t)v >> 32));
	put_u32(b, (uint32_t)v);
}

static void
put_text(struct buf *b, const char *s)
{
	size_t n = s == NULL ? 0 : strnlen(s, UINT16_MAX);
	char *p = buf_reserve(b, 2 + n);

	p[0] = (char)(n >> 8);
	p[1] = (char)n;
	if (n > 0)
		memcpy(p + 2, s, n);
	b->len += 2 + n;
}

static const char *
source_name(const struct client *c)
{
	switch (c->source) {
	case SOURCE_PEER:
		return "connection";
	case SOURCE_XFORWARD_REMOTE:
		return "xforward";
	case SOURCE_XFORWARD_LOCAL:
		return "xforward local";
	case SOURCE_XCLIENT:
		return "xclient";
	case SOURCE_POLICY:
		return "policy";
	case SOURCE_MILTER:
		return "milter";
	case SOURCE_MILTER_LOCAL:
		return "milter local";
	case CLIENT_SOURCES:
		break;
	}
	return "";
}

static void
put_client(struct buf *b, const struct client *c)
{
	put_text(b, source_name(c));
	put_text(b, c->addr);
	put_text(b, c->name);
	put_text(b, c->reverse_name);
	put_text(b, c->helo);
	put_text(b, c->proto);
	put_text(b, c->login);
	put_text(b, c->ident);
}

static const char *
fate_name(enum rcpt_fate f)
{
	switch (f) {
	case FATE_NONE:
		return "";
	case FATE_DELIVERED:
		return "deliver";
	case FATE_HELD:
		return "hold";
	case FATE_DISCARDED:
		return "discard";
	case FATE_REJECTED:
		return "reject";
	case FATE_DEFERRED:
		return "defer";
	}
	return "";
}

static void
put_rcpt(struct buf *b, const struct recipient *r, const struct score *all)
{
	static const struct origin nobody;
	const struct origin *by = r->by == NULL ? &nobody : r->by;
	struct buf score = { 0 };

	put_text(b, r->path.octets);
	put_text(b, fate_name(r->fate));
	put_u32(b, (uint32_t)r->code);
	put_text(b, r->reply);
	put_text(b, by->list);
	put_text(b, by->file);
	put_u32(b, (uint32_t)by->line);
	put_text(b, r->decided);
	score_format(all, &r->verdict.score, &score);
	if (score.len > SCORE_SHOWN)
		score.len = SCORE_SHOWN;
	put_text(b, buf_cstr(&score));
	buf_fini(&score);
}

void
decision_format(const struct transaction *t, struct buf *b)
{
	const struct rule_trace *tr = t->trace;
	size_t shown = t->nrcpts < DECISION_RCPTS ? t->nrcpts : DECISION_RCPTS;

	buf_reserve(b, 1024 + 128 * shown + tr->len);
	buf_addc(b, VERSION);
	put_text(b, t->id);
	put_u64(b, clock_wall_us());
	put_text(b, t->service);
	put_text(b, t->listener);
	put_client(b, t->client);
	buf_addc(b, t->sender.octets != NULL);
	put_text(b, t->sender.octets);
	put_text(b, t->message_id);
	put_u64(b, t->size);
	put_u32(b, (uint32_t)t->nrcpts);
	put_u32(b, (uint32_t)shown);
	for (size_t i = 0; i < shown; i++)
		put_rcpt(b, t->rcpts[i], &t->verdict.score);
	put_u32(b, (uint32_t)tr->lost);
	put_u32(b, (uint32_t)tr->len);
	buf_add(b, tr->p, tr->len);
}

/* --- reading --- */

/* 0: none that can be read. */
static int
get_version(struct rd *r)
{
	uint8_t v = rd_u8(r);

	return v == 1 || v == VERSION ? v : 0;
}

static struct span
get_text(struct rd *r)
{
	return rd_bytes(r, rd_u16(r));
}

static int64_t
get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);

	return (int64_t)(high << 32 | rd_u32(r));
}

static int
get_int(struct rd *r)
{
	uint32_t v = rd_u32(r);

	if (v > INT32_MAX)
		r->bad = 1;
	return r->bad ? 0 : (int)v;
}

static void
get_rcpt(struct rd *r, int version, struct decision_rcpt *to)
{
	to->path = get_text(r);
	to->fate = get_text(r);
	to->code = get_int(r);
	to->reply = get_text(r);
	to->list = get_text(r);
	to->file = get_text(r);
	to->line = get_int(r);
	to->decided = get_text(r);
	if (version >= 2)
		to->score = get_text(r);
}

static void
get_head(struct rd *r, struct decision *d)
{
	d->id = get_text(r);
	d->time_us = get_u64(r);
	d->service = get_text(r);
	d->listener = get_text(r);
	d->source = get_text(r);
	d->client_address = get_text(r);
	d->client_name = get_text(r);
	d->client_reverse = get_text(r);
	d->helo = get_text(r);
	d->protocol = get_text(r);
	d->login = get_text(r);
	d->queue_id = get_text(r);
	d->has_sender = rd_u8(r) != 0;
	d->sender = get_text(r);
	d->message_id = get_text(r);
	d->size = get_u64(r);
	d->nrcpts = rd_u32(r);
	d->nshown = rd_u32(r);
}

struct span
decision_id(struct span record)
{
	struct rd r;
	struct span id;

	rd_init(&r, record);
	if (get_version(&r) == 0)
		return span_make("", 0);
	id = get_text(&r);
	return r.bad ? span_make("", 0) : id;
}

int
decision_parse(struct span record, struct arena *a, struct decision *d, struct err *err)
{
	struct trace_reader reader;
	struct trace_read event;
	struct rd r;
	int rc, version;

	memset(d, 0, sizeof(*d));
	rd_init(&r, record);
	version = get_version(&r);
	if (record.len > DECISION_MAX || version == 0)
		goto bad;
	get_head(&r, d);
	if (r.bad || d->nshown > DECISION_RCPTS || d->nshown > d->nrcpts)
		goto bad;
	d->rcpts = arena_calloc(a, (d->nshown + 1) * sizeof(*d->rcpts));
	for (size_t i = 0; i < d->nshown; i++)
		get_rcpt(&r, version, &d->rcpts[i]);
	d->lost = rd_u32(&r);
	d->trace = rd_bytes(&r, rd_u32(&r));
	if (r.bad || rd_left(&r) > 0)
		goto bad;
	reader = (struct trace_reader){ .all = d->trace };
	while ((rc = trace_next(&reader, &event)) == 1)
		;
	if (rc == 0)
		return 0;
bad:
	err_set(err, ERR_SYSTEM, "no record of a decision, or of another version of filterd");
	return -1;
}
