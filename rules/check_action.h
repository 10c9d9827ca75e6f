/*
 * check_action - the result of a header or body check: "ACTION argument"
 *
 * header_checks(5), and TAG.  Pure functions over the text of a rule.
 */
#ifndef RULES_CHECK_ACTION_H
#define RULES_CHECK_ACTION_H

#include <stddef.h>

enum check_verb {
	CHECK_UNKNOWN,
	CHECK_BCC,
	CHECK_DISCARD,
	CHECK_DUNNO,
	CHECK_FILTER,
	CHECK_HOLD,
	CHECK_IGNORE,
	CHECK_INFO,
	CHECK_PASS,
	CHECK_PREPEND,
	CHECK_REDIRECT,
	CHECK_REJECT,
	CHECK_REPLACE,
	CHECK_STRIP,
	CHECK_TAG, /* ours */
	CHECK_WARN,
};

struct check_action {
	enum check_verb verb;
	const char *arg; /* points into the text; "" when there is none */
};

/* Case of the action does not matter; OK is DUNNO. */
struct check_action check_action_parse(const char *text);
/* As the log names it: "reject", "warning", ... */
const char *check_verb_name(enum check_verb);

/* What is wrong with the argument, as a wish ("needs transport:destination"), or NULL.  header: the
 * list checks header fields, so REPLACE and PREPEND must have one.  A wrong action does nothing
 * but be logged. */
const char *check_action_fault(const struct check_action *, int header);

/* REJECT's argument taken apart. */
struct check_reject {
	int code;          /* 550, or 451 for an enhanced code of class 4 */
	char enhanced[12]; /* "5.7.1" when none was given */
	const char *text;  /* behind it; Postfix's default when there is none */
	int bad_class;     /* the class was neither 4 nor 5: deferred, and a warning is due */
};
struct check_reject check_reject_parse(const char *arg);

#endif
