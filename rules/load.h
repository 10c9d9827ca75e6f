/*
 * load - what the compile functions of the address modules need, in one struct
 *
 * What they make lives in `mem`, the rules' own arena, and is freed with it.  Tables are opened in
 * the registry.  Findings go to `report`, under the name of the parameter.
 */
#ifndef RULES_LOAD_H
#define RULES_LOAD_H

#include "base/attr.h"
#include "rules/finding.h"

struct arena;
struct table_registry;

struct rule_load {
	struct arena *mem;
	struct table_registry *tables;
	int tolerant; /* config_errors = postfix: what is wrong answers "cannot tell" when asked,
			 and the finding is a warning */
	rule_finding_fn *report; /* NULL: nobody listens */
	void *arg;
	int errors; /* counted: what has is_error */
};

/* Tell of something wrong: an error, with `tolerant` a warning.  file NULL: the parameter itself.
 */
void rule_load_wrong(struct rule_load *, const char *parameter, const char *file, int line,
    const char *fmt, ...) ATTR_PRINTF(5, 6);
void rule_load_warn(struct rule_load *, const char *parameter, const char *file, int line,
    const char *fmt, ...) ATTR_PRINTF(5, 6);
/* Open a table; its number, or -1: told.  With `tolerant` a table that cannot be opened has a
 * number and answers -1. */
int rule_load_table(struct rule_load *, const char *parameter, const char *type_name);

#endif
