/*
 * finding - what is found while rules are compiled: an error refuses the configuration
 */
#ifndef RULES_FINDING_H
#define RULES_FINDING_H

struct rule_finding {
	int is_error;
	const char *parameter; /* "header_checks" */
	const char
	    *file; /* table file, or where the parameter's item stands; NULL: the parameter */
	int line;
	const char *text;
};
typedef void rule_finding_fn(void *arg, const struct rule_finding *);

#endif
