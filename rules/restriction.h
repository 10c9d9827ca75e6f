/*
 * restriction - the row that every restriction is, and what a list is compiled to
 *
 * Everything that decides is a restriction (DESIGN.md): one `struct restriction_def` row, built in
 * or of a plugin.  Rows of a family stand together in a file of their own (rules/check_client.c and
 * so on) and end with one whose name is NULL; rules/restrictions.c lists the families.
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
#include "rules/rules.h"

struct rule_compile;
struct rule_op;
struct rule_run;

enum rule_result {
	RULE_DUNNO,   /* the next item */
	RULE_OK,      /* the list ends, permitted */
	RULE_REFUSED, /* the list ends; the run has the reply */
};

/* What stands behind the name in a list. */
enum restriction_arg {
	ARG_NONE,
	ARG_TABLE,   /* type:name -> op.table */
	ARG_TEXT,    /* one word -> op.arg */
	ARG_SERVICE, /* one word, or { word, name=value ... } -> op.arg, whole */
	ARG_SECONDS, /* a number -> op.number */
	ARG_NEXT,    /* none, but it changes what the next item means: warn_if_reject */
};

/* Lists it may stand in, as bits. */
#define AT(list)       (1u << (list))
#define AT_CLIENT      AT(LIST_CLIENT)
#define AT_HELO        AT(LIST_HELO)
#define AT_SENDER      AT(LIST_SENDER)
#define AT_RELAY       AT(LIST_RELAY)
#define AT_RCPT        AT(LIST_RECIPIENT)
#define AT_DATA        AT(LIST_DATA)
#define AT_END_OF_DATA AT(LIST_END_OF_DATA)
#define AT_END         AT(LIST_CONTENT)
#define AT_ANY         (AT(RULE_LISTS) - 1u)

/* What it looks at.  Load warns where a list runs before that is known. */
#define NEED_HELO    (1u << 0)
#define NEED_SENDER  (1u << 1)
#define NEED_RCPT    (1u << 2)
#define NEED_DATA    (1u << 3) /* the DATA command has come */
#define NEED_CONTENT (1u << 4) /* the whole message */
#define NEED_DNS     (1u << 5) /* it asks the DNS: `prepare` says what */
/* What it can do to a list. */
#define CAN_PERMIT                                                                                 \
	(1u << 8)             /* it may answer OK: look-ups of later items are not begun before it \
			       */
#define STOPS_RELAY (1u << 9) /* counts as protection from open relaying at start-up */
#define ENDS_LIST   (1u << 10) /* nothing behind it is reached */
/* How its name is read. */
#define CASE_COUNTS                                                                                \
	(1u << 11) /* in Postfix it is a class that is always there, and those have case */

typedef enum rule_result restriction_check_fn(struct rule_run *, const struct rule_op *);
/* Begin the look-ups that check will ask for, without waiting (rule_dns_start()). */
typedef void restriction_prepare_fn(struct rule_run *, const struct rule_op *);
/* Make op->data out of op->arg, in the rules' memory (rule_compile_alloc()).  0, or -1: the finding
 * has been told. */
typedef int restriction_compile_fn(struct rule_compile *, struct rule_op *);

struct restriction_def {
	const char *name;         /* case does not count */
	const char *const *older; /* its names in Postfix 2, ended by NULL; or NULL */
	enum restriction_arg args;
	unsigned stages; /* AT_... */
	unsigned needs;  /* NEED_..., CAN_..., ... */
	int variant;     /* for rows that share a check */
	restriction_check_fn *check;
	restriction_prepare_fn *prepare; /* NULL: nothing to begin */
	restriction_compile_fn *compile; /* NULL: op.arg, table and number are all there is */
	const char *on_failure;          /* ours: the parameter NAME_on_failure; NULL: as Postfix */
	const char *text;                /* what it does, for filterd_restrictions(5) */
};

/* One item of a compiled list. */
struct rule_op {
	const struct restriction_def *def;
	struct rule_where where;
	const char *word; /* as written, with the argument: "check_client_access hash:/etc/x" */
	const char *arg;  /* the argument's text, or NULL */
	int table;        /* ARG_TABLE: its number in the registry */
	int64_t number;   /* ARG_SECONDS */
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
