/*
 * pcre_code - one pattern, compiled by PCRE2 to machine code where it can be
 *
 * Keys up to PATTERN_LONG are matched within the limits of the parameters pattern_*_limit.  For
 * texts that are longer a number of attempts says nothing about the time, so they have what the
 * look-up has: until_us of the call.  The match is looked for in pieces, so many places to begin at
 * a time, and a piece that needs more attempts than were allowed is tried again with more of them
 * as long as the time it took so far lets expect that this ends in time.
 *
 * Ownership: pcre_code_new() gives to the caller; limits are the caller's and live as long.
 * Threads: any may match with one code.
 */
#ifndef TABLE_PCRE_CODE_H
#define TABLE_PCRE_CODE_H

#include <stddef.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/attr.h"

struct err;
struct pattern_call;
struct pcre_code;
struct pcre_limits;
struct table_limits;

/* NULL: the defaults, and so for those that are 0.  NULL: no memory. */
struct pcre_limits *pcre_limits_new(const struct table_limits *) ATTR_MUST_USE;
void pcre_limits_free(struct pcre_limits *); /* NULL is fine */

/* context: of pcre2_compile(), or NULL.  *has: groups.  NULL: why. */
struct pcre_code *pcre_code_new(const char *text, uint32_t options, pcre2_compile_context *context,
    const struct pcre_limits *, unsigned *has, char *why, size_t whysize) ATTR_MUST_USE;
void pcre_code_free(struct pcre_code *); /* NULL is fine */

/* md: with room for the groups wanted; NULL: by the interpreter.  Where it matches the first pair
 * of its offsets is set and c->group filled.  1, 0, -1 err. */
int pcre_code_exec(
    const struct pcre_code *, struct pattern_call *, pcre2_match_data *md, struct err *);

#endif
