#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop_private.h"
#include "mail/reply.h"
#include "net/stream.h"

/* More than any server sends; what a peer makes us keep and read stays bounded. */
#define REPLY_LINE_MAX  4096
#define REPLY_LINES_MAX 256
#define REPLY_TEXT_MAX  ((size_t)16 * 1024)

int
hop_lost(struct hop *h, int rc, const char *doing, struct err *err)
{
	h->broken = 1;
	/* The stream calls a deadline ERR_RETRY and a reset ERR_PEER; for who sends mail both are
	 * a reason to try again. */
	if (rc == -1 && err != NULL && err->class == ERR_RETRY)
		err_set(err, ERR_RETRY, "timed out while %s", doing);
	else
		err_set(err, ERR_RETRY, "connection lost while %s", doing);
	return -1;
}

static int
nonsense(struct hop *h, const char *to, const char *what, struct err *err)
{
	h->broken = 1;
	err_set(err, ERR_PEER, "protocol error: %s in reply to %s", what, to);
	return -1;
}

int
hop_flush_commands(struct hop *h, const char *doing, struct deadline d, struct err *err)
{
	if (stream_flush(h->s, d, err) == -1)
		return hop_lost(h, -1, doing, err);
	return 0;
}

/* Text of one line, without its enhanced code, behind what is there. */
static void
add_text(struct hop *h, struct span text, struct hop_reply *r, int first)
{
	size_t n = enhanced_len(text);

	if (n > 0 && n < sizeof(r->enhanced)) {
		if (first) {
			memcpy(r->enhanced, text.p, n);
			r->enhanced[n] = '\0';
		}
		text = span_make(text.p + n, text.len - n);
		if (text.len > 0 && text.p[0] == ' ')
			text = span_make(text.p + 1, text.len - 1);
	}
	if (h->line.len + text.len > REPLY_TEXT_MAX)
		return;
	if (!first)
		buf_addc(&h->line, '\n');
	reply_clean(text, &h->line);
}

static int
read_line(struct hop *h, const char *to, struct span *line, struct deadline d, struct err *err)
{
	char doing[64];
	struct err why;
	int rc;

	err_clear(&why);
	rc = stream_line(h->s, REPLY_LINE_MAX, d, line, &why);
	if (rc == 1)
		return 0;
	if (rc == -1 && stream_peek(h->s).len > REPLY_LINE_MAX)
		return nonsense(h, to, "an endless line", err);
	snprintf(doing, sizeof(doing), "waiting for the reply to %s", to);
	if (err != NULL)
		*err = why;
	return hop_lost(h, rc, doing, err);
}

int
hop_first_line(const char *text)
{
	size_t n = strcspn(text, "\n");

	return n > 300 ? 300 : (int)n;
}

/* The next hop closes the channel (RFC 5321 3.8): no more replies are to be expected. */
static int
closing(struct hop *h, const struct hop_reply *r, struct err *err)
{
	h->broken = 1;
	h->farewell = *r;
	h->farewell.text = arena_strdup(h->arena, r->text);
	err_set(err, ERR_RETRY, "closed the connection: 421 %s%s%.*s", r->enhanced,
	    *r->enhanced ? " " : "", hop_first_line(r->text), r->text);
	return -1;
}

int
hop_read_reply(struct hop *h, const char *to, struct arena *arena, struct hop_reply *r,
    struct deadline d, struct err *err)
{
	struct span line, text;
	int code = 0, more = 1, lines;

	assert(h->magic == HOP_MAGIC);
	memset(r, 0, sizeof(*r));
	r->text = "";
	buf_reset(&h->line);
	for (lines = 0; more; lines++) {
		int code_now;

		if (read_line(h, to, &line, d, err) == -1)
			return -1;
		if (lines == REPLY_LINES_MAX)
			return nonsense(h, to, "an endless reply", err);
		if (line.len > 0 && memchr(line.p, '\0', line.len) != NULL)
			return nonsense(h, to, "a NUL", err);
		if (reply_parse_line(line, &code_now, &more, &text) == -1)
			return nonsense(h, to, "no reply code", err);
		if (lines > 0 && code_now != code)
			return nonsense(h, to, "different codes", err);
		code = code_now;
		add_text(h, text, r, lines == 0);
	}
	r->code = code;
	r->text = arena_str(arena, buf_span(&h->line));
	if (code == 421)
		return closing(h, r, err);
	h->answered = 1;
	return 0;
}

int
hop_read_result(struct hop *h, const char *to, struct arena *arena, struct hop_reply *r,
    struct deadline d, struct err *err)
{
	if (hop_read_reply(h, to, arena, r, d, err) == -1)
		return -1;
	if (r->code / 100 == 3) {
		memset(r, 0, sizeof(*r));
		r->text = "";
		return nonsense(h, to, "a 3xx", err);
	}
	return 0;
}
