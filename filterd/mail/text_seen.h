/*
 * text_seen - characters that a reader does not see
 *
 * Zero-width characters, soft hyphens, marks of direction, variation selectors, tags, fillers,
 * strokes through letters, control characters, noncharacters and U+FFFD, which stands for octets
 * that some readers drop, are taken out of every text that is looked at, for between the letters of
 * a word they hide it.  Blanks of all widths become one of ours.  Tab, LF and CR stay.
 */
#ifndef MAIL_TEXT_SEEN_H
#define MAIL_TEXT_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* What the octets of UTF-8 may begin. */
enum text_octet {
	TEXT_PLAIN,  /* a character that is seen, or the rest of one */
	TEXT_SPACE,  /* blank, tab, LF, FF, CR */
	TEXT_LEAD,   /* perhaps one that is not: ask text_seen() */
	TEXT_UNSEEN, /* one that is not */
	TEXT_MARK,   /* '&' */
};
extern const uint8_t text_octets[256];

/* The character at the front of a text that begins with a TEXT_LEAD: how many octets it takes (1 if
 * it is none); *as: 0 it is not seen, ' ' it is a blank, 1 it is to stay as it is. */
size_t text_seen(struct span, int *as);
/* Append what is seen of a plain text; line ends become LF.  Not longer than the text. */
void text_clean(struct span, struct buf *out);

#endif
