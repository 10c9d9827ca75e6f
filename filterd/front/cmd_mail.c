/* MAIL and RCPT. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "engine/refusal_log.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"

/* Parameters are only good where EHLO announced them. */
static const char *
not_announced(const struct smtp_session *s, const struct mail_params *p)
{
	if (p->unknown != NULL)
		return p->unknown;
	if (p->size >= 0 && !(s->caps & CAP_SIZE))
		return "SIZE";
	if (p->body == BODY_BINARYMIME)
		return "BODY=BINARYMIME";
	if (p->body == BODY_8BITMIME && !(s->caps & CAP_8BITMIME))
		return "BODY=8BITMIME";
	if (p->smtputf8 && !(s->caps & CAP_SMTPUTF8))
		return "SMTPUTF8";
	if (p->prdr && !(s->caps & CAP_PRDR))
		return "PRDR";
	if ((p->ret != NULL || p->envid != NULL || p->notify != NULL || p->orcpt != NULL) &&
	    !(s->caps & CAP_DSN))
		return "DSN";
	return NULL;
}

/* strict_rfc821_envelopes: no address without <>, or whose local part is nothing or begins with "@"
 * once its quotes are gone.  Comments are never understood. */
static enum syntax_result
strictly(const struct smtp_session *s, struct span arg, enum syntax_result rc)
{
	struct span verb, path;

	if (!session_params(s)->strict_rfc821_envelopes || rc == SYNTAX_BAD_COMMAND)
		return rc;
	span_cut(arg, ':', &verb, &path);
	path = span_trim(path);
	if (path.len == 0 || path.p[0] != '<')
		return SYNTAX_BAD_ADDRESS;
	return rc == SYNTAX_OK && s->path.addr[0] == '@' ? SYNTAX_BAD_ADDRESS : rc;
}

static const char *
client_helo(const struct smtp_session *s)
{
	return s->xclient != NULL ? s->xclient->helo : s->peer.helo;
}

/* -1 and a reply, unless the command was understood. */
static int
syntax_reply(struct smtp_session *s, const char *verb, struct span arg, enum syntax_result rc)
{
	int sender = strcmp(verb, "MAIL") == 0;
	const struct client *c = session_client(s);
	const char *option;
	struct span path;

	switch (rc) {
	case SYNTAX_OK:
		break;
	case SYNTAX_BAD_COMMAND:
		session_replyf(
		    s, 501, "5.5.4", "Syntax: %s:<address>", sender ? "MAIL FROM" : "RCPT TO");
		return -1;
	case SYNTAX_BAD_ADDRESS:
		span_cut(arg, ':', &path, &arg);
		arg = span_trim(arg);
		log_info(session_service(s), s->txn.id[0] != '\0' ? s->txn.id : s->f.id,
		    "illegal address syntax from %s[%s] in %s command: %.*s", c->name, c->addr,
		    verb, (int)arg.len, (const char *)arg.p);
		session_replyf(s, 501, sender ? "5.1.7" : "5.1.3", "Bad %s address syntax",
		    sender ? "sender" : "recipient");
		return -1;
	case SYNTAX_BAD_PARAM:
		session_reply(s, 501, "5.5.4", s->params.why);
		return -1;
	}
	option = not_announced(s, &s->params);
	if (option == NULL)
		return 0;
	session_replyf(s, 555, "5.5.4", "Unsupported option: %s", option);
	return -1;
}

int
check_mail(struct smtp_session *s, struct span arg)
{
	int utf8 = (s->caps & CAP_SMTPUTF8) != 0;
	enum syntax_result rc;
	long long limit;

	if (s->phase == PH_GREETED && s->lmtp) {
		session_reply(s, 503, "5.5.1", "Error: send LHLO first");
		return -1;
	}
	if (atomic_load(&s->f.told_to_stop)) {
		session_close(s, "4.3.2", "Service is shutting down");
		return -1;
	}
	session_take_snapshot(s);
	/* XCLIENT may have told it. */
	if (session_params(s)->smtpd_helo_required && client_helo(s)[0] == '\0') {
		session_reply(s, 503, "5.5.1", "Error: send HELO/EHLO first");
		return -1;
	}
	rc = strictly(s, arg, syntax_mail(s->arena, arg, utf8, &s->path, &s->params));
	if (syntax_reply(s, "MAIL", arg, rc) == -1)
		return -1;
	limit = session_params(s)->message_size_limit;
	if (limit > 0 && s->params.size > limit) {
		session_reply(s, 552, "5.3.4", "Message size exceeds fixed limit");
		return -1;
	}
	return 0;
}

static struct path
path_of(const struct smtp_session *s)
{
	return (struct path){ .octets = s->path.octets,
		.local = s->path.local,
		.domain = s->path.domain,
		.addr = s->path.addr,
		.params = s->params.raw };
}

void
session_begin_transaction(struct smtp_session *s)
{
	struct transaction *t = &s->txn;

	s->prdr = s->params.prdr;
	transaction_init(t, s->arena);
	decision_id_make(t->id, sizeof(t->id));
	session_describe(s, t);
	engine_begin(t, s->f.snapshot, s->f.listener);
	t->sender = path_of(s);
	t->size = s->params.size > 0 ? s->params.size : 0;
	t->body_8bit = s->params.body == BODY_8BITMIME;
	t->smtputf8 = s->params.smtputf8;
	t->started_us = clock_us();
}

void
session_begin_recipient(struct smtp_session *s)
{
	struct recipient *r = transaction_candidate(&s->txn);

	r->path = path_of(s);
	r->notify_never = s->params.notify_never;
	s->candidate = r;
}

static int
verifies(const struct smtp_session *s)
{
	return !s->lmtp && session_params(s)->verify_recipients_at_next_hop;
}

static struct deadline
hop_deadline(const struct smtp_session *s)
{
	return deadline_in_ms(session_params(s)->smtp_mail_timeout);
}

/* The next hop failed between MAIL and DATA: what is left of the transaction is refused for now. */
static void
next_hop_failed(struct smtp_session *s, const struct err *err)
{
	const struct hop_reply *why = &s->passage.why;

	log_warn(session_service(s), s->txn.id, "next hop %s: %s", s->f.listener->next_hop.text,
	    err->text);
	session_reply(s, why->code, why->enhanced, why->text);
}

/* A refusal ends here what no final log line will tell of. */
static void
reply_of_hop(struct smtp_session *s, const struct hop_reply *r, const struct recipient *to)
{
	const struct refusal no = { .stage = to == NULL ? "MAIL" : "RCPT",
		.recipient = to == NULL ? NULL : to->path.octets,
		.code = r->code,
		.enhanced = r->enhanced,
		.text = r->text,
		.hop = s->f.listener->next_hop.text };

	session_reply_about(s, to, r->code, r->enhanced, r->text);
	if (r->code >= 400)
		refusal_log(&s->txn, &no);
}

void
do_mail(struct smtp_session *s, struct span arg)
{
	struct err err;

	(void)arg;
	s->phase = PH_MAIL;
	if (!verifies(s)) {
		session_reply(s, 250, "2.1.0", "Ok");
		return;
	}
	if (passage_mail(&s->passage, s->f.doors->opt.pool, &s->f.listener->next_hop, &s->txn,
		hop_deadline(s), &err) == -1) {
		next_hop_failed(s, &err);
		session_end_transaction(s);
		return;
	}
	reply_of_hop(s, &s->passage.envelope.mail, NULL);
	if (s->passage.envelope.mail.code >= 400)
		session_end_transaction(s);
}

int
check_rcpt(struct smtp_session *s, struct span arg)
{
	int utf8 = s->txn.smtputf8;
	enum syntax_result rc =
	    strictly(s, arg, syntax_rcpt(s->arena, arg, utf8, &s->path, &s->params));

	if (syntax_reply(s, "RCPT", arg, rc) == -1)
		return -1;
	if ((int64_t)s->txn.nrcpts >= session_params(s)->smtpd_recipient_limit) {
		session_reply(s, 452, "4.5.3", "Error: too many recipients");
		return -1;
	}
	return 0;
}

/* 1 the next hop takes it; 0 it does not, and the client has been told. */
static int
verify_rcpt(struct smtp_session *s)
{
	const struct path *path = &s->candidate->path;
	struct hop_reply reply;
	struct err err;
	int rc = passage_rcpt(&s->passage, s->f.doors->opt.pool, path->octets, path->params, &reply,
	    hop_deadline(s), &err);

	if (rc == -1)
		next_hop_failed(s, &err);
	else
		reply_of_hop(s, &reply, s->candidate);
	return rc == 1;
}

void
do_rcpt(struct smtp_session *s, struct span arg)
{
	(void)arg;
	/* What will be thrown away needs nobody's consent: Postfix accepts all of it. */
	if (verifies(s) && !s->txn.verdict.discard) {
		if (!verify_rcpt(s))
			return;
	} else {
		session_reply(s, 250, "2.1.5", "Ok");
	}
	transaction_accept(&s->txn, s->candidate);
	s->phase = PH_RCPT;
}
