/* check_policy_service: what a policy server says is the value of an access(5) row. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "mail/policy_syntax.h"
#include "mail/syntax.h"
#include "rules/policy_service.h"
#include "rules/rules_private.h"

/* What holds when the server cannot be asked, and neither can the one that the default action
 * asks. */
#define LAST_RESORT "451 4.3.5 Server configuration problem"

static int
policy_compile(struct rule_compile *c, struct rule_op *op)
{
	const struct rule_options *o = rule_compile_options(c);
	struct policy_check *check = rule_compile_alloc(c, sizeof(*check));
	struct err err;

	*check = (struct policy_check){
		.service = { .policy_context = o->smtpd_policy_service_policy_context,
		    .timeout = o->smtpd_policy_service_timeout,
		    .max_idle = o->smtpd_policy_service_max_idle,
		    .max_ttl = o->smtpd_policy_service_max_ttl,
		    .retry_delay = o->smtpd_policy_service_retry_delay,
		    .request_limit = o->smtpd_policy_service_request_limit,
		    .try_limit = o->smtpd_policy_service_try_limit },
		.default_action = o->smtpd_policy_service_default_action,
	};
	op->data = check;
	if (policy_service_parse(c->load.mem, op->arg, o->queue_directory, check, &err) == 0)
		return 0;
	rule_compile_error(c, "check_policy_service: %s", err.text);
	/* Postfix tries in vain to find where that is. */
	check->nowhere = o->tolerant && strncmp(op->arg, "inet:", 5) == 0;
	return check->nowhere ? 0 : -1;
}

/* --- the request --- */

static const char *
or_empty(const char *s)
{
	return s == NULL ? "" : s;
}

/* Postfix writes the attributes of a certificate as xtext. */
static const char *
xtext(struct rule_run *run, const char *text)
{
	struct buf out = { 0 };
	const char *s;

	if (text == NULL || text[0] == '\0')
		return "";
	xtext_encode(span_str(text), &out);
	s = arena_strdup(run->arena, buf_cstr(&out));
	buf_fini(&out);
	return s;
}

static void
fill_tls(struct rule_run *run, struct policy_request *r)
{
	const struct client_tls *tls = run->client->tls;

	if (tls == NULL)
		return;
	r->encryption_protocol = or_empty(tls->protocol);
	r->encryption_cipher = or_empty(tls->cipher);
	r->encryption_keysize = tls->keysize;
	r->ccert_subject = xtext(run, tls->ccert_subject);
	r->ccert_issuer = xtext(run, tls->ccert_issuer);
	r->ccert_fingerprint = xtext(run, tls->ccert_fingerprint);
	r->ccert_pubkey_fingerprint = xtext(run, tls->ccert_pubkey_fingerprint);
}

static void
fill_client(struct rule_run *run, struct policy_request *r)
{
	const struct client *c = run->client;
	int extended = strcasecmp(c->proto, "ESMTP") == 0 || strcasecmp(c->proto, "LMTP") == 0;

	/* Of these two the protocol knows no others. */
	r->protocol_name = extended ? "ESMTP" : "SMTP";
	r->client_address = c->addr;
	r->client_name = c->name;
	r->client_port = c->port;
	r->reverse_client_name = c->reverse_name;
	r->server_address = c->server_addr;
	r->server_port = c->server_port;
	r->helo_name = c->helo;
	r->queue_id = c->ident;
	if (c->login[0] != '\0') {
		r->sasl_username = c->login;
		r->sasl_method = c->login_method;
		r->sasl_sender = or_empty(c->login_sender);
	}
	fill_tls(run, r);
}

static void
fill_request(struct rule_run *run, struct policy_request *r)
{
	const struct transaction *t = run->txn;
	enum rule_stage stage = run->ask->stage;

	policy_request_init(r);
	fill_client(run, r);
	r->protocol_state = rules_stage_name(stage);
	if (stage == RULE_HELO && strcasecmp(run->client->proto, "SMTP") != 0)
		r->protocol_state = "EHLO";
	r->instance = t->id;
	/* Without quotes and routes, as Postfix has them. */
	r->sender = or_empty(t->sender.addr);
	r->recipient = run->rcpt == NULL ? "" : or_empty(run->rcpt->addr);
	r->recipient_count = stage >= RULE_DATA ? (int64_t)t->nrcpts : 0;
	r->size = t->size;
}

/* --- the check --- */

static enum rule_result
take_action(struct rule_run *run, const struct rule_op *op, const char *action)
{
	struct origin origin = { .list = op->word, .file = op->where.file, .line = op->where.line };

	return access_result(run, NULL, action, &origin, run->subject);
}

static enum rule_result
use_default(struct rule_run *run, const struct rule_op *op, const char *action)
{
	enum rule_result result;

	/* A default action that asks a server too must not go round in a circle. */
	run->policy_failed++;
	result = take_action(run, op, run->policy_failed == 1 ? action : LAST_RESORT);
	run->policy_failed--;
	return result;
}

static int
ask(struct rule_run *run, const struct policy_check *check, const char **action, struct err *err)
{
	const struct rule_services *s = run->ask->services;
	struct policy_request request;

	if (s == NULL || s->policy == NULL || check->nowhere) {
		err_set(err, ERR_RETRY, "problem talking to server %s: not asked here",
		    check->service.name);
		return -1;
	}
	fill_request(run, &request);
	return policy_ask(
	    s->policy, &check->service, &request, run->arena, run->ask->deadline, action, err);
}

static enum rule_result
policy_check(struct rule_run *run, const struct rule_op *op)
{
	const struct policy_check *check = op->data;
	int64_t began = clock_us();
	const char *action = NULL;
	struct err err;
	int rc;

	if (rule_look_only(run, "the policy server is not asked: it might remember"))
		return RULE_DUNNO;
	rc = ask(run, check, &action, &err);
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_POLICY,
				  .name = check->service.name,
				  .answer = rc == 1 ? action : err.text,
				  .failed = rc != 1,
				  .us = clock_us() - began });
	if (rc == 1)
		return take_action(run, op, action);
	rule_warn(run, "%s", err.text);
	return use_default(run, op, check->default_action);
}

const struct restriction_def restrictions_policy[] = {
	{ .name = "check_policy_service",
	    .args = ARG_SERVICE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = policy_check,
	    .compile = policy_compile,
	    .text = "Asks a policy server and does as it says, as if that were the value of a "
		    "table row; see filterd_policy(8)." },
	{ .name = NULL },
};
