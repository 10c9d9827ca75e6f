/* A transaction that is made up, and what the engine says of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "action/footer.h"
#include "action/plan.h"
#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/message.h"
#include "ctl/ctl_cmd.h"
#include "ctl/explain.h"
#include "ctl/services.h"
#include "ctl/settings.h"
#include "engine/decision.h"
#include "engine/next_hop_map.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "front/peer_name.h"
#include "front/policy_answer.h"
#include "front/policy_session.h"
#include "mail/reply.h"
#include "mail/syntax.h"
#include "rules/rules.h"
#include "rules/trace.h"

struct explain {
	const struct explain_options *o;
	struct counters *counters;
	struct snapshot *snapshot;
	const struct snap_listener *listener;
	struct rule_services opened, services; /* --no-dns: not all that was opened is used */
	struct arena *arena;
	struct rule_trace trace;
	struct rule_memory *memory;
	struct client client;
	struct transaction txn;
	struct message *message;
};

/* --- what is asked about --- */

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

static int
put(char *to, size_t size, const char *option, const char *value)
{
	if (value == NULL)
		return 0;
	if (strlen(value) >= size)
		return ctl_fail(EX_USAGE, "%s: too long", option);
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

static enum attr_state
state_of(const char *name)
{
	return strcmp(name, "unknown") == 0 ? ATTR_UNKNOWN : ATTR_KNOWN;
}

static int
put_address(struct client *c, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->sa;

	if (text == NULL || strcmp(text, "unknown") == 0)
		return 0;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return ctl_fail(EX_USAGE, "--client-address: \"%s\" is no IP address", text);
	snprintf(c->addr, sizeof(c->addr), "%s", text);
	return 0;
}

/* Names that were not told are looked up, as a door does. */
static void
find_names(struct explain *x)
{
	struct peer_names names = { .dns = x->services.dns,
		.hosts = "/etc/hosts",
		.arena = x->arena,
		.deadline = deadline_in_ms(x->listener->params->stage_time_limit) };

	if (!x->o->no_dns && x->listener->params->smtpd_peername_lookup)
		(void)peer_name_find(&names, &x->client);
}

/* Who would tell of the client there. */
static enum client_source
source_of(enum listener_kind kind)
{
	switch (kind) {
	case LISTENER_SMTP:
	case LISTENER_LMTP:
		break;
	case LISTENER_POLICY:
		return SOURCE_POLICY;
	case LISTENER_MILTER:
		return SOURCE_MILTER;
	}
	return SOURCE_PEER;
}

static int
make_client(struct explain *x)
{
	const struct explain_options *o = x->o;
	struct client *c = &x->client;
	const char *name = o->client_name, *reverse = o->reverse_name;
	int status;

	client_init(c);
	c->source = source_of(x->listener->conf->kind);
	status = put_address(c, o->client_address);
	/* A confirmed name is the address's own. */
	if (reverse == NULL)
		reverse = name;
	if (status == 0)
		status = put(c->name, sizeof(c->name), "--client-name", name);
	if (status == 0)
		status = put(c->reverse_name, sizeof(c->reverse_name), "--reverse-name", reverse);
	if (status == 0)
		status = put(c->helo, sizeof(c->helo), "--helo", o->helo);
	if (status == 0)
		status = put(c->login, sizeof(c->login), "--sasl-username", o->login);
	c->name_state = state_of(c->name);
	c->reverse_state = state_of(c->reverse_name);
	snprintf(c->proto, sizeof(c->proto), "%s",
	    x->listener->conf->kind == LISTENER_LMTP ? "LMTP" : "ESMTP");
	if (status == 0 && reverse == NULL)
		find_names(x);
	return status;
}

static int
make_path(struct explain *x, const char *option, const char *text, struct path *p)
{
	size_t n = strlen(text);
	struct mail_path m = { "", "", "", "" };

	if (n >= 2 && text[0] == '<' && text[n - 1] == '>') {
		text = arena_printf(x->arena, "%.*s", (int)n - 2, text + 1);
		n -= 2;
	}
	if (n > 0 && syntax_address(x->arena, span_make(text, n), 1, &m) == -1)
		return ctl_fail(EX_USAGE, "%s: \"%s\" is no address", option, text);
	*p = (struct path){ .octets = m.octets,
		.local = m.local,
		.domain = m.domain,
		.addr = m.addr,
		.params = "" };
	return 0;
}

static int
fill_message(struct explain *x, FILE *f, struct err *err)
{
	int c, last = '\n';

	while ((c = getc(f)) != EOF) {
		uint8_t *to = message_reserve(x->message, 2, err);
		size_t n = 0;

		if (to == NULL)
			return -1;
		/* Files end lines with LF, mail does with CRLF. */
		if (c == '\n' && last != '\r')
			to[n++] = '\r';
		to[n++] = (uint8_t)c;
		message_commit(x->message, n);
		last = c;
	}
	if (last != '\n') {
		uint8_t *to = message_reserve(x->message, 2, err);

		if (to == NULL)
			return -1;
		memcpy(to, "\r\n", 2);
		message_commit(x->message, 2);
	}
	return 0;
}

static int
make_message(struct explain *x)
{
	const struct message_options o = { .memory_limit = SIZE_MAX / 2,
		.spool_directory = x->listener->params->spool_directory };
	const char *name = x->o->message;
	struct err err;
	FILE *f;
	int status = 0;

	if (name == NULL)
		return 0;
	f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (f == NULL)
		return ctl_fail(EX_NOINPUT, "%s: %s", name, strerror(errno));
	x->message = message_new(&o);
	if (fill_message(x, f, &err) == -1)
		status = ctl_fail(EX_OSERR, "%s: %s", name, err.text);
	else if (ferror(f))
		status = ctl_fail(EX_NOINPUT, "%s: %s", name, strerror(errno));
	if (f != stdin)
		fclose(f);
	return status;
}

/* --- the stages --- */

static int
refused(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

/* "554 5.7.1 text (id ...)", lines with LF between them. */
static const char *
smtp_reply(
    struct explain *x, const struct recipient *r, int code, const char *enhanced, const char *text)
{
	const struct params *p = x->listener->params;
	struct footer_values values = { .decision_id = x->txn.id,
		.client = &x->client,
		.server_name = p->myhostname,
		.sender = x->txn.sender.octets,
		.recipient = r == NULL ? NULL : r->path.octets };
	struct buf end = { 0 }, wire = { 0 };
	char fitted[12], *out, *to;

	if (p->soft_bounce && code >= 500)
		code -= 100;
	snprintf(fitted, sizeof(fitted), "%s", enhanced);
	enhanced_fit(fitted, code);
	footer_expand(p->smtpd_reject_footer, &values, &end);
	reply_format_footer(&wire, code, fitted, text, buf_cstr(&end));
	out = to = arena_strdup(x->arena, buf_cstr(&wire));
	for (const char *from = out; *from != '\0'; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = '\0';
	if (to > out && to[-1] == '\n')
		to[-1] = '\0';
	buf_fini(&end);
	buf_fini(&wire);
	return out;
}

/* Whom Postfix will name in front of the reply's text. */
static const char *
policy_name(struct explain *x, const struct policy_stage *stage, const struct recipient *r)
{
	char label[400];

	switch (stage->stage) {
	case STAGE_CONNECT:
		client_label(&x->client, label, sizeof(label));
		return arena_strdup(x->arena, label);
	case STAGE_HELO:
		return x->client.helo;
	case STAGE_MAIL:
		return x->txn.sender.octets;
	case STAGE_RCPT:
		return r->path.octets;
	case STAGE_NONE:
	case STAGE_DATA:
	case STAGE_END:
		break;
	}
	return stage->name;
}

static const char *
policy_reply(
    struct explain *x, const char *state, const struct recipient *r, const struct verdict *v)
{
	const struct policy_stage *stage = policy_stage_find(state);
	const struct policy_question q = { .txn = &x->txn,
		.stage = state,
		.recipient = r == NULL ? "" : r->path.octets,
		.subject = policy_name(x, stage, r),
		.rejects = stage->rejects,
		.permit_action = x->listener->params->policy_permit_action };
	struct policy_answer a;

	policy_answer_make(&q, v, &a);
	return arena_printf(x->arena, "action=%s", a.action);
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
		reply = policy_reply(x, name, r, v);
	else if (refused(v))
		reply = smtp_reply(x, r, v->code, v->enhanced, v->text);
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
	engine_begin(t, x->snapshot);
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
				r->reply = smtp_reply(x, r, s->code, s->enhanced, s->text) +
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
		int status = make_path(x, "--recipient", x->o->recipients[i], &r->path);

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
	status = make_path(x, "--sender", o->sender == NULL ? "" : o->sender, &x->txn.sender);
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
		*status = make_client(&x);
	if (*status == 0)
		*status = make_message(&x);
	if (*status == 0)
		*status = ask_stages(&x);
	if (*status == 0)
		decision_format(&x.txn, record);
	fini(&x);
	return *status == 0 ? 0 : -1;
}
