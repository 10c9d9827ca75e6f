#include "base/arena.h"
#include "mail/syntax_private.h"

struct param { /* one word, "NAME=VALUE" */
	struct arena *arena;
	struct mail_params *p;
	struct span value;
	int utf8;
};

enum param_is { PARAM_GOOD, PARAM_BAD, PARAM_UNKNOWN };

static enum param_is
set_text(struct arena *a, struct span value, const char **out)
{
	*out = arena_str(a, value);
	return *out == NULL ? PARAM_BAD : PARAM_GOOD;
}

static enum param_is
param_size(const struct param *w)
{
	uint64_t n;

	if (w->value.len == 0)
		return PARAM_BAD;
	for (size_t i = 0; i < w->value.len; i++)
		if (w->value.p[i] < '0' || w->value.p[i] > '9')
			return PARAM_BAD;
	/* More than fits is more than any limit. */
	w->p->size = span_u64(w->value, INT64_MAX, &n) == -1 ? INT64_MAX : (long long)n;
	return PARAM_GOOD;
}

static enum param_is
param_body(const struct param *w)
{
	if (span_case_eq_str(w->value, "7BIT"))
		w->p->body = BODY_7BIT;
	else if (span_case_eq_str(w->value, "8BITMIME"))
		w->p->body = BODY_8BITMIME;
	else if (span_case_eq_str(w->value, "BINARYMIME"))
		w->p->body = BODY_BINARYMIME;
	else
		return PARAM_UNKNOWN;
	return PARAM_GOOD;
}

static enum param_is
param_smtputf8(const struct param *w)
{
	w->p->smtputf8 = 1;
	return PARAM_GOOD;
}

static enum param_is
param_prdr(const struct param *w)
{
	w->p->prdr = 1;
	return PARAM_GOOD;
}

static enum param_is
param_ret(const struct param *w)
{
	if (span_case_eq_str(w->value, "FULL"))
		w->p->ret = "FULL";
	else if (span_case_eq_str(w->value, "HDRS"))
		w->p->ret = "HDRS";
	else
		return PARAM_BAD;
	return PARAM_GOOD;
}

static int
is_xtext(struct span s)
{
	struct buf plain = { 0 };
	int rc = xtext_decode(s, &plain);

	buf_fini(&plain);
	return rc == 0;
}

static enum param_is
param_envid(const struct param *w)
{
	if (w->value.len == 0 || !is_xtext(w->value))
		return PARAM_BAD;
	return set_text(w->arena, w->value, &w->p->envid);
}

/* Words between commas, NEVER only alone; like Postfix, empty and repeated words are passed over.
 */
static enum param_is
param_notify(const struct param *w)
{
	struct span word, rest = w->value;
	int more, never = 0, other = 0;

	do {
		more = span_cut(rest, ',', &word, &rest);
		if (span_case_eq_str(word, "NEVER"))
			never = 1;
		else if (span_case_eq_str(word, "SUCCESS") || span_case_eq_str(word, "FAILURE") ||
			 span_case_eq_str(word, "DELAY"))
			other = 1;
		else if (word.len > 0)
			return PARAM_BAD;
	} while (more);
	if (never == other)
		return PARAM_BAD;
	w->p->notify_never = never;
	return set_text(w->arena, w->value, &w->p->notify);
}

/* RFC 6533: with utf-8 as type the address may hold UTF-8 as it is. */
static int
is_unitext(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '+' || s.p[i] == '=')
			return 0;
	return utf8_valid(s);
}

static enum param_is
param_orcpt(const struct param *w)
{
	struct span type, addr;

	if (!span_cut(w->value, ';', &type, &addr) || type.len == 0 || !is_xtext(type))
		return PARAM_BAD;
	/* Postfix accepts an address with a control character in it, and writes it here. */
	if (!xtext_valid(addr) && !(w->utf8 && span_case_eq_str(type, "utf-8") && is_unitext(addr)))
		return PARAM_BAD;
	return set_text(w->arena, w->value, &w->p->orcpt);
}

static const struct param_def {
	const char *name;
	int commands;
	int has_value;
	enum param_is (*parse)(const struct param *);
	const char *why; /* when the value is wrong, or given twice */
} defs[] = {
	{ "SIZE", PARAM_MAIL, 1, param_size, "Bad message size syntax" },
	{ "BODY", PARAM_MAIL, 1, param_body, "Bad BODY parameter syntax" },
	{ "SMTPUTF8", PARAM_MAIL, 0, param_smtputf8, "Bad SMTPUTF8 parameter syntax" },
	{ "PRDR", PARAM_MAIL, 0, param_prdr, "Bad PRDR parameter syntax" },
	{ "RET", PARAM_MAIL, 1, param_ret, "Bad RET parameter syntax" },
	{ "ENVID", PARAM_MAIL, 1, param_envid, "Bad ENVID parameter syntax" },
	{ "NOTIFY", PARAM_RCPT, 1, param_notify, "Error: Bad NOTIFY parameter syntax" },
	{ "ORCPT", PARAM_RCPT, 1, param_orcpt, "Error: Bad ORCPT parameter syntax" },
};

static const struct param_def *
find(struct span name, int has_value, int command)
{
	for (size_t i = 0; i < nitems(defs); i++)
		if ((defs[i].commands & command) && defs[i].has_value == has_value &&
		    span_case_eq_str(name, defs[i].name))
			return &defs[i];
	return NULL;
}

/* The next word of *s, which moves on; empty when there is none. */
static struct span
next_word(struct span *s)
{
	struct span word;
	size_t at = 0, end;

	while (at < s->len && is_blank(s->p[at]))
		at++;
	for (end = at; end < s->len && !is_blank(s->p[end]);)
		end++;
	word = span_make(s->p + at, end - at);
	*s = span_make(s->p + end, s->len - end);
	return word;
}

/* What is for the next hop too. */
static const char *
join_words(struct arena *a, struct span text, int command)
{
	struct buf raw = { 0 };
	struct span word;
	const char *joined;

	while ((word = next_word(&text)).len > 0) {
		if (command == PARAM_MAIL && span_case_eq_str(word, "PRDR"))
			continue;
		if (raw.len > 0)
			buf_addc(&raw, ' ');
		buf_add_span(&raw, word);
	}
	joined = arena_str(a, buf_span(&raw));
	buf_fini(&raw);
	return joined;
}

enum syntax_result
params_parse(struct arena *a, struct span text, int utf8, int command, struct mail_params *p)
{
	unsigned given = 0;
	struct span word;

	p->raw = join_words(a, text, command);
	if (p->raw == NULL) {
		p->raw = "";
		p->why = "Bad parameter syntax";
		return SYNTAX_BAD_PARAM;
	}
	while ((word = next_word(&text)).len > 0) {
		struct param w = { .arena = a, .p = p, .utf8 = utf8 };
		struct span name;
		int has_value = span_cut(word, '=', &name, &w.value);
		const struct param_def *d = find(name, has_value, command);
		enum param_is is = d == NULL ? PARAM_UNKNOWN : d->parse(&w);

		if (is == PARAM_UNKNOWN) {
			p->unknown = arena_str(a, word);
			return SYNTAX_OK;
		}
		if (is == PARAM_BAD || (given & 1u << (d - defs))) {
			p->why = d->why;
			return SYNTAX_BAD_PARAM;
		}
		given |= 1u << (d - defs);
	}
	return SYNTAX_OK;
}
