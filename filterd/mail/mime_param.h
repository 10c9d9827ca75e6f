/*
 * mime_param - a parameter of Content-Type or Content-Disposition, as mail readers understand it
 *
 * RFC 2231 whole: name*=charset'language'text, pieces name*0, name*1*, ... in any order, with gaps.
 * What is encoded so is preferred to what is not; of two alike the first counts.  Encoded words
 * (RFC 2047), which have no place there and are all over the field, are decoded too.  A value
 * without quotes goes up to the next ';', blanks and all.  A quote that is never closed, a
 * parameter without '=' and a missing ';' before the first one harm nothing.
 *
 * The result is UTF-8 if the charset was UTF-8, US-ASCII or ISO-8859-1; of others the octets stay
 * as they are.
 */
#ifndef MAIL_MIME_PARAM_H
#define MAIL_MIME_PARAM_H

#include "base/buf.h"
#include "base/span.h"

/* Appends the value of parameter `name`: 1, or 0 when there is none. */
int mime_param(struct span field_value, const char *name, struct buf *out);

/* Every value that some reader may take it to have, the one above first: of several alike the last,
 * what is not encoded beside what is, and what stands before a blank where there are no quotes.
 * They need not differ.  fn is called with text that lives as long as the call. */
typedef void mime_param_fn(void *arg, struct span value);
void mime_param_readings(struct span field_value, const char *name, mime_param_fn *fn, void *arg);

#endif
