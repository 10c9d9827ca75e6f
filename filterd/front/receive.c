/* The octets of a message, from the client into the message's buffer. */
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"
#include "front/tally.h"
#include "net/stream.h"

/* Small messages come in one piece, whose room is in memory whatever the limits are; large ones in
 * pieces that cost few calls. */
#define PIECE_SMALL ((size_t)30 * 1024)
#define PIECE       ((size_t)64 * 1024)
#define PIECE_BIG   ((size_t)256 * 1024)
_Static_assert(CONTENT_ROOM(PIECE_SMALL) < MESSAGE_SMALL, "no file for a small piece");

void
receive_begin(struct smtp_session *s)
{
	if (s->message == NULL)
		s->message = doors_message_get(s->f.doors, session_params(s));
}

static size_t
piece_size(const struct smtp_session *s)
{
	size_t len = message_len(s->message);

	return len < PIECE_SMALL ? PIECE_SMALL : len < PIECE_BIG ? PIECE : PIECE_BIG;
}

/* The rest is swallowed in the memory of a small message, always the same. */
static uint8_t *
scrap_room(struct smtp_session *s, size_t *want)
{
	struct err err;

	message_reset(s->message);
	if (*want > PIECE_SMALL)
		*want = PIECE_SMALL;
	return message_reserve(s->message, CONTENT_ROOM(*want), &err);
}

/* Where the next piece goes, which may become smaller. */
static uint8_t *
room(struct smtp_session *s, size_t *want)
{
	struct err err;
	uint8_t *p;

	if (s->over_size || s->no_space)
		return scrap_room(s, want);
	p = message_reserve(s->message, CONTENT_ROOM(*want), &err);
	if (p != NULL)
		return p;
	log_error(session_service(s), s->txn.id, "%s", err.text);
	s->no_space = 1;
	return scrap_room(s, want);
}

static void
keep(struct smtp_session *s, size_t n)
{
	int64_t limit = session_params(s)->message_size_limit;

	if (s->over_size || s->no_space)
		return;
	message_commit(s->message, n);
	if (limit > 0 && (int64_t)message_len(s->message) > limit)
		s->over_size = 1;
}

static void
note_seen(struct smtp_session *s)
{
	tally_lines(&s->content, &s->txn.facts);
	if (!(s->content.seen & SEEN_DOT_LINE))
		message_set_dotless(s->message);
	if (s->content.seen & SEEN_SMUGGLING)
		counter_inc(s->f.doors->opt.counters, smuggling);
}

/* Read at most `want` octets; 0, or -1 when the client is lost. */
static ssize_t
piece(struct smtp_session *s, uint8_t *p, size_t want, struct deadline whole)
{
	struct deadline d = deadline_min(session_io_deadline(s), whole);
	struct err err = { 0 };
	ssize_t n = stream_recv(s->f.stream, p + s->content.held, want, d, &err);

	if (n > 0)
		return n;
	log_warn(session_service(s), s->txn.id, "lost connection after DATA from %s[%s]: %s",
	    session_client(s)->name, session_client(s)->addr, n == 0 ? "closed" : err.text);
	if (n == -1 && err.class == ERR_RETRY)
		session_close(s, "4.4.2", "Error: timeout exceeded");
	s->phase = PH_CLOSE;
	return -1;
}

int
receive_data(struct smtp_session *s)
{
	struct deadline whole = deadline_in_ms(session_params(s)->smtpd_data_timeout);
	struct span rest;

	while (!s->content.done) {
		size_t want = piece_size(s);
		uint8_t *p = room(s, &want);
		ssize_t n = piece(s, p, want, whole);

		if (n == -1)
			return -1;
		keep(s, content_feed(&s->content, p, (size_t)n, &rest));
		if (s->content.done)
			stream_unread(s->f.stream, rest.p, rest.len);
	}
	note_seen(s);
	return 0;
}

int
receive_chunk(struct smtp_session *s, uint64_t chunk, int last, int want_it)
{
	struct deadline whole = deadline_in_ms(session_params(s)->smtpd_data_timeout);
	uint8_t scrap[4096];
	struct span rest;

	while (chunk > 0) {
		size_t most = want_it ? piece_size(s) : sizeof(scrap) - 4;
		size_t want = chunk < most ? (size_t)chunk : most;
		uint8_t *p = want_it ? room(s, &want) : scrap;
		ssize_t n;

		n = piece(s, p, want, whole);
		if (n == -1)
			return -1;
		chunk -= (uint64_t)n;
		if (want_it)
			keep(s, content_feed(&s->content, p, (size_t)n, &rest));
	}
	if (last && want_it) {
		size_t want = CONTENT_FINISH;

		keep(s, content_finish(&s->content, room(s, &want)));
		note_seen(s);
	}
	return 0;
}
