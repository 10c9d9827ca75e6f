#include <stdio.h>
#include <string.h>
#include <time.h>

#include "action/footer.h"
#include "core/client.h"

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
		{ "recipient", v->recipient },
		{ "sender", v->sender },
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
	return 0;
}

static int
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static void expand(const char *p, const char *end, const struct footer_values *, struct buf *out);

/* p is behind "$"; returns what follows the macro, or NULL when it is none. */
static const char *
macro(const char *p, const struct footer_values *v, struct buf *out)
{
	const char *name, *end, *close;
	struct buf got = { 0 };
	char op = 0;
	int known, braces = *p == '{' || *p == '(';

	close = braces ? strchr(p, *p == '{' ? '}' : ')') : NULL;
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
	else if (known && op == (got.len > 0 ? '?' : ':'))
		expand(end + 1, close, v, out);
	else if (known && op == ':')
		buf_add_span(out, buf_span(&got));
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
