/*
 * pattern_lint - patterns that a text can make backtrack without end
 *
 * A repetition whose body can match the same text in several ways, as in `(a+)+b`, tries all of
 * them before it gives up: each octet more doubles the time.  Such patterns are found by trying:
 * texts are made from the pattern that its repetitions like, with an end that it does not, and the
 * engine is asked; only one that reaches its limits with one of them is told.
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
