/*
 * content - the octets between DATA's 354 and its end, turned into a normalised message
 *
 * A state machine that is fed what arrives, in pieces cut anywhere, and writes into the message's
 * buffer: finds the end, which is CRLF.CRLF only (PITFALLS A1-A3), undoes dot-stuffing, turns a
 * bare LF into CRLF and a CR that is not before LF into a blank, and reports what it saw.  It works
 * in place: out may be in.  The ordinary message is never moved.
 *
 * BDAT chunks go through the same machine with CONTENT_BDAT: no dots, no end.
 */
#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum content_mode { CONTENT_DATA, CONTENT_BDAT };

enum content_seen { /* bits */
	SEEN_BARE_LF = 1 << 0,
	SEEN_BARE_CR = 1 << 1,
	SEEN_NUL = 1 << 2,
	SEEN_SMUGGLING = 1 << 3, /* a dot alone between line ends, one of which is not CRLF */
	SEEN_LONG_LINE = 1 << 4, /* over 998 octets */
	SEEN_8BIT = 1 << 5,
};

struct content {
	enum content_mode mode;
	int state;       /* private: where in CR LF . CR LF we are */
	unsigned seen;   /* of enum content_seen */
	size_t line_len; /* private */
	int done;        /* the end was found */
};

void content_init(struct content *, enum content_mode);

/* The most octets content_feed() may write for n read: a bare LF becomes two. */
#define CONTENT_ROOM(n) (2 * (n) + 4)

/* Read in[0..n), write to out; returns octets read (fewer than n only when the end was found),
 * *wrote counts octets written. Octets of an undecided end (such as CR LF . CR) are held in the
 * state and written with a later call. out == in is allowed as long as no bare LF comes;
 * content_feed_in_place() says how. */
size_t content_feed(struct content *, const uint8_t *in, size_t n, uint8_t *out, size_t *wrote);
/* BDAT LAST: flush what is undecided, end the last line; writes at most 4 octets. */
size_t content_finish(struct content *, uint8_t *out);

#endif
