/*
 * rfc2047 - text beyond ASCII in a header field
 */
#ifndef MAIL_RFC2047_H
#define MAIL_RFC2047_H

#include "base/buf.h"
#include "base/span.h"

/* UTF-8 text as encoded words with a blank between them, each of at most 75 octets and of whole
 * characters.  Octets that are not UTF-8 are taken one by one for ISO-8859-1 and become UTF-8. */
void rfc2047_encode(struct span text, struct buf *out);

/* A prefix, as tag_subject_prefix has it, before a field's value, so that a reader sees the one
 * right before the other: printable ASCII stays as it is; other text is encoded, and also a prefix
 * that ends without a blank before a value that begins with an encoded word, which would no longer
 * be one.  The value (without the blanks at its start) is not touched. */
void rfc2047_prefix(struct span prefix, struct span value, struct buf *out);

#endif
