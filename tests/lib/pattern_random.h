/*
 * pattern_random - random tables of patterns, and texts that they are likely to match
 *
 * The same numbers make the same table.  Ownership: buffers are the caller's.
 */
#ifndef TESTS_LIB_PATTERN_RANDOM_H
#define TESTS_LIB_PATTERN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct buf;

struct pattern_random {
	uint64_t state;
	int posix; /* for a table of type regexp, else pcre */
};

unsigned pattern_random_below(struct pattern_random *, unsigned n);
/* Rules with all that the files may hold: if and endif, negation, flags, $number; some of them are
 * not well formed. */
void pattern_random_table(struct pattern_random *, unsigned rules, struct buf *out);
void pattern_random_text(struct pattern_random *, struct buf *out);

#endif
