/*
 * charset - text of any charset to UTF-8
 *
 * It cannot fail: the result is UTF-8, with U+FFFD where octets are none of the charset.  A byte
 * order mark counts more than the label and is not part of the text.  A label that says nothing
 * ("us-ascii" with octets above 127, none at all, one that charsets.def does not have) is replaced
 * by a guess: ISO-2022-JP where it has its escapes, UTF-8 where the octets are well-formed, else
 * windows-1252, of which all octets are characters.  Labels are understood in any case, with or
 * without their hyphens.
 *
 * Readers differ on what is labelled wrongly: some believe the label, some look at the octets, some
 * do not know the charset.  CHARSET_DOUBT says that charset_guess() gives what some may show.
 *
 * Closed list (charsets.def): what is not in it, and what the C library's iconv cannot read on this
 * machine, is guessed.  A descriptor of iconv is opened for each text: some 0.3 us once the
 * conversion was loaded, beside 70 to 160 for 64 KB; and one of each charset that was ever used
 * stays open, so that it stays loaded. Threads: any.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum charset_seen {               /* bits */
	CHARSET_UNKNOWN = 1 << 0, /* there is a label, and it could not be used */
	CHARSET_BAD = 1 << 1,     /* some octets are none of it */
	CHARSET_DOUBT = 1 << 2,   /* charset_guess() is a second reading, and may differ */
};

/* Append the text; returns what was seen.  label: "" none is given.  At most three octets are
 * appended for each of the text's. */
unsigned charset_decode(struct span text, struct span label, struct buf *out);
/* 1: what charset_decode() would append is the text itself, but for a mark at its front, which is
 * cut off, and it would return 0. */
int charset_as_is(struct span *text, struct span label);
/* Append it as the octets suggest. */
void charset_guess(struct span text, struct buf *out);
/* Is there a charset of this name? */
int charset_known(struct span label);
/* Load the conversions of all charsets, for a process that will not be able to open files.  They
 * stay loaded. */
void charset_load(void);
/* The character that an octet is in windows-1252, for which all sorts of text without a word are
 * taken; of the five that it lacks the control characters of ISO-8859-1. */
uint32_t charset_cp1252(uint8_t);

#endif
