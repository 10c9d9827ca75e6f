/* The lists are asked, and what a refusal is: a reply and a line in the log. */
#include <stdio.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/log.h"
#include "engine/refusal_log.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"

/* Will XFORWARD tell of the client, so that the greeting and HELO are too early to judge it? */
static int
told_later(const struct smtp_session *s)
{
	return s->may_xforward && s->xclient == NULL;
}

/* A peer that speaks for others and has not said for whom.  It is said once a session, for a next
 * hop or an MTA that is set up wrong has many. */
static const struct client *
nobody(struct smtp_session *s, struct transaction *t)
{
	counter_inc(s->f.doors->opt.counters, no_xforward);
	fact_set(&t->facts, FACT_CLIENT_UNTOLD);
	if (!s->untold) {
		client_init(&s->unknown);
		log_info(session_service(s), s->f.id,
		    "the client is unknown, for %s[%s] has not sent XFORWARD", s->peer.name,
		    s->peer.addr);
	}
	s->untold = 1;
	span_copy(span_str(s->peer.proto), s->unknown.proto, sizeof(s->unknown.proto));
	return &s->unknown;
}

/* The client that policy and log look at (PITFALLS B2): never the address of a peer that speaks for
 * others. */
static const struct client *
whom(struct smtp_session *s, struct transaction *t)
{
	if (s->xforward != NULL)
		return s->xforward;
	if (s->xclient != NULL)
		return s->xclient;
	return s->may_xforward ? nobody(s, t) : &s->peer;
}

void
session_describe(struct smtp_session *s, struct transaction *t)
{
	t->service = session_service(s);
	t->listener = s->f.listener->conf->name;
	t->client = whom(s, t);
	t->peer = &s->peer;
	t->memory = s->memory;
	t->services = s->f.doors->opt.services;
	t->has_helo = t->client->helo[0] != '\0';
	t->may_split = !s->lmtp && !s->prdr;
	/* A reload may have changed smtpd_delay_reject since: nobody gets by unasked. */
	t->client_late = s->xforward != NULL || !s->judged;
}

/* 1 refused, else 0. */
static int
ask(struct smtp_session *s, struct transaction *t, enum stage stage, struct recipient *r,
    struct verdict *v)
{
	t->pipelined = s->pipelined;
	verdict_init(v, t->arena);
	engine_ask(
	    t, s->f.listener, stage, r, deadline_in_ms(session_params(s)->stage_time_limit), v);
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

/* The log has it before the client learns of it. */
static void
refuse(struct smtp_session *s, const struct transaction *t, const char *verb,
    const struct recipient *r, const struct verdict *v)
{
	const struct refusal no = { .stage = verb,
		.recipient = r == NULL ? NULL : r->path.octets,
		.code = v->code,
		.enhanced = v->enhanced,
		.text = v->text,
		.origin = &v->origin };

	refusal_log(t, &no);
	session_reply_about(s, r, v->code, v->enhanced, v->text);
	if (r != NULL && r->put_off)
		s->errors--;
}

void
session_refuse(struct smtp_session *s, const char *verb, const struct verdict *v)
{
	refuse(s, &s->txn, verb, NULL, v);
}

/* At the greeting and HELO there is no transaction; a HELO that is refused leaves the one there is
 * as it was (RFC 5321 4.1.4). */
static int
ask_passing(struct smtp_session *s, const char *verb, enum stage stage, struct span helo)
{
	struct transaction t;
	struct client client;
	struct verdict v;
	int refused;

	if (stage == STAGE_CONNECT)
		s->judged = 0;
	/* Nothing is asked then; most sessions are of this kind. */
	if (told_later(s) || session_params(s)->smtpd_delay_reject)
		return 0;
	if (stage == STAGE_CONNECT)
		s->judged = 1;
	if (s->arena == NULL)
		s->arena = arena_new();
	if (s->memory == NULL)
		s->memory = engine_memory_new();
	transaction_init(&t, s->arena);
	snprintf(t.id, sizeof(t.id), "%s", s->f.id);
	session_describe(s, &t);
	if (stage == STAGE_HELO) {
		client = *t.client;
		span_copy(helo, client.helo, sizeof(client.helo));
		t.client = &client;
		t.has_helo = 1;
	}
	engine_begin(&t, s->f.snapshot, s->f.listener);
	refused = ask(s, &t, stage, NULL, &v);
	if (refused)
		refuse(s, &t, verb, NULL, &v);
	engine_end(&t);
	return refused ? -1 : 0;
}

int
session_ask_data(struct smtp_session *s, struct verdict *v)
{
	return ask(s, &s->txn, STAGE_DATA, NULL, v) ? -1 : 0;
}

int
session_ask(struct smtp_session *s, const char *verb, enum stage stage, struct span helo)
{
	struct verdict v;

	switch (stage) {
	case STAGE_NONE:
	case STAGE_END:
		return 0;
	case STAGE_CONNECT:
	case STAGE_HELO:
		return ask_passing(s, verb, stage, helo);
	case STAGE_MAIL:
		session_begin_transaction(s);
		break;
	case STAGE_RCPT:
		session_begin_recipient(s);
		break;
	case STAGE_DATA:
		break;
	}
	if (!ask(s, &s->txn, stage, stage == STAGE_RCPT ? s->candidate : NULL, &v))
		return 0;
	refuse(s, &s->txn, verb, stage == STAGE_RCPT ? s->candidate : NULL, &v);
	if (stage == STAGE_MAIL)
		session_drop_transaction(s);
	return -1;
}
