/*
 * text_turn - text that is shown from right to left whatever its letters are
 *
 * U+202E turns what follows around, up to U+202C or the end of the line; in it, what other marks of
 * direction enclose goes the right way again.  "<bdo dir=rtl>" does the same (mail/html_text.h).
 *
 * Time is linear: TURN_DEPTH of them in one another; what is deeper is not turned.  Threads: any.
 */
#ifndef MAIL_TEXT_TURN_H
#define MAIL_TEXT_TURN_H

#include <stddef.h>

#include "base/span.h"

enum { TURN_DEPTH = 16 };

/* The mark at the front of a text: enum; how many octets: 3. */
enum turn_mark { TURN_NONE, TURN_LEFT, TURN_RIGHT, TURN_END };
enum turn_mark text_turn_mark(struct span);
/* Is there any that turns what follows? */
int text_is_turned(struct span);
/* Put UTF-8 in the order in which it is read, without the marks; its length then.  over_lines: what
 * is open at the end of a line goes on, and lines are not empty. */
size_t text_turn(char *text, size_t len, int over_lines);

#endif
