/* What parameters change about address verification, and about DNS lists that refuse to answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "rules/dnsbl.h"
#include "rules/verify.h"
#include "tests/lib/fake_hop.h"
#include "tests/lib/option_pair.h"

#define SENDER "reject_unverified_sender"
#define RCPT   "reject_unverified_recipient"
#define NO                                                                                         \
	{ "unverified_sender_reject_reason", "no" },                                               \
	{                                                                                          \
		"unverified_recipient_reject_reason", "no"                                         \
	}

static const struct fake_rule rules[] = {
	{ "RCPT", "bad@", "550 5.1.1 no such user\r\n" },
	{ "RCPT", "later@", "450 4.2.0 come again\r\n" },
	{ "RCPT", "slow@", FAKE_SLOW "250 2.1.5 ok\r\n" },
};

/* The next hop of all rows. */
static struct fake_hop *hop;

static void
verifies(struct rule_world *w)
{
	struct verify_options o = { .helo_name = "mx.test",
		.connect_ms = 2000,
		.helo_ms = 2000,
		.probe_ms = 4000,
		.max_entries = 100,
		.positive_expire_ms = 100000,
		.positive_refresh_ms = 100000,
		.negative_expire_ms = 100000,
		.negative_refresh_ms = 100000,
		.negative_cache = 1 };
	struct err err;

	if (w->o.address_verify_poll_count == 0)
		w->o.address_verify_poll_count = 3;
	if (w->o.address_verify_poll_delay == 0)
		w->o.address_verify_poll_delay = 2000;
	rule_world_zone(w, "a.test A 192.0.2.1\n");
	o.dns = w->services.dns;
	w->services.verify = verify_cache_new(&o, &err);
	assert_non_null(w->services.verify);
}

static void
verify_gone(struct rule_world *w)
{
	verify_cache_free(w->services.verify);
}

/* Whose words the reply has. */
static const char *
words(struct rule_world *w)
{
	const char *answer = rule_world_ask(w, RULE_RCPT);

	return strstr(answer, "no such user") != NULL ? "the host's"
	       : strstr(answer, "why not") != NULL    ? "ours"
						      : answer;
}

static const char *
progress(struct rule_world *w)
{
	const char *answer = rule_world_ask(w, RULE_RCPT);

	return strstr(answer, "verification in progress") != NULL ? "in progress" : answer;
}

/* MAIL of the probe. */
static const char *
prober(struct rule_world *w)
{
	size_t n = fake_hop_connections(hop);
	const char *said;

	assert_string_equal(rule_world_ask(w, RULE_RCPT), "dunno");
	fake_hop_settle(hop);
	said = fake_hop_read(hop, n);
	return strstr(said, "MAIL FROM:<probe@x.test>\r\n") != NULL            ? "probe@x.test"
	       : strstr(said, "MAIL FROM:<double-bounce@mx.test>\r\n") != NULL ? "double-bounce"
									       : said;
}

/* next_hop is filled in. */
static const struct option_case verify_cases[] = {
	{ .option = { "unverified_sender_reject_code", "450", "550" },
	    .list = SENDER,
	    .want = { "450 4.1.7 <bad@local.example>: Sender address rejected: unverified "
		      "address: no",
		"550 5.1.7 <bad@local.example>: Sender address rejected: undeliverable address: "
		"no" },
	    .sender = "bad@local.example",
	    .more = { NO } },
	{ .option = { "unverified_recipient_reject_code", "450", "550" },
	    .list = RCPT,
	    .want = { "450 4.1.1 <bad@local.example>: Recipient address rejected: unverified "
		      "address: no",
		"550 5.1.1 <bad@local.example>: Recipient address rejected: undeliverable address: "
		"no" },
	    .rcpt = "bad@local.example",
	    .more = { NO } },
	{ .option = { "unverified_sender_defer_code", "450", "451" },
	    .list = SENDER,
	    .want = { "450 4.1.7 <later@local.example>: Sender address rejected: unverified "
		      "address: no",
		"451 4.1.7 <later@local.example>: Sender address rejected: unverified address: "
		"no" },
	    .sender = "later@local.example",
	    .more = { NO } },
	{ .option = { "unverified_recipient_defer_code", "450", "451" },
	    .list = RCPT,
	    .want = { "450 4.1.1 <later@local.example>: Recipient address rejected: unverified "
		      "address: no",
		"451 4.1.1 <later@local.example>: Recipient address rejected: unverified address: "
		"no" },
	    .rcpt = "later@local.example",
	    .more = { NO } },
	{ .option = { "unverified_sender_reject_reason", "", "why not" },
	    .list = SENDER,
	    .want = { "the host's", "ours" },
	    .sender = "bad@local.example",
	    .ask = words },
	{ .option = { "unverified_recipient_reject_reason", "", "why not" },
	    .list = RCPT,
	    .want = { "the host's", "ours" },
	    .rcpt = "bad@local.example",
	    .ask = words },
	{ .option = { "address_verify_sender", "double-bounce", "probe@x.test" },
	    .list = RCPT,
	    .want = { "double-bounce", "probe@x.test" },
	    .ask = prober },
	{ .option = { "address_verify_poll_count", "1", "3" },
	    .list = RCPT,
	    .want = { "in progress", "dunno" },
	    .rcpt = "slow@local.example",
	    .more = { { "address_verify_poll_delay", "2000" } },
	    .ask = progress },
	{ .option = { "address_verify_poll_delay", "1", "2000" },
	    .list = RCPT,
	    .want = { "in progress", "dunno" },
	    .rcpt = "slow@local.example",
	    .ask = progress },
};

static void
test_verify(void **state)
{
	const char *next_hop = fake_hop_target(hop)->text;
	struct option_case ask_hop = { .option = { "next_hop", NULL, next_hop },
		.list = RCPT,
		/* local.example is not in the DNS */
		.want = { "450 4.1.1 " PAIR_RCPT("unverified address: no"), "dunno" },
		.more = { NO },
		.prepare = verifies,
		.end = verify_gone };

	(void)state;
	for (size_t i = 0; i < nitems(verify_cases); i++) {
		struct option_case c = verify_cases[i];
		size_t n = 0;

		while (c.more[n].name != NULL)
			n++;
		c.more[n].name = "next_hop";
		c.more[n].value = next_hop;
		c.prepare = verifies;
		c.end = verify_gone;
		option_pairs(&c, 1);
	}
	option_pairs(&ask_hop, 1);
}

/* --- DNS lists --- */

static const char zone[] = "1.2.1.10.rbl.test A 127.255.255.254\n"
			   "10.2.0.192.rbl.test A 127.0.0.2\n"
			   "2.0.0.127.rbl.test A 127.0.0.2\n";

static void
lists(struct rule_world *w)
{
	w->services.zones = dnsbl_zones_new();
}

static void
lists_gone(struct rule_world *w)
{
	dnsbl_zones_free(w->services.zones);
}

/* One whose question is refused, then one who is listed. */
static const char *
refused_then_listed(struct rule_world *w)
{
	rule_world_client(w, "x.example", "10.1.2.1");
	rule_world_again(w);
	assert_string_equal(rule_world_ask(w, RULE_RCPT), "dunno");
	rule_world_client(w, "x.example", "192.0.2.10");
	rule_world_again(w);
	return rule_world_ask(w, RULE_RCPT);
}

#define BLOCKED "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test"

static const struct option_case list_cases[] = {
	{ .option = { "dnsbl_refused_limit", "2", "1" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { BLOCKED, "dunno" },
	    .prepare = lists,
	    .ask = refused_then_listed,
	    .end = lists_gone,
	    .zone = zone },
	/* it is asked again whether it works */
	{ .option = { "dnsbl_probe_interval", "0", "3600000" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { BLOCKED, "dunno" },
	    .more = { { "dnsbl_refused_limit", "1" } },
	    .prepare = lists,
	    .ask = refused_then_listed,
	    .end = lists_gone,
	    .zone = zone },
};

static void
test_lists(void **state)
{
	(void)state;
	option_pairs(list_cases, nitems(list_cases));
}

static int
up(void **state)
{
	rule_world_listen(state);
	hop = fake_hop_new(HOP_SMTP, rules, nitems(rules));
	return 0;
}

static int
down(void **state)
{
	fake_hop_free(hop);
	return rule_world_unlisten(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, up, down);
}
