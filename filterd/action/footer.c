#include <stdio.h>
#include <string.h>
#include <time.h>

#include "action/footer.h"
#include "core/client.h"

/* $sender and $sender_name, $sender_domain, and the like: as with default_rbl_reply. */
static int
address_value(struct span name, const char *what, const char *address, struct buf *out)
{
	struct span all = span_str(address == NULL ? "" : address), rest;
	size_t n = strlen(what), at = all.len;

	if (name.len < n || memcmp(name.p, what, n) != 0)
		return 0;
	rest = span_make(name.p + n, name.len - n);
	for (size_t i = 0; i < all.len; i++)
		if (all.p[i] == '@')
			at = i;
	if (span_eq_str(rest, "_domain")) {
		if (at < all.len)
			buf_add_span(out, span_make(all.p + at + 1, all.len - at - 1));
		return 1;
	}
	if (rest.len > 0 && !span_eq_str(rest, "_name"))
		return 0;
	if (address != NULL && all.len == 0)
		buf_adds(out, "<>");
	else
		buf_add_span(out, rest.len > 0 ? span_make(all.p, at) : all);
	return 1;
}

/* The value of a macro into out: 1, or 0 for an unknown name. */
static int
value(struct span name, const struct footer_values *v, struct buf *out)
{
	char label[400] = "", when[48];
	time_t now;
	struct tm tm;

	if (v->client != NULL)
		client_label(v->client, label, sizeof(label));
	const struct {
		const char *name, *value;
	} macros[] = {
		{ "decision_id", v->decision_id },
		{ "client", label },
		{ "client_address", v->client == NULL ? NULL : v->client->addr },
		{ "client_name", v->client == NULL ? NULL : v->client->name },
		{ "client_port", v->client == NULL ? NULL : v->client->port },
		{ "helo_name", v->client == NULL ? NULL : v->client->helo },
		{ "protocol", v->client == NULL ? NULL : v->client->proto },
		{ "reverse_client_name", v->client == NULL ? NULL : v->client->reverse_name },
		{ "server_name", v->server_name },
	};

	if (span_eq_str(name, "localtime") || span_eq_str(name, "date")) {
		now = time(NULL);
		localtime_r(&now, &tm);
		strftime(when, sizeof(when),
		    name.p[0] == 'd' ? "%a, %d %b %Y %H:%M:%S %z" : "%b %d %H:%M:%S", &tm);
		buf_adds(out, when);
		return 1;
	}
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (!span_eq_str(name, macros[i].name))
			continue;
		if (macros[i].value != NULL)
			buf_adds(out, macros[i].value);
		return 1;
	}
	return address_value(name, "sender", v->sender, out) ||
	       address_value(name, "recipient", v->recipient, out);
}

static int
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static void expand(const char *p, const char *end, const struct footer_values *, struct buf *out);

/* Behind p, which is at a brace, the one that closes it; NULL: none does. */
static const char *
closing(const char *p)
{
	char open = *p, close = open == '{' ? '}' : ')';
	int depth = 0;

	for (; *p != '\0'; p++) {
		depth += (*p == open) - (*p == close);
		if (depth == 0)
			return p;
	}
	return NULL;
}

/* What stands behind ? or : up to close: "text", "{text}" or, behind ?, "{text}:other". */
static void
alternative(
    const char *p, const char *close, int chosen, const struct footer_values *v, struct buf *out)
{
	const char *end = p[0] == '{' ? closing(p) : NULL;

	if (end == NULL || end > close) {
		if (chosen)
			expand(p, close, v, out);
	} else if (chosen) {
		expand(p + 1, end, v, out);
	} else if (end[1] == ':') {
		alternative(end + 2, close, 1, v, out);
	}
}

/* p is behind "$"; returns what follows the macro, or NULL when it is none. */
static const char *
macro(const char *p, const struct footer_values *v, struct buf *out)
{
	const char *name, *end, *close;
	struct buf got = { 0 };
	char op = 0;
	int known, braces = *p == '{' || *p == '(';

	close = braces ? closing(p) : NULL;
	if (braces && close == NULL)
		return NULL;
	name = p + braces;
	for (end = name; name_char(*end); end++)
		;
	known = value(span_make(name, (size_t)(end - name)), v, &got);
	if (braces && end != close) {
		op = *end;
		known = known && (op == '?' || op == ':');
	}
	if (known && op == 0)
		buf_add_span(out, buf_span(&got));
	else if (known)
		alternative(end + 1, close, op == (got.len > 0 ? '?' : ':'), v, out);
	buf_fini(&got);
	return !known ? NULL : braces ? close + 1 : end;
}

static void
expand(const char *p, const char *end, const struct footer_values *v, struct buf *out)
{
	const char *next;

	while (p < end) {
		if (p[0] == '\\' && p[1] == 'n') {
			buf_addc(out, '\n');
			p += 2;
		} else if (p[0] == '$' && p[1] == '$') {
			buf_addc(out, '$');
			p += 2;
		} else if (p[0] == '$' && (next = macro(p + 1, v, out)) != NULL) {
			p = next;
		} else {
			buf_addc(out, *p++);
		}
	}
}

void
footer_expand(const char *text, const struct footer_values *v, struct buf *out)
{
	expand(text, text + strlen(text), v, out);
}
