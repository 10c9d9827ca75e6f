/*
 * pattern_lint - patterns that cannot be decided about each text
 *
 * A repetition whose body can match the same text in several ways, as in `(a+)+b`, tries all of
 * them before it gives up: each octet more doubles the time.  Such patterns are found by trying:
 * texts are made from the pattern that its repetitions like, with an end that it does not, and the
 * engine is asked; only one that reaches its limits with one of them is told.
 *
 * Others are quick with any line and too slow with long texts, where each place that a match may
 * begin at is one from which all the rest is read.  They are tried with a letter of 130 KB that has
 * nothing in it, behind most of what the pattern begins with; and so are regexp patterns, for
 * some are not tried with texts at all.
 *
 * Threads: any.
 */
#ifndef TABLE_PATTERN_LINT_H
#define TABLE_PATTERN_LINT_H

struct arena;
struct buf;
struct tree;

/* Texts that may make the pattern explode, one after the other, until f answers other than 0; at
 * most a few hundred.  The answer of f. */
int pattern_lint_texts(const struct tree *, int (*f)(void *arg, const struct buf *text), void *arg);

#endif
