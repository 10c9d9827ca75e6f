/*
 * text_kind - which parts of a message are text, by what is said of them
 *
 * By any type that a part is given, and by the end of any name; pictures of SVG count as HTML,
 * which browsers read in the same way.
 *
 * Pure.
 */
#ifndef RULES_TEXT_KIND_H
#define RULES_TEXT_KIND_H

#include "base/span.h"

struct parts_part;

enum text_kind_bit {
	TEXT_IS_PLAIN = 1 << 0,
	TEXT_IS_HTML = 1 << 1,
	TEXT_IS_DOUBTFUL = 1 << 2, /* only if the octets look like text */
	TEXT_IS_FOLDED = 1 << 3,   /* as RFC 5545 folds lines, with TEXT_IS_PLAIN */
};

/* 0: it is none. */
unsigned text_kind(const struct parts_part *);
int text_looks_like(struct span octets);

#endif
