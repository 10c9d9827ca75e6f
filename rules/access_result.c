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

static const struct {
	const char *word;
	action_fn *act;
	int ours;
} actions[] = {
	{ "REJECT", do_reject, 0 },
	{ "DEFER", do_defer, 0 },
	{ "DEFER_IF_REJECT", do_defer_if_reject, 0 },
	{ "DEFER_IF_PERMIT", do_defer_if_permit, 0 },
	{ "FILTER", access_filter, 0 },
	{ "HOLD", access_hold, 0 },
	{ "DISCARD", access_discard, 0 },
	{ "REDIRECT", access_redirect, 0 },
	{ "BCC", access_bcc, 0 },
	{ "PREPEND", access_prepend, 0 },
	{ "INFO", do_info, 0 },
	{ "WARN", do_warn, 0 },
	{ "DUNNO", do_dunno, 0 },
	{ "OK", do_ok, 0 },
	{ "RELAY", do_ok, 0 }, /* as in Sendmail's access file */
	{ "TAG", access_tag, 1 },
};

static action_fn *
find_action(const struct rule_run *run, struct span word)
{
	for (size_t i = 0; i < nitems(actions); i++)
		if (span_case_eq_str(word, actions[i].word) &&
		    !(actions[i].ours && run->o->tolerant))
			return actions[i].act;
	return NULL;
}

static int
all_digits(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* access(5) takes digits alone for OK.  Of a virus that would be the last thing that was meant. */
static int
is_bare_code(const struct access_row *r)
{
	return r->subject.kind == SUBJECT_CONTENT && all_digits(r->value) &&
	       strlen(r->value) == 3 && (r->value[0] == '4' || r->value[0] == '5');
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
	action_fn *act = find_action(run, word);

	if (act != NULL)
		return act(run, r);
	if (all_digits(r->value) && !is_bare_code(r))
		return do_ok(run, r);
	if (is_bare_code(r) ||
	    (word.len == 3 && r->text[0] != '\0' && (word.p[0] == '4' || word.p[0] == '5') &&
		strspn(r->value, "0123456789") == 3))
		return refuse(
		    run, r, strtol(r->value, NULL, 10), word.p[0] == '4' ? "4.7.1" : "5.7.1");
	return restrictions(run, r);
}

enum rule_result
access_result(struct rule_run *run, const char *table, const char *value,
    const struct origin *origin, struct rule_subject subject)
{
	struct origin before = run->hit;
	struct access_row r = {
		.table = table == NULL ? run->op->word : table, .value = value, .subject = subject
	};
	size_t n = strcspn(value, " \t");
	enum rule_result result;

	r.text = value + n + strspn(value + n, " \t");
	if (origin != NULL && origin->file != NULL)
		run->hit = *origin;
	result = evaluate(run, &r, span_make(value, n));
	run->hit = before;
	return result;
}
