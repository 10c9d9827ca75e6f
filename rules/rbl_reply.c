#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/span.h"
#include "core/client.h"
#include "mail/reply.h"
#include "rules/rbl_macro.h"
#include "rules/rbl_reply.h"

/* --- smtpd_expansion_filter --- */

static uint8_t
octal(const char **p)
{
	unsigned v = 0;

	for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++)
		v = v * 8 + (unsigned)(*(*p)++ - '0');
	return (uint8_t)v;
}

/* *p stands behind the backslash. */
static uint8_t
escaped(const char **p)
{
	static const char names[] = "abfnrtv", octets[] = "\a\b\f\n\r\t\v";
	const char *found;

	if (**p >= '0' && **p <= '7')
		return octal(p);
	if (**p == '\0')
		return '\\';
	found = strchr(names, **p);
	(*p)++;
	return (uint8_t)(found == NULL ? (*p)[-1] : octets[found - names]);
}

void
rbl_safe_make(const char *filter, struct rbl_safe *s)
{
	memset(s, 0, sizeof(*s));
	for (const char *p = filter; *p != '\0';) {
		uint8_t c = (uint8_t)*p++;

		if (c == '\\')
			c = escaped(&p);
		s->bits[c / 64] |= UINT64_C(1) << (c % 64);
	}
}

static const char *
safe_text(struct arena *a, const struct rbl_safe *safe, const char *value)
{
	char *out = arena_strdup(a, value);

	for (char *p = out; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;

		if ((safe->bits[c / 64] >> (c % 64) & 1) == 0)
			*p = '_';
	}
	return out;
}

/* --- values --- */

/* $sender, $sender_name, $sender_domain and the like: suffix is what stands behind "sender". */
static const char *
address_part(struct arena *a, const char *addr, const char *suffix)
{
	const char *at;

	if (addr == NULL)
		return "";
	at = strrchr(addr, '@');
	if (strcmp(suffix, "_domain") == 0)
		return at == NULL ? "" : at + 1;
	if (addr[0] == '\0')
		return "<>";
	if (strcmp(suffix, "_name") == 0 && at != NULL)
		return arena_printf(a, "%.*s", (int)(at - addr), addr);
	return addr;
}

static const char *
local_time(struct arena *a)
{
	time_t now = time(NULL);
	struct tm tm;
	char out[64];

	localtime_r(&now, &tm);
	strftime(out, sizeof(out), "%b %d %H:%M:%S", &tm);
	return arena_strdup(a, out);
}

static const char *
client_address_and_name(struct arena *a, const struct client *c)
{
	char label[400];

	client_label(c, label, sizeof(label));
	return arena_strdup(a, label);
}

enum macro {
	M_CLIENT,
	M_CLIENT_ADDRESS,
	M_CLIENT_NAME,
	M_CLIENT_PORT,
	M_HELO_NAME,
	M_LOCALTIME,
	M_RBL_CLASS,
	M_RBL_CODE,
	M_RBL_DOMAIN,
	M_RBL_REASON,
	M_RBL_TXT,
	M_RBL_WHAT,
	M_RECIPIENT,
	M_RECIPIENT_DOMAIN,
	M_RECIPIENT_NAME,
	M_REVERSE_CLIENT_NAME,
	M_SENDER,
	M_SENDER_DOMAIN,
	M_SENDER_NAME,
	M_SERVER_NAME,
	MACROS,
};

static const char *const macro_names[MACROS] = {
	[M_CLIENT] = "client",
	[M_CLIENT_ADDRESS] = "client_address",
	[M_CLIENT_NAME] = "client_name",
	[M_CLIENT_PORT] = "client_port",
	[M_HELO_NAME] = "helo_name",
	[M_LOCALTIME] = "localtime",
	[M_RBL_CLASS] = "rbl_class",
	[M_RBL_CODE] = "rbl_code",
	[M_RBL_DOMAIN] = "rbl_domain",
	[M_RBL_REASON] = "rbl_reason",
	[M_RBL_TXT] = "rbl_txt",
	[M_RBL_WHAT] = "rbl_what",
	[M_RECIPIENT] = "recipient",
	[M_RECIPIENT_DOMAIN] = "recipient_domain",
	[M_RECIPIENT_NAME] = "recipient_name",
	[M_REVERSE_CLIENT_NAME] = "reverse_client_name",
	[M_SENDER] = "sender",
	[M_SENDER_DOMAIN] = "sender_domain",
	[M_SENDER_NAME] = "sender_name",
	[M_SERVER_NAME] = "server_name",
};

static enum macro
macro_find(struct span name)
{
	enum macro m;

	for (m = 0; m < MACROS; m++)
		if (span_eq_str(name, macro_names[m]))
			break;
	return m;
}

static const char *
macro_value(struct arena *a, const struct rbl_macros *v, enum macro m)
{
	switch (m) {
	case M_CLIENT:
		return client_address_and_name(a, v->client);
	case M_CLIENT_ADDRESS:
		return v->client->addr;
	case M_CLIENT_NAME:
		return v->client->name;
	case M_CLIENT_PORT:
		return v->client->port;
	case M_HELO_NAME:
		return v->client->helo;
	case M_LOCALTIME:
		return local_time(a);
	case M_RBL_CLASS:
		return v->class;
	case M_RBL_CODE:
		return arena_printf(a, "%lld", (long long)v->code);
	case M_RBL_DOMAIN:
		return v->domain;
	case M_RBL_REASON:
	case M_RBL_TXT:
		return v->txt;
	case M_RBL_WHAT:
		return v->what;
	case M_RECIPIENT:
	case M_RECIPIENT_DOMAIN:
	case M_RECIPIENT_NAME:
		return address_part(a, v->recipient, macro_names[m] + strlen("recipient"));
	case M_REVERSE_CLIENT_NAME:
		return v->client->reverse_name;
	case M_SENDER:
	case M_SENDER_DOMAIN:
	case M_SENDER_NAME:
		return address_part(a, v->sender, macro_names[m] + strlen("sender"));
	case M_SERVER_NAME:
		return v->myhostname;
	case MACROS:
		break;
	}
	return NULL;
}

struct values {
	struct arena *arena;
	const struct rbl_macros *macros; /* NULL: each has this value */
	const char *each;
};

static const char *
value_of(void *arg, struct span name)
{
	const struct values *v = arg;
	enum macro m = macro_find(name);
	const char *value;

	if (m == MACROS)
		return NULL;
	if (v->macros == NULL)
		return v->each;
	value = macro_value(v->arena, v->macros, m);
	return safe_text(v->arena, v->macros->safe, value == NULL ? "" : value);
}

const char *
rbl_reply_expand(
    struct arena *a, const char *template, const struct rbl_macros *m, const char **why)
{
	struct values v = { .arena = a, .macros = m };

	return rbl_macro_expand(a, template, value_of, &v, why);
}

const char *
rbl_reply_fault(struct arena *a, const char *template)
{
	const char *why = NULL;

	/* Once with all texts behind `?`, once with those behind `:`. */
	for (int i = 0; i < 2; i++) {
		struct values v = { .arena = a, .each = i == 0 ? "x" : "" };

		if (rbl_macro_expand(a, template, value_of, &v, &why) == NULL)
			return why;
	}
	return NULL;
}

/* --- taking it apart --- */

int
rbl_reply_split(const char *s, struct rbl_reply *r)
{
	size_t n;

	if ((s[0] != '4' && s[0] != '5') || !isdigit((unsigned char)s[1]) ||
	    !isdigit((unsigned char)s[2]) || s[3] != ' ')
		return -1;
	r->code = atoi(s);
	s += 4;
	s += strspn(s, " ");
	snprintf(r->enhanced, sizeof(r->enhanced), "4.7.1");
	n = enhanced_len(span_str(s));
	if (n > 0 && n < sizeof(r->enhanced)) {
		snprintf(r->enhanced, sizeof(r->enhanced), "%.*s", (int)n, s);
		s += n;
		s += strspn(s, " ");
	}
	r->text = s[0] == '\0' ? "Service unavailable" : s;
	return 0;
}
