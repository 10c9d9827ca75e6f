/* Header and body, put together in the normal form (core/message.h). */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "front/milter_session_private.h"
#include "front/tally.h"

/* Pieces of the body are taken in steps of this. */
#define PIECE ((size_t)64 * 1024)

/* Is there somebody who is to have it? */
static int
is_wanted(const struct milter_session *s)
{
	return s->in_message && s->txn.nrcpts > 0 && !s->over_size && !s->no_space;
}

static void
begin_message(struct milter_session *s)
{
	if (s->message != NULL)
		return;
	s->message = s->world->message_get(s->world->arg, s->listener->params);
	content_init(&s->content, CONTENT_BDAT);
}

/* Where n octets go; NULL: there is no room, and there will be none. */
static uint8_t *
room(struct milter_session *s, size_t n)
{
	struct err err;
	uint8_t *p;

	begin_message(s);
	p = message_reserve(s->message, CONTENT_ROOM(n), &err);
	if (p != NULL)
		return p;
	log_error("milter", s->txn.id, "%s", err.text);
	s->no_space = 1;
	message_reset(s->message);
	return NULL;
}

/* So many octets are there, behind those held. */
static void
keep(struct milter_session *s, uint8_t *p, size_t n)
{
	int64_t limit = s->listener->params->message_size_limit;
	struct span rest;

	message_commit(s->message, content_feed(&s->content, p, n, &rest));
	if (limit <= 0 || (int64_t)message_len(s->message) <= limit)
		return;
	s->over_size = 1;
	message_reset(s->message);
}

static uint8_t *
put(uint8_t *to, const void *p, size_t n)
{
	if (n > 0)
		memcpy(to, p, n);
	return to + n;
}

/* Lines of a value are parted by LF, or CRLF.  A CR by itself is content's to replace. */
static uint8_t *
put_lines(uint8_t *to, struct span value)
{
	struct span line;
	int more;

	do {
		more = span_cut(value, '\n', &line, &value);
		if (more && line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		to = put(to, line.p, line.len);
		if (more)
			to = put(to, "\r\n", 2);
	} while (more);
	return to;
}

/* Without HDR_LEADSPC the MTA has taken away the blank behind the colon, if there was one. */
static int
needs_blank(const struct milter_session *s, struct span value)
{
	return !(s->granted.steps & MILTER_HDR_LEADSPC) && value.len > 0 && value.p[0] != '\n' &&
	       value.p[0] != '\r';
}

static void
add_field(struct milter_session *s, struct span name, struct span value)
{
	uint8_t *p = room(s, name.len + 2 * value.len + sizeof(": \r\n")), *from, *to;

	if (p == NULL)
		return;
	from = to = p + s->content.held;
	to = put(to, name.p, name.len);
	to = put(to, ": ", needs_blank(s, value) ? 2 : 1);
	to = put_lines(to, value);
	to = put(to, "\r\n", 2);
	keep(s, p, (size_t)(to - from));
}

static void
add_octets(struct milter_session *s, struct span octets)
{
	while (octets.len > 0 && is_wanted(s)) {
		size_t n = octets.len < PIECE ? octets.len : PIECE;
		uint8_t *p = room(s, n);

		if (p == NULL)
			return;
		put(p + s->content.held, octets.p, n);
		keep(s, p, n);
		octets = span_make(octets.p + n, octets.len - n);
	}
}

/* The header is over: an empty line. */
static void
begin_body(struct milter_session *s)
{
	if (s->in_body)
		return;
	s->in_body = 1;
	add_octets(s, span_str("\r\n"));
}

/* What we would look at is not what the MTA has. */
static void
header_too_late(struct milter_session *s, struct milter_answer *out)
{
	static const struct milter_where where = { MILTER_HEADER, "HEADER", KEPT_MESSAGE };
	struct verdict v;

	log_warn("milter", s->txn.id, "%s: a header field after the header's end", s->peer);
	verdict_init(&v, s->arena);
	verdict_refuse(&v, 451, "4.3.0", "Error: header field after the header's end",
	    (struct origin){ .list = "milter" });
	(void)milter_refuse(s, &s->txn, &where, &v, out);
	milter_keep(s, KEPT_MESSAGE, &v); /* should the MTA go on */
}

void
milter_header(
    struct milter_session *s, struct span name, struct span value, struct milter_answer *out)
{
	milter_event(s, out);
	if (milter_say_kept(s, MILTER_HEADER, out) || !is_wanted(s))
		return;
	if (s->in_body)
		header_too_late(s, out);
	else
		add_field(s, name, value);
}

void
milter_end_of_headers(struct milter_session *s, struct milter_answer *out)
{
	milter_event(s, out);
	if (!milter_say_kept(s, MILTER_EOH, out) && is_wanted(s))
		begin_body(s);
}

/* May the MTA be told that no more is needed? */
static int
may_skip(const struct milter_session *s)
{
	return s->granted.steps & MILTER_SKIP && milter_session_is_answered(s, MILTER_BODY);
}

void
milter_body(struct milter_session *s, struct span chunk, struct milter_answer *out)
{
	milter_event(s, out);
	if (milter_say_kept(s, MILTER_BODY, out))
		return;
	if (is_wanted(s)) {
		begin_body(s);
		add_octets(s, chunk);
	}
	if ((s->over_size || s->no_space) && may_skip(s))
		out->what = MILTER_ENOUGH;
}

void
milter_message_close(struct milter_session *s)
{
	uint8_t *p;

	begin_message(s);
	if (is_wanted(s))
		begin_body(s);
	if (!is_wanted(s) || (p = room(s, CONTENT_FINISH)) == NULL)
		return;
	message_commit(s->message, content_finish(&s->content, p));
	tally_lines(&s->content, &s->txn.facts);
	if (!(s->content.seen & SEEN_DOT_LINE))
		message_set_dotless(s->message);
}
