#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "client/wire.h"
#include "mail/content_scan.h"

#define SCRATCH_SIZE 4096
#define SHORT        64 /* up to here a copy is cheaper than a buffer of its own */

/* What a round of wire_add() may use up: a stretch and a few octets behind it. */
#define ROUND_IOV     2
#define ROUND_SCRATCH (SHORT + 4)
#define END_IOV       2

size_t
wire_scan(const uint8_t *p, size_t n, int line_start)
{
	size_t line_len = 0;
	unsigned seen = 0;

	if (n > 0 && line_start && *p == '.')
		return 0;
	return content_scan(p, n, 1, &line_len, &seen);
}

static void
emit(struct wire *w, const void *p, size_t n)
{
	struct iovec *last = w->n == 0 ? NULL : &w->v[w->n - 1];

	w->bytes += n;
	if (n <= SHORT) {
		uint8_t *to;

		if (w->scratch == NULL)
			w->scratch = xmalloc(SCRATCH_SIZE);
		to = w->scratch + w->scratch_used;
		memcpy(to, p, n);
		w->scratch_used += n;
		p = to;
	}
	if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == p) {
		last->iov_len += n;
		return;
	}
	assert(w->n < WIRE_IOV);
	w->v[w->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
}

static int
has_room(const struct wire *w)
{
	return w->bytes < WIRE_MAX && w->n + ROUND_IOV + END_IOV <= WIRE_IOV &&
	       w->scratch_used + ROUND_SCRATCH <= SCRATCH_SIZE;
}

void
wire_begin(struct wire *w)
{
	w->at = WIRE_LINE;
	wire_sent(w);
}

size_t
wire_add(struct wire *w, struct span piece)
{
	size_t i = 0;

	while (i < piece.len && has_room(w)) {
		const uint8_t *p = piece.p + i;
		size_t left = piece.len - i, clean;

		if (w->at == WIRE_CR) {
			/* Behind a CR that ended a piece, or one that must not leave. */
			if (*p == '\n') {
				emit(w, "\r\n", 2);
				w->at = WIRE_LINE;
				i++;
			} else {
				emit(w, " ", 1);
				w->at = WIRE_TEXT;
			}
			continue;
		}
		if (w->at == WIRE_LINE && *p == '.') {
			emit(w, ".", 1);
			w->at = WIRE_TEXT;
		}
		if (left > WIRE_MAX)
			left = WIRE_MAX;
		clean = wire_scan(p, left, w->at == WIRE_LINE);
		if (clean > 0) {
			emit(w, p, clean);
			w->at = p[clean - 1] == '\n' ? WIRE_LINE : WIRE_TEXT;
			i += clean;
		} else if (*p == '\r') {
			w->at = WIRE_CR;
			i++;
		} else if (*p == '\n') {
			emit(w, "\r\n", 2);
			w->at = WIRE_LINE;
			i++;
		}
	}
	return i;
}

size_t
wire_add_known(struct wire *w, struct span piece)
{
	const uint8_t *lf = piece.len == 0 ? NULL : memchr(piece.p, '\n', piece.len);
	size_t head = lf == NULL ? piece.len : (size_t)(lf - piece.p) + 1, left;
	/* Up to its first line end the piece may belong to a line that began elsewhere. */
	size_t n = wire_add(w, span_make(piece.p, head));

	if (n < head || head == piece.len || !has_room(w))
		return n;
	left = piece.len - n;
	if (left > WIRE_MAX)
		left = WIRE_MAX;
	/* A CR at the end waits for the LF of the next piece. */
	if (piece.p[n + left - 1] == '\r')
		left--;
	if (left > 0) {
		emit(w, piece.p + n, left);
		w->at = piece.p[n + left - 1] == '\n' ? WIRE_LINE : WIRE_TEXT;
		n += left;
	}
	if (n == piece.len - 1 && piece.p[n] == '\r') {
		w->at = WIRE_CR;
		n++;
	}
	return n;
}

void
wire_end(struct wire *w)
{
	static const char end[] = " \r\n.\r\n";
	static const size_t skip[] = { [WIRE_LINE] = 3, [WIRE_TEXT] = 1, [WIRE_CR] = 0 };
	const char *p = end + skip[w->at];
	size_t n = sizeof(end) - 1 - skip[w->at];

	assert(w->n < WIRE_IOV);
	w->v[w->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	w->bytes += n;
	w->at = WIRE_LINE;
}

void
wire_sent(struct wire *w)
{
	w->n = w->bytes = w->scratch_used = 0;
}

void
wire_fini(struct wire *w)
{
	free(w->scratch);
	w->scratch = NULL;
	wire_sent(w);
}
