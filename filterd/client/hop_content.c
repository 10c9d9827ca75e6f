#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop_private.h"
#include "net/stream.h"

#define DOING "sending the message"

/* The next hop said something while it was our turn.  A refusal ends the transaction and its text
 * is worth passing on; anything else must never be taken for the answer to the dot. */
static int
spoke_early(struct hop *h, struct err *err)
{
	struct hop_reply r;

	h->broken = 1;
	/* What is there is read, not waited for. */
	if (memchr(stream_peek(h->s).p, '\n', stream_peek(h->s).len) != NULL &&
	    hop_read_reply(h, "DATA", h->arena, &r, deadline_in_ms(0), err) == 0 &&
	    r.code / 100 >= 4)
		h->farewell = r;
	if (h->farewell.code != 0)
		err_set(err, ERR_RETRY, "broke off while " DOING);
	else
		err_set(err, ERR_PEER, "protocol error: a reply before the end of the message");
	return -1;
}

static int
send_queued(struct hop *h, struct deadline d, struct err *err)
{
	int rc;

	if (h->content.n == 0)
		return 0;
	rc = stream_writev(h->s, h->content.v, h->content.n, d, err);
	wire_sent(&h->content);
	h->flushed = 1;
	if (rc == -1) {
		if (stream_try_fill(h->s) == 1)
			return spoke_early(h, err);
		return hop_lost(h, -1, DOING, err);
	}
	return 0;
}

static int
add(struct hop *h, size_t (*take)(struct wire *, struct span), struct span piece, struct deadline d,
    struct err *err)
{
	assert(h->magic == HOP_MAGIC && h->phase == PHASE_DATA);
	for (;;) {
		size_t n = take(&h->content, piece);

		if (n == piece.len)
			return 0;
		piece = span_make(piece.p + n, piece.len - n);
		if (send_queued(h, d, err) == -1)
			return -1;
	}
}

int
hop_content(struct hop *h, struct span piece, struct deadline d, struct err *err)
{
	return add(h, wire_add, piece, d, err);
}

int
hop_content_known(struct hop *h, struct span piece, struct deadline d, struct err *err)
{
	return add(h, wire_add_known, piece, d, err);
}

int
hop_flush(struct hop *h, struct deadline d, struct err *err)
{
	assert(h->phase == PHASE_DATA);
	return send_queued(h, d, err);
}

int
hop_dot(struct hop *h, struct deadline d, struct err *err)
{
	assert(h->phase == PHASE_DATA);
	/* Nothing may be there that could be taken for the reply to what follows.  A message that
	 * has not begun to leave was not time enough for a peer to answer it. */
	if (h->flushed)
		(void)stream_try_fill(h->s);
	if (stream_peek(h->s).len > 0)
		return spoke_early(h, err);
	h->phase = PHASE_DOT;
	wire_end(&h->content);
	return send_queued(h, d, err);
}

/* One reply stands for everybody who has none. */
static void
answer_rest(struct hop_envelope *e, const struct hop_reply *r)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].final.code == 0)
			e->rcpts[i].final = *r;
}

int
hop_final(struct hop *h, struct hop_envelope *e, struct deadline d, struct err *err)
{
	struct hop_reply r;

	assert(h->phase == PHASE_DOT);
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].reply.code / 100 != 2)
			e->rcpts[i].final = e->rcpts[i].reply;
	for (size_t i = 0; i < e->nrcpts; i++) {
		if (e->rcpts[i].final.code != 0)
			continue;
		if (hop_read_result(h, "the end of the message", e->arena, &r, d, err) == -1) {
			if (r.code != 421)
				return -1;
			answer_rest(e, &r);
			return 0;
		}
		if (h->target.protocol == HOP_LMTP)
			e->rcpts[i].final = r;
		else
			answer_rest(e, &r);
	}
	h->phase = PHASE_IDLE;
	return 0;
}
