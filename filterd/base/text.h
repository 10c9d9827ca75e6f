/*
 * text - questions about C strings that libc does not answer
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* Case folds ASCII only: mail syntax knows no locale. */
int text_case_eq(const char *a, const char *b);
/* ASCII lower case, in place; returns s. */
char *text_lower(char *s);
/* Of n names the one nearest to `name` by edit distance, if it is near enough to be a typing error;
 * else NULL. Case is folded. */
const char *text_nearest(const char *name, const char *const *names, size_t n);

#endif
