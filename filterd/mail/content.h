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
 * Octets whose meaning is open at the end of a piece (CR, a dot at the start of a line, dot and CR)
 * are not in the result; they are kept in the struct, and the next piece is received behind
 * room for them, p + c.held (at most CONTENT_HELD).  So what is committed is final, and a message
 * without stuffed dots and bare LFs is never moved.  A piece with a stuffed dot is moved down from
 * there on; one with a bare LF is first moved up once, into the room behind it.
 *
 * Dots.  Every LF starts a line, bare or not, as Postfix has it: one dot at its start is transport
 * and is removed, whatever follows.  A client that ends lines in LF has stuffed by such lines, and
 * one that does not sees its LF become a line end anyway.  "." alone is the end only between CRLF
 * and CRLF; otherwise (LF . CRLF and its like) it is text, an empty line once the dot is removed,
 * and SEEN_SMUGGLING.  The start of the message counts as behind CRLF.
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
	SEEN_SMUGGLING = 1 << 3, /* a dot alone between line ends, one of which is not CRLF, also
				    with CRs and NULs around it; never set for BDAT */
	SEEN_LONG_LINE = 1 << 4, /* over CONTENT_LINE octets without its line end */
	SEEN_8BIT = 1 << 5,
};

#define CONTENT_LINE 998
#define CONTENT_HELD 2

struct content {
	enum content_mode mode;
	unsigned seen;   /* of enum content_seen */
	int done;        /* the end was found; nothing more may be fed */
	size_t held;     /* where the next piece goes: behind this many octets */
	int state;       /* private */
	int dot;         /* private: what surrounds a dot that may stand alone */
	size_t line_len; /* private */
};

void content_init(struct content *, enum content_mode);

/* The room that content_feed() needs at buf for a piece of n octets; what is behind the piece is
 * touched only when a bare LF comes. */
#define CONTENT_ROOM(n) (2 * (n) + 2 * CONTENT_HELD + 4)

/* The piece is at buf + c->held, n octets; buf has CONTENT_ROOM(n).  Returns how many octets of
 * message are now at buf.  *rest: what follows the end in this piece, in buf behind the message;
 * empty while the end was not found. */
size_t content_feed(struct content *, uint8_t *buf, size_t n, struct span *rest);
/* After the last BDAT chunk: writes what was held and ends the last line; at most CONTENT_FINISH
 * octets at buf.  Returns how many. */
#define CONTENT_FINISH 3
size_t content_finish(struct content *, uint8_t *buf);

#endif
