/* DATA and BDAT (RFC 3030 without BINARYMIME). */
#include <inttypes.h>

#include "base/arena.h"
#include "base/counters.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"

int
check_data(struct smtp_session *s, struct span arg)
{
	(void)arg;
	if (s->txn.nrcpts > 0)
		return 0;
	session_reply(s, 554, "5.5.1", "Error: no valid recipients");
	return -1;
}

void
do_data(struct smtp_session *s, struct span arg)
{
	(void)arg;
	if (s->passage.lost) {
		session_reply(s, 451, "4.4.2", "Error: the next hop was lost");
		session_end_transaction(s);
		return;
	}
	session_reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	if (session_flush(s) == -1)
		return;
	receive_begin(s);
	receive_trace(s);
	content_init(&s->content, CONTENT_DATA);
	if (receive_data(s) == -1)
		return;
	session_finish(s);
}

/* "BDAT n" or "BDAT n LAST". */
static int
parse_bdat(struct span arg, uint64_t *chunk, int *last)
{
	struct span number, rest;

	span_cut(arg, ' ', &number, &rest);
	rest = span_trim(rest);
	*last = span_case_eq_str(rest, "LAST");
	if (rest.len > 0 && !*last)
		return -1;
	return span_u64(number, INT64_MAX, chunk);
}

/* A reply that has to wait until the chunk has been swallowed. */
struct late_reply {
	int code; /* 0: none */
	const char *enhanced, *text;
	const struct verdict *verdict; /* the lists' refusal, or NULL */
};

/* What keeps a chunk from being taken.  Its octets are swallowed all the same (PITFALLS A6). */
static struct late_reply
chunk_refused(struct smtp_session *s)
{
	struct verdict *v;

	if (!(s->caps & CAP_CHUNKING))
		return (struct late_reply){ 502, "5.5.1", "Error: command not implemented", NULL };
	if (s->phase == PH_BDAT)
		return (struct late_reply){ 0 };
	if (s->phase != PH_RCPT)
		return s->phase == PH_MAIL
			   ? (struct late_reply){ 554, "5.5.1", "Error: no valid recipients", NULL }
			   : (struct late_reply){ 503, "5.5.1", "Error: need RCPT command", NULL };
	if (s->passage.lost)
		return (struct late_reply){ 451, "4.4.2", "Error: the next hop was lost", NULL };
	v = arena_alloc(s->arena, sizeof(*v));
	if (session_ask_data(s, v) == -1)
		return (struct late_reply){ v->code, v->enhanced, v->text, v };
	return (struct late_reply){ 0 };
}

static void
first_chunk(struct smtp_session *s)
{
	if (s->phase == PH_BDAT)
		return;
	receive_begin(s);
	receive_trace(s);
	content_init(&s->content, CONTENT_BDAT);
	s->phase = PH_BDAT;
}

void
do_bdat(struct smtp_session *s, struct span arg)
{
	struct late_reply no;
	uint64_t chunk;
	int last;

	if (parse_bdat(arg, &chunk, &last) == -1) {
		/* How many octets follow is not known: there is no way on. */
		session_reply(s, 521, "5.5.4", "Syntax: BDAT count [LAST]");
		return;
	}
	no = chunk_refused(s);
	if (no.code == 0)
		first_chunk(s);
	if (receive_chunk(s, chunk, last, no.code == 0) == -1)
		return;
	if (no.code != 0) {
		if (no.verdict != NULL)
			session_refuse(s, "BDAT", no.verdict);
		else
			session_reply(s, no.code, no.enhanced, no.text);
		session_end_transaction(s);
		return;
	}
	if (last)
		session_finish(s);
	else
		session_replyf(s, 250, "2.0.0", "Ok: %" PRIu64 " bytes", chunk);
}
