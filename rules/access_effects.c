/* What a row does besides deciding: HOLD, DISCARD, PREPEND, ... */
#include <string.h>

#include "mail/mime.h"
#include "mail/syntax.h"
#include "rules/access_impl.h"
#include "rules/mail_keys.h"

#define SHOWN_MAX 200 /* octets of the message in a log line */

int
access_too_early(struct rule_run *run, const struct access_row *r)
{
	if (run->ask->stage != RULE_CONNECT && run->ask->stage != RULE_HELO)
		return 0;
	rule_warn(run,
	    "%s: \"%s\": with smtpd_delay_reject = no this does nothing in client and HELO lists",
	    r->table, r->value);
	return 1;
}

enum rule_result
access_useless(struct rule_run *run, const struct access_row *r, const char *wish)
{
	if (r->about != NULL && !content_told_news(run, r, NULL)) {
		if (run->trace != NULL && run->trace->lost == 0)
			rule_trace_text(run, TRACE_NOTE, NULL,
			    arena_printf(run->arena, "%s: \"%s\" %s", r->table, r->value, wish));
		return RULE_DUNNO;
	}
	rule_warn(run, "%s: \"%s\" %s", r->table, r->value, wish);
	return RULE_DUNNO;
}

static int
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* One line, whatever it was made of: what a pattern put into it is the sender's, with the line ends
 * of a whole text. */
static char *
one_line(struct rule_run *run, const char *text)
{
	char *line = arena_strdup(run->arena, text);

	for (char *p = line; *p != '\0'; p++)
		if (is_control(*p))
			*p = ' ';
	return line;
}

/* Is it what one_line() makes of the text? */
static int
is_line_of(const char *line, const char *text)
{
	for (; *line != '\0' && *line == (is_control(*text) ? ' ' : *text); line++, text++)
		;
	return *line == '\0' && *text == '\0';
}

/* What the rule has said already, for another line of the message, it need not say again. */
static int
is_same(struct rule_run *run, const char *arg, const struct origin *by, const char *text)
{
	struct origin origin = rule_origin(run);

	return arg != NULL && is_line_of(arg, text) && origin_same(by, &origin);
}

static int
is_there(struct rule_run *run, const struct effect_texts *t, const char *text)
{
	struct origin origin = rule_origin(run);

	for (size_t i = 0; i < t->n; i++)
		if (is_line_of(t->v[i].arg, text) && origin_same(&t->v[i].origin, &origin))
			return 1;
	return 0;
}

static struct effect_text
effect(struct rule_run *run, const struct access_row *r)
{
	return (struct effect_text){ .arg = one_line(run, r->text), .origin = rule_origin(run) };
}

void
access_tell_effect(struct rule_run *run, const struct access_row *r, const char *word)
{
	rule_trace_text(run, TRACE_EFFECT, word, r->text);
}

/* What of the message it was: "body buy it now". */
static const char *
about_text(struct rule_run *run, const struct access_content *about)
{
	struct span s = about->key->shown.p == NULL ? about->key->text : about->key->shown;
	char shown[SHOWN_MAX + 1];

	span_copy(s, shown, sizeof(shown));
	for (char *p = shown; *p != '\0'; p++)
		if (is_control(*p))
			*p = '?';
	return arena_printf(run->arena, "%s %s", about->source, shown);
}

/* "<name>: Class triggers WORD text", as Postfix logs what it does; "body buy it now: text" of a
 * line of the message. */
void
access_log_effect(
    struct rule_run *run, const struct access_row *r, const char *what, const char *word)
{
	const char *blank = r->text[0] == '\0' ? "" : " ";

	if (r->about != NULL && !content_told_news(run, r, what))
		return;
	if (r->about == NULL)
		rule_log(run, what,
		    arena_printf(run->arena, "<%s>: %s triggers %s%s%s", r->subject.name,
			subject_class(r->subject.kind), word, blank, r->text),
		    r->text);
	else
		rule_log(run, what,
		    arena_printf(run->arena, "%s%s%s%s", about_text(run, r->about),
			blank[0] == '\0' ? "" : ":", blank, r->text),
		    r->text);
}

/* The same with the row's own text, if it has one, in place of "triggers ... action". */
void
access_log_text(
    struct rule_run *run, const struct access_row *r, const char *what, const char *word)
{
	if (r->about != NULL)
		access_log_effect(run, r, what, "");
	else if (r->text[0] == '\0')
		access_log_effect(run, r, what, arena_printf(run->arena, "%s action", word));
	else if (r->subject.kind == SUBJECT_CONTENT)
		rule_log(run, what, r->text, r->text);
	else
		rule_log(run, what,
		    arena_printf(run->arena, "<%s>: %s %s", r->subject.name,
			subject_class(r->subject.kind), r->text),
		    r->text);
}

enum rule_result
access_hold(struct rule_run *run, const struct access_row *r)
{
	if (access_too_early(run, r))
		return RULE_DUNNO;
	access_tell_effect(run, r, "HOLD");
	if (!is_same(run, run->effects->hold_reason, &run->effects->hold_origin, r->text))
		run->effects->hold_reason = effect(run, r).arg;
	run->effects->hold = 1;
	run->effects->hold_origin = rule_origin(run);
	access_log_text(run, r, "hold", "HOLD");
	return RULE_DUNNO;
}

enum rule_result
access_discard(struct rule_run *run, const struct access_row *r)
{
	if (access_too_early(run, r))
		return RULE_DUNNO;
	access_tell_effect(run, r, "DISCARD");
	run->effects->discard = 1;
	run->effects->discard_reason = effect(run, r).arg;
	run->effects->discard_origin = rule_origin(run);
	access_log_text(run, r, "discard", "DISCARD");
	return RULE_OK;
}

enum rule_result
access_filter(struct rule_run *run, const struct access_row *r)
{
	if (access_too_early(run, r))
		return RULE_DUNNO;
	if (r->text[0] == '\0')
		return access_useless(run, r, "needs transport:destination");
	if (strchr(r->text, ':') == NULL)
		return access_useless(run, r, "needs transport:destination");
	access_tell_effect(run, r, "FILTER");
	if (!is_same(run, run->effects->filter.arg, &run->effects->filter.origin, r->text))
		run->effects->filter = effect(run, r);
	access_log_effect(run, r, "filter", "FILTER");
	return RULE_DUNNO;
}

/* What goes between < and > of a command to the next hop.  A pattern may have put a piece of what a
 * client said there, quotes undone: they are put back, as Postfix does.  NULL: it is no address. */
static const char *
address_text(struct rule_run *run, const struct access_row *r)
{
	const char *quoted;
	struct mail_path path;

	if (strpbrk(r->text, "\r\n") != NULL)
		return NULL;
	if (syntax_address(run->arena, span_str(r->text), 1, &path) == 0)
		return r->text;
	quoted = arena_str(run->arena, mail_quoted(run->arena, span_str(r->text)));
	return syntax_address(run->arena, span_str(quoted), 1, &path) == 0 ? quoted : NULL;
}

/* REDIRECT and BCC: 1 with *e, or 0 with what becomes of the row.  Mail must not get past them
 * because of what a pattern put into the address. */
static int
address_effect(struct rule_run *run, const struct access_row *r, struct effect_text *e,
    enum rule_result *instead)
{
	struct access_row quoted = *r;

	*instead = RULE_DUNNO;
	if (access_too_early(run, r))
		return 0;
	if (strchr(r->text, '@') == NULL) {
		access_useless(run, r, "needs user@domain");
		return 0;
	}
	quoted.text = address_text(run, r);
	if (quoted.text == NULL) {
		*instead =
		    rule_broken(run, "%s: \"%s\" has no address to send to", r->table, r->value);
		return 0;
	}
	*e = (struct effect_text){ .arg = arena_strdup(run->arena, quoted.text),
		.origin = rule_origin(run) };
	return 1;
}

enum rule_result
access_redirect(struct rule_run *run, const struct access_row *r)
{
	enum rule_result instead;
	struct effect_text e;

	if (!is_same(run, run->effects->redirect.arg, &run->effects->redirect.origin, r->text)) {
		if (!address_effect(run, r, &e, &instead))
			return instead;
		run->effects->redirect = e;
	}
	access_tell_effect(run, r, "REDIRECT");
	access_log_effect(run, r, "redirect", "REDIRECT");
	return RULE_DUNNO;
}

enum rule_result
access_bcc(struct rule_run *run, const struct access_row *r)
{
	enum rule_result instead;
	struct effect_text e;

	if (!is_there(run, &run->effects->bcc, r->text)) {
		if (!address_effect(run, r, &e, &instead))
			return instead;
		if (!is_there(run, &run->effects->bcc, e.arg)) /* with quotes put back */
			effect_add(&run->effects->bcc, run->arena, e.arg, e.origin);
	}
	access_tell_effect(run, r, "BCC");
	access_log_effect(run, r, "bcc", "BCC");
	return RULE_DUNNO;
}

/* Is this one of message_drop_headers?  As those of the message, but for MIME's, it goes. */
int
access_is_dropped(const struct rule_run *run, struct span name)
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

/* The field, one line without blanks in front of the colon, as much of it as fields may have. */
static const char *
field_text(struct rule_run *run, const char *text, struct span name)
{
	const char *colon = strchr(text, ':');
	size_t limit = run->o->mime.header_size_limit;
	size_t left = name.len < limit ? limit - name.len : 0;
	char *value = arena_str(run->arena, span_make(colon, strnlen(colon, left)));

	for (char *p = value; *p != '\0'; p++)
		if (is_control(*p) && *p != '\t')
			*p = ' ';
	return arena_printf(run->arena, "%.*s%s", (int)name.len, text, value);
}

enum rule_result
access_prepend(struct rule_run *run, const struct access_row *r)
{
	struct span name;

	if (access_has_place(r))
		return access_prepend_there(run, r);
	if (access_too_early(run, r))
		return RULE_DUNNO;
	if (run->ask->stage == RULE_END_OF_DATA)
		return access_useless(run, r, "is not possible behind the message");
	if (mime_field_name(span_str(r->text)) == 0)
		return access_useless(run, r, "needs a header field, \"Name: value\"");
	name = span_make(r->text, mime_field_name(span_str(r->text)));
	if (access_is_dropped(run, name))
		return access_useless(run, r, "is a field that message_drop_headers removes");
	access_tell_effect(run, r, "PREPEND");
	effect_add(
	    &run->effects->prepends, run->arena, field_text(run, r->text, name), rule_origin(run));
	return RULE_DUNNO;
}

/* --- TAG is ours: what header checks have, for content_restrictions too --- */

enum rule_result
access_tag(struct rule_run *run, const struct access_row *r)
{
	if (access_too_early(run, r))
		return RULE_DUNNO;
	access_tell_effect(run, r, "TAG");
	if (!is_there(run, &run->effects->tags, r->text))
		effect_add(&run->effects->tags, run->arena, effect(run, r).arg, rule_origin(run));
	return RULE_DUNNO;
}

/* --- the same effects, asked for by a check itself --- */

static struct access_row
own_words(struct rule_run *run, const char *text)
{
	const char *line = one_line(run, text);

	return (struct access_row){ .table = run->op->word,
		.value = line,
		.text = line,
		.subject = rule_subject(run, SUBJECT_CONTENT) };
}

void
rule_effect_hold(struct rule_run *run, const char *reason)
{
	struct access_row r = own_words(run, reason);

	(void)access_hold(run, &r);
}

void
rule_effect_tag(struct rule_run *run, const char *text)
{
	struct access_row r = own_words(run, text);

	(void)access_tag(run, &r);
}

void
rule_effect_prepend(struct rule_run *run, const char *field)
{
	struct access_row r = own_words(run, field);

	(void)access_prepend(run, &r);
}
