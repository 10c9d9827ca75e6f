/*
 * cf_value - text to typed value, with range
 *
 * TIME	digits and s m h d w (none: the unit of the parameter's default); in milliseconds
 * SIZE	digits and k m g (1024, 1024^2, 1024^3)
 * INT	digits, at most 2147483647 where params.def says no maximum
 * BOOL	yes or no; ENUM one of the words; case does not count in either
 * STR, RAW, LIST	text; min is the least number of octets
 *
 * Errors state what was found and what was expected.
 */
#ifndef CONF_CF_VALUE_H
#define CONF_CF_VALUE_H

#include <stdint.h>

#include "base/attr.h"
#include "conf/param_row.h"

struct err;

int cf_time_parse(const char *text, char unit, int64_t *ms, struct err *) ATTR_MUST_USE;
int cf_size_parse(const char *text, int64_t *octets, struct err *) ATTR_MUST_USE;
int cf_int_parse(const char *text, int64_t *, struct err *) ATTR_MUST_USE;

/* Parse, check the range, and store at the row's offset in *out (struct params); text must live as
 * long as *out. */
int cf_value_set(const struct param_row *, const char *text, void *out, struct err *) ATTR_MUST_USE;
/* The unit of a TIME that is written without one. */
char cf_value_unit(const struct param_row *);

#endif
