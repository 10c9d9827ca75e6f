/* Which lists a stage asks, in which order, and what is settled at its end (POSTFIX.md, "Order and
 * stages"). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "rules/address.h"
#include "rules/listed.h"
#include "rules/rules_private.h"

static const enum subject_kind list_subject[RULE_LISTS] = {
	[LIST_CLIENT] = SUBJECT_CLIENT,
	[LIST_HELO] = SUBJECT_HELO,
	[LIST_SENDER] = SUBJECT_SENDER,
	[LIST_RELAY] = SUBJECT_RECIPIENT,
	[LIST_RECIPIENT] = SUBJECT_RECIPIENT,
	[LIST_DATA] = SUBJECT_DATA,
	[LIST_END_OF_DATA] = SUBJECT_END_OF_DATA,
	[LIST_CONTENT] = SUBJECT_RECIPIENT,
};

int
rules_any(const struct rules *r, enum rule_list_id id)
{
	return r->lists[id].n > 0;
}

int
rules_idle(const struct rules *r)
{
	return r->idle;
}

int
rules_delay(const struct rules *r)
{
	return r->o.smtpd_delay_reject;
}

static enum rule_result
ask_list(struct rule_run *run, enum rule_list_id id)
{
	const struct rule_list *l = &run->rules->lists[id];
	enum rule_result r;

	if (l->n == 0)
		return RULE_DUNNO;
	run->list = id;
	run->hit = (struct origin){ 0 };
	run->depth = run->warn_depth = 0;
	if (!run->looking)
		run->found = 0;
	if (run->trace != NULL)
		trace_add(run->trace, &(struct trace_event){ .kind = TRACE_LIST, .name = l->name });
	r = rule_call(run, l, rule_subject(run, list_subject[id]));
	rule_trace_result(run, TRACE_END, r);
	return r;
}

/* A permission that an earlier trouble stands against. */
static enum rule_result
settle(struct rule_run *run, enum rule_result r)
{
	if (r == RULE_REFUSED || !run->if_permit.active)
		return r;
	/* With both it is a deferral, whatever others decide. */
	if (run->txn->deferrals_by_name && !run->if_reject.active)
		return r;
	run->depth = run->warn_depth = 0;
	return rule_deferral_refuse(run, &run->if_permit);
}

/* --- the lists that RCPT may have to ask for those before it --- */

static enum rule_result
ask_client(struct rule_run *run)
{
	enum rule_result r;

	run->if_permit.active = run->if_reject.active = 0;
	r = ask_list(run, LIST_CLIENT);
	run->kept->client = run->if_permit;
	return r;
}

static enum rule_result
ask_helo(struct rule_run *run)
{
	enum rule_result r;

	if (!run->txn->has_helo) {
		run->kept->helo = run->kept->client;
		return RULE_DUNNO;
	}
	run->if_permit = run->kept->client;
	run->if_reject.active = 0;
	r = ask_list(run, LIST_HELO);
	run->kept->helo = run->if_permit;
	return r;
}

/* reject_unlisted_sender for who did not write it. */
static enum rule_result
implicit(struct rule_run *run, enum rule_result r, const struct rule_op *op, int had_its_turn)
{
	if (r == RULE_REFUSED || had_its_turn || run->effects->discard)
		return r;
	run->depth = run->warn_depth = 0;
	return rule_try(run, op) == RULE_REFUSED ? RULE_REFUSED : r;
}

static enum rule_result
implicit_sender(struct rule_run *run, enum rule_result r)
{
	if (!run->o->smtpd_reject_unlisted_sender || run->txn->sender.octets[0] == '\0')
		return r;
	return implicit(run, r, &run->rules->unlisted_sender, run->kept->sender_listed);
}

static enum rule_result
ask_sender(struct rule_run *run)
{
	enum rule_result r;

	/* Who has said no HELO still has what the client list left. */
	run->if_permit = run->kept->helo.active ? run->kept->helo : run->kept->client;
	run->if_reject.active = 0;
	run->kept->sender_listed = 0;
	r = ask_list(run, LIST_SENDER);
	run->kept->sender = run->if_permit;
	run->list = LIST_SENDER;
	return implicit_sender(run, r);
}

/* --- RCPT --- */

static enum rule_result
implicit_recipient(struct rule_run *run, enum rule_result r)
{
	if (!run->o->smtpd_reject_unlisted_recipient)
		return r;
	return implicit(run, r, &run->rules->unlisted_recipient, run->kept->recipient_listed);
}

/* postmaster: RFC 5321 4.5.1.  The address that our probes come from: two servers that probe each
 * other's senders would else refuse each other. */
static int
is_always_taken(const struct rules *r, const struct path *rcpt)
{
	return strcasecmp(rcpt->addr, "postmaster") == 0 ||
	       (r->verify_sender != NULL && strcasecmp(rcpt->addr, r->verify_sender) == 0);
}

static enum rule_result
ask_relay(struct rule_run *run)
{
	return ask_list(run, LIST_RELAY);
}

static enum rule_result
ask_recipient(struct rule_run *run)
{
	return ask_list(run, LIST_RECIPIENT);
}

/* What the sender list left is where the two lists about the recipient begin; what a client left
 * that was told of late comes before it. */
static enum rule_result
begin_recipient(struct rule_run *run)
{
	if (!run->if_permit.active)
		run->if_permit = run->kept->sender;
	run->if_reject.active = 0;
	return RULE_DUNNO;
}

typedef enum rule_result step_fn(struct rule_run *);
struct steps {
	step_fn *v[6];
	size_t n;
};

static void
rcpt_steps(const struct rule_run *run, struct steps *s)
{
	int relay_first = run->o->smtpd_relay_before_recipient_restrictions;
	int late = run->o->smtpd_delay_reject;

	s->n = 0;
	if (late || run->ask->late_client) {
		s->v[s->n++] = ask_client;
		s->v[s->n++] = ask_helo;
	}
	if (late)
		s->v[s->n++] = ask_sender;
	s->v[s->n++] = begin_recipient;
	s->v[s->n++] = relay_first ? ask_relay : ask_recipient;
	s->v[s->n++] = relay_first ? ask_recipient : ask_relay;
}

/* The lists after the one that refused, for who wants to know what would have decided next. */
static void
look_behind(struct rule_run *run, const struct steps *s, size_t i)
{
	struct rule_look look;
	enum rule_result r = RULE_DUNNO;

	if (!rule_look_wanted(run) || i >= s->n)
		return;
	rule_look_begin(run, &look);
	for (; i < s->n && r != RULE_REFUSED; i++)
		r = s->v[i](run);
	rule_look_end(run, &look, r == RULE_REFUSED);
}

static enum rule_result
ask_rcpt(struct rule_run *run)
{
	enum rule_result r = RULE_DUNNO;
	struct steps s;

	if (is_always_taken(run->rules, run->rcpt)) {
		rule_trace_text(run, TRACE_NOTE, NULL, "this recipient is always accepted");
		return RULE_OK;
	}
	run->kept->recipient_listed = 0; /* a sender list may have it checked already */
	rcpt_steps(run, &s);
	for (size_t i = 0; i < s.n; i++) {
		r = s.v[i](run);
		if (r == RULE_REFUSED) {
			look_behind(run, &s, i + 1);
			return r;
		}
	}
	return implicit_recipient(run, settle(run, r));
}

/* DATA, the end of data, content: the deferrals of RCPT have been settled. */
static enum rule_result
ask_after(struct rule_run *run, enum rule_list_id id)
{
	run->if_permit.active = run->if_reject.active = 0;
	return settle(run, ask_list(run, id));
}

/* --- what lasts longer than the transaction --- */

static void
take(struct arena *a, const struct rule_deferral *from, struct deferral *to)
{
	/* What the session keeps may be written anew while this transaction goes on. */
	*to = (struct deferral){ .active = from->active,
		.code = from->code,
		.text = arena_strdup(a, from->text),
		.origin = { .list = from->origin.list,
		    .file =
			from->origin.file[0] == '\0' ? NULL : arena_strdup(a, from->origin.file),
		    .line = from->origin.line } };
	snprintf(to->enhanced, sizeof(to->enhanced), "%s", from->enhanced);
}

static void
keep(const struct deferral *from, struct rule_deferral *to)
{
	to->active = from->active;
	if (!from->active)
		return;
	to->code = from->code;
	span_copy(span_str(from->enhanced), to->enhanced, sizeof(to->enhanced));
	span_copy(span_str(from->text), to->text, sizeof(to->text));
	to->origin.list = NULL; /* it may be of a configuration that is gone by then */
	span_copy(span_str(from->origin.file), to->origin.file, sizeof(to->origin.file));
	to->origin.line = from->origin.line;
}

struct rule_txn *
rule_kept(const struct rule_ask *ask)
{
	struct rule_txn *k = ask->txn->rules;

	if (k != NULL)
		return k;
	k = ask->txn->rules = arena_calloc(ask->txn->arena, sizeof(*k));
	if (ask->memory != NULL) {
		take(ask->txn->arena, &ask->memory->client, &k->client);
		take(ask->txn->arena, &ask->memory->helo, &k->helo);
	}
	return k;
}

static enum rule_result
ask_stage(struct rule_run *run)
{
	struct rule_memory *m = run->ask->memory;
	enum rule_result r = RULE_DUNNO;

	switch (run->ask->stage) {
	case RULE_CONNECT:
		r = ask_client(run);
		if (m != NULL) {
			keep(&run->kept->client, &m->client);
			m->helo = m->client; /* unless HELO comes */
		}
		return r;
	case RULE_HELO:
		r = ask_helo(run);
		if (m != NULL)
			keep(&run->kept->helo, &m->helo);
		return r;
	case RULE_MAIL:
		return ask_sender(run);
	case RULE_RCPT:
		return ask_rcpt(run);
	case RULE_DATA:
		return ask_after(run, LIST_DATA);
	case RULE_END_OF_DATA:
		return ask_after(run, LIST_END_OF_DATA);
	case RULE_CONTENT:
		return ask_after(run, LIST_CONTENT);
	}
	return r;
}

/* Before RCPT nothing is asked unless somebody wants refusals at once. */
static int
too_early(const struct rules *r, const struct rule_ask *ask)
{
	return (r->o.smtpd_delay_reject && ask->stage <= RULE_MAIL) ||
	       (ask->late_client && ask->stage <= RULE_HELO);
}

/* For a door that hands it on, because whether this ends in a permission or a refusal is decided
 * elsewhere too. */
static void
name_deferral(struct rule_run *run)
{
	const struct deferral *d = run->if_permit.active ? &run->if_permit : &run->if_reject;
	struct verdict *v = run->v;

	if (!run->txn->deferrals_by_name || !d->active)
		return;
	v->deferral = run->if_permit.active ? DEFERRAL_IF_PERMIT : DEFERRAL_IF_REJECT;
	v->code = d->code;
	memcpy(v->enhanced, d->enhanced, sizeof(v->enhanced));
	v->text = d->text;
	v->origin = d->origin;
}

/* What rewriting makes of the address is none.  Postfix sees that while it reads the command,
 * before any list and whatever smtpd_delay_reject says; behind a Postfix nobody comes with one. */
static int
is_no_address(struct rule_run *run)
{
	int sender = run->ask->stage == RULE_MAIL;
	const struct path *p = sender ? &run->txn->sender : run->rcpt;
	const struct address *a;

	if (!run->o->is_mta || (!sender && run->ask->stage != RULE_RCPT) || p == NULL ||
	    p->addr == NULL || p->addr[0] == '\0')
		return 0;
	run->kept = rule_kept(run->ask);
	a = sender ? rule_sender(run) : rule_recipient(run);
	if (!a->malformed)
		return 0;
	rule_trace_stage(run);
	verdict_refuse(run->v, run->o->soft_bounce ? 401 : 501, sender ? "5.1.7" : "5.1.3",
	    sender ? "Bad sender address syntax" : "Bad recipient address syntax",
	    (struct origin){ .list = "address syntax" });
	rule_trace_verdict(run);
	return 1;
}

/* Most listeners behind an MTA: neither a list nor what an earlier configuration's left behind, and
 * nobody who wants to read of it. */
static int
nothing_to_ask(const struct rules *r, const struct rule_ask *ask)
{
	return r->idle && ask->memory == NULL && ask->trace == NULL &&
	       (ask->stage != RULE_RCPT || !is_always_taken(r, ask->rcpt));
}

void
rules_ask(const struct rules *rules, const struct rule_ask *ask, struct verdict *v)
{
	struct rule_run run;

	v->stage = rules_stage_name(ask->stage);
	if (nothing_to_ask(rules, ask))
		return;
	run = (struct rule_run){ .rules = rules,
		.o = &rules->o,
		.ask = ask,
		.txn = ask->txn,
		.client = ask->txn->client,
		.rcpt = ask->rcpt,
		.arena = ask->txn->arena,
		.trace = ask->trace,
		.v = v,
		.effects =
		    ask->stage == RULE_CONTENT ? &ask->recipient->verdict : &ask->txn->verdict };

	if (is_no_address(&run) || too_early(rules, ask))
		return;
	run.kept = rule_kept(ask);
	rule_trace_stage(&run);
	if (ask_stage(&run) == RULE_OK && v->outcome == OUTCOME_DUNNO)
		v->outcome = OUTCOME_OK;
	if (v->outcome == OUTCOME_DUNNO || v->outcome == OUTCOME_OK)
		name_deferral(&run);
	rule_trace_verdict(&run);
	rule_dns_end(&run);
}
