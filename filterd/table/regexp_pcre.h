/*
 * regexp_pcre - the pattern of PCRE2 that matches where a POSIX one does
 *
 * Between two octets of a text the one finds a match if and only if the other does, but where
 * references such as \1 are: there PCRE2 finds what regexec(3) may miss.  What the parentheses
 * match is another matter: POSIX wants the longest, PCRE2 the first.
 *
 * Limits: extended syntax, without equivalence classes and what few write: -1.
 */
#ifndef TABLE_REGEXP_PCRE_H
#define TABLE_REGEXP_PCRE_H

#include <stddef.h>

#include "base/attr.h"

struct buf;
struct pcre_code;
struct pcre_limits;

/* flags: of regcomp(3).  The text to compile with regexp_pcre_new(); -1: there is none. */
int regexp_pcre_text(const char *text, unsigned flags, struct buf *out) ATTR_MUST_USE;
/* NULL: there is none. */
struct pcre_code *regexp_pcre_new(
    const char *text, unsigned flags, const struct pcre_limits *) ATTR_MUST_USE;

#endif
