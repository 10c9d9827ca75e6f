/*
 * rule_option_list - the fields of struct rule_options by the names of their parameters
 *
 * For tests that set an option by its name or ask in what two sets of options differ.  That none is
 * missing test_rule_options sees to.
 */
#ifndef TESTS_LIB_RULE_OPTION_LIST_H
#define TESTS_LIB_RULE_OPTION_LIST_H

#include <stddef.h>

struct rule_options;

enum rule_option_kind { OPTION_TEXT, OPTION_SWITCH, OPTION_NUMBER };

struct rule_option {
	const char *name;
	size_t offset, size;
	enum rule_option_kind kind;
};

extern const struct rule_option rule_option_list[];
extern const size_t rule_option_count;

/* NULL: there is none. */
const struct rule_option *rule_option_find(const char *name);
/* A switch is "yes" or "no", a number digits; a text must live as long as the options. */
void rule_option_set(struct rule_options *, const struct rule_option *, const char *value);
int rule_option_same(
    const struct rule_options *, const struct rule_options *, const struct rule_option *);

#endif
