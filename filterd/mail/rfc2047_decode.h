/*
 * rfc2047_decode - a header field's value as a reader sees it
 *
 * Encoded words of UTF-8, US-ASCII and ISO-8859-1 become UTF-8; those of other charsets, and what
 * only looks like one, stay as they are.  Folds are undone, white space between two encoded words
 * is dropped.  What a field says may be any octets, so the result is not sure to be UTF-8.
 */
#ifndef MAIL_RFC2047_DECODE_H
#define MAIL_RFC2047_DECODE_H

#include "base/buf.h"
#include "base/span.h"

/* Appends to out. */
void rfc2047_decode(struct span value, struct buf *out);

/* --- words, for who reads them in his own way --- */

struct rfc2047_word {
	struct span charset, text; /* the charset without its language (RFC 2231) */
	uint8_t encoding;          /* 'b' or 'q' */
};
struct rfc2047_bits { /* of base64, which goes on in a neighbouring word; begins zeroed */
	unsigned bits;
	int n;
	int groups;  /* input: an '=' ends a group of base64, else it is junk in the middle */
	int went_on; /* there was more behind an '=' */
};

/* Is all of it one encoded word? */
int rfc2047_word(struct span, struct rfc2047_word *);
/* Its text is as its encoding wants it. */
int rfc2047_is_sound(const struct rfc2047_word *);
/* Append its octets; what is none of its encoding is left out of base64, and kept in Q. */
void rfc2047_octets(const struct rfc2047_word *, struct rfc2047_bits *, struct buf *out);

#endif
