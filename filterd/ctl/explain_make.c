/* Whom and what explain asks about: the client, addresses and the message of the command line. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/message.h"
#include "ctl/ctl_cmd.h"
#include "ctl/explain_impl.h"
#include "front/peer_name.h"
#include "mail/syntax.h"

static int
put(char *to, size_t size, const char *option, const char *value)
{
	if (value == NULL)
		return 0;
	if (strlen(value) >= size)
		return ctl_fail(EX_USAGE, "%s: too long", option);
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

static enum attr_state
state_of(const char *name)
{
	return strcmp(name, "unknown") == 0 ? ATTR_UNKNOWN : ATTR_KNOWN;
}

static int
put_address(struct client *c, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->sa;

	if (text == NULL || strcmp(text, "unknown") == 0)
		return 0;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return ctl_fail(EX_USAGE, "--client-address: \"%s\" is no IP address", text);
	snprintf(c->addr, sizeof(c->addr), "%s", text);
	return 0;
}

/* Names that were not told are looked up, as a door does. */
static void
find_names(struct explain *x)
{
	struct peer_names names = { .dns = x->services.dns,
		.hosts = "/etc/hosts",
		.arena = x->arena,
		.deadline = deadline_in_ms(x->listener->params->stage_time_limit) };

	if (!x->o->no_dns && x->listener->params->smtpd_peername_lookup)
		(void)peer_name_find(&names, &x->client);
}

/* Who would tell of the client there. */
static enum client_source
source_of(enum listener_kind kind)
{
	switch (kind) {
	case LISTENER_SMTP:
	case LISTENER_LMTP:
		break;
	case LISTENER_POLICY:
		return SOURCE_POLICY;
	case LISTENER_MILTER:
		return SOURCE_MILTER;
	}
	return SOURCE_PEER;
}

int
explain_make_client(struct explain *x)
{
	const struct explain_options *o = x->o;
	struct client *c = &x->client;
	const char *name = o->client_name, *reverse = o->reverse_name;
	int status;

	client_init(c);
	c->source = source_of(x->listener->conf->kind);
	status = put_address(c, o->client_address);
	/* A confirmed name is the address's own. */
	if (reverse == NULL)
		reverse = name;
	if (status == 0)
		status = put(c->name, sizeof(c->name), "--client-name", name);
	if (status == 0)
		status = put(c->reverse_name, sizeof(c->reverse_name), "--reverse-name", reverse);
	if (status == 0)
		status = put(c->helo, sizeof(c->helo), "--helo", o->helo);
	if (status == 0)
		status = put(c->login, sizeof(c->login), "--sasl-username", o->login);
	c->name_state = state_of(c->name);
	c->reverse_state = state_of(c->reverse_name);
	snprintf(c->proto, sizeof(c->proto), "%s",
	    x->listener->conf->kind == LISTENER_LMTP ? "LMTP" : "ESMTP");
	if (status == 0 && reverse == NULL)
		find_names(x);
	return status;
}

int
explain_make_path(struct explain *x, const char *option, const char *text, struct path *p)
{
	size_t n = strlen(text);
	struct mail_path m = { "", "", "", "" };

	if (n >= 2 && text[0] == '<' && text[n - 1] == '>') {
		text = arena_printf(x->arena, "%.*s", (int)n - 2, text + 1);
		n -= 2;
	}
	if (n > 0 && syntax_address(x->arena, span_make(text, n), 1, &m) == -1)
		return ctl_fail(EX_USAGE, "%s: \"%s\" is no address", option, text);
	*p = (struct path){ .octets = m.octets,
		.local = m.local,
		.domain = m.domain,
		.addr = m.addr,
		.params = "" };
	return 0;
}

static int
fill_message(struct explain *x, FILE *f, struct err *err)
{
	int c, last = '\n';

	while ((c = getc(f)) != EOF) {
		uint8_t *to = message_reserve(x->message, 2, err);
		size_t n = 0;

		if (to == NULL)
			return -1;
		/* Files end lines with LF, mail does with CRLF. */
		if (c == '\n' && last != '\r')
			to[n++] = '\r';
		to[n++] = (uint8_t)c;
		message_commit(x->message, n);
		last = c;
	}
	if (last != '\n') {
		uint8_t *to = message_reserve(x->message, 2, err);

		if (to == NULL)
			return -1;
		memcpy(to, "\r\n", 2);
		message_commit(x->message, 2);
	}
	return 0;
}

int
explain_make_message(struct explain *x)
{
	const struct message_options o = { .memory_limit = SIZE_MAX / 2,
		.spool_directory = x->listener->params->spool_directory };
	const char *name = x->o->message;
	struct err err;
	FILE *f;
	int status = 0;

	if (name == NULL)
		return 0;
	f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (f == NULL)
		return ctl_fail(EX_NOINPUT, "%s: %s", name, strerror(errno));
	x->message = message_new(&o);
	if (fill_message(x, f, &err) == -1)
		status = ctl_fail(EX_OSERR, "%s: %s", name, err.text);
	else if (ferror(f))
		status = ctl_fail(EX_NOINPUT, "%s: %s", name, strerror(errno));
	if (f != stdin)
		fclose(f);
	return status;
}
