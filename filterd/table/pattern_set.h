/*
 * pattern_set - sets of octets, as patterns write them
 *
 * Letters, digits and white space are ASCII's, as in PCRE2's own tables and in the C locale.
 */
#ifndef TABLE_PATTERN_SET_H
#define TABLE_PATTERN_SET_H

#include <stdint.h>

struct pattern_set {
	uint64_t bits[4];
};

static inline void
set_add(struct pattern_set *s, unsigned c)
{
	s->bits[c >> 6 & 3] |= (uint64_t)1 << (c & 63);
}

static inline int
set_has(const struct pattern_set *s, unsigned c)
{
	return (int)(s->bits[c >> 6 & 3] >> (c & 63) & 1);
}

void set_add_range(struct pattern_set *, unsigned from, unsigned to);
void set_join(struct pattern_set *, const struct pattern_set *);
void set_invert(struct pattern_set *);
/* With each letter its other case. */
void set_fold(struct pattern_set *);
unsigned set_count(const struct pattern_set *);

/* The set of `\d`, `\W` and so on: 1; 0: the letter stands for none. */
int set_escape(char c, struct pattern_set *);

/* A bracket expression, *p behind its [.  posix: as regcomp(3) reads it, where a backslash is one;
 * else as PCRE2.  -1: not understood. */
int set_bracket(const char **p, int posix, int caseless, struct pattern_set *);

/* `\x41`, `\n`, `\.`: one octet, *p behind the backslash; in a bracket `\b` is one too.  -1: none,
 * or not understood. */
int set_escaped_octet(const char **p, int in_bracket);

#endif
