/*
 * content_checks - header_checks, mime_header_checks, nested_header_checks and body_checks
 *
 * header_checks(5) to the letter, as the real Postfix does it (POSTFIX.md, "Content checks"), plus
 * the action TAG.  Compiled once a configuration, run once a message; the walk over the message is
 * mail/mime.h's.
 *
 * Ownership: the compiled checks belong to the configuration snapshot and are read-only.
 * Threads: content_checks_run() any.
 */
#ifndef RULES_CONTENT_CHECKS_H
#define RULES_CONTENT_CHECKS_H

#include "base/attr.h"
#include "base/clock.h"
#include "mail/mime.h"
#include "rules/finding.h"

struct content_checks;
struct err;
struct table_registry;
struct transaction;

/* Filled by engine from the parameters; texts are copied. */
struct content_check_options {
	const char *header_checks, *mime_header_checks, *nested_header_checks, *body_checks;
	size_t body_checks_size_limit;
	const char *message_drop_headers; /* list of field names to remove; default empty here */
	int soft_bounce;
	int postfix_strict; /* config_errors = postfix: TAG and bad arguments as Postfix has them */
	int header_nul;     /* nul_in_header: 0 postfix (pass), 1 reject, 2 hold */
	int header_over;    /* header_over_limit: same values */
	int non_header_line; /* same values */
	struct mime_options mime;
	/* Told of each FILTER whose destination is known at load; may be NULL. */
	void (*filter_seen)(void *arg, const char *destination, const char *file, int line);
	void *filter_arg;
};

/* Opens the tables in the registry, looks at each action of each rule: what can be known at load is
 * told now.  NULL: an error was told. */
struct content_checks *content_checks_compile(const struct content_check_options *,
    struct table_registry *, rule_finding_fn *, void *arg) ATTR_MUST_USE;
void content_checks_free(struct content_checks *);

/* Walk txn->message, run the checks, fill txn->verdict (outcome, effects, edits) and txn->facts;
 * log a line for each action that Postfix logs one for.  A refusal ends the checks; what else was
 * raised before stays in the verdict.  What could not be decided (table unavailable, match limit,
 * the deadline passed) is fact patterns=failed and DEFER 451 4.3.0, as Postfix does.  txn->tables
 * holds the tables. */
void content_checks_run(
    const struct content_checks *, struct transaction *, struct deadline, struct mime_index *);

/* Is there any table to ask? */
int content_checks_any(const struct content_checks *);

#endif
