/*
 * rule_coverage - what a test program made restrictions do, for the table of tests/coverage
 *
 * Into the file PROGRAM.cov in the folder that the environment names as FILTERD_COVERAGE_DIR, one
 * line a finding, fields separated by tabs, each line once:
 *
 *	option NAME VALUE-A VALUE-B	two worlds that differ in this alone answered differently
 *	restriction NAME WHAT		permit, refuse, effect, waits (defer_if_permit and the
 *like), warn (a refusal under warn_if_reject); no: it left the decision to others; broken:
 *451 4.3.5 action NAME			a row with this action was met by one question and not by
 *					another to the same lists, and they ended differently
 *	known NAME			a restriction that the program has
 *
 * What happened is read from the trace of the evaluation, not from what the test expects.  Without
 * that environment nothing is written.
 *
 * State: what was written already is remembered for the life of the program.
 */
#ifndef TESTS_LIB_RULE_COVERAGE_H
#define TESTS_LIB_RULE_COVERAGE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct rule_options;

/* The questions that were put to the same lists before, the last few. */
#define COVERAGE_PAST 8
struct coverage_past {
	struct {
		uint32_t actions; /* that were met */
		char outcome[800];
	} v[COVERAGE_PAST];
	size_t n;
};

void rule_coverage_line(const char *fmt, ...) ATTR_PRINTF(1, 2);
/* A question was answered after so many ms; trace: its events (rules/trace.h). */
void rule_coverage_asked(struct coverage_past *, struct span trace, const char *answer, int64_t ms);
/* The answers are whatever the test compares; equal ones prove nothing.  The options must differ in
 * exactly one of rule_option_list. */
void rule_coverage_option(const struct rule_options *a, const struct rule_options *b,
    const char *answer_a, const char *answer_b);

#endif
