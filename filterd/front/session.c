#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/message.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"
#include "net/dial.h"
#include "net/fiber.h"
#include "net/stream.h"

static void smtp_run(struct front_session *);
static void smtp_free(struct front_session *);

static const struct session_kind smtp_kind = { .run = smtp_run, .free = smtp_free };

/* PITFALLS B1: once XCLIENT has set an address, that one is what counts, also after a reload. */
void
session_authorise(struct smtp_session *s)
{
	const struct sockaddr_storage *sa = s->xclient != NULL ? &s->xclient->sa : &s->f.peer_sa;

	s->may_xforward = net_list_match(s->f.listener->xforward, sa);
	s->may_xclient = net_list_match(s->f.listener->xclient, sa);
}

struct smtp_session *
session_new(struct doors *d, int fd, size_t i, const struct sockaddr_storage *peer)
{
	struct smtp_session *s = xcalloc(1, sizeof(*s));

	s->phase = PH_NEW;
	front_session_init(&s->f, &smtp_kind, d, fd, i, peer);
	front_session_peer(&s->f, &s->peer);
	snprintf(s->peer.proto, sizeof(s->peer.proto), "SMTP"); /* until it says HELO */
	session_authorise(s);
	s->lmtp = s->f.listener->conf->kind == LISTENER_LMTP;
	return s;
}

static void
smtp_free(struct front_session *f)
{
	struct smtp_session *s = (struct smtp_session *)f;

	/* Nothing is left of a transaction, unless there was no memory to go on with it. */
	passage_break(&s->passage, s->f.doors->opt.pool);
	message_free(s->message);
	engine_end(&s->txn);
	front_session_fini(&s->f);
	free(s->xforward);
	free(s->xclient);
	engine_memory_free(s->memory);
	arena_free(s->arena);
	free(s);
}

const struct params *
session_params(const struct smtp_session *s)
{
	return front_session_params(&s->f);
}

struct deadline
session_io_deadline(const struct smtp_session *s)
{
	return deadline_in_ms(session_params(s)->smtpd_timeout);
}

void
session_take_snapshot(struct smtp_session *s)
{
	if (front_session_renew(&s->f))
		session_authorise(s);
}

/* PITFALLS A7: everything of the transaction goes, whatever ended it. */
void
session_drop_transaction(struct smtp_session *s)
{
	passage_end(&s->passage, s->f.doors->opt.pool,
	    deadline_in_ms(session_params(s)->smtp_mail_timeout));
	if (s->message != NULL) {
		doors_message_put(s->f.doors, s->message);
		s->message = NULL;
	}
	engine_end(&s->txn);
	s->candidate = NULL;
	s->prdr = 0;
	s->over_size = s->no_space = 0;
	if (s->arena != NULL)
		arena_reset(s->arena);
	if (s->phase & (PH_MAIL | PH_RCPT | PH_BDAT))
		s->phase = PH_HELO;
}

/* What XFORWARD said was about this message alone (PITFALLS B2). */
void
session_end_transaction(struct smtp_session *s)
{
	session_drop_transaction(s);
	free(s->xforward);
	s->xforward = NULL;
}

/* --- the loop: one command line after the other --- */

/* line_length_limit is of message lines too and may be anything; a stream does not hold that. */
#define COMMAND_LINE_MAX ((size_t)32 * 1024)

static size_t
line_max(const struct smtp_session *s)
{
	int64_t limit = session_params(s)->line_length_limit;

	return limit < (int64_t)COMMAND_LINE_MAX ? (size_t)limit : COMMAND_LINE_MAX;
}

/* The next line that is complete in the buffer: 1, or 0.  One that is too long is skipped to its
 * end and answered once (PITFALLS A11). */
static int
take_line(struct smtp_session *s, struct span *line)
{
	for (;;) {
		struct span have = stream_peek(s->f.stream);
		size_t at = span_find(have, '\n');
		size_t max = line_max(s);

		if (at == have.len && at <= max)
			return 0;
		if (at <= max && !s->skipping) {
			*line = span_make(have.p, at);
			if (at > 0 && have.p[at - 1] == '\r')
				line->len--;
			/* The octets stay where they are until the stream is read again. */
			stream_consume(s->f.stream, at + 1);
			return 1;
		}
		stream_consume(s->f.stream, at == have.len ? at : at + 1);
		s->skipping = at == have.len;
		if (!s->skipping)
			session_reply(s, 500, "5.5.2", "Error: command line too long");
	}
}

/* How a session ends that the client did not end with QUIT. */
static void
ended(struct smtp_session *s)
{
	/* Told once: the transaction may have to wait for its next hop yet. */
	if (atomic_exchange(&s->f.timed_out, 0))
		session_close(s, "4.4.2", "Error: timeout exceeded");
	else if (atomic_load(&s->f.told_to_stop))
		session_close(s, "4.3.2", "Service is shutting down");
	s->phase = PH_CLOSE;
}

int
session_flush(struct smtp_session *s)
{
	int rc = front_session_flush(&s->f, s->log_first);

	s->log_first = 0;
	if (rc == -1)
		s->phase = PH_CLOSE;
	return rc;
}

/* Nothing to do: give back what an idle session need not have. */
static void
prepare_park(struct smtp_session *s)
{
	int between = (s->phase & (PH_GREETED | PH_HELO | PH_DENIED)) != 0;

	if (between) {
		arena_free(s->arena);
		s->arena = NULL;
	}
	front_session_park(&s->f, between, session_params(s)->smtpd_timeout);
}

static void
run_commands(struct smtp_session *s)
{
	struct span line;

	while (s->phase != PH_CLOSE && take_line(s, &line))
		session_command(s, line);
}

/* Take what no event will tell of: 1, or 0 when there is nothing. */
static int
more_input(struct smtp_session *s)
{
	int rc;

	if (front_session_behind(&s->f) && session_flush(s) == -1)
		return 0;
	rc = front_session_more(&s->f);
	if (rc == 0 || rc == -1)
		ended(s);
	return rc == 1;
}

static void
smtp_run(struct front_session *f)
{
	struct smtp_session *s = (struct smtp_session *)f;
	int rc = 1;

	/* From here on it may wait inside a transaction, for the client or a next hop: at stop
	 * that is none of those to be woken. */
	front_session_begin(f);
	if (s->phase == PH_NEW)
		session_greet(s);
	/* What comes at the instant of the time-out is too late: the stream is half shut. */
	else if (s->phase != PH_CLOSE)
		rc = atomic_load(&s->f.timed_out) ? 0 : stream_try_fill(s->f.stream);
	if (rc == 0 || rc == -1)
		ended(s);
	do
		run_commands(s);
	while (s->phase != PH_CLOSE && more_input(s));
	s->f.over = session_flush(s) == -1 || s->phase == PH_CLOSE;
	if (s->f.over)
		session_end_transaction(s);
	else
		prepare_park(s);
}
