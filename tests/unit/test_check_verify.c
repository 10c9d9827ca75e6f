/* reject_unverified_sender and reject_unverified_recipient: whom they probe where, and what they
 * answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "rules/verify.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/fake_hop.h"
#include "tests/lib/rule_world.h"

static const struct fake_rule rules[] = {
	{ "RCPT", "bad@", "550 5.1.1 no such user\r\n" },
	{ "RCPT", "later@", "450 4.2.0 come again\r\n" },
	{ "RCPT", "slow@", FAKE_SLOW "250 2.1.5 ok\r\n" },
};

static const char zone[] = "null.example MX 0 .\n"
			   "mxbad.example MX 10 gone.mxbad.example\n"
			   "trouble.example * SERVFAIL\n"
			   "mxtrouble.example MX 10 a.trouble.example\n"
			   "a.trouble.example * SERVFAIL\n"
			   "empty.example TXT nothing\n"
			   "hop.example A 127.0.0.1\n"
			   "down.hop.example * SERVFAIL\n";

static struct fake_hop *hop;
static const char *next_hop;

static void
world(struct rule_world *w, const char *list)
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

	rule_world_init(w);
	w->o.lists[LIST_RELAY] = "";
	w->o.lists[LIST_RECIPIENT] = list;
	w->o.unverified_sender_reject_code = 450;
	w->o.unverified_sender_defer_code = 450;
	w->o.unverified_recipient_reject_code = 450;
	w->o.unverified_recipient_defer_code = 450;
	w->o.unverified_sender_reject_reason = w->o.unverified_recipient_reject_reason = "";
	w->o.unverified_sender_tempfail_action = "defer_if_permit";
	w->o.unverified_recipient_tempfail_action = "defer_if_permit";
	w->o.address_verify_sender = "double-bounce";
	w->o.address_verify_poll_count = 3;
	w->o.address_verify_poll_delay = 2000;
	w->o.next_hop = next_hop;
	rule_world_zone(w, zone);
	o.dns = w->services.dns;
	w->services.verify = verify_cache_new(&o, &err);
	assert_non_null(w->services.verify);
}

static void
world_end(struct rule_world *w)
{
	verify_cache_free(w->services.verify);
	rule_world_said(w);
	rule_world_fini(w);
}

#define SENDER "reject_unverified_sender"
#define RCPT   "reject_unverified_recipient"

static const struct {
	const char *list, *sender, *rcpt;
	const char *front, *piece; /* of the answer; piece NULL: front is all of it */
} cases[] = {
	{ RCPT, "s@from.example", "good@local.example", "dunno", NULL },
	{ RCPT, "s@from.example", "good@relay.example", "dunno", NULL },
	{ RCPT, "s@from.example", "bad@local.example",
	    "450 4.1.1 <bad@local.example>: Recipient address rejected: unverified address: "
	    "host ",
	    "] said: 550 5.1.1 no such user (in reply to RCPT TO command)" },
	{ RCPT, "s@from.example", "later@local.example",
	    "450 4.1.1 <later@local.example>: Recipient address rejected: unverified address: "
	    "host ",
	    "said: 450 4.2.0 come again" },
	{ SENDER, "good@local.example", "r@local.example", "dunno", NULL },
	{ SENDER, "bad@local.example", "r@local.example",
	    "450 4.1.7 <bad@local.example>: Sender address rejected: unverified address: host ",
	    "no such user" },
	{ SENDER, "later@local.example", "r@local.example",
	    "450 4.1.7 <later@local.example>: Sender address rejected: unverified address: host ",
	    "come again" },
	/* Other people's: their MX hosts. */
	{ SENDER, "x@null.example", "r@local.example",
	    "450 4.1.7 <x@null.example>: Sender address rejected: unverified address: Domain "
	    "null.example does not accept mail (nullMX)",
	    NULL },
	{ SENDER, "x@nowhere.example", "r@local.example",
	    "450 4.1.7 <x@nowhere.example>: Sender address rejected: unverified address: Host "
	    "or domain name not found. Name service error for name=nowhere.example type=MX: Host "
	    "not found",
	    NULL },
	{ SENDER, "x@empty.example", "r@local.example",
	    "450 4.1.7 <x@empty.example>: Sender address rejected: unverified address: ",
	    "name=empty.example type=A: Host not found" },
	{ SENDER, "x@mxbad.example", "r@local.example",
	    "450 4.1.7 <x@mxbad.example>: Sender address rejected: unverified address: ",
	    "name=gone.mxbad.example type=A: Host not found" },
	{ SENDER, "x@trouble.example", "r@local.example",
	    "450 4.1.7 <x@trouble.example>: Sender address rejected: unverified address: ",
	    "type=MX: Host not found, try again" },
	{ SENDER, "x@mxtrouble.example", "r@local.example",
	    "450 4.1.7 <x@mxtrouble.example>: Sender address rejected: unverified address: ",
	    "type=A: Host not found, try again" },
	{ RCPT, "s@from.example", "x@null.example",
	    "450 4.1.1 <x@null.example>: Recipient address rejected: unverified address: ",
	    "nullMX" },
	/* Nobody is asked about these. */
	{ SENDER, "", "r@local.example", "dunno", NULL },
	{ SENDER, "double-bounce@mx.test", "r@local.example", "dunno", NULL },
	{ SENDER, "Double-Bounce@local.example", "r@local.example", "dunno", NULL },
	{ RCPT, "s@from.example", "double-bounce@mx.test", "ok", NULL }, /* no list is asked */
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *got;
		struct rule_world w;

		world(&w, cases[i].list);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_sender(&w, cases[i].sender);
		rule_world_rcpt(&w, cases[i].rcpt);
		got = rule_world_ask(&w, RULE_RCPT);
		if (cases[i].piece == NULL) {
			assert_string_equal(got, cases[i].front);
		} else {
			assert_ptr_equal(strstr(got, cases[i].front), got);
			assert_non_null(strstr(got, cases[i].piece));
		}
		world_end(&w);
	}
}

/* A temporary trouble defers what would pass; a later refusal is the answer. */
static void
test_tempfail(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, RCPT ", reject");
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "later@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "554 5.7.1 <later@local.example>: Recipient address rejected: Access denied");
	world_end(&w);

	world(&w, RCPT ", reject");
	w.o.unverified_recipient_tempfail_action = "defer";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "later@local.example");
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "450 4.1.1 <later@local.example>"));
	world_end(&w);
}

static void
test_codes(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, RCPT);
	w.o.unverified_recipient_reject_code = 550;
	w.o.unverified_recipient_defer_code = 451;
	w.o.unverified_recipient_reject_reason = "Address lookup failure";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "bad@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.1 <bad@local.example>: Recipient address rejected: undeliverable address: "
	    "Address lookup failure");
	rule_world_rcpt(&w, "later@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "451 4.1.1 <later@local.example>: Recipient address rejected: unverified address: "
	    "Address lookup failure");
	world_end(&w);

	world(&w, SENDER);
	w.o.unverified_sender_reject_code = 550;
	w.o.unverified_sender_reject_reason = "why not";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "bad@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.7 <bad@local.example>: Sender address rejected: undeliverable address: why "
	    "not");
	world_end(&w);
}

/* poll_count 1: nobody waits; the next time it is known. */
static void
test_progress(void **state)
{
	struct verify_stats s;
	struct rule_world w;

	(void)state;
	world(&w, RCPT);
	w.o.address_verify_poll_count = 1;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "slow@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "450 4.1.1 <slow@local.example>: Recipient address rejected: unverified address: "
	    "Address verification in progress");
	do {
		usleep(1000);
		verify_get_stats(w.services.verify, &s);
	} while (s.under_way > 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	world_end(&w);
}

/* The stage's time ends the wait. */
static void
test_stage_limit(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, RCPT);
	w.deadline_ms = 50;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "slow@local.example");
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "verification in progress"));
	world_end(&w);
}

static void
test_no_cache(void **state)
{
	struct verify_cache *cache;
	struct rule_world w;

	(void)state;
	world(&w, RCPT);
	cache = w.services.verify;
	w.services.verify = NULL;
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "450 4.1.1 <r@local.example>: Recipient address rejected: address verification "
	    "problem");
	w.services.verify = cache;
	world_end(&w);
}

/* What goes out: the sender of probes, the address as it was written, or as it is understood. */
static void
test_dialogue(void **state)
{
	static const struct {
		const char *rcpt, *sent;
	} rcpts[] = {
		{ "Joe.User@Local.Example", "RCPT TO:<Joe.User@local.example>\r\n" },
		{ "\"a b\"@local.example", "RCPT TO:<\"a b\"@local.example>\r\n" },
		{ "bob", "RCPT TO:<bob@mx.test>\r\n" },
		{ "x%relay.example@local.example", "RCPT TO:<x@relay.example>\r\n" },
	};
	static const struct {
		const char *parameter, *sent;
	} senders[] = {
		{ "double-bounce", "MAIL FROM:<double-bounce@mx.test>\r\n" },
		{ "probe@other.example", "MAIL FROM:<probe@other.example>\r\n" },
		{ "", "MAIL FROM:<>\r\n" },
		{ "<>", "MAIL FROM:<>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rcpts); i++) {
		size_t n = fake_hop_connections(hop);
		struct rule_world w;

		world(&w, RCPT);
		w.o.address_verify_sender = senders[i].parameter;
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_rcpt(&w, rcpts[i].rcpt);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
		fake_hop_settle(hop);
		assert_int_equal(fake_hop_connections(hop), n + 1);
		assert_non_null(strstr(fake_hop_read(hop, n), rcpts[i].sent));
		assert_non_null(strstr(fake_hop_read(hop, n), senders[i].sent));
		world_end(&w);
	}
}

/* A next hop that has a name: our resolver is asked for its address. */
static void
test_named_hop(void **state)
{
	static const struct {
		const char *host, *want;
	} named[] = {
		{ "hop.example", "450 4.1.1 <bad@local.example>: Recipient address rejected: "
				 "unverified address: connect to hop.example[127.0.0.1]:1: "
				 "Connection refused" },
		{ "down.hop.example",
		    "450 4.1.1 <bad@local.example>: Recipient address rejected: unverified "
		    "address: Host or domain name not found. Name service error for "
		    "name=down.hop.example type=A: Host not found, try again" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(named); i++) {
		const char *got;
		struct rule_world w;
		char text[100];

		snprintf(text, sizeof(text), "smtp:[%s]:1", named[i].host);
		world(&w, RCPT);
		w.o.next_hop = text;
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_rcpt(&w, "bad@local.example");
		got = rule_world_ask(&w, RULE_RCPT);
		assert_ptr_equal(strstr(got, named[i].want), got);
		world_end(&w);
	}
}

static int
up(void **state)
{
	rule_world_listen(state);
	hop = fake_hop_new(HOP_SMTP, rules, nitems(rules));
	next_hop = fake_hop_target(hop)->text;
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
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_tempfail),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_stage_limit),
		cmocka_unit_test(test_no_cache),
		cmocka_unit_test(test_dialogue),
		cmocka_unit_test(test_named_hop),
	};

	return cmocka_run_group_tests(tests, up, down);
}
