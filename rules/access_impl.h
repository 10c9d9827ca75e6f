/*
 * access_impl - the value of an access(5) row at work: what access_result.c and access_effects.c
 * share; nobody else includes it
 */
#ifndef RULES_ACCESS_IMPL_H
#define RULES_ACCESS_IMPL_H

#include "rules/content_source.h"
#include "rules/rules_private.h"

struct access_content {     /* what of the message a row is about */
	const char *source; /* "header", "body" */
	const struct content_key *key;
	int told; /* the log has it: another recipient's list has met it */
};

struct access_row {        /* "ACTION text" of a row, and who said so */
	const char *table; /* for the log; "" none */
	const char *value; /* whole */
	const char *text;  /* behind the first word */
	struct rule_subject subject;
	const struct access_content *about; /* NULL: no key of the content */
};

/* What a row's value is. */
enum access_kind {
	ACCESS_OTHER,   /* it permits, has an effect, or nothing comes of it */
	ACCESS_NOTHING, /* DUNNO */
	ACCESS_EDIT,    /* where its key has a place, it changes the message there and no more */
	ACCESS_REFUSAL, /* REJECT, DEFER, a code */
	ACCESS_LIST,    /* a class, or a list of restrictions */
};

/* Of a row about the content. */
enum access_kind access_kind(const char *value);
/* Of a row about something else: is it a class, or a list of restrictions? */
int access_is_list(const char *value, int tolerant);
enum rule_result access_result_content(struct rule_run *, const char *table, const char *value,
    const struct origin *, const struct access_content *);

enum rule_result access_hold(struct rule_run *, const struct access_row *);
enum rule_result access_discard(struct rule_run *, const struct access_row *);
enum rule_result access_filter(struct rule_run *, const struct access_row *);
enum rule_result access_redirect(struct rule_run *, const struct access_row *);
enum rule_result access_score(struct rule_run *, const struct access_row *);
enum rule_result access_bcc(struct rule_run *, const struct access_row *);
enum rule_result access_prepend(struct rule_run *, const struct access_row *);
enum rule_result access_tag(struct rule_run *, const struct access_row *);
/* access_edit.c: what changes the message at the key's place. */
enum rule_result access_ignore(struct rule_run *, const struct access_row *);
enum rule_result access_strip(struct rule_run *, const struct access_row *);
enum rule_result access_replace(struct rule_run *, const struct access_row *);
enum rule_result access_prepend_there(struct rule_run *, const struct access_row *);

/* Has the row's key a place in the message? */
static inline int
access_has_place(const struct access_row *r)
{
	return r->about != NULL && r->about->key->place != PLACE_NONE;
}
/* It can do nothing: told.  wish: "needs user@domain". */
enum rule_result access_useless(struct rule_run *, const struct access_row *, const char *wish);
/* Would message_drop_headers remove a field of this name? */
int access_is_dropped(const struct rule_run *, struct span name);

/* Before MAIL there is no message that an effect could be about: 1, and told. */
int access_too_early(struct rule_run *, const struct access_row *);
/* The effect's word to the trace. */
void access_tell_effect(struct rule_run *, const struct access_row *, const char *word);
/* "<name>: Class triggers WORD text", as Postfix logs what it does. */
void access_log_effect(
    struct rule_run *, const struct access_row *, const char *what, const char *word);
/* The same with the row's own text, if it has one, in place of "triggers ... action". */
void access_log_text(
    struct rule_run *, const struct access_row *, const char *what, const char *word);

/* content_told.c: of a row about the content the log has one line a transaction for each text,
 * whatever many lines and recipients it is about, and one that says how many more there were.  Is
 * this to be logged?  what NULL: that it can do nothing. */
int content_told_news(struct rule_run *, const struct access_row *, const char *what);
/* At the end of a check: how many more there were. */
void content_told_more(struct rule_run *);

#endif
