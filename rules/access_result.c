/* The value of an access(5) row: an action, a reply code, or a list of restrictions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "mail/reply.h"
#include "rules/access_impl.h"
#include "rules/rules_private.h"

typedef enum rule_result action_fn(struct rule_run *, const struct access_row *);

/* --- refusals --- */

struct worded { /* a text with an enhanced code in front, or not */
	char enhanced[12];
	const char *text;
};

static struct worded
worded(const char *text, const char *enhanced, const char *otherwise)
{
	struct worded w;
	size_t n = enhanced_len(span_str(text));

	snprintf(w.enhanced, sizeof(w.enhanced), "%s", enhanced);
	if (n > 0) {
		span_copy(span_make(text, n), w.enhanced, sizeof(w.enhanced));
		text += n;
		text += strspn(text, " \t");
	}
	w.text = text[0] == '\0' ? otherwise : text;
	return w;
}

static enum rule_result
refuse(struct rule_run *run, const struct access_row *r, int64_t code, const char *enhanced)
{
	struct worded w = worded(r->text, enhanced,
	    r->subject.kind == SUBJECT_CONTENT ? "Message content rejected" : "Access denied");

	return rule_reject(run, r->subject, code, w.enhanced, "%s", w.text);
}

static enum rule_result
do_reject(struct rule_run *run, const struct access_row *r)
{
	return refuse(run, r, run->o->access_map_reject_code, "5.7.1");
}

static enum rule_result
do_defer(struct rule_run *run, const struct access_row *r)
{
	return refuse(run, r, run->o->access_map_defer_code, "4.7.1");
}

typedef enum rule_result defer_fn(
    struct rule_run *, int64_t code, const char *enhanced, const char *fmt, ...);

static enum rule_result
defer_if(struct rule_run *run, const struct access_row *r, defer_fn *f)
{
	struct worded w = worded(r->text, "4.7.1", "Service unavailable");

	if (r->subject.kind == SUBJECT_CONTENT)
		return f(run, run->o->access_map_defer_code, w.enhanced, "%s", w.text);
	rule_enhanced_fit(w.enhanced, r->subject.kind);
	return f(run, run->o->access_map_defer_code, w.enhanced, "<%s>: %s rejected: %s",
	    r->subject.name, subject_class(r->subject.kind), w.text);
}

static enum rule_result
do_defer_if_reject(struct rule_run *run, const struct access_row *r)
{
	return defer_if(run, r, rule_defer_if_reject);
}

static enum rule_result
do_defer_if_permit(struct rule_run *run, const struct access_row *r)
{
	return defer_if(run, r, rule_defer_if_permit);
}

/* --- the rest --- */

static enum rule_result
do_info(struct rule_run *run, const struct access_row *r)
{
	access_tell_effect(run, r, "INFO");
	access_log_text(run, r, "info", "INFO");
	return RULE_DUNNO;
}

static enum rule_result
do_warn(struct rule_run *run, const struct access_row *r)
{
	access_tell_effect(run, r, "WARN");
	access_log_text(run, r, "warn", "WARN");
	return RULE_DUNNO;
}

static enum rule_result
do_dunno(struct rule_run *run, const struct access_row *r)
{
	(void)run;
	(void)r;
	return RULE_DUNNO;
}

/* smtpd_log_access_permit_actions: names of what shall be told, or static:all. */
static int
is_logged(const struct rule_run *run, const char *what)
{
	struct span rest = span_str(run->o->smtpd_log_access_permit_actions), word;

	while (rule_word(&rest, &word))
		if (span_case_eq_str(word, what) || span_case_eq_str(word, "static:all"))
			return 1;
	return 0;
}

static enum rule_result
do_ok(struct rule_run *run, const struct access_row *r)
{
	if (is_logged(run, r->value))
		access_log_effect(run, r, "permit", r->value);
	return RULE_OK;
}

enum action_whose { /* which rows may have it */
	POSTFIX,
	OURS, /* not with config_errors = postfix, but about the content, of which it knows nothing
	       */
	CONTENT, /* about the content alone */
};

static const struct action {
	const char *word;
	action_fn *act;
	enum action_whose whose;
	enum access_kind kind;
} actions[] = {
	{ "REJECT", do_reject, POSTFIX, ACCESS_REFUSAL },
	{ "DEFER", do_defer, POSTFIX, ACCESS_REFUSAL },
	{ "DEFER_IF_REJECT", do_defer_if_reject, POSTFIX, ACCESS_OTHER },
	{ "DEFER_IF_PERMIT", do_defer_if_permit, POSTFIX, ACCESS_OTHER },
	{ "FILTER", access_filter, POSTFIX, ACCESS_OTHER },
	{ "HOLD", access_hold, POSTFIX, ACCESS_OTHER },
	{ "DISCARD", access_discard, POSTFIX, ACCESS_OTHER },
	{ "REDIRECT", access_redirect, POSTFIX, ACCESS_OTHER },
	{ "BCC", access_bcc, POSTFIX, ACCESS_OTHER },
	{ "PREPEND", access_prepend, POSTFIX, ACCESS_EDIT },
	{ "INFO", do_info, POSTFIX, ACCESS_OTHER },
	{ "WARN", do_warn, POSTFIX, ACCESS_OTHER },
	{ "DUNNO", do_dunno, POSTFIX, ACCESS_NOTHING },
	{ "OK", do_ok, POSTFIX, ACCESS_OTHER },
	{ "RELAY", do_ok, POSTFIX, ACCESS_OTHER }, /* as in Sendmail's access file */
	{ "TAG", access_tag, OURS, ACCESS_OTHER },
	{ "SCORE", access_score, OURS, ACCESS_OTHER },
	{ "PASS", do_ok, CONTENT, ACCESS_OTHER },
	{ "IGNORE", access_ignore, CONTENT, ACCESS_EDIT },
	{ "STRIP", access_strip, CONTENT, ACCESS_EDIT },
	{ "REPLACE", access_replace, CONTENT, ACCESS_EDIT },
};

static int
is_allowed(const struct action *a, enum subject_kind kind, int tolerant)
{
	switch (a->whose) {
	case POSTFIX:
		return 1;
	case OURS:
		return kind == SUBJECT_CONTENT || !tolerant;
	case CONTENT:
		return kind == SUBJECT_CONTENT;
	}
	return 0;
}

static const struct action *
find_action(struct span word, enum subject_kind kind, int tolerant)
{
	for (size_t i = 0; i < nitems(actions); i++)
		if (span_case_eq_str(word, actions[i].word) &&
		    is_allowed(&actions[i], kind, tolerant))
			return &actions[i];
	return NULL;
}

static int
all_digits(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

struct taken_apart { /* a row's value */
	struct span word;
	const char *text; /* behind it */
};

static struct taken_apart
take_apart(const char *value)
{
	size_t n = strcspn(value, " \t");

	return (struct taken_apart){ .word = span_make(value, n),
		.text = value + n + strspn(value + n, " \t") };
}

/* "550 text".  access(5) takes digits alone for OK.  Of a virus that would be the last thing that
 * was meant. */
static int
is_code(const char *value, enum subject_kind kind)
{
	struct taken_apart v = take_apart(value);

	return v.word.len == 3 && (v.word.p[0] == '4' || v.word.p[0] == '5') &&
	       strspn(value, "0123456789") == 3 && (v.text[0] != '\0' || kind == SUBJECT_CONTENT);
}

enum access_kind
access_kind(const char *value)
{
	const struct action *a = find_action(take_apart(value).word, SUBJECT_CONTENT, 0);

	if (a != NULL)
		return a->kind;
	if (is_code(value, SUBJECT_CONTENT))
		return ACCESS_REFUSAL;
	return all_digits(value) ? ACCESS_OTHER : ACCESS_LIST;
}

int
access_is_list(const char *value, int tolerant)
{
	return find_action(take_apart(value).word, SUBJECT_CLIENT, tolerant) == NULL &&
	       !is_code(value, SUBJECT_CLIENT) && !all_digits(value);
}

static enum rule_result
restrictions(struct rule_run *run, const struct access_row *r)
{
	const struct rule_list *l = rule_row_list(run, r->value);

	if (l->n == 0) {
		rule_warn(run, "%s: no restriction at all counts as OK", r->table);
		return RULE_OK;
	}
	return rule_call(run, l, r->subject);
}

static enum rule_result
evaluate(struct rule_run *run, const struct access_row *r, struct span word)
{
	const struct action *a = find_action(word, r->subject.kind, run->o->tolerant);

	if (a != NULL)
		return a->act(run, r);
	if (is_code(r->value, r->subject.kind))
		return refuse(
		    run, r, strtol(r->value, NULL, 10), word.p[0] == '4' ? "4.7.1" : "5.7.1");
	return all_digits(r->value) ? do_ok(run, r) : restrictions(run, r);
}

static enum rule_result
result(struct rule_run *run, struct access_row *r, const struct origin *origin)
{
	struct origin before = run->hit;
	struct taken_apart v = take_apart(r->value);
	enum rule_result answer;

	if (r->table == NULL)
		r->table = run->op->word;
	r->text = v.text;
	if (origin != NULL && origin->file != NULL)
		run->hit = *origin;
	answer = evaluate(run, r, v.word);
	run->hit = before;
	return answer;
}

enum rule_result
access_result(struct rule_run *run, const char *table, const char *value,
    const struct origin *origin, struct rule_subject subject)
{
	struct access_row r = { .table = table, .value = value, .subject = subject };

	return result(run, &r, origin);
}

enum rule_result
access_result_content(struct rule_run *run, const char *table, const char *value,
    const struct origin *origin, const struct access_content *about)
{
	struct access_row r = { .table = table,
		.value = value,
		.subject = rule_subject(run, SUBJECT_CONTENT),
		.about = about };

	return result(run, &r, origin);
}
