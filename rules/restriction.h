/*
 * restriction - the row that every restriction is, and what a list is compiled to
 *
 * Everything that decides is a restriction (DESIGN.md): one `struct restriction_def` row, built in
 * or of a plugin, as plugins/filterd_plugin.h has it.  Rows of a family stand together in a file of
 * their own (rules/check_client.c and so on) and end with one whose name is NULL;
 * rules/restrictions.c lists the families.
 *
 * A list is compiled to an array of `struct rule_op`, one an item, with its argument made ready:
 * table opened, number parsed, class found.  A check function gets the run (rules/rule_run.h) and
 * its op, and answers with a result; a refusal it makes with rule_refuse().
 *
 * Threads: rows and ops are read-only once loaded; a check may run on many threads at a time.
 */
#ifndef RULES_RESTRICTION_H
#define RULES_RESTRICTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "plugins/filterd_plugin.h"
#include "rules/plugin.h"
#include "rules/rules.h"

/* One item of a compiled list. */
struct rule_op {
	const struct restriction_def *def;
	const struct plugin_instance *plugin; /* whose row it is; NULL: built in */
	enum rule_failure on_failure;         /* the item's own, or else its family's */
	int own_failure;                      /* it is the item's own */
	struct rule_where where;
	const char *word; /* as written, with the argument: "check_client_access hash:/etc/x" */
	const char *arg;  /* the argument's text, or NULL */
	int table;        /* ARG_TABLE: its number in the registry */
	int64_t number;   /* ARG_SECONDS; points, in thousandths */
	const char *text; /* { ..., text = }; NULL: none */
	int scores;       /* score_if_reject: what the next item refuses gives points */
	void *data;       /* of def->compile */
	const struct rule_list *call; /* a class: its list */
	size_t together; /* NEED_DNS: how many ops from this one on may have their look-ups begun
			    with it */
};

struct rule_list {
	const char *name; /* "smtpd_client_restrictions", or a class */
	struct rule_op *ops;
	size_t n;
};

/* --- for compile functions (rules/compile.c) --- */
const struct rule_options *rule_compile_options(const struct rule_compile *);
struct table_registry *rule_compile_tables(struct rule_compile *);
/* Cleared memory with the life of the rules. */
void *rule_compile_alloc(struct rule_compile *, size_t);
char *rule_compile_strdup(struct rule_compile *, const char *);
/* Open a table for this op; -1: told, or (tolerant) a number that answers with trouble. */
int rule_compile_table(struct rule_compile *, const char *type_name);
/* An error with config_errors = postfix too. */
void rule_compile_fatal(struct rule_compile *, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* What Postfix answers with 451 4.3.5 when mail comes: an error, or with config_errors = postfix a
 * warning. */
void rule_compile_error(struct rule_compile *, const char *fmt, ...) ATTR_PRINTF(2, 3);
void rule_compile_warning(struct rule_compile *, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* The row with this name, an older one included; NULL: none. */
const struct restriction_def *restriction_find(const char *name);

#endif
