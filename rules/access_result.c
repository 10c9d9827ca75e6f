/* The value of an access(5) row: an action, a reply code, or a list of restrictions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "mail/mime.h"
#include "mail/reply.h"
#include "mail/syntax.h"
#include "rules/mail_keys.h"
#include "rules/rules_private.h"

struct result {            /* "ACTION text" of a row, and who said so */
	const char *table; /* for the log; "" none */
	const char *value; /* whole */
	const char *text;  /* behind the first word */
	struct rule_subject subject;
};

typedef enum rule_result action_fn(struct rule_run *, const struct result *);

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
refuse(struct rule_run *run, const struct result *r, int64_t code, const char *enhanced)
{
	struct worded w = worded(r->text, enhanced, "Access denied");

	return rule_reject(run, r->subject, code, w.enhanced, "%s", w.text);
}

static enum rule_result
do_reject(struct rule_run *run, const struct result *r)
{
	return refuse(run, r, run->o->access_map_reject_code, "5.7.1");
}

static enum rule_result
do_defer(struct rule_run *run, const struct result *r)
{
	return refuse(run, r, run->o->access_map_defer_code, "4.7.1");
}

typedef enum rule_result defer_fn(
    struct rule_run *, int64_t code, const char *enhanced, const char *fmt, ...);

static enum rule_result
defer_if(struct rule_run *run, const struct result *r, defer_fn *f)
{
	struct worded w = worded(r->text, "4.7.1", "Service unavailable");

	rule_enhanced_fit(w.enhanced, r->subject.kind);
	return f(run, run->o->access_map_defer_code, w.enhanced, "<%s>: %s rejected: %s",
	    r->subject.name, subject_class(r->subject.kind), w.text);
}

static enum rule_result
do_defer_if_reject(struct rule_run *run, const struct result *r)
{
	return defer_if(run, r, rule_defer_if_reject);
}

static enum rule_result
do_defer_if_permit(struct rule_run *run, const struct result *r)
{
	return defer_if(run, r, rule_defer_if_permit);
}

/* --- effects --- */

/* Before MAIL there is no message that an effect could be about. */
static int
too_early(struct rule_run *run, const struct result *r)
{
	if (run->ask->stage != RULE_CONNECT && run->ask->stage != RULE_HELO)
		return 0;
	rule_warn(run,
	    "%s: \"%s\": with smtpd_delay_reject = no this does nothing in client and HELO lists",
	    r->table, r->value);
	return 1;
}

static enum rule_result
useless(struct rule_run *run, const struct result *r, const char *wish)
{
	rule_warn(run, "%s: \"%s\" %s", r->table, r->value, wish);
	return RULE_DUNNO;
}

static struct effect_text
effect(struct rule_run *run, const struct result *r)
{
	return (struct effect_text){ .arg = arena_strdup(run->arena, r->text),
		.origin = rule_origin(run) };
}

static void
tell_effect(struct rule_run *run, const struct result *r, const char *word)
{
	rule_trace_text(run, TRACE_EFFECT, word, r->text);
}

/* "<name>: Class triggers WORD text", as Postfix logs what it does. */
static void
log_effect(struct rule_run *run, const struct result *r, const char *what, const char *word)
{
	rule_log(run, what,
	    arena_printf(run->arena, "<%s>: %s triggers %s%s%s", r->subject.name,
		subject_class(r->subject.kind), word, r->text[0] == '\0' ? "" : " ", r->text),
	    r->text);
}

/* The same with the row's own text, if it has one, in place of "triggers ... action". */
static void
log_text(struct rule_run *run, const struct result *r, const char *what, const char *word)
{
	if (r->text[0] == '\0') {
		log_effect(run, r, what, arena_printf(run->arena, "%s action", word));
		return;
	}
	rule_log(run, what,
	    arena_printf(run->arena, "<%s>: %s %s", r->subject.name, subject_class(r->subject.kind),
		r->text),
	    r->text);
}

static enum rule_result
do_hold(struct rule_run *run, const struct result *r)
{
	if (too_early(run, r))
		return RULE_DUNNO;
	tell_effect(run, r, "HOLD");
	run->effects->hold = 1;
	run->effects->hold_reason = effect(run, r).arg;
	run->effects->hold_origin = rule_origin(run);
	log_text(run, r, "hold", "HOLD");
	return RULE_DUNNO;
}

static enum rule_result
do_discard(struct rule_run *run, const struct result *r)
{
	if (too_early(run, r))
		return RULE_DUNNO;
	tell_effect(run, r, "DISCARD");
	run->effects->discard = 1;
	run->effects->discard_reason = effect(run, r).arg;
	run->effects->discard_origin = rule_origin(run);
	log_text(run, r, "discard", "DISCARD");
	return RULE_OK;
}

static enum rule_result
do_filter(struct rule_run *run, const struct result *r)
{
	if (too_early(run, r))
		return RULE_DUNNO;
	if (r->text[0] == '\0')
		return useless(run, r, "needs transport:destination");
	if (strchr(r->text, ':') == NULL)
		return useless(run, r, "needs transport:destination");
	tell_effect(run, r, "FILTER");
	run->effects->filter = effect(run, r);
	log_effect(run, r, "filter", "FILTER");
	return RULE_DUNNO;
}

/* What goes between < and > of a command to the next hop.  A pattern may have put a piece of what a
 * client said there, quotes undone: they are put back, as Postfix does.  NULL: it is no address. */
static const char *
address_text(struct rule_run *run, const struct result *r)
{
	const char *quoted;
	struct mail_path path;

	if (syntax_address(run->arena, span_str(r->text), 1, &path) == 0)
		return r->text;
	quoted = arena_str(run->arena, mail_quoted(run->arena, span_str(r->text)));
	return syntax_address(run->arena, span_str(quoted), 1, &path) == 0 ? quoted : NULL;
}

/* REDIRECT and BCC: 1 with *e, or 0 with what becomes of the row.  Mail must not get past them
 * because of what a pattern put into the address. */
static int
address_effect(
    struct rule_run *run, const struct result *r, struct effect_text *e, enum rule_result *instead)
{
	struct result quoted = *r;

	*instead = RULE_DUNNO;
	if (too_early(run, r))
		return 0;
	if (strchr(r->text, '@') == NULL) {
		useless(run, r, "needs user@domain");
		return 0;
	}
	quoted.text = address_text(run, r);
	if (quoted.text == NULL) {
		*instead =
		    rule_broken(run, "%s: \"%s\" has no address to send to", r->table, r->value);
		return 0;
	}
	*e = effect(run, &quoted);
	return 1;
}

static enum rule_result
do_redirect(struct rule_run *run, const struct result *r)
{
	enum rule_result instead;
	struct effect_text e;

	if (!address_effect(run, r, &e, &instead))
		return instead;
	tell_effect(run, r, "REDIRECT");
	run->effects->redirect = e;
	log_effect(run, r, "redirect", "REDIRECT");
	return RULE_DUNNO;
}

static enum rule_result
do_bcc(struct rule_run *run, const struct result *r)
{
	enum rule_result instead;
	struct effect_text e;

	if (!address_effect(run, r, &e, &instead))
		return instead;
	tell_effect(run, r, "BCC");
	effect_add(&run->effects->bcc, run->arena, e.arg, e.origin);
	log_effect(run, r, "bcc", "BCC");
	return RULE_DUNNO;
}

/* Is this one of message_drop_headers?  As those of the message, but for MIME's, it goes. */
static int
is_dropped(const struct rule_run *run, struct span name)
{
	struct span rest = span_str(run->o->message_drop_headers), word;

	if (span_case_eq_str(name, "MIME-Version") ||
	    (name.len > 8 && span_case_eq_str(span_make(name.p, 8), "Content-") &&
		!span_case_eq_str(name, "Content-Length")))
		return 0;
	while (rule_word(&rest, &word))
		if (span_case_eq(name, word))
			return 1;
	return 0;
}

/* The field without blanks in front of the colon. */
static const char *
field_text(struct rule_run *run, const char *text, struct span name)
{
	return arena_printf(run->arena, "%.*s%s", (int)name.len, text, strchr(text, ':'));
}

static enum rule_result
do_prepend(struct rule_run *run, const struct result *r)
{
	struct span name;

	if (too_early(run, r))
		return RULE_DUNNO;
	if (run->ask->stage == RULE_END_OF_DATA)
		return useless(run, r, "is not possible behind the message");
	if (mime_field_name(span_str(r->text)) == 0)
		return useless(run, r, "needs a header field, \"Name: value\"");
	name = span_make(r->text, mime_field_name(span_str(r->text)));
	if (is_dropped(run, name))
		return useless(run, r, "is a field that message_drop_headers removes");
	tell_effect(run, r, "PREPEND");
	effect_add(
	    &run->effects->prepends, run->arena, field_text(run, r->text, name), rule_origin(run));
	return RULE_DUNNO;
}

/* --- TAG is ours: what header checks have, for content_restrictions too --- */

static enum rule_result
do_tag(struct rule_run *run, const struct result *r)
{
	if (too_early(run, r))
		return RULE_DUNNO;
	tell_effect(run, r, "TAG");
	effect_add(&run->effects->tags, run->arena, effect(run, r).arg, rule_origin(run));
	return RULE_DUNNO;
}

/* --- the rest --- */

static enum rule_result
do_info(struct rule_run *run, const struct result *r)
{
	tell_effect(run, r, "INFO");
	log_text(run, r, "info", "INFO");
	return RULE_DUNNO;
}

static enum rule_result
do_warn(struct rule_run *run, const struct result *r)
{
	tell_effect(run, r, "WARN");
	log_text(run, r, "warn", "WARN");
	return RULE_DUNNO;
}

static enum rule_result
do_dunno(struct rule_run *run, const struct result *r)
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
do_ok(struct rule_run *run, const struct result *r)
{
	if (is_logged(run, r->value))
		log_effect(run, r, "permit", r->value);
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
	{ "FILTER", do_filter, 0 },
	{ "HOLD", do_hold, 0 },
	{ "DISCARD", do_discard, 0 },
	{ "REDIRECT", do_redirect, 0 },
	{ "BCC", do_bcc, 0 },
	{ "PREPEND", do_prepend, 0 },
	{ "INFO", do_info, 0 },
	{ "WARN", do_warn, 0 },
	{ "DUNNO", do_dunno, 0 },
	{ "OK", do_ok, 0 },
	{ "RELAY", do_ok, 0 }, /* as in Sendmail's access file */
	{ "TAG", do_tag, 1 },
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

static enum rule_result
restrictions(struct rule_run *run, const struct result *r)
{
	const struct rule_list *l = rule_row_list(run, r->value);

	if (l->n == 0) {
		rule_warn(run, "%s: no restriction at all counts as OK", r->table);
		return RULE_OK;
	}
	return rule_call(run, l, r->subject);
}

static enum rule_result
evaluate(struct rule_run *run, const struct result *r, struct span word)
{
	action_fn *act = find_action(run, word);

	if (act != NULL)
		return act(run, r);
	if (all_digits(r->value))
		return do_ok(run, r);
	if (word.len == 3 && r->text[0] != '\0' && (word.p[0] == '4' || word.p[0] == '5') &&
	    strspn(r->value, "0123456789") == 3)
		return refuse(
		    run, r, strtol(r->value, NULL, 10), word.p[0] == '4' ? "4.7.1" : "5.7.1");
	return restrictions(run, r);
}

enum rule_result
access_result(struct rule_run *run, const char *table, const char *value,
    const struct origin *origin, struct rule_subject subject)
{
	struct origin before = run->hit;
	struct result r = {
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
