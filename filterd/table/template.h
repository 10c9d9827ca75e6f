/*
 * template - the result of a pattern rule, with $1 ${1} $(1) and $$
 *
 * Ownership: pieces and text lie in the arena given to template_parse().
 */
#ifndef TABLE_TEMPLATE_H
#define TABLE_TEMPLATE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;

/* More groups than a rule can use. */
#define TEMPLATE_GROUPS 100

struct template_piece {
	struct span text; /* group 0 */
	unsigned group;
};

struct template
{
	const char *text;   /* as written; without groups $$ is $ already */
	unsigned max_group; /* largest $n, 0: none */
	size_t npieces;
	struct template_piece *pieces;
};

/* 0; -1: why says what is wrong. */
int template_parse(
    const char *text, struct arena *, struct template *, char *why, size_t whysize) ATTR_MUST_USE;
/* group[n] is what the n-th pair of parentheses matched, empty when it took no part. */
const char *template_expand(const struct template *, const struct span *group, struct arena *);

#endif
