/*
 * xmem - allocation that never returns NULL
 *
 * Running out of memory is a bug in our limits, not a state to handle (STYLE.md, "Errors"): these
 * abort.  Sizes that come from outside are checked by the caller before they get here.
 *
 * Ownership: the caller frees with free(3).
 * Threads: any.
 */
#ifndef BASE_XMEM_H
#define BASE_XMEM_H

#include <stddef.h>

#include "base/attr.h"

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/* n * size with an overflow check. */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
/* Copy len bytes and end them with NUL; the bytes must hold no NUL themselves. */
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif
