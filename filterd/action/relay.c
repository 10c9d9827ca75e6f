/* The order of things is DESIGN.md's decision 3; what a single next hop does is in
 * relay_delivery.c. */
#include <assert.h>
#include <string.h>

#include "action/hop_client.h"
#include "action/hop_release.h"
#include "action/relay_private.h"
#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "client/pool.h"
#include "core/message.h"

#define NOT_SENT_REPLY "4.3.0 Not delivered: the delivery to another recipient failed"

/* --- who was served before --- */

static void
make_key(struct relay *r, const struct next_hop *hop, size_t rcpt, struct delivered_key *key)
{
	if (!r->have_digest)
		delivered_digest(&r->digest, message_view(r->t->message));
	r->have_digest = 1;
	delivered_key(
	    key, r->t->sender.octets, r->t->rcpts[rcpt]->path.octets, hop->text, &r->digest);
}

static int
was_served(struct relay *r, const struct plan_step *s, size_t rcpt)
{
	struct delivered_key key;

	if (r->o->delivered == NULL || !delivered_any(r->o->delivered))
		return 0;
	make_key(r, &s->hop, rcpt, &key);
	return delivered_has(r->o->delivered, &key);
}

/* The client will bring the message again: those who have it must not get it twice. */
static void
remember_served(struct relay *r)
{
	struct delivered_key *keys = arena_alloc(r->t->arena, r->t->nrcpts * sizeof(*keys));
	struct err err;
	size_t n = 0;

	if (r->o->delivered == NULL)
		return;
	for (size_t i = 0; i < r->ndeliveries; i++) {
		const struct delivery *d = &r->deliveries[i];

		for (size_t k = 0; k < d->nwho; k++)
			if (r->t->rcpts[d->who[k]]->fate == FATE_DELIVERED)
				make_key(r, &d->step->hop, d->who[k], &keys[n++]);
	}
	if (n > 0 && delivered_add(r->o->delivered, keys, n, &err) == -1)
		log_error(r->t->service, r->t->id,
		    "recipients served are not remembered and may get the message twice: %s",
		    err.text);
}

/* --- steps that need no next hop --- */

static void
refuse_step(struct relay *r, const struct plan_step *s)
{
	const char *reply = fate_refusal(r->t->arena, s);

	for (size_t i = 0; i < s->nrcpts; i++)
		result_set(r, s->rcpts[i], s->code, reply, NULL);
}

static int
hold_step(struct relay *r, const struct plan_step *s)
{
	if (held_put(&r->held, r->t, s) == 0)
		return 0;
	r->failed = 1;
	return -1;
}

/* Nothing (more) is done for anybody. */
static void
give_up(struct relay *r, const char *reply)
{
	for (size_t i = 0; i < r->ndeliveries; i++)
		delivery_break(r, &r->deliveries[i]);
	held_undo(&r->held, r->t);
	result_rest(r, 451, reply);
}

/* --- deliveries --- */

static void
add_delivery(struct relay *r, const struct plan_step *s)
{
	struct delivery *d = &r->deliveries[r->ndeliveries];

	d->step = s;
	d->who = arena_alloc(r->t->arena, (s->nrcpts + 1) * sizeof(*d->who));
	for (size_t i = 0; i < s->nrcpts; i++) {
		struct recipient *to = r->t->rcpts[s->rcpts[i]];

		if (!was_served(r, s, s->rcpts[i])) {
			d->who[d->nwho++] = s->rcpts[i];
			continue;
		}
		to->fate = FATE_DELIVERED;
		to->code = 250;
		to->reply = "2.0.0 Ok: delivered at an earlier attempt";
		to->hop = s->hop.text;
	}
	if (d->nwho > 0)
		r->ndeliveries++;
}

/* Nobody is there to be told, or will be by then. */
static int
client_gone(struct relay *r)
{
	if (r->door->client_gone != NULL && r->door->client_gone(r->door->arg)) {
		log_info(
		    r->t->service, r->t->id, "client has gone: broken off before the end of data");
		give_up(r, "4.4.2 Client has gone");
		return 1;
	}
	if (!deadline_passed(r->o->until))
		return 0;
	log_warn(r->t->service, r->t->id,
	    "took too long for a client to wait: broken off before the end of data");
	give_up(r, "4.4.2 Next hop took too long");
	return 1;
}

/* Does what the door opened hold just the recipients of this delivery, in order? */
static int
fits_open(const struct relay *r, const struct delivery *d)
{
	const struct hop_envelope *e = r->door->open_envelope;

	if (!r->plan->as_is || r->ndeliveries != 1 || e->nrcpts != d->nwho ||
	    d->nwho != r->t->nrcpts || d->step->to != NULL || d->step->nextra > 0 ||
	    strcmp(hop_target(r->door->open_hop)->text, d->step->hop.text) != 0)
		return 0;
	for (size_t i = 0; i < d->nwho; i++)
		if (strcmp(e->rcpts[i].path, r->t->rcpts[d->who[i]]->path.octets) != 0)
			return 0;
	return 1;
}

static void
drop_open(struct relay *r)
{
	hop_release(r->o->pool, r->door->open_hop, deadline_in_ms(r->o->mail_timeout_ms));
	r->door->open_hop = NULL;
}

/* To 354 and the content handed over. */
static int
prepare(struct relay *r, struct delivery *d)
{
	int rc = 1;

	if (r->door->open_hop != NULL) { /* it fits, or would not be here any more */
		rc = delivery_take_over(r, d, r->door->open_hop, r->door->open_envelope);
		r->door->open_hop = NULL;
	}
	return rc == 1 ? delivery_open(r, d) : rc;
}

/* Each recipient has a reply of its own, so one delivery after the other. */
static void
deliver_each(struct relay *r)
{
	for (size_t i = 0; i < r->ndeliveries; i++) {
		struct delivery *d = &r->deliveries[i];

		if (prepare(r, d) == -1 || delivery_content(r, d) == -1)
			continue;
		if (client_gone(r)) {
			remember_served(r);
			return;
		}
		delivery_finish(r, d);
	}
}

/* One reply for all: everybody at 354 and all content handed over before the first dot. */
static void
deliver_together(struct relay *r)
{
	size_t i;

	for (i = 0; i < r->ndeliveries; i++)
		if (prepare(r, &r->deliveries[i]) == -1) {
			give_up(r, r->not_sent);
			return;
		}
	for (i = 0; i < r->ndeliveries; i++)
		if (delivery_content(r, &r->deliveries[i]) == -1) {
			give_up(r, r->not_sent);
			return;
		}
	if (client_gone(r))
		return;
	for (i = 0; i < r->ndeliveries; i++) {
		delivery_finish(r, &r->deliveries[i]);
		/* Nobody has it yet, so nobody needs to get it. */
		if (r->failed && r->served == 0) {
			give_up(r, r->not_sent);
			return;
		}
	}
	if (!r->failed)
		return;
	held_undo(&r->held, r->t);
	result_rest(r, 451, r->not_sent);
}

static void
log_partly(struct relay *r)
{
	const struct log_field fields[] = {
		LOG_NUM("served", (int64_t)r->served),
		LOG_NUM("recipients", (int64_t)r->t->nrcpts),
		LOG_STR("sender", r->t->sender.octets),
	};

	r->unknown = 1;
	log_event(LOG_LEVEL_WARN, r->t->service, r->t->id, "indeterminate", fields,
	    sizeof(fields) / sizeof(fields[0]),
	    "indeterminate: %zu of %zu recipients were served before a delivery failed; all are "
	    "told to try again, those served are remembered",
	    r->served, r->t->nrcpts);
}

static void
carry_out(struct relay *r)
{
	const struct plan *p = r->plan;
	int refused = 0;

	for (size_t i = 0; i < p->nsteps; i++) {
		fate_decided(r->t, &p->steps[i]);
		if (p->steps[i].kind == STEP_REFUSE) {
			refuse_step(r, &p->steps[i]);
			refused = 1;
		}
	}
	for (size_t i = 0; i < p->nsteps && !(refused && !r->o->reply_each); i++)
		if (p->steps[i].kind == STEP_HOLD && hold_step(r, &p->steps[i]) == -1)
			refused = 1;
	if (refused && !r->o->reply_each) {
		give_up(r, r->not_sent);
		return;
	}
	for (size_t i = 0; i < p->nsteps; i++)
		if (p->steps[i].kind == STEP_DELIVER)
			add_delivery(r, &p->steps[i]);
	if (r->door->open_hop != NULL && (r->ndeliveries == 0 || !fits_open(r, &r->deliveries[0])))
		drop_open(r);
	if (r->o->reply_each)
		deliver_each(r);
	else
		deliver_together(r);
	for (size_t i = 0; i < p->nsteps && !(r->failed && !r->o->reply_each); i++)
		if (p->steps[i].kind == STEP_DISCARD)
			fate_set_step(r->t, &p->steps[i], FATE_DISCARDED);
}

void
relay_run(struct transaction *t, const struct plan *plan, const struct relay_options *o,
    struct relay_door *door)
{
	struct relay r = { .t = t, .plan = plan, .o = o, .door = door, .not_sent = NOT_SENT_REPLY };

	fate_begin(t);
	if (o->pass_xforward)
		r.client = hop_client_make(t->arena, t->client);
	r.deliveries = arena_calloc(t->arena, (plan->nsteps + 1) * sizeof(*r.deliveries));
	held_init(&r.held, o->hold, t->arena, plan);

	carry_out(&r);
	if (door->open_hop != NULL)
		drop_open(&r);
	/* A plan has a step for everybody; should one forget somebody, he is not lost. */
	result_rest(&r, 451, "4.3.0 Internal error");
	if (!o->reply_each && r.failed) {
		if (r.served > 0) {
			log_partly(&r);
			remember_served(&r);
		}
		result_one_reply(&r);
	}
	if (r.unknown && o->counters != NULL)
		counter_inc(o->counters, indeterminate);
}
