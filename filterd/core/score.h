/*
 * score - points that rules give a message, with the names of those who gave them
 *
 * Points are decimals of at most three places, kept in thousandths, so sums are exact.  A
 * recipient's score is what was given for it and what was given for the whole message.  Parts of
 * one name and one rule are one; what comes when SCORE_PARTS have a name is added up under the name
 * "others".
 *
 * Ownership: parts are the arena's; names are copied.
 * Limits: a sum stays within SCORE_LIMIT, names are cut to SCORE_NAME octets.
 */
#ifndef CORE_SCORE_H
#define CORE_SCORE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "core/verdict.h"

#define SCORE_PARTS ((size_t)50)
#define SCORE_NAME  ((size_t)60)
#define SCORE_LIMIT ((int64_t)1000000 * 1000) /* and of one rule's points */
#define SCORE_TEXT  24                        /* room for any sum as text */

/* "2.5", "-3", "+0.125": 0, or -1. */
int score_parse(struct span, int64_t *points) ATTR_MUST_USE;
/* "2.5" */
void score_points(int64_t, char out[SCORE_TEXT]);

/* What in a name is a blank, '=' or no printable ASCII becomes '_'. */
void score_add(struct score *, struct arena *, const char *name, int64_t points, struct origin);
/* Has a part of this name and rule been there? */
int score_has(const struct score *, const char *name, const struct origin *);

/* With parts of its own. */
void score_copy(struct score *to, const struct score *, struct arena *);

/* Both together; own may be NULL. */
int64_t score_total(const struct score *all, const struct score *own);
/* "7.5 b=5 a=2.5", the weightiest first, so that the order in which rules came is not seen; nothing
 * where nobody gave points. */
void score_format(const struct score *all, const struct score *own, struct buf *);
/* Would they be formatted alike, beside the same score of the message? */
int score_same(const struct score *, const struct score *);

#endif
