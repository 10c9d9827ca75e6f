/*
 * cf_compare - the comparisons inside ${{a} == {b} ? {x} : {y}}
 */
#ifndef CONF_CF_COMPARE_H
#define CONF_CF_COMPARE_H

#include "base/attr.h"
#include "base/span.h"

struct err;

struct cf_operator {
	int less, equal, greater; /* which outcomes of a comparison make it true */
	int level;                /* compare as compatibility levels */
};

/* Take the operator from the front of *s; -1: there is none. */
int cf_operator_parse(struct span *s, struct cf_operator *) ATTR_MUST_USE;
/* -1: a side is no compatibility level. */
int cf_compare(
    const struct cf_operator *, const char *a, const char *b, int *yes, struct err *) ATTR_MUST_USE;

#endif
