#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mail/syntax.h"
#include "net/dns.h"
#include "table/table.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/rule_world.h"

/* What the log said; the hook has no argument, so this is the one place for it. */
static struct buf said;

static void
hear(enum log_level level, const char *line)
{
	if (level == LOG_LEVEL_WARN)
		buf_adds(&said, "WARNING ");
	buf_adds(&said, line);
}

int
rule_world_listen(void **state)
{
	(void)state;
	log_set_hook(hear);
	return 0;
}

int
rule_world_unlisten(void **state)
{
	(void)state;
	log_set_hook(NULL);
	buf_fini(&said);
	return 0;
}

const char *
rule_world_said(struct rule_world *w)
{
	buf_reset(&w->out);
	buf_adds(&w->out, buf_cstr(&said));
	buf_reset(&said);
	return buf_cstr(&w->out);
}

static void
on_finding(void *arg, const struct rule_finding *f)
{
	struct rule_world *w = arg;

	buf_printf(
	    &w->findings, "%s %s: %s\n", f->is_error ? "error" : "warning", f->parameter, f->text);
}

static const struct rule_options defaults = {
	.smtpd_restriction_classes = "",
	.smtpd_delay_reject = 1,
	.smtpd_relay_before_recipient_restrictions = 1,
	.smtpd_sasl_auth_enable = 1,
	.smtpd_null_access_lookup_key = "<>",
	.parent_domain_matches_subdomains = "relay_domains, smtpd_access_maps",
	.recipient_delimiter = "",
	.myhostname = "mx.test",
	.mydomain = "test",
	.myorigin = "mx.test",
	.mynetworks = "127.0.0.0/8",
	.mynetworks_style = "host",
	.inet_interfaces = "127.0.0.1",
	.proxy_interfaces = "",
	.inet_protocols = "all",
	.mydestination = "local.example, mx.test",
	.relay_domains = "relay.example",
	.permit_mx_backup_networks = "",
	.virtual_alias_domains = "valias.example",
	.virtual_alias_maps = "",
	.virtual_mailbox_domains = "vmbox.example",
	.virtual_mailbox_maps = "",
	.local_recipient_maps = "",
	.relay_recipient_maps = "",
	.transport_maps = "",
	.canonical_maps = "",
	.recipient_canonical_maps = "",
	.sender_canonical_maps = "",
	.smtpd_sender_login_maps = "",
	.relay_clientcerts = "",
	.double_bounce_sender = "double-bounce",
	.allow_percent_hack = 1,
	.swap_bangpath = 1,
	.resolve_dequoted_address = 1,
	.access_map_reject_code = 554,
	.access_map_defer_code = 450,
	.reject_code = 554,
	.defer_code = 450,
	.invalid_hostname_reject_code = 501,
	.maps_rbl_reject_code = 554,
	.non_fqdn_reject_code = 504,
	.multi_recipient_bounce_reject_code = 550,
	.plaintext_reject_code = 450,
	.relay_domains_reject_code = 554,
	.unknown_address_reject_code = 450,
	.unknown_client_reject_code = 450,
	.unknown_hostname_reject_code = 450,
	.unknown_local_recipient_reject_code = 550,
	.unknown_relay_recipient_reject_code = 550,
	.unknown_virtual_alias_reject_code = 550,
	.unknown_virtual_mailbox_reject_code = 550,
	.unverified_sender_reject_code = 450,
	.unverified_sender_defer_code = 450,
	.unverified_recipient_reject_code = 450,
	.unverified_recipient_defer_code = 450,
	.unverified_sender_reject_reason = "",
	.unverified_recipient_reject_reason = "",
	.unknown_address_tempfail_action = "defer_if_permit",
	.unknown_helo_hostname_tempfail_action = "defer_if_permit",
	.unverified_sender_tempfail_action = "defer_if_permit",
	.unverified_recipient_tempfail_action = "defer_if_permit",
	.show_user_unknown_table_name = 1,
	.rbl_reply_maps = "",
	.default_rbl_reply = "$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using "
			     "$rbl_domain${rbl_reason?; $rbl_reason}",
	.maps_rbl_domains = "",
	.smtpd_expansion_filter = "\\t\\40!\"#$%&'()*+,-./0123456789:;<=>?@"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz"
				  "{|}~",
	.dnsbl_refused_limit = 10,
	.dnsbl_probe_interval = 60000,
	.smtpd_log_access_permit_actions = "",
	.message_drop_headers = "bcc, content-length, resent-bcc, return-path",
	.rule_depth_limit = 100,
	.rule_step_limit = 10000,
	.smtpd_policy_service_default_action = "451 4.3.5 Server configuration problem",
	.smtpd_policy_service_policy_context = "",
	.smtpd_policy_service_max_idle = 300000,
	.smtpd_policy_service_max_ttl = 1000000,
	.smtpd_policy_service_timeout = 100000,
	.smtpd_policy_service_retry_delay = 1000,
	.smtpd_policy_service_try_limit = 2,
	.queue_directory = "/var/spool/postfix",
	.patterns_on_failure = "defer",
	.urls_on_failure = "defer",
	.url_check_count_limit = 500,
	.url_check_size_limit = 4 << 20,
	.url_dns_count_limit = 50,
	.body_checks_size_limit = 51200,
	.mime = { .line_length_limit = 2048,
	    .header_size_limit = 102400,
	    .nesting_limit = 100,
	    .parts_limit = 10000,
	    .boundary_length_limit = 2048 },
};

void
rule_world_init(struct rule_world *w)
{
	memset(w, 0, sizeof(*w));
	w->o = defaults;
	for (size_t i = 0; i < RULE_LISTS; i++)
		w->o.lists[i] = "";
	w->tables = table_registry_new(NULL);
	w->tls = (struct client_tls){ .protocol = "",
		.cipher = "",
		.ccert_subject = "",
		.ccert_issuer = "",
		.ccert_fingerprint = "",
		.ccert_pubkey_fingerprint = "" };
	client_init(&w->client);
	client_init(&w->peer);
	rule_world_client(w, "mail.good.example", "192.0.2.10");
	snprintf(w->client.helo, sizeof(w->client.helo), "helo.example");
	snprintf(w->client.proto, sizeof(w->client.proto), "ESMTP");
	w->peer = w->client;
	buf_reset(&said);
}

void
rule_world_zone(struct rule_world *w, const char *records)
{
	struct dns_options o = { .timeout_ms = w->dns_timeout_ms, .tries = 1 };
	struct err err;

	w->zone = dns_zone_start(records);
	o.servers = dns_zone_at(w->zone);
	w->dns = dns_new(&o, &err);
	assert_non_null(w->dns);
	w->services.dns = w->dns;
}

int
rule_world_compile(struct rule_world *w)
{
	w->rules = rules_compile(&w->o, w->tables, on_finding, w);
	if (w->rules == NULL) {
		print_message("%s", buf_cstr(&w->findings));
		return -1;
	}
	rule_world_again(w);
	return 0;
}

static void
forget(struct rule_world *w)
{
	table_set_release(w->txn.tables);
	arena_free(w->arena);
	w->txn.tables = NULL;
	w->arena = NULL;
}

void
rule_world_fini(struct rule_world *w)
{
	forget(w);
	rules_free(w->rules);
	table_registry_free(w->tables);
	dns_free(w->dns);
	dns_zone_stop(w->zone);
	buf_fini(&w->findings);
	buf_fini(&w->out);
}

void
rule_world_again(struct rule_world *w)
{
	forget(w);
	w->arena = arena_new();
	transaction_init(&w->txn, w->arena);
	w->txn.service = "smtp";
	snprintf(w->txn.id, sizeof(w->txn.id), "ID1");
	w->txn.client = &w->client;
	w->txn.peer = &w->peer;
	w->txn.tables = table_set_take(w->tables);
	w->txn.has_helo = w->client.helo[0] != '\0';
	rule_world_sender(w, "s@from.example");
	rule_world_rcpt(w, "r@local.example");
}

void
rule_world_helo(struct rule_world *w, const char *helo)
{
	w->txn.has_helo = helo != NULL;
	snprintf(w->client.helo, sizeof(w->client.helo), "%s", helo == NULL ? "" : helo);
}

static void
set_path(struct rule_world *w, const char *text, struct path *p)
{
	struct mail_path parsed = { .octets = "", .local = "", .domain = "", .addr = "" };

	if (text[0] != '\0')
		assert_int_equal(syntax_address(w->arena, span_str(text), 1, &parsed), 0);
	*p = (struct path){ .octets = parsed.octets,
		.local = parsed.local,
		.domain = parsed.domain,
		.addr = parsed.addr,
		.params = "" };
}

void
rule_world_sender(struct rule_world *w, const char *address)
{
	set_path(w, address, &w->txn.sender);
}

void
rule_world_rcpt(struct rule_world *w, const char *address)
{
	set_path(w, address, &w->rcpt);
}

void
rule_world_accept(struct rule_world *w)
{
	transaction_add_rcpt(&w->txn)->path = w->rcpt;
}

void
rule_world_client(struct rule_world *w, const char *name, const char *addr)
{
	struct client *c = &w->client;
	struct sockaddr_in *sin = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&c->sa;

	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->reverse_name, sizeof(c->reverse_name), "%s", name);
	snprintf(c->addr, sizeof(c->addr), "%s", addr);
	memset(&c->sa, 0, sizeof(c->sa));
	if (inet_pton(AF_INET, addr, &sin->sin_addr) == 1)
		sin->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, addr, &sin6->sin6_addr) == 1)
		sin6->sin6_family = AF_INET6;
	c->name_state = c->reverse_state = strcmp(name, "unknown") == 0 ? ATTR_UNKNOWN : ATTR_KNOWN;
}

/* Asked with a trace of its own, for the coverage table. */
static void
ask_traced(struct rule_world *w, struct rule_ask *ask, struct verdict *v)
{
	struct rule_trace own;
	int64_t began = clock_ms();
	const char *answer = "permitted";
	struct rule_trace *t = w->trace.arena == NULL ? &own : &w->trace;

	trace_init(&own, w->arena);
	ask->trace = t;
	rules_ask(w->rules, ask, v);
	if (v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT)
		answer = arena_printf(w->arena, "%d %s %s", v->code, v->enhanced, v->text);
	if (t == &own && t->lost == 0)
		rule_coverage_asked(&w->past, span_make(t->p, t->len), answer, clock_ms() - began);
}

static const char *
ask(struct rule_world *w, enum rule_stage stage, struct recipient *recipient)
{
	struct rule_ask ask = { .txn = &w->txn,
		.stage = stage,
		.recipient = recipient,
		.services = &w->services,
		.memory = w->memory };
	struct verdict v;

	verdict_init(&v, w->arena);
	if (stage == RULE_RCPT || (stage > RULE_RCPT && w->txn.nrcpts == 1))
		ask.rcpt = &w->rcpt;
	else if (recipient != NULL)
		ask.rcpt = &recipient->path;
	ask.deadline = deadline_in_ms(w->deadline_ms == 0 ? 10000 : w->deadline_ms);
	ask_traced(w, &ask, &v);
	if (v.outcome == OUTCOME_OK || v.outcome == OUTCOME_DUNNO)
		return v.outcome == OUTCOME_OK ? "ok" : "dunno";
	return arena_printf(w->arena, "%d %s %s", v.code, v.enhanced, v.text);
}

const char *
rule_world_ask(struct rule_world *w, enum rule_stage stage)
{
	return ask(w, stage, stage == RULE_CONTENT ? w->txn.rcpts[0] : NULL);
}

const char *
rule_world_ask_for(struct rule_world *w, size_t recipient)
{
	return ask(w, RULE_CONTENT, w->txn.rcpts[recipient]);
}
