/*
 * rule_setup - the options of restriction lists as a listener of role mta has them
 *
 * For programs that want every parameter's real default; unit tests have rule_world.h.
 */
#ifndef TESTS_LIB_RULE_SETUP_H
#define TESTS_LIB_RULE_SETUP_H

struct conf;
struct rule_options;

/* text: lines of a configuration file, without `listeners`.  NULL: it is wrong, and has been told
 * on standard error.  The options point into the result: conf_free() when they are done with. */
struct conf *rule_setup(const char *text, struct rule_options *);

#endif
