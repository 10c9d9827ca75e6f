/*
 * rules_world - a transaction for fuzzed restriction lists, asked about at every stage
 */
#ifndef TESTS_FUZZ_RULES_WORLD_H
#define TESTS_FUZZ_RULES_WORLD_H

struct rule_options;

struct rules_envelope {
	const char *helo, *sender, *recipient;
};

/* The defaults of every parameter, but for lists and tables; the same each time. */
const struct rule_options *rules_world_options(void);
/* Compile, ask, and abort if an answer is none that a client may get. */
void rules_world_run(const struct rule_options *, const struct rules_envelope *);

#endif
