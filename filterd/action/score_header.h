/*
 * score_header - the header field that lists a score's points, in a message that is tagged
 *
 *	X-Filterd-Score: 7.5 reject_rbl_client=5 check_text=2.5
 *
 * Folded at blanks.  Fields of this name that came with the message, which anybody can write, go
 * when ours is put there.
 *
 * Ownership: results live in the list's arena.
 */
#ifndef ACTION_SCORE_HEADER_H
#define ACTION_SCORE_HEADER_H

#include "base/span.h"
#include "core/edit.h"

/* The field, in front of the message; text is what score_format() gives. */
void score_header_add(struct edit_list *, const char *name, struct span text);
/* The deletion of each field of that name in the message's own header. */
void score_header_drop(struct edit_list *, struct span message, const char *name);

#endif
