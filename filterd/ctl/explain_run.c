/* A transaction that is made up, taken through the stages of the engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "action/plan.h"
#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/ctl_cmd.h"
#include "ctl/explain_impl.h"
#include "ctl/services.h"
#include "ctl/settings.h"
#include "engine/decision.h"
#include "engine/next_hop_map.h"

/* --- where it comes in --- */

static int
applies_lists(const struct snap_listener *l)
{
	for (int i = 0; i < RULE_LISTS; i++)
		if (rules_any(l->rules, (enum rule_list_id)i))
			return 1;
	return 0;
}

/* By name; else the first with restrictions, else the first. */
static const struct snap_listener *
choose_listener(const struct snapshot *s, const char *name)
{
	if (name != NULL)
		return snapshot_listener_by_name(s, name);
	for (size_t i = 0; i < snapshot_listener_count(s); i++)
		if (applies_lists(snapshot_listener(s, i)))
			return snapshot_listener(s, i);
	return snapshot_listener(s, 0);
}

/* --- the stages --- */

static int
refused(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

/* One stage: 1 refused, else 0. */
static int
ask(struct explain *x, const char *name, enum stage stage, struct recipient *r)
{
	struct transaction *t = &x->txn;
	const char *reply = NULL;
	struct verdict *v = arena_alloc(x->arena, sizeof(*v));

	verdict_init(v, x->arena);
	engine_ask(
	    t, x->listener, stage, r, deadline_in_ms(x->listener->params->stage_time_limit), v);
	if (x->listener->conf->kind == LISTENER_POLICY)
		reply = explain_policy_reply(x, name, r, v);
	else if (refused(v))
		reply = explain_smtp_reply(x, r, v->code, v->enhanced, v->text);
	if (reply != NULL)
		trace_add(&x->trace, &(struct trace_event){ .kind = TRACE_REPLY, .answer = reply });
	return refused(v);
}

/* The session has a transaction of its own for the greeting and for HELO. */
static void
begin(struct explain *x)
{
	struct transaction *t = &x->txn;
	const char *kind = listener_kind_name(x->listener->conf->kind);
	char id[sizeof(t->id)];

	memcpy(id, t->id, sizeof(id));
	if (t->arena != NULL)
		engine_end(t);
	transaction_init(t, x->arena);
	memcpy(t->id, id, sizeof(id));
	t->service = kind;
	t->listener = x->listener->conf->name;
	t->client = &x->client;
	t->memory = x->memory;
	t->services = &x->services;
	t->has_helo = x->client.helo[0] != '\0';
	t->deferrals_by_name = x->listener->conf->kind == LISTENER_POLICY;
	/* Behind an MTA the client is told of with XFORWARD, just before MAIL. */
	t->client_late = x->listener->conf->role == ROLE_AFTER_QUEUE &&
			 listener_kind_relays(x->listener->conf->kind);
	engine_begin(t, x->snapshot, x->listener);
	t->trace = &x->trace;
	t->started_us = clock_us();
}

/* What becomes of those who were accepted, as far as it does not depend on the next hop. */
static void
tell_plan(struct explain *x)
{
	struct transaction *t = &x->txn;
	struct next_hop_map map = { .txn = t, .listener = x->listener };
	struct plan plan;

	plan_make(t, &x->listener->plan, next_hop_map_find, &map, &plan);
	for (size_t i = 0; i < plan.nsteps; i++) {
		const struct plan_step *s = &plan.steps[i];

		for (size_t k = 0; k < s->nrcpts; k++) {
			struct recipient *r = t->rcpts[s->rcpts[k]];

			r->decided = s->decided;
			r->by =
			    s->origin.list == NULL && s->origin.file == NULL ? NULL : &s->origin;
			switch (s->kind) {
			case STEP_DELIVER:
				r->fate = FATE_DELIVERED;
				break;
			case STEP_HOLD:
				r->fate = FATE_HELD;
				break;
			case STEP_DISCARD:
				r->fate = FATE_DISCARDED;
				break;
			case STEP_REFUSE:
				r->fate = s->code < 500 ? FATE_DEFERRED : FATE_REJECTED;
				r->code = s->code;
				r->reply = explain_smtp_reply(x, r, s->code, s->enhanced, s->text) +
					   strlen("550 ");
				break;
			}
		}
	}
}

static void
ask_message(struct explain *x)
{
	struct transaction *t = &x->txn;
	struct verdict unused;

	t->message = x->message;
	t->size = (int64_t)message_len(x->message);
	t->data_us = clock_us();
	verdict_init(&unused, x->arena);
	engine_ask(t, x->listener, STAGE_END, NULL,
	    deadline_in_ms(x->listener->params->message_time_limit), &unused);
	tell_plan(x);
}

static int
ask_recipients(struct explain *x)
{
	for (size_t i = 0; i < x->o->nrecipients; i++) {
		struct recipient *r = transaction_candidate(&x->txn);
		int status = explain_make_path(x, "--recipient", x->o->recipients[i], &r->path);

		if (status != 0)
			return status;
		if (!ask(x, "RCPT", STAGE_RCPT, r))
			transaction_accept(&x->txn, r);
	}
	return 0;
}

/* As far as a session would get. */
static int
ask_stages(struct explain *x)
{
	const struct explain_options *o = x->o;
	int status;

	begin(x);
	if (ask(x, "CONNECT", STAGE_CONNECT, NULL))
		return 0;
	begin(x);
	if (o->helo != NULL && ask(x, "HELO", STAGE_HELO, NULL))
		return 0;
	if (o->sender == NULL && o->nrecipients == 0)
		return 0;
	begin(x);
	status =
	    explain_make_path(x, "--sender", o->sender == NULL ? "" : o->sender, &x->txn.sender);
	if (status != 0 || ask(x, "MAIL", STAGE_MAIL, NULL))
		return status;
	status = ask_recipients(x);
	if (status != 0 || x->txn.nrcpts == 0 || ask(x, "DATA", STAGE_DATA, NULL))
		return status;
	if (x->listener->conf->kind == LISTENER_POLICY)
		(void)ask(x, "END-OF-MESSAGE", STAGE_END, NULL);
	else if (x->message != NULL)
		ask_message(x);
	return 0;
}

/* --- the whole --- */

/* What the engine would log is in the trace. */
static void
be_silent(void)
{
	const struct log_options o = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_ERROR
	};
	struct err err;

	if (log_open(&o, &err) == -1)
		(void)ctl_fail(0, "%s", err.text);
}

static int
load(struct explain *x, const struct ctl_env *env)
{
	struct err err;

	x->counters = xcalloc(1, sizeof(*x->counters));
	x->snapshot = settings_load(env->config_path, x->counters, ctl_report_error, NULL);
	if (x->snapshot == NULL)
		return EX_CONFIG;
	x->listener = choose_listener(x->snapshot, x->o->listener);
	if (x->listener == NULL)
		return ctl_fail(
		    EX_USAGE, "--listener: there is none of the name %s", x->o->listener);
	if (services_open(
		&x->opened, conf_params(snapshot_conf(x->snapshot)), x->counters, NULL, &err) == -1)
		return ctl_fail(err.class == ERR_CONFIG ? EX_CONFIG : EX_OSERR, "%s", err.text);
	x->services = x->opened;
	if (x->o->no_dns) {
		x->services.dns = NULL;
		x->services.verify = NULL;
	}
	return 0;
}

static void
fini(struct explain *x)
{
	engine_end(&x->txn);
	message_free(x->message);
	engine_memory_free(x->memory);
	services_close(&x->opened);
	snapshot_unref(x->snapshot);
	arena_free(x->arena);
	free(x->counters);
}

int
explain_run(
    const struct ctl_env *env, const struct explain_options *o, struct buf *record, int *status)
{
	struct explain x = { .o = o, .arena = arena_new(), .memory = engine_memory_new() };

	trace_init(&x.trace, x.arena);
	x.trace.go_on = 1;
	decision_id_make(x.txn.id, sizeof(x.txn.id));
	*status = load(&x, env);
	be_silent();
	if (*status == 0)
		*status = explain_make_client(&x);
	if (*status == 0)
		*status = explain_make_message(&x);
	if (*status == 0)
		*status = ask_stages(&x);
	if (*status == 0)
		decision_format(&x.txn, record);
	fini(&x);
	return *status == 0 ? 0 : -1;
}
