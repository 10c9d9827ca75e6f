/* The end of a message: checks, plan, what is handed back to the MTA, log. */
#include "base/arena.h"
#include "base/clock.h"
#include "core/message.h"
#include "engine/final_log.h"
#include "engine/next_hop_map.h"
#include "front/milter_session_private.h"
#include "front/tally.h"

/* What was wrong with the octets themselves, or could not be said before; 1: refused. */
static int
refuse_unasked(struct milter_session *s)
{
	const struct milter_kept *k = milter_kept_first(s);
	struct verdict *v = &s->txn.verdict;

	if (k != NULL)
		verdict_refuse(v, k->code, k->enhanced, arena_strdup(s->arena, k->text),
		    (struct origin){ .list = arena_strdup(s->arena, k->rule) });
	else if (s->over_size)
		verdict_refuse(v, 552, "5.3.4", "Error: message file too big",
		    (struct origin){ .list = "message_size_limit" });
	else if (s->no_space)
		verdict_refuse(v, 452, "4.3.1", "Insufficient system storage",
		    (struct origin){ .list = "spool_directory" });
	return v->outcome != OUTCOME_DUNNO;
}

static void
check(struct milter_session *s)
{
	struct transaction *t = &s->txn;
	struct verdict unused;

	t->message = s->message;
	t->size = (int64_t)message_len(s->message);
	t->data_us = clock_us();
	t->verdict.stage = "END-OF-MESSAGE";
	if (!refuse_unasked(s)) {
		verdict_init(&unused, t->arena);
		engine_ask(t, s->listener, STAGE_END, NULL,
		    deadline_in_ms(s->listener->params->message_time_limit), &unused);
	}
	t->checked_us = clock_us();
}

static void
carry_out(struct milter_session *s, struct handback *h)
{
	const struct params *p = s->listener->params;
	struct handback_options ho = { .hold = s->world->hold,
		.counters = s->world->counters,
		.where = (enum milter_hold)p->milter_hold,
		.can = s->granted.actions,
		.soft_bounce = p->soft_bounce,
		.sendmail = milter_client_asks_sendmail(s) };
	struct next_hop_map map = { .txn = &s->txn, .listener = s->listener };
	struct plan_options po = s->listener->plan;
	struct plan plan;

	/* What the door can do is the MTA's to grant. */
	po.door = (po.door & DOOR_AFTER_QUEUE) | handback_door(ho.can, &ho);
	plan_make(&s->txn, &po, next_hop_map_find, &map, &plan);
	handback_run(&s->txn, &plan, &ho, h);
}

static void
answer(struct milter_session *s, const struct handback *h, struct milter_answer *out)
{
	struct milter_words words = { h->code, h->enhanced, h->text };

	switch (h->answer) {
	case HANDBACK_GO_ON:
		out->changes = h->changes;
		out->nchanges = h->nchanges;
		break;
	case HANDBACK_REPLY:
		milter_say(s, &words, h->about, out);
		break;
	case HANDBACK_DISCARD:
		out->what = MILTER_DISCARD;
		break;
	}
}

/* Nobody is known who is to have it, so nobody's lists were asked: it must not pass.  Where all
 * recipients were refused the MTA does not get here. */
static void
refuse_unknown(struct milter_session *s, struct milter_answer *out)
{
	static const struct milter_words early = { 503, "5.5.1", "Error: need MAIL command" };
	static const struct milter_words nobody = { 554, "5.5.1", "Error: no valid recipients" };

	if (!milter_say_kept(s, MILTER_END, out))
		milter_say(s, s->in_message ? &nobody : &early, NULL, out);
}

void
milter_end_of_message(struct milter_session *s, struct milter_answer *out)
{
	struct handback h = { 0 };

	milter_event(s, out);
	milter_client_ident(s);
	if (s->txn.nrcpts == 0) {
		refuse_unknown(s, out);
		milter_abort(s);
		return;
	}
	milter_message_close(s);
	check(s);
	carry_out(s, &h);
	answer(s, &h, out);
	final_log(&s->txn);
	tally(s->world->counters, &s->txn);
	milter_macros_forget(s, MILTER_AT_MAIL);
	/* Changes point into the message. */
	if (out->nchanges == 0)
		milter_end_transaction(s);
	else
		s->answered = 1;
}
