/*
 * regexp_cost - will regcomp(3) bear this pattern?
 *
 * glibc writes a repetition out (a{1000} is a thousand nodes, each + doubles what it stands behind)
 * and compiles parentheses by recursion, both without limit, so a short line could take all memory
 * or the whole stack.  This counts beforehand, never less than glibc makes.
 */
#ifndef TABLE_REGEXP_COST_H
#define TABLE_REGEXP_COST_H

#include <stddef.h>

#include "base/attr.h"

/* 0; -1: why. */
int regexp_cost_check(const char *text, int extended, char *why, size_t whysize) ATTR_MUST_USE;

#endif
