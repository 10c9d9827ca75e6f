/* XFORWARD and XCLIENT, as Postfix's XFORWARD_README and XCLIENT_README describe them. */
#include <stdio.h>
#include <string.h>

#include "base/xmem.h"
#include "engine/snapshot.h"
#include "front/session.h"
#include "front/told.h"
#include "mail/xattr.h"

/* A text attribute; an unavailable one becomes `none`. */
static void
set_text(char *to, size_t size, const struct xattr *a, const char *none)
{
	span_copy(span_str(a->state == XATTR_GIVEN ? a->text : none), to, size);
}

static enum attr_state
state_of(const struct xattr *a)
{
	return a->state == XATTR_GIVEN         ? ATTR_KNOWN
	       : a->state == XATTR_TEMPUNAVAIL ? ATTR_TEMPFAIL
					       : ATTR_UNKNOWN;
}

static void
set_name(struct client *c, const struct xattr *a)
{
	c->name_state = state_of(a);
	set_text(c->name, sizeof(c->name), a, "unknown");
}

static void
set_reverse_name(struct client *c, const struct xattr *a)
{
	c->reverse_state = state_of(a);
	set_text(c->reverse_name, sizeof(c->reverse_name), a, "unknown");
}

static void
set_addr(struct client *c, const struct xattr *a)
{
	/* What xattr_next() takes is an address. */
	(void)told_address(c, a->state == XATTR_GIVEN ? a->text : "");
}

static void
set(struct client *c, const struct xattr *a)
{
	switch (a->name) {
	case XATTR_NAME:
		set_name(c, a);
		/* XCLIENT_README: a name that is set also sets the unverified one; XFORWARD has no
		 * other way to tell it. */
		if (a->state == XATTR_GIVEN)
			set_reverse_name(c, a);
		break;
	case XATTR_REVERSE_NAME:
		set_reverse_name(c, a);
		break;
	case XATTR_ADDR:
		set_addr(c, a);
		break;
	case XATTR_PORT:
		set_text(c->port, sizeof(c->port), a, "");
		break;
	case XATTR_PROTO:
		set_text(c->proto, sizeof(c->proto), a, "");
		break;
	case XATTR_HELO:
		set_text(c->helo, sizeof(c->helo), a, "");
		break;
	case XATTR_IDENT:
		set_text(c->ident, sizeof(c->ident), a, "");
		break;
	case XATTR_LOGIN:
		set_text(c->login, sizeof(c->login), a, "");
		break;
	case XATTR_SOURCE:
		c->source = span_case_eq_str(span_str(a->text), "LOCAL") ? SOURCE_XFORWARD_LOCAL
									 : SOURCE_XFORWARD_REMOTE;
		break;
	case XATTR_DESTADDR:
		span_copy(
		    span_str(told_bare_address(a->text)), c->server_addr, sizeof(c->server_addr));
		break;
	case XATTR_DESTPORT:
		set_text(c->server_port, sizeof(c->server_port), a, "");
		break;
	case XATTR_NAMES:
		break;
	}
}

/* -1: it has been said what is wrong with it. */
static int
refuse_attr(struct smtp_session *s, enum xattr_result rc, const char *command,
    const struct xattr *a, struct span word)
{
	switch (rc) {
	case XATTR_OK:
		if (a->name != XATTR_LOGIN || session_params(s)->allow_xclient_login)
			return 0;
		session_reply(s, 501, "5.5.4", "Error: LOGIN is not authorised");
		break;
	case XATTR_NO_PAIR:
		session_reply(s, 501, "5.5.4", "Error: attribute=value expected");
		break;
	case XATTR_UNKNOWN_NAME:
		session_replyf(s, 501, "5.5.4", "Bad %s attribute name: %.*s", command,
		    (int)word.len, (const char *)word.p);
		break;
	case XATTR_BAD_VALUE:
		session_replyf(s, 501, "5.5.4", "Bad %s syntax: %.*s", xattr_text(a->name),
		    (int)word.len, (const char *)word.p);
		break;
	}
	return -1;
}

/* All attributes of a command into a copy, so that a bad one changes nothing.  *given gets a bit
 * for each. */
static int
parse_all(struct smtp_session *s, struct span rest, enum xattr_command command, struct client *c,
    unsigned *given)
{
	const char *name = command == XATTR_XCLIENT ? "XCLIENT" : "XFORWARD";
	struct xattr a = { 0 };
	struct span word;

	*given = 0;
	if (rest.len == 0) {
		session_replyf(s, 501, "5.5.4", "Syntax: %s attribute=value...", name);
		return -1;
	}
	while (rest.len > 0) {
		enum xattr_result rc = xattr_next(command, &rest, &a, &word);

		if (refuse_attr(s, rc, name, &a, word) == -1)
			return -1;
		set(c, &a);
		*given |= 1u << a.name;
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
	unsigned given;

	if (s->xforward != NULL) {
		c = *s->xforward;
	} else {
		client_init(&c);
		c.source = SOURCE_XFORWARD_REMOTE;
	}
	if (parse_all(s, arg, XATTR_XFORWARD, &c, &given) == -1)
		return;
	if (s->xforward == NULL)
		s->xforward = xmalloc(sizeof(*s->xforward));
	*s->xforward = c;
	session_reply(s, 250, "2.0.0", "Ok");
}

/* PITFALLS B1: back to the greeting; once ADDR is set the new address is what counts, also for
 * XCLIENT itself.  Attributes add up over several commands. */
void
do_xclient(struct smtp_session *s, struct span arg)
{
	int first = s->xclient == NULL;
	struct client c = first ? s->peer : *s->xclient;
	unsigned given;

	/* The session is as new: what HELO said before was another's.  What XCLIENT said stays, for
	 * it may take several commands. */
	if (s->phase == PH_HELO) {
		c.helo[0] = '\0';
		snprintf(c.proto, sizeof(c.proto), "SMTP");
	}
	if (parse_all(s, arg, XATTR_XCLIENT, &c, &given) == -1)
		return;
	c.source = SOURCE_XCLIENT;
	if (first) {
		/* The names of the peer's address are not those of another one. */
		int named = (given & 1u << XATTR_NAME) != 0;

		if ((given & 1u << XATTR_ADDR) && !named)
			set_name(&c, &(struct xattr){ .state = XATTR_UNAVAILABLE });
		if ((given & 1u << XATTR_ADDR) && !(given & 1u << XATTR_REVERSE_NAME) &&
		    !(named && c.name_state == ATTR_KNOWN))
			set_reverse_name(&c, &(struct xattr){ .state = XATTR_UNAVAILABLE });
		s->xclient = xmalloc(sizeof(*s->xclient));
	}
	*s->xclient = c;
	session_authorise(s);
	session_end_transaction(s);
	engine_memory_free(s->memory);
	s->memory = NULL;
	s->esmtp = 0;
	s->caps = 0;
	s->phase = PH_NEW;
	session_greet(s);
}
