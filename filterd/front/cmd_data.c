/* DATA and BDAT (RFC 3030 without BINARYMIME). */
#include <inttypes.h>

#include "base/counters.h"
#include "base/err.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "net/stream.h"

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
	struct err err;

	(void)arg;
	if (s->passage.lost) {
		session_reply(s, 451, "4.4.2", "Error: the next hop was lost");
		session_end_transaction(s);
		return;
	}
	session_reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	if (stream_flush(s->stream, session_io_deadline(s), &err) == -1) {
		s->phase = PH_CLOSE;
		return;
	}
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

/* What keeps a chunk from being taken; NULL: nothing.  Its octets are swallowed all the same
 * (PITFALLS A6). */
static const char *
chunk_refused(struct smtp_session *s)
{
	if (s->phase != PH_RCPT && s->phase != PH_BDAT)
		return s->phase == PH_MAIL ? "Error: no valid recipients"
					   : "Error: need RCPT command";
	if (!(s->caps & CAP_CHUNKING))
		return "Error: command not implemented";
	return NULL;
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
	const char *refused;
	uint64_t chunk;
	int last;

	if (parse_bdat(arg, &chunk, &last) == -1) {
		/* How many octets follow is not known: there is no way on. */
		session_reply(s, 501, "5.5.4", "Syntax: BDAT count [LAST]");
		session_end_transaction(s);
		session_close(s, "4.7.0", "Error: chunk of unknown size");
		return;
	}
	refused = chunk_refused(s);
	if (refused == NULL)
		first_chunk(s);
	if (receive_chunk(s, chunk, last, refused == NULL) == -1)
		return;
	if (refused != NULL) {
		session_reply(s, s->caps & CAP_CHUNKING ? 503 : 502, "5.5.1", refused);
		session_end_transaction(s);
		return;
	}
	if (last)
		session_finish(s);
	else
		session_replyf(s, 250, "2.0.0", "Ok: %" PRIu64 " bytes", chunk);
}
