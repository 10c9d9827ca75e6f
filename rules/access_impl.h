/*
 * access_impl - the value of an access(5) row at work: what access_result.c and access_effects.c
 * share; nobody else includes it
 */
#ifndef RULES_ACCESS_IMPL_H
#define RULES_ACCESS_IMPL_H

#include "rules/rules_private.h"

struct access_row {        /* "ACTION text" of a row, and who said so */
	const char *table; /* for the log; "" none */
	const char *value; /* whole */
	const char *text;  /* behind the first word */
	struct rule_subject subject;
};

enum rule_result access_hold(struct rule_run *, const struct access_row *);
enum rule_result access_discard(struct rule_run *, const struct access_row *);
enum rule_result access_filter(struct rule_run *, const struct access_row *);
enum rule_result access_redirect(struct rule_run *, const struct access_row *);
enum rule_result access_bcc(struct rule_run *, const struct access_row *);
enum rule_result access_prepend(struct rule_run *, const struct access_row *);
enum rule_result access_tag(struct rule_run *, const struct access_row *);

/* The effect's word to the trace. */
void access_tell_effect(struct rule_run *, const struct access_row *, const char *word);
/* "<name>: Class triggers WORD text", as Postfix logs what it does. */
void access_log_effect(
    struct rule_run *, const struct access_row *, const char *what, const char *word);
/* The same with the row's own text, if it has one, in place of "triggers ... action". */
void access_log_text(
    struct rule_run *, const struct access_row *, const char *what, const char *word);

#endif
