/* A message is complete: checks, plan, relay, replies, log. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "engine/final_log.h"
#include "engine/next_hop_map.h"
#include "engine/reentry.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"
#include "front/tally.h"
#include "net/stream.h"

enum bare_newline { BARE_NORMALIZE, BARE_REJECT, BARE_NOTE, BARE_YES, BARE_NO };

static int
client_gone(void *arg)
{
	struct smtp_session *s = arg;

	return stream_peer_gone(s->f.stream);
}

/* What was wrong with the octets themselves; 1: refused. */
static int
refuse_octets(struct smtp_session *s)
{
	const struct params *p = session_params(s);
	struct verdict *v = &s->txn.verdict;

	if (s->over_size)
		verdict_refuse(v, 552, "5.3.4", "Error: message file too big",
		    (struct origin){ .list = "message_size_limit" });
	else if (s->no_space)
		verdict_refuse(v, 452, "4.3.1", "Insufficient system storage",
		    (struct origin){ .list = "spool_directory" });
	else if (s->content.seen & SEEN_BARE_LF && p->smtpd_forbid_bare_newline == BARE_REJECT)
		verdict_refuse(v, (int)p->smtpd_forbid_bare_newline_reject_code, "5.5.2",
		    "Error: bare <LF> received",
		    (struct origin){ .list = "smtpd_forbid_bare_newline" });
	if (s->content.seen & SEEN_BARE_LF && p->smtpd_forbid_bare_newline == BARE_NOTE)
		log_info(session_service(s), s->txn.id, "bare <LF> received from %s[%s]",
		    s->txn.client->name, s->txn.client->addr);
	return v->outcome != OUTCOME_DUNNO;
}

/* The one reply of a door that has one: success only when everybody is served; else a 4xx, if there
 * is one, for it brings the whole message back. */
static const struct recipient *
spokesman(const struct transaction *t)
{
	const struct recipient *best = t->rcpts[0];

	for (size_t i = 1; i < t->nrcpts; i++) {
		const struct recipient *r = t->rcpts[i];
		int better = r->code / 100 == 4 ? best->code / 100 != 4
			     : r->code / 100 == 5
				 ? best->code / 100 == 2
				 : best->code / 100 == 2 && best->fate != FATE_DELIVERED &&
				       r->fate == FATE_DELIVERED;

		if (better)
			best = r;
	}
	return best;
}

/* LMTP, or PRDR, which with one recipient is as if it had not been asked for (Exim). */
static int
replies_each(const struct smtp_session *s)
{
	return s->lmtp || (s->prdr && s->txn.nrcpts > 1);
}

static size_t
count_taken(const struct transaction *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nrcpts; i++)
		n += t->rcpts[i]->code / 100 == 2;
	return n;
}

static void
reply_each(struct smtp_session *s)
{
	const struct transaction *t = &s->txn;

	for (size_t i = 0; i < t->nrcpts; i++)
		session_reply_final(s, t->rcpts[i], t->rcpts[i]->code, t->rcpts[i]->reply);
}

/* draft-hall-prdr: the last reply goes for everybody whose own was success, and 5xx even for who
 * was to try again (so Exim's client reads it). */
static void
reply_prdr(struct smtp_session *s)
{
	const struct transaction *t = &s->txn;
	const struct recipient *r = spokesman(t);
	size_t taken = count_taken(t);

	session_reply(s, 353, NULL, "A reply for each recipient follows");
	reply_each(s);
	if (taken > 0 && taken < t->nrcpts)
		session_replyf(
		    s, 250, "2.0.0", "Ok: taken for %zu of %zu recipients", taken, t->nrcpts);
	else
		session_reply_final(s, NULL, r->code, r->reply);
}

static void
reply(struct smtp_session *s)
{
	const struct recipient *r;

	if (s->lmtp) {
		reply_each(s);
	} else if (replies_each(s)) {
		reply_prdr(s);
	} else {
		r = spokesman(&s->txn);
		session_reply_final(s, r, r->code, r->reply);
	}
}

static void
carry_out(struct smtp_session *s)
{
	const struct params *p = session_params(s);
	struct door_options *o = &s->f.doors->opt;
	struct relay_options ro = { .pool = o->pool,
		.hold = o->hold,
		.delivered = o->delivered,
		.counters = o->counters,
		.until = { .at_ms = s->txn.data_us / 1000 + p->smtp_data_done_timeout },
		.mail_timeout_ms = (int)p->smtp_mail_timeout,
		.xfer_timeout_ms = (int)p->smtp_data_xfer_timeout,
		.done_timeout_ms = (int)p->smtp_data_done_timeout,
		.soft_bounce = p->soft_bounce,
		.reply_each = replies_each(s),
		.pass_xforward = 1 };
	struct relay_door door = { .client_gone = client_gone,
		.arg = s,
		.open_hop = s->passage.hop,
		.open_envelope = s->passage.hop == NULL ? NULL : &s->passage.envelope };
	struct next_hop_map map = { .txn = &s->txn, .listener = s->f.listener };
	struct plan_options po = s->f.listener->plan;
	struct plan plan;

	if (replies_each(s))
		po.door |= DOOR_REPLY_EACH;
	plan_make(&s->txn, &po, next_hop_map_find, &map, &plan);
	s->passage.hop = NULL; /* the relay gives it back or breaks it */
	relay_run(&s->txn, &plan, &ro, &door);
}

void
session_finish(struct smtp_session *s)
{
	struct transaction *t = &s->txn;
	struct verdict unused;

	t->message = s->message;
	t->size = (int64_t)message_len(s->message);
	t->data_us = clock_us();
	t->verdict.stage = "END-OF-MESSAGE";
	reentry_look(s->f.doors->opt.reentry, t);
	if (!refuse_octets(s)) {
		verdict_init(&unused, t->arena);
		engine_ask(t, s->f.listener, STAGE_END, NULL,
		    deadline_in_ms(session_params(s)->message_time_limit), &unused);
	}
	t->checked_us = clock_us();
	carry_out(s);
	reply(s);
	final_log(t);
	s->log_first = 1;
	tally(s->f.doors->opt.counters, t);
	/* Who brings mail is no nuisance. */
	if (spokesman(t)->code / 100 == 2 || (s->prdr && count_taken(t) > 0))
		s->errors = s->junk = 0;
	reentry_note(s->f.doors->opt.reentry, t);
	session_end_transaction(s);
}
