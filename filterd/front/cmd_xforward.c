/* XFORWARD and XCLIENT, as Postfix's XFORWARD_README and XCLIENT_README describe them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/xmem.h"
#include "engine/snapshot.h"
#include "front/session.h"
#include "net/dial.h"

#define VALUE_MAX 255

enum value_kind { VALUE_GIVEN, VALUE_UNAVAILABLE, VALUE_TEMPUNAVAIL };

struct attribute {
	enum value_kind kind;
	const char *text; /* decoded; "" unless given */
};

typedef int set_fn(struct client *, const struct attribute *);

/* A text attribute; an unavailable one becomes `none`. */
static int
set_text(char *to, size_t size, const struct attribute *a, const char *none)
{
	if (strlen(a->text) >= size)
		return -1;
	snprintf(to, size, "%s", a->kind == VALUE_GIVEN ? a->text : none);
	return 0;
}

static enum attr_state
state_of(const struct attribute *a)
{
	return a->kind == VALUE_GIVEN         ? ATTR_KNOWN
	       : a->kind == VALUE_TEMPUNAVAIL ? ATTR_TEMPFAIL
					      : ATTR_UNKNOWN;
}

static int
set_name(struct client *c, const struct attribute *a)
{
	c->name_state = state_of(a);
	return set_text(c->name, sizeof(c->name), a, "unknown");
}

static int
set_reverse_name(struct client *c, const struct attribute *a)
{
	c->reverse_state = state_of(a);
	return set_text(c->reverse_name, sizeof(c->reverse_name), a, "unknown");
}

/* "192.0.2.1", "IPV6:2001:db8::1", or an IPv6 address as it is. */
static int
set_addr(struct client *c, const struct attribute *a)
{
	const char *text = a->text;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->sa;

	memset(&c->sa, 0, sizeof(c->sa));
	c->sa.ss_family = AF_UNSPEC;
	snprintf(c->addr, sizeof(c->addr), "unknown");
	if (a->kind != VALUE_GIVEN)
		return 0;
	if (span_case_starts(span_str(text), "IPV6:"))
		text += 5;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return -1;
	sockaddr_text(&c->sa, c->addr, sizeof(c->addr), NULL);
	return 0;
}

static int
set_port(struct client *c, const struct attribute *a)
{
	uint64_t n;

	if (a->kind == VALUE_GIVEN && span_u64(span_str(a->text), 65535, &n) == -1)
		return -1;
	return set_text(c->port, sizeof(c->port), a, "");
}

static int
set_proto(struct client *c, const struct attribute *a)
{
	return set_text(c->proto, sizeof(c->proto), a, "");
}

static int
set_helo(struct client *c, const struct attribute *a)
{
	return set_text(c->helo, sizeof(c->helo), a, "");
}

static int
set_ident(struct client *c, const struct attribute *a)
{
	return set_text(c->ident, sizeof(c->ident), a, "");
}

static int
set_login(struct client *c, const struct attribute *a)
{
	return set_text(c->login, sizeof(c->login), a, "");
}

static int
set_source(struct client *c, const struct attribute *a)
{
	if (a->kind != VALUE_GIVEN || span_case_eq_str(span_str(a->text), "REMOTE"))
		c->source = SOURCE_XFORWARD_REMOTE;
	else if (span_case_eq_str(span_str(a->text), "LOCAL"))
		c->source = SOURCE_XFORWARD_LOCAL;
	else
		return -1;
	return 0;
}

/* The destination is the peer's own business: understood and not used. */
static int
set_nothing(struct client *c, const struct attribute *a)
{
	(void)c;
	return strlen(a->text) > VALUE_MAX ? -1 : 0;
}

static const struct {
	const char *name;
	int xforward, xclient;
	set_fn *set;
} attributes[] = {
	{ "NAME", 1, 1, set_name },
	{ "REVERSE_NAME", 0, 1, set_reverse_name },
	{ "ADDR", 1, 1, set_addr },
	{ "PORT", 1, 1, set_port },
	{ "PROTO", 1, 1, set_proto },
	{ "HELO", 1, 1, set_helo },
	{ "IDENT", 1, 0, set_ident },
	{ "SOURCE", 1, 0, set_source },
	{ "LOGIN", 0, 1, set_login },
	{ "DESTADDR", 0, 1, set_nothing },
	{ "DESTPORT", 0, 1, set_nothing },
};

static int
decode(struct span value, struct buf *out, struct attribute *a)
{
	a->text = "";
	a->kind = span_case_eq_str(value, "[UNAVAILABLE]")   ? VALUE_UNAVAILABLE
		  : span_case_eq_str(value, "[TEMPUNAVAIL]") ? VALUE_TEMPUNAVAIL
							     : VALUE_GIVEN;
	if (a->kind != VALUE_GIVEN)
		return 0;
	buf_reset(out);
	if (value.len == 0 || xtext_decode(value, out) == -1 || out->len > VALUE_MAX)
		return -1;
	for (size_t i = 0; i < out->len; i++)
		if ((uint8_t)out->p[i] < 0x20 || (uint8_t)out->p[i] > 0x7e)
			return -1;
	a->text = buf_cstr(out);
	return 0;
}

/* The attribute's place in the table, or -1. */
static int
find_attribute(struct span name, int xforward)
{
	for (size_t i = 0; i < nitems(attributes); i++)
		if (span_case_eq_str(name, attributes[i].name) &&
		    (xforward ? attributes[i].xforward : attributes[i].xclient))
			return (int)i;
	return -1;
}

/* One NAME=VALUE; -1: it has been said what is wrong with it. */
static int
one(struct smtp_session *s, struct client *c, struct span word, int xforward)
{
	struct span name, value;
	struct buf text = { 0 };
	struct attribute a;
	int i, rc = -1;

	if (!span_cut(word, '=', &name, &value) || name.len == 0 || value.len == 0) {
		session_reply(s, 501, "5.5.4", "Error: attribute=value expected");
		return -1;
	}
	i = find_attribute(name, xforward);
	if (i == -1)
		session_replyf(s, 501, "5.5.4", "Bad %s attribute name: %.*s",
		    xforward ? "XFORWARD" : "XCLIENT", (int)name.len, (const char *)name.p);
	else if (attributes[i].set == set_login && !session_params(s)->allow_xclient_login)
		session_reply(s, 501, "5.5.4", "Error: LOGIN is not authorised");
	else if (decode(value, &text, &a) == -1 || attributes[i].set(c, &a) == -1)
		session_replyf(s, 501, "5.5.4", "Bad %s syntax: %.*s", attributes[i].name,
		    (int)value.len, (const char *)value.p);
	else
		rc = 0;
	/* XCLIENT_README: a name that is set also sets the unverified one. */
	if (rc == 0 && !xforward && attributes[i].set == set_name && a.kind == VALUE_GIVEN)
		(void)set_reverse_name(c, &a);
	buf_fini(&text);
	return rc;
}

/* All attributes of a command into a copy, so that a bad one changes nothing. */
static int
parse_all(struct smtp_session *s, struct span arg, int xforward, struct client *c)
{
	const char *command = xforward ? "XFORWARD" : "XCLIENT";
	struct span word, rest = arg;

	if (arg.len == 0) {
		session_replyf(s, 501, "5.5.4", "Syntax: %s attribute=value...", command);
		return -1;
	}
	while (rest.len > 0) {
		span_cut(rest, ' ', &word, &rest);
		rest = span_trim(rest);
		if (one(s, c, word, xforward) == -1)
			return -1;
	}
	return 0;
}

static int
authorised(struct smtp_session *s, int may)
{
	if (may)
		return 0;
	session_reply(s, 550, "5.7.0", "Error: insufficient authorization");
	return -1;
}

int
check_xforward(struct smtp_session *s, struct span arg)
{
	(void)arg;
	return authorised(s, s->may_xforward);
}

int
check_xclient(struct smtp_session *s, struct span arg)
{
	(void)arg;
	return authorised(s, s->may_xclient);
}

/* Attributes add up over several commands before MAIL; those not given stay unknown, never the
 * peer's own. */
void
do_xforward(struct smtp_session *s, struct span arg)
{
	struct client c;

	if (s->xforward != NULL) {
		c = *s->xforward;
	} else {
		client_init(&c);
		c.source = SOURCE_XFORWARD_REMOTE;
	}
	if (parse_all(s, arg, 1, &c) == -1)
		return;
	if (s->xforward == NULL)
		s->xforward = xmalloc(sizeof(*s->xforward));
	*s->xforward = c;
	session_reply(s, 250, "2.0.0", "Ok");
}

/* PITFALLS B1: back to the greeting; once ADDR is set the new address is what counts, also for
 * XCLIENT itself. */
void
do_xclient(struct smtp_session *s, struct span arg)
{
	struct client c = s->xclient != NULL ? *s->xclient : s->peer;

	if (s->xclient == NULL) {
		snprintf(c.name, sizeof(c.name), "unknown");
		c.source = SOURCE_XCLIENT;
	}
	if (parse_all(s, arg, 0, &c) == -1)
		return;
	if (s->xclient == NULL)
		s->xclient = xmalloc(sizeof(*s->xclient));
	*s->xclient = c;
	session_authorise(s);
	session_end_transaction(s);
	s->esmtp = 0;
	s->caps = 0;
	s->phase = PH_NEW;
	session_greet(s);
}
