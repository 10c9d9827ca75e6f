/*
 * content - the octets between DATA's 354 and its end, turned into a normalised message
 *
 * A state machine that works in place on what was received, in pieces cut anywhere.  It finds the
 * end, which is CRLF.CRLF only (PITFALLS A1-A3), undoes dot-stuffing, turns a bare LF into CRLF and
 * a CR that is not before LF into a blank, keeps NULs, and reports what it saw.
 *
 * The caller receives straight into the message:
 *
 *	while (!c.done) {
 *		uint8_t *p = message_reserve(m, CONTENT_ROOM(want), err);
 *		ssize_t n = recv(fd, p + c.held, want, 0);
 *		message_commit(m, content_feed(&c, p, (size_t)n, &rest));
 *	}
 *	(rest: octets that follow the end, to be given back to the stream)
 *
 * A CR at the end of a piece is undecided: it is not in the result but kept in the struct, and the
 * next piece is received behind room for it, p + c.held (0 or 1).  So what is committed is final,
 * and a message without stuffed dots and bare LFs is never moved.  A piece with a stuffed dot is
 * moved down from there on; one with a bare LF is first moved up once, into the room behind it.
 *
 * Dots.  Every LF ends a line, bare or not, and one dot at the start of a line is transport and is
 * removed: a client that ends lines in LF has stuffed such lines, and for one that does not, the
 * next line is one all the same once LF has become CRLF.  A line that is "." alone is the end only
 * between CRLF and CRLF (the start of the message counts as CRLF); with a bare LF on either side it
 * is dropped, the message goes on, and SEEN_SMUGGLING is set.  All of this is what Postfix stores
 * with smtpd_forbid_bare_newline = normalize.
 *
 * BDAT chunks go through the same machine with CONTENT_BDAT: no dots, no end.
 *
 * Ownership: the struct holds no memory.  Threads: one at a time.
 */
#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum content_mode { CONTENT_DATA, CONTENT_BDAT };

enum content_seen { /* bits */
	SEEN_BARE_LF = 1 << 0,
	SEEN_BARE_CR = 1 << 1,
	SEEN_NUL = 1 << 2,
	SEEN_SMUGGLING = 1 << 3, /* a dot alone between line ends, one of which is not CRLF; CRs
				    beside it and NULs behind it count too; never set for BDAT */
	SEEN_LONG_LINE = 1 << 4, /* over CONTENT_LINE octets without its line end */
	SEEN_8BIT = 1 << 5,
	SEEN_DOT_LINE = 1 << 6, /* a line of the message begins with a dot, or may (BDAT): who sends
				   it on must stuff it */
};

#define CONTENT_LINE 998
#define CONTENT_HELD 1 /* the most that held will be */

struct content {
	enum content_mode mode;
	unsigned seen;     /* of enum content_seen */
	int done;          /* the end was found; nothing more may be fed */
	size_t held;       /* where the next piece goes: behind this many octets */
	int state;         /* private */
	int after_bare_lf; /* private: the line before ended in a bare LF */
	size_t line_len;   /* private */
};

void content_init(struct content *, enum content_mode);

/* The room that content_feed() needs at buf for a piece of n octets; what is behind the piece is
 * touched only when a bare LF comes. */
#define CONTENT_ROOM(n) (2 * (n) + 4)

/* The piece is at buf + c->held, n octets; buf has CONTENT_ROOM(n).  Returns how many octets of
 * message are now at buf.  *rest: what follows the end in this piece, in buf behind the message;
 * empty while the end was not found. */
size_t content_feed(struct content *, uint8_t *buf, size_t n, struct span *rest);
/* After the last BDAT chunk: writes what was held and ends the last line; at most CONTENT_FINISH
 * octets at buf.  Returns how many. */
#define CONTENT_FINISH 3
size_t content_finish(struct content *, uint8_t *buf);

#endif
