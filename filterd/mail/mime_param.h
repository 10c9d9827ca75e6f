/*
 * mime_param - a parameter of Content-Type or Content-Disposition, as mail readers understand it
 *
 * RFC 2231 whole: name*=charset'language'text, pieces name*0, name*1*, ... in any order, with gaps.
 * What is encoded so is preferred to what is not; of two alike the first counts.  Encoded words
 * (RFC 2047), which have no place there and are all over the field, are decoded too.  A value
 * without quotes goes up to the next ';', blanks and all.  A quote that is never closed, a
 * parameter without '=' and a missing ';' before the first one harm nothing.
 *
 * The result is UTF-8 by the charset that is given, in the ways of mail/charset.h and, of encoded
 * words, mail/field_text.h: also those that stand in other text, have blanks in them, or are too
 * long.  Controls stay.
 */
#ifndef MAIL_MIME_PARAM_H
#define MAIL_MIME_PARAM_H

#include "base/buf.h"
#include "base/span.h"

/* Appends the value of parameter `name`: 1, or 0 when there is none. */
int mime_param(struct span field_value, const char *name, struct buf *out);

/* Every value that some reader may take it to have, the one above first: of several alike the last,
 * or pieces of one number one behind the other, what is not encoded beside what is, the pieces up
 * to one that is missing, what stands before a blank where there are no quotes, with quotes
 * anywhere, and all these without comments.  They need not differ.  fn is called with text that
 * lives as long as the call.  Returns whether there may be more: of more than 64 pieces, and of a
 * field longer than 16 KB, of which each parameter is read in one way. */
typedef void mime_param_fn(void *arg, struct span value);
int mime_param_readings(struct span field_value, const char *name, mime_param_fn *fn, void *arg);

/* The same values as other readers decode them, where these may differ: by the letter of RFC 2047,
 * without belief in the charset, and with encoded words in what RFC 2231 encodes.  Of an ordinary
 * field with a charset other than UTF-8 too, so that they differ says little. */
void mime_param_decodings(struct span field_value, const char *name, mime_param_fn *fn, void *arg);

#endif
