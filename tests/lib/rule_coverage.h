/*
 * rule_coverage - what a test program made restrictions do, for the table of tests/unit/coverage
 *
 * Into the file PROGRAM.cov in the folder that the environment names as FILTERD_COVERAGE_DIR, one
 * line a finding, fields separated by tabs, each line once:
 *
 *	option TEST NAME VALUE-A VALUE-B	two worlds differ in this alone and answered
 *differently
 *	restriction TEST NAME WHAT		permit, refuse, effect, warn; no: it left the
 *decision to others; broken: 451 4.3.5 action TEST NAME both			a row with this
 *action was met by one question, not by another to the same lists, and they ended differently known
 *NAME				a restriction that the program has
 *
 * Without that environment nothing is written.
 *
 * State: what was written already is remembered for the life of the program.
 */
#ifndef TESTS_LIB_RULE_COVERAGE_H
#define TESTS_LIB_RULE_COVERAGE_H

#include "base/attr.h"

struct rule_options;

void rule_coverage_line(const char *fmt, ...) ATTR_PRINTF(1, 2);
/* The answers are whatever the test compares; equal ones prove nothing.  The options must differ in
 * exactly one of rule_option_list. */
void rule_coverage_option(const char *test, const struct rule_options *a,
    const struct rule_options *b, const char *answer_a, const char *answer_b);

#endif
