/* Greeting, HELO and its kin, and the commands that do nothing. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/peer_name.h"
#include "front/session.h"
#include "mail/reply.h"
#include "mail/xattr.h"
#include "net/stream.h"

/* What the next hop can do; asked for when it is not known yet.  A poorer EHLO in its place would
 * make Postfix convert or bounce, so without it there is no service. */
static int
next_hop_caps(struct smtp_session *s, struct hop_caps *caps)
{
	const struct params *p = session_params(s);
	struct hop_pool *pool = s->f.doors->opt.pool;
	struct err err;

	if (passage_caps(pool, &s->f.listener->next_hop, caps,
		deadline_in_ms(p->smtp_connect_timeout + p->smtp_helo_timeout), &err) == 0)
		return 0;
	log_error(session_service(s), s->f.id, "next hop %s cannot be asked what it can do: %s",
	    s->f.listener->next_hop.text, err.text);
	return -1;
}

/* smtpd_peername_lookup.  After XCLIENT the peer is nobody's client any more. */
static void
look_up_peer(struct smtp_session *s)
{
	const struct params *p = session_params(s);
	struct peer_names names = { .dns = s->f.doors->opt.dns,
		.hosts = "/etc/hosts",
		.deadline = deadline_in_ms(p->stage_time_limit) };
	const char *why;

	if (!p->smtpd_peername_lookup || s->looked_up || s->xclient != NULL)
		return;
	s->looked_up = 1;
	names.arena = arena_new();
	why = peer_name_find(&names, &s->peer);
	arena_free(names.arena);
	if (why != NULL)
		log_info(session_service(s), s->f.id, "%s is not the name of %s: %s",
		    s->peer.reverse_name, s->peer.addr, why);
}

void
session_greet(struct smtp_session *s)
{
	struct hop_caps caps;

	if (next_hop_caps(s, &caps) == -1) {
		session_close(s, "4.3.2", "Service not available: the next hop does not answer");
		return;
	}
	look_up_peer(s);
	if (session_ask(s, "CONNECT", STAGE_CONNECT, span_str("")) == -1) {
		if (s->phase != PH_CLOSE)
			s->phase = PH_DENIED;
		return;
	}
	session_reply(s, 220, NULL, session_params(s)->smtpd_banner);
	s->phase = PH_GREETED;
}

static int
check_hostname(struct smtp_session *s, struct span arg, const char *verb)
{
	if (arg.len > 0 && arg.len < sizeof(s->peer.helo) && syntax_helo(arg))
		return 0;
	session_replyf(s, 501, NULL, "Syntax: %s hostname", verb);
	return -1;
}

int
check_helo(struct smtp_session *s, struct span arg)
{
	return check_hostname(s, arg, "HELO");
}

int
check_ehlo(struct smtp_session *s, struct span arg)
{
	return check_hostname(s, arg, "EHLO");
}

int
check_lhlo(struct smtp_session *s, struct span arg)
{
	return check_hostname(s, arg, "LHLO");
}

/* RFC 5321 4.1.4: a HELO in a transaction ends it. */
static struct client *
say_hello(struct smtp_session *s, struct span arg, const char *proto)
{
	struct client *c = s->xclient != NULL ? s->xclient : &s->peer;

	session_end_transaction(s);
	/* XCLIENT HELO= and PROTO= outlive the command that follows them only until it comes. */
	snprintf(c->helo, sizeof(c->helo), "%.*s", (int)arg.len, (const char *)arg.p);
	snprintf(c->proto, sizeof(c->proto), "%s", proto);
	s->phase = PH_HELO;
	return c;
}

void
do_helo(struct smtp_session *s, struct span arg)
{
	say_hello(s, arg, "SMTP");
	s->esmtp = 0;
	s->caps = 0;
	session_reply(s, 250, NULL, session_params(s)->service_name);
}

/* Is this keyword withheld by smtpd_discard_ehlo_keywords? */
static int
discarded(const struct smtp_session *s, const char *keyword)
{
	const char *p = session_params(s)->smtpd_discard_ehlo_keywords;
	size_t n;

	for (; *(p += strspn(p, ", \t\r\n")) != '\0'; p += n) {
		n = strcspn(p, ", \t\r\n");
		if (span_case_eq_str(span_make(p, n), keyword))
			return 1;
	}
	return 0;
}

static void
announce(struct smtp_session *s, struct buf *b, unsigned cap, const char *keyword, const char *arg)
{
	if (discarded(s, keyword))
		return;
	s->caps |= cap;
	buf_printf(b, "\n%s%s%s", keyword, *arg == '\0' ? "" : " ", arg);
}

/* The limit told: ours or the next hop's, whichever is smaller. */
static void
announce_size(struct smtp_session *s, struct buf *b, const struct hop_caps *caps)
{
	long long ours = session_params(s)->message_size_limit, theirs = caps->size;
	char number[24];

	if (ours == 0 || (caps->bits & CAP_SIZE && theirs > 0 && theirs < ours))
		ours = caps->bits & CAP_SIZE ? theirs : 0;
	s->size_announced = ours;
	snprintf(number, sizeof(number), "%lld", ours);
	announce(s, b, CAP_SIZE, "SIZE", ours == 0 ? "" : number);
}

/* The intersection of what we and the next hop can do.  What we do ourselves whatever the next hop
 * can: PIPELINING, SIZE, ENHANCEDSTATUSCODES, CHUNKING (chunks are put together here) and PRDR (a
 * next hop that has it is not asked for it: who differs has a transaction of his own).  LMTP has
 * PRDR's replies anyway. */
static void
extensions(struct smtp_session *s, struct buf *b, const struct hop_caps *caps)
{
	s->caps = 0;
	announce(s, b, CAP_PIPELINING, "PIPELINING", "");
	announce_size(s, b, caps);
	announce(s, b, CAP_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES", "");
	if (caps->bits & CAP_8BITMIME)
		announce(s, b, CAP_8BITMIME, "8BITMIME", "");
	if (caps->bits & CAP_DSN)
		announce(s, b, CAP_DSN, "DSN", "");
	if (caps->bits & CAP_SMTPUTF8 && session_params(s)->smtputf8_enable)
		announce(s, b, CAP_SMTPUTF8, "SMTPUTF8", "");
	announce(s, b, CAP_CHUNKING, "CHUNKING", "");
	if (!s->lmtp && session_params(s)->smtpd_prdr_enable)
		announce(s, b, CAP_PRDR, "PRDR", "");
	if (s->may_xforward)
		announce(s, b, CAP_XFORWARD, "XFORWARD", xattr_announce(XATTR_XFORWARD));
	if (s->may_xclient)
		announce(s, b, 0, "XCLIENT", xattr_announce(XATTR_XCLIENT));
}

static void
hello_extended(struct smtp_session *s, struct span arg, const char *proto)
{
	struct hop_caps caps;
	struct buf text = { 0 };

	if (next_hop_caps(s, &caps) == -1) {
		session_close(s, "4.3.2", "Service not available: the next hop does not answer");
		return;
	}
	say_hello(s, arg, proto);
	s->esmtp = 1;
	buf_adds(&text, session_params(s)->service_name);
	extensions(s, &text, &caps);
	session_reply(s, 250, NULL, buf_cstr(&text));
	buf_fini(&text);
}

void
do_ehlo(struct smtp_session *s, struct span arg)
{
	hello_extended(s, arg, "ESMTP");
}

void
do_lhlo(struct smtp_session *s, struct span arg)
{
	hello_extended(s, arg, "LMTP");
}

void
do_noop(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_reply(s, 250, "2.0.0", "Ok");
}

/* Known verbs that are not for this place. */
void
do_unimplemented(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_reply(s, 502, "5.5.1", "Error: command not implemented");
}

void
do_auth(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_reply(s, 503, "5.5.1", "Error: authentication not enabled");
}

void
do_help(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_reply(s, 214, "2.0.0", "See filterd(8)");
}

void
do_rset(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_end_transaction(s);
	session_reply(s, 250, "2.0.0", "Ok");
}

void
do_vrfy(struct smtp_session *s, struct span arg)
{
	if (session_params(s)->disable_vrfy_command)
		session_reply(s, 502, "5.5.1", "VRFY command is disabled");
	else if (arg.len == 0)
		session_reply(s, 501, "5.5.4", "Syntax: VRFY address");
	else /* RFC 5321 3.5.3: no wish to tell */
		session_reply(s, 252, "2.0.0", "Cannot VRFY user, but will accept message");
}

void
do_quit(struct smtp_session *s, struct span arg)
{
	(void)arg;
	session_reply(s, 221, "2.0.0", "Bye");
	s->phase = PH_CLOSE;
}
