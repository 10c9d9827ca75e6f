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

#endif
