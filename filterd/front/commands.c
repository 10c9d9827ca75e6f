#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/log.h"
#include "engine/snapshot.h"
#include "front/session.h"
#include "net/stream.h"

/* F_LAST: nothing may follow it before its reply has been read (RFC 2920 3.1). */
enum { F_SMTP = 1, F_LMTP = 2, F_JUNK = 4, F_NOARG = 8, F_LAST = 16 };
#define F_BOTH (F_SMTP | F_LMTP)

/* What refused recipients of one transaction may leave behind; they may be any number.  The other
 * ones have a limit of their own, and this for each. */
#define REFUSED_MAX ((size_t)16 * 1024 * 1024)
#define RCPT_MAX    ((size_t)8 * 1024)

struct command {
	const char *verb;
	unsigned phases; /* where it may stand; elsewhere `out_of_place` is the answer */
	unsigned flags;
	enum stage stage;
	command_check_fn *check; /* looks and changes nothing; -1: it has replied */
	command_proceed_fn *proceed;
	const char *out_of_place;
};

#define IN_MAIL     "Error: MAIL transaction in progress"
#define NEED_LHLO   "Error: send LHLO first"
#define NESTED_MAIL "Error: nested MAIL command"
#define NEED_MAIL   "Error: need MAIL command"
#define NEED_RCPT   "Error: need RCPT command"
#define PH_TXN      (PH_MAIL | PH_RCPT)
#define PH_IDLE     (PH_GREETED | PH_HELO)
#define PH_HELLO    (PH_IDLE | PH_TXN | PH_BDAT)

static const struct command commands[] = {
	/* verb	      may stand in	    flags		asks	      check proceed else */
	{ "HELO", PH_HELLO, F_SMTP | F_LAST, STAGE_HELO, check_helo, do_helo, NULL },
	{ "EHLO", PH_HELLO, F_SMTP | F_LAST, STAGE_HELO, check_ehlo, do_ehlo, NULL },
	{ "LHLO", PH_HELLO, F_LMTP | F_LAST, STAGE_HELO, check_lhlo, do_lhlo, NULL },
	{ "MAIL", PH_IDLE, F_BOTH, STAGE_MAIL, check_mail, do_mail, NESTED_MAIL },
	{ "RCPT", PH_TXN, F_BOTH, STAGE_RCPT, check_rcpt, do_rcpt, NEED_MAIL },
	{ "DATA", PH_RCPT, F_BOTH | F_NOARG | F_LAST, STAGE_DATA, check_data, do_data, NEED_RCPT },
	/* BDAT is in its place everywhere and asks by itself: its octets follow whatever the answer
	   is. */
	{ "BDAT", PH_ANY, F_BOTH, STAGE_NONE, NULL, do_bdat, NULL },
	{ "RSET", PH_ANY, F_BOTH | F_JUNK | F_NOARG, STAGE_NONE, NULL, do_rset, NULL },
	{ "NOOP", PH_ANY, F_BOTH | F_JUNK | F_LAST, STAGE_NONE, NULL, do_noop, NULL },
	{ "VRFY", PH_ANY, F_BOTH | F_JUNK | F_LAST, STAGE_NONE, NULL, do_vrfy, NULL },
	{ "HELP", PH_ANY, F_BOTH | F_JUNK, STAGE_NONE, NULL, do_help, NULL },
	{ "QUIT", PH_ANY | PH_DENIED, F_BOTH, STAGE_NONE, NULL, do_quit, NULL },
	{ "STARTTLS", PH_ANY, F_BOTH, STAGE_NONE, NULL, do_unimplemented, NULL },
	{ "ETRN", PH_ANY, F_SMTP, STAGE_NONE, NULL, do_unimplemented, NULL },
	{ "AUTH", PH_ANY, F_BOTH, STAGE_NONE, NULL, do_auth, NULL },
	{ "XFORWARD", PH_IDLE, F_BOTH, STAGE_NONE, check_xforward, do_xforward, IN_MAIL },
	{ "XCLIENT", PH_IDLE, F_BOTH, STAGE_NONE, check_xclient, do_xclient, IN_MAIL },
};

/* Cut the verb off; white space around the argument goes, as Postfix's tokeniser has it. */
static struct span
split(struct span line, struct span *arg)
{
	struct span l = span_trim(line);
	size_t n = 0;

	while (n < l.len && l.p[n] != ' ' && l.p[n] != '\t')
		n++;
	*arg = span_trim(span_make(l.p + n, l.len - n));
	return span_make(l.p, n);
}

static const struct command *
find(const struct smtp_session *s, struct span verb)
{
	int first = verb.len == 0 ? 0 : verb.p[0] & ~0x20; /* tells most of them apart */

	for (size_t i = 0; i < nitems(commands); i++)
		if (commands[i].verb[0] == first && span_case_eq_str(verb, commands[i].verb) &&
		    (commands[i].flags & (s->lmtp ? F_LMTP : F_SMTP)))
			return &commands[i];
	return NULL;
}

static void
misplaced(struct smtp_session *s, const struct command *c)
{
	const char *text = c->out_of_place;

	if (s->phase == PH_DENIED) {
		const struct client *who = session_client(s);

		/* A chunk's octets would be taken for commands. */
		session_replyf(s, c->proceed == do_bdat ? 521 : 503, "5.7.0",
		    "Error: access denied for %s[%s]", who->name, who->addr);
		return;
	}
	if (s->phase == PH_BDAT && (c->check == check_data || c->check == check_rcpt)) {
		session_replyf(s, 503, "5.5.1", "Error: %s after BDAT", c->verb);
		return;
	}
	if (s->phase == PH_GREETED && s->lmtp)
		text = NEED_LHLO;
	else if (c->check == check_data && s->phase == PH_MAIL)
		text = "Error: no valid recipients";
	session_reply(s, s->phase == PH_MAIL && c->check == check_data ? 554 : 503, "5.5.1", text);
}

/* Sessions that never send mail, and those that only make errors. */
static int
limits_passed(struct smtp_session *s, const struct command *c)
{
	const struct params *p = session_params(s);

	if (c != NULL && c->flags & F_JUNK && p->smtpd_junk_command_limit > 0 &&
	    ++s->junk > p->smtpd_junk_command_limit)
		s->errors++;
	if (p->smtpd_hard_error_limit > 0 && s->errors >= p->smtpd_hard_error_limit) {
		session_close(s, "4.7.0", "Error: too many errors");
		return 1;
	}
	return 0;
}

static int
too_much(const struct smtp_session *s)
{
	return arena_used(s->arena) >
	       REFUSED_MAX + (size_t)session_params(s)->smtpd_recipient_limit * RCPT_MAX;
}

static void
run(struct smtp_session *s, const struct command *c, struct span arg)
{
	if ((c->phases & s->phase) == 0) {
		misplaced(s, c);
		return;
	}
	if (c->flags & F_NOARG && arg.len > 0) {
		session_replyf(s, 501, "5.5.4", "Syntax: %s", c->verb);
		return;
	}
	if (s->arena == NULL)
		s->arena = arena_new();
	if (too_much(s)) {
		session_close(s, "4.3.1", "Error: too much in one transaction");
		return;
	}
	/* Check, ask, proceed: the order is the reason the program exists. */
	if (c->check != NULL && c->check(s, arg) == -1)
		return;
	if (session_ask(s, c->verb, c->stage, arg) == 0)
		c->proceed(s, arg);
}

/* For reject_unauth_pipelining: more has come although the reply had to be waited for, or nobody
 * has said that it need not. */
static void
note_pipelining(struct smtp_session *s, const struct command *c)
{
	if (s->pipelined || stream_peek(s->f.stream).len == 0 ||
	    (s->esmtp && (c->flags & F_LAST) == 0))
		return;
	s->pipelined = 1;
	log_info(session_service(s), s->f.id, "improper command pipelining after %s from %s[%s]",
	    c->verb, session_client(s)->name, session_client(s)->addr);
}

void
session_command(struct smtp_session *s, struct span line)
{
	struct span arg, verb = split(line, &arg);
	const struct command *c = find(s, verb);

	if (limits_passed(s, c))
		return;
	if (line.len > 0 && memchr(line.p, 0, line.len) != NULL) {
		log_warn(session_service(s), s->f.id, "a command line with NUL from %s[%s]",
		    s->peer.name, s->peer.addr);
		/* Behind a BDAT that is not understood follow octets that are no commands. */
		session_reply(s, c != NULL && c->proceed == do_bdat ? 521 : 500, "5.5.2",
		    "Error: NUL in command line");
		return;
	}
	if (c == NULL) {
		session_reply(s, 500, "5.5.2",
		    verb.len == 0 ? "Error: bad syntax" : "Error: command not recognized");
		return;
	}
	note_pipelining(s, c);
	run(s, c, arg);
}
