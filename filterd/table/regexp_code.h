/*
 * regexp_code - a pattern compiled by regcomp(3), in bounded memory
 *
 * glibc makes an automaton of a pattern while it reads texts, and keeps it with the pattern: for
 * some patterns a state for nearly each octet, without limit.  Such states take time to make, so a
 * pattern that has been matched for a while is compiled anew, which frees them.
 *
 * Threads: any.  One text is matched at a time, as by glibc itself; who has waited too long for
 * another compiles the pattern for itself.
 */
#ifndef TABLE_REGEXP_CODE_H
#define TABLE_REGEXP_CODE_H

#include <regex.h>
#include <stddef.h>

#include "base/attr.h"

struct regexp_code;

/* flags: of regcomp(3).  *has: groups.  NULL: why. */
struct regexp_code *regexp_code_new(
    const char *text, unsigned flags, unsigned *has, char *why, size_t whysize) ATTR_MUST_USE;
void regexp_code_free(struct regexp_code *); /* NULL is fine */
/* As regexec(3); len: of the text. */
int regexp_code_exec(struct regexp_code *, const char *text, size_t len, size_t n, regmatch_t *,
    int flags) ATTR_MUST_USE;
/* Did it take so much time for its octets that another way should be tried first? */
int regexp_code_is_slow(struct regexp_code *);
/* How often it was compiled anew. */
unsigned regexp_code_renewals(struct regexp_code *);

#endif
