/*
 * rbl_macro - the macro language of Postfix's templates (postconf(5), default_rbl_reply)
 *
 * Knows no macro itself.  Threads: any.
 */
#ifndef RULES_RBL_MACRO_H
#define RULES_RBL_MACRO_H

#include "base/attr.h"
#include "base/span.h"

struct arena;

/* The value of a name, as it shall stand in the result; NULL: there is none of this name. */
typedef const char *rbl_macro_fn(void *arg, struct span name);

/* NULL: a name that is not known (a test for its value is fine: it is empty), or wrong syntax; why
 * says which, in the arena. */
const char *rbl_macro_expand(struct arena *, const char *template, rbl_macro_fn *, void *arg,
    const char **why) ATTR_MUST_USE;

#endif
