/* The events before the message: the lists of their stages are asked. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "front/milter_session_private.h"
#include "front/told.h"
#include "mail/syntax.h"

/* Each leaves something behind until the message ends, refused or not, and not every MTA has a
 * limit of its own to what a client may try. */
#define RCPTS_MAX 100000

static const struct milter_where at_connect = { MILTER_CONNECT, "CONNECT", KEPT_CLIENT };
static const struct milter_where at_helo = { MILTER_HELO, "HELO", KEPT_HELO };
static const struct milter_where at_mail = { MILTER_MAIL, "MAIL", KEPT_MESSAGE };
static const struct milter_where at_data = { MILTER_DATA, "DATA", KEPT_MESSAGE };

/* 1 refused, else 0. */
static int
ask(struct milter_session *s, struct transaction *t, enum stage stage, struct recipient *r,
    struct verdict *v)
{
	verdict_init(v, t->arena);
	engine_ask(
	    t, s->listener, stage, r, deadline_in_ms(s->listener->params->stage_time_limit), v);
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

/* At CONNECT and HELO there is no transaction. */
static int
ask_passing(struct milter_session *s, const struct milter_where *at, enum stage stage,
    const struct client *client, struct milter_answer *out)
{
	struct arena *a = arena_new();
	struct transaction t;
	struct verdict v;
	int refused;

	if (s->memory == NULL)
		s->memory = engine_memory_new();
	transaction_init(&t, a);
	snprintf(t.id, sizeof(t.id), "%s", s->id);
	milter_describe(s, &t);
	t.client = client;
	t.has_helo = client->helo[0] != '\0';
	engine_begin(&t, s->snapshot, s->listener);
	refused = ask(s, &t, stage, NULL, &v);
	if (refused)
		milter_refuse(s, &t, at, &v, out);
	engine_end(&t);
	arena_free(a);
	return refused;
}

void
milter_connect(
    struct milter_session *s, const struct milter_connection *conn, struct milter_answer *out)
{
	milter_event(s, out);
	milter_forget_client(s);
	milter_macros_use(s, MILTER_AT_CONNECT);
	milter_renew(s);
	milter_client_connected(s, conn);
	if (s->listener->params->smtpd_delay_reject)
		return;
	s->judged = 1;
	if (engine_answers(s->listener, STAGE_CONNECT))
		(void)ask_passing(s, &at_connect, STAGE_CONNECT, &s->client, out);
}

/* Is the HELO list to be asked now, or at RCPT? */
static int
helo_asked_now(const struct milter_session *s)
{
	return s->judged && engine_answers(s->listener, STAGE_HELO);
}

void
milter_helo(struct milter_session *s, const char *name, struct milter_answer *out)
{
	struct client c;

	milter_event(s, out);
	/* RFC 5321 4.1.4: a HELO in a message ends it. */
	milter_end_transaction(s);
	milter_macros_use(s, MILTER_AT_HELO);
	milter_kept_drop(s, KEPT_HELO);
	/* Nobody has said this one. */
	if (s->simulated)
		return;
	milter_client_refresh(s, 0);
	if (milter_say_kept(s, MILTER_HELO, out))
		return;
	c = s->client;
	span_copy(span_str(name), c.helo, sizeof(c.helo));
	if (helo_asked_now(s) && ask_passing(s, &at_helo, STAGE_HELO, &c, out) &&
	    out->what == MILTER_REPLY)
		return; /* told so: the one before it stays */
	s->client = c;
	s->has_helo = 1;
}

/* --- MAIL --- */

typedef enum syntax_result syntax_fn(
    struct arena *, struct span, int, struct mail_path *, struct mail_params *);

/* "<a@b>", or in a session that Postfix made up, the address as Postfix has it, which need not be
 * written as an SMTP client would.  -1: we do not understand what the client has written, and so do
 * not know whose lists and classes to ask: an MTA that does, for it passes over comments, white
 * space and the like, delivers to somebody whom nobody asked. */
static int
path_of(const struct milter_session *s, const char *keyword, syntax_fn *parse, const char *text,
    struct path *p)
{
	const char *whole = arena_printf(s->arena, "%s:%s", keyword, text);
	struct span bare = span_str(text);
	struct mail_params unused;
	struct mail_path m;

	if (parse(s->arena, span_str(whole), 1, &m, &unused) == SYNTAX_OK &&
	    unused.raw[0] == '\0') {
		*p = (struct path){ .octets = m.octets,
			.local = m.local,
			.domain = m.domain,
			.addr = m.addr,
			.params = "" };
		return 0;
	}
	if (bare.len >= 2 && bare.p[0] == '<' && bare.p[bare.len - 1] == '>')
		bare = span_make(bare.p + 1, bare.len - 2);
	*p = told_path(s->arena, arena_str(s->arena, bare));
	return s->simulated || text[0] == '\0' ? 0 : -1;
}

static void
bad_address(struct verdict *v, const char *enhanced, const char *text)
{
	verdict_refuse(v, 501, enhanced, text, (struct origin){ .list = "address syntax" });
}

/* As they came, a blank between. */
static const char *
joined(struct arena *a, const char *const *args, size_t n)
{
	struct buf b = { 0 };
	const char *text;

	for (size_t i = 1; i < n; i++) {
		if (i > 1)
			buf_addc(&b, ' ');
		buf_adds(&b, args[i]);
	}
	text = b.len == 0 ? "" : arena_strdup(a, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void
mail_parameters(struct transaction *t, const char *const *args, size_t n)
{
	uint64_t size;

	for (size_t i = 1; i < n; i++) {
		struct span arg = span_str(args[i]);

		if (span_case_starts(arg, "SIZE=") &&
		    span_u64(span_make(arg.p + 5, arg.len - 5), INT64_MAX, &size) == 0)
			t->size = (int64_t)size;
		else if (span_case_eq_str(arg, "BODY=8BITMIME"))
			t->body_8bit = 1;
		else if (span_case_eq_str(arg, "SMTPUTF8"))
			t->smtputf8 = 1;
	}
}

static void
begin_transaction(struct milter_session *s, const char *const *args, size_t n)
{
	struct transaction *t = &s->txn;

	s->arena = arena_new();
	s->in_message = 1;
	milter_client_refresh(s, n > 1);
	transaction_init(t, s->arena);
	decision_id_make(t->id, sizeof(t->id));
	milter_describe(s, t);
	engine_begin(t, s->snapshot, s->listener);
	s->bad_sender = path_of(s, "FROM", syntax_mail, n == 0 ? "" : args[0], &t->sender) == -1;
	t->sender.params = joined(s->arena, args, n);
	mail_parameters(t, args, n);
	t->started_us = clock_us();
}

/* What is looked at without a list. */
static int
refuse_mail(const struct milter_session *s, struct verdict *v)
{
	const struct params *p = s->listener->params;

	if (p->smtpd_helo_required && !s->has_helo && !s->simulated)
		verdict_refuse(v, 503, "5.5.1", "Error: send HELO/EHLO first",
		    (struct origin){ .list = "smtpd_helo_required" });
	else if (p->message_size_limit > 0 && s->txn.size > p->message_size_limit)
		verdict_refuse(v, 552, "5.3.4", "Message size exceeds fixed limit",
		    (struct origin){ .list = "message_size_limit" });
	else if (s->bad_sender)
		bad_address(v, "5.1.7", "Bad sender address syntax");
	return v->outcome != OUTCOME_DUNNO;
}

void
milter_mail(struct milter_session *s, const char *const *args, size_t n, struct milter_answer *out)
{
	struct verdict v;

	milter_event(s, out);
	milter_end_transaction(s); /* a second MAIL: nobody aborted the first */
	milter_macros_use(s, MILTER_AT_MAIL);
	milter_renew(s);
	if (milter_say_kept(s, MILTER_MAIL, out))
		return;
	begin_transaction(s, args, n);
	verdict_init(&v, s->arena);
	if (!refuse_mail(s, &v) && !ask(s, &s->txn, STAGE_MAIL, NULL, &v))
		return;
	if (milter_refuse(s, &s->txn, &at_mail, &v, out))
		milter_end_transaction(s);
}

/* --- RCPT --- */

static void
out_of_order(struct milter_session *s, enum milter_command c, struct milter_answer *out)
{
	static const struct milter_words words = { 503, "5.5.1", "Error: need MAIL command" };

	if (milter_can_refuse(s, c))
		milter_say(s, &words, NULL, out);
}

/* Refused already, by the MTA: told for who likes to know. */
static int
is_refused_already(const struct milter_session *s)
{
	const char *mailer = milter_macro_at(s, MILTER_AT_RCPT, MACRO_RCPT_MAILER);

	return mailer != NULL && strcmp(mailer, "error") == 0;
}

static int
notify_never(const char *const *args, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (span_case_eq_str(span_str(args[i]), "NOTIFY=NEVER"))
			return 1;
	return 0;
}

static struct recipient *
candidate(struct milter_session *s, const char *const *args, size_t n, struct verdict *v)
{
	struct recipient *r = transaction_candidate(&s->txn);

	s->txn.may_split = milter_can_refuse(s, MILTER_RCPT);
	if (path_of(s, "TO", syntax_rcpt, n == 0 ? "" : args[0], &r->path) == -1)
		bad_address(v, "5.1.3", "Bad recipient address syntax");
	r->path.params = joined(s->arena, args, n);
	r->notify_never = notify_never(args, n);
	return r;
}

static void
too_many(struct verdict *v)
{
	verdict_refuse(v, 452, "4.5.3", "Error: too many recipients",
	    (struct origin){ .list = "smtpd_recipient_limit" });
}

/* Where it cannot be said the recipient is taken, and refused at the end of the message: others may
 * have it (on_mixed). */
static void
refuse_rcpt(
    struct milter_session *s, struct recipient *r, struct verdict *v, struct milter_answer *out)
{
	struct milter_words words = { v->code, v->enhanced, v->text };

	milter_log_refusal(&s->txn, "RCPT", r, v);
	if (milter_can_refuse(s, MILTER_RCPT)) {
		milter_say(s, &words, r, out);
		return;
	}
	r->verdict = *v;
	transaction_accept(&s->txn, r);
}

static void
take_rcpt(struct milter_session *s, const char *const *args, size_t n, struct milter_answer *out)
{
	struct recipient *r;
	struct verdict v;

	verdict_init(&v, s->arena);
	if (++s->rcpts_asked > RCPTS_MAX) {
		too_many(&v);
		(void)milter_refuse(s, &s->txn,
		    &(struct milter_where){ MILTER_RCPT, "RCPT", KEPT_MESSAGE }, &v, out);
		return;
	}
	r = candidate(s, args, n, &v);
	if (v.outcome == OUTCOME_DUNNO &&
	    (int64_t)s->txn.nrcpts >= s->listener->params->smtpd_recipient_limit)
		too_many(&v);
	else if (v.outcome == OUTCOME_DUNNO && !ask(s, &s->txn, STAGE_RCPT, r, &v)) {
		transaction_accept(&s->txn, r);
		return;
	}
	refuse_rcpt(s, r, &v, out);
}

void
milter_rcpt(struct milter_session *s, const char *const *args, size_t n, struct milter_answer *out)
{
	milter_event(s, out);
	milter_macros_use(s, MILTER_AT_RCPT);
	milter_client_ident(s);
	if (!s->in_message)
		out_of_order(s, MILTER_RCPT, out);
	else if (!is_refused_already(s) && !milter_say_kept(s, MILTER_RCPT, out))
		take_rcpt(s, args, n, out);
}

/* --- DATA --- */

void
milter_data(struct milter_session *s, struct milter_answer *out)
{
	struct verdict v;

	milter_event(s, out);
	milter_client_ident(s);
	/* An MTA may go on so far though it has nobody who is to have the message. */
	if (!s->in_message || s->txn.nrcpts == 0 || milter_say_kept(s, MILTER_DATA, out))
		return;
	if (ask(s, &s->txn, STAGE_DATA, NULL, &v))
		(void)milter_refuse(s, &s->txn, &at_data, &v, out);
}

void
milter_unknown(struct milter_session *s, const char *command, struct milter_answer *out)
{
	(void)command;
	milter_event(s, out);
}
