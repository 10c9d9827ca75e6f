#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/transaction.h"
#include "mail/syntax.h"
#include "rules/plugin.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "table/table.h"
#include "tests/fuzz/rules_world.h"
#include "tests/lib/rule_setup.h"

/* tests/lib/probe_plugin.c. */
static const struct plugin_instance *
the_plugin(void)
{
	static const struct filterd_value state = { .text = "begun" };
	static struct plugin_instance p = {
		.def = &filterd_plugin, .values = &state, .on_failure = FAILURE_DEFER
	};

	if (plugin_open(&p, NULL) == -1)
		abort();
	return &p;
}

const struct rule_options *
rules_world_options(void)
{
	static const struct log_options quiet = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_INFO
	};
	static struct rule_options o;
	static struct conf *made; /* what the options point into */

	if (made != NULL)
		return &o;
	made = rule_setup("myhostname = mx.example.test\n"
			  "mynetworks = 127.0.0.0/8\n"
			  "inet_interfaces = 127.0.0.1\n"
			  "mydestination = local.example\n"
			  "relay_domains = relay.example\n"
			  "recipient_delimiter = +-\n"
			  "local_recipient_maps =\n"
			  "alias_maps =\n"
			  "smtpd_sasl_auth_enable = yes\n",
	    &o);
	if (made == NULL || log_open(&quiet, NULL) == -1)
		abort();
	o.is_mta = 0;
	o.plugins = the_plugin();
	o.nplugins = 1;
	return &o;
}

static void
ignore(void *arg, const struct rule_finding *f)
{
	(void)arg;
	if (f->text[0] == '\0')
		abort();
}

static int
path(struct arena *a, const char *text, struct path *p)
{
	struct mail_path m;

	if (syntax_address(a, span_str(text), 1, &m) == -1)
		return -1;
	*p = (struct path){ .octets = m.octets,
		.local = m.local,
		.domain = m.domain,
		.addr = m.addr,
		.params = "" };
	return 0;
}

/* A refusal has a code, an enhanced code of its class, and one line of text. */
static void
look(const struct verdict *v)
{
	if (v->outcome != OUTCOME_DEFER && v->outcome != OUTCOME_REJECT)
		return;
	if (v->code < 400 || v->code > 599 || v->text == NULL ||
	    v->enhanced[0] != '0' + v->code / 100)
		abort();
	for (const char *p = v->text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
}

static void
ask_all(const struct rules *r, struct transaction *t, const struct path *rcpt, struct arena *arena)
{
	struct recipient *last;

	for (int s = RULE_CONNECT; s <= RULE_CONTENT; s++) {
		struct rule_services none = { 0 };
		struct rule_ask ask = { .txn = t,
			.stage = (enum rule_stage)s,
			.rcpt = s >= RULE_RCPT ? rcpt : NULL,
			.services = &none,
			.deadline = deadline_in_ms(2) };
		struct verdict v;

		verdict_init(&v, arena);
		if (s == RULE_DATA) {
			last = transaction_add_rcpt(t);
			last->path = *rcpt;
		}
		if (s == RULE_CONTENT)
			ask.recipient = t->rcpts[0];
		rules_ask(r, &ask, &v);
		look(&v);
	}
}

void
rules_world_run(const struct rule_options *o, const struct rules_envelope *e)
{
	struct table_registry *tables = table_registry_new(NULL);
	struct rules *r = rules_compile(o, tables, ignore, NULL);
	struct arena *arena = arena_new();
	struct transaction t;
	struct client c;
	struct path rcpt;

	client_init(&c);
	((struct sockaddr_in *)&c.sa)->sin_family = AF_INET;
	((struct sockaddr_in *)&c.sa)->sin_addr.s_addr = htonl(0xc000020au);
	snprintf(c.addr, sizeof(c.addr), "192.0.2.10");
	snprintf(c.name, sizeof(c.name), "mail.good.example");
	snprintf(c.reverse_name, sizeof(c.reverse_name), "mail.good.example");
	snprintf(c.helo, sizeof(c.helo), "%s", e->helo);
	snprintf(c.proto, sizeof(c.proto), "ESMTP");
	snprintf(c.login, sizeof(c.login), "user");
	transaction_init(&t, arena);
	t.service = "smtp";
	t.client = &c;
	t.has_helo = 1;
	t.tables = table_set_take(tables);
	if (r != NULL && (e->sender[0] == '\0' || path(arena, e->sender, &t.sender) == 0) &&
	    path(arena, e->recipient, &rcpt) == 0) {
		if (e->sender[0] == '\0')
			t.sender = (struct path){
				.octets = "", .local = "", .domain = "", .addr = "", .params = ""
			};
		ask_all(r, &t, &rcpt, arena);
	}
	table_set_release(t.tables);
	arena_free(arena);
	rules_free(r);
	table_registry_free(tables);
}
