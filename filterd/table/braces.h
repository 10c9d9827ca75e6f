/*
 * braces - text inside { }, as in Postfix's `inline:{ a=b, { c = d e } }`
 *
 * The text is cut in place: the functions write NULs into it and return pointers into it.
 */
#ifndef TABLE_BRACES_H
#define TABLE_BRACES_H

#include "base/attr.h"

struct err;

/* *text must be `{ ... }` with nothing after it: on 0 it points to what is inside, without white
 * space at the ends if trim.  -1: err (ERR_CONFIG) says what is wrong. */
int braces_strip(char **text, int trim, struct err *) ATTR_MUST_USE;
/* The next word of *rest; words are parted by comma or white space that stands outside { }.  NULL:
 * no more. */
char *braces_next(char **rest);
/* Cut `name = value` in two, both without surrounding white space. */
int braces_assignment(char *text, char **name, char **value, struct err *) ATTR_MUST_USE;

#endif
