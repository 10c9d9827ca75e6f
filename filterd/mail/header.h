/*
 * header - one header field as text: is it one, and folding a long one
 *
 * What a walk over a whole message does is mime.h; these are for text that rules and parameters
 * bring (REPLACE, PREPEND, tag_header).
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/* A field name: printable ASCII without blank and colon, at least one. */
int header_name_valid(struct span name);
/* "Name: value", blanks before the colon allowed as Postfix does: length of the name, else 0. */
size_t header_name_len(struct span field);
/* Fit to be put into a header: "Name: value", no NUL, a CR or LF only as CRLF or LF before a blank
 * (a folded line). */
int header_field_valid(struct span field);

#define HEADER_FOLD 78
/* Add the field with CRLF at the end and between its lines.  Lines of more than HEADER_FOLD octets
 * are folded at blanks where there are any; no octet is added or taken away but line ends. */
void header_fold(struct span field, struct buf *out);

#endif
