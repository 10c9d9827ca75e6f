/*
 * field_text - the value of a header field as mail readers show it
 *
 * One line of UTF-8 without controls: folds are undone, encoded words (RFC 2047) decoded, white
 * space between two of them dropped, octets that are no characters taken for what mail/charset.h
 * guesses.
 *
 * Readers differ on what is not as RFC 2047 wants it, so there are readings.  FIELD_LENIENT finds
 * encoded words anywhere and of any length, also with blanks in them, and puts the octets of
 * neighbours of one charset together before it looks for characters, for many programs cut words
 * in the middle of one; an '=' inside base64 is nothing to it.  FIELD_STRICT decodes what the RFC
 * allows and nothing else, each word by itself.  FIELD_GUESS is the lenient one without belief in
 * the charsets' names, in which base64 that ends in the middle of an octet, or with an '=', begins
 * anew behind it.
 *
 * Threads: any.  The time is in proportion to the value's length.
 */
#ifndef MAIL_FIELD_TEXT_H
#define MAIL_FIELD_TEXT_H

#include "base/buf.h"
#include "base/span.h"

enum field_reading { FIELD_LENIENT, FIELD_STRICT, FIELD_GUESS };
#define FIELD_READINGS (FIELD_GUESS + 1)

enum field_seen {              /* bits */
	FIELD_WORDS = 1 << 0,  /* something like an encoded word: FIELD_STRICT may differ */
	FIELD_DOUBTS = 1 << 1, /* FIELD_GUESS may differ: a charset's name may be wrong */
};

/* Append the value, which is what stands behind the colon; returns what was seen. */
unsigned field_text(struct span value, enum field_reading, struct buf *out);
/* The same with the controls that are in it, but for line ends that are not encoded. */
unsigned field_text_octets(struct span value, enum field_reading, struct buf *out);
/* Is it its own text: one line of printable ASCII without anything like an encoded word? */
int field_text_is_plain(struct span value);

#endif
