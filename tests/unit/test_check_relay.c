#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/rule_world.h"

/* ours: 1 by name, 0 not.  All rows were put to Postfix 3.7.11. */
static const struct {
	const char *rcpt;
	int ours;
} dest_cases[] = {
	{ "u@local.example", 1 },
	{ "u@mx.test", 1 },
	{ "u@LOCAL.example.", 1 },
	{ "u", 1 },
	{ "u@valias.example", 1 },
	{ "u@vmbox.example", 1 },
	{ "u@relay.example", 1 },
	{ "u@sub.relay.example", 1 },
	{ "u@sub.local.example", 0 },
	{ "u@elsewhere.example", 0 },
	{ "u@[192.0.2.1]", 0 },
	{ "u@[127.0.0.1]", 1 }, /* of inet_interfaces */
	/* a route that ends at us says where it goes on */
	{ "u%elsewhere.example@local.example", 0 },
	{ "elsewhere.example!u@local.example", 0 },
	{ "u@elsewhere.example@local.example", 0 },
	{ "u%relay.example@local.example", 1 },
	{ "relay.example!u@local.example", 1 },
	/* who knows what the next host makes of it */
	{ "u%elsewhere.example@relay.example", 0 },
	{ "u%local.example@relay.example", 0 },
	{ "elsewhere.example!u@relay.example", 0 },
	{ "u@elsewhere.example@relay.example", 0 },
	{ "\"u@elsewhere.example\"@relay.example", 0 },
};

static void
try_dest(const char *list, const char *rcpt, const char *want)
{
	struct rule_world w;

	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = list;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, rcpt);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
	rule_world_fini(&w);
}

static void
test_destinations(void **state)
{
	char want[300];

	(void)state;
	for (size_t i = 0; i < nitems(dest_cases); i++) {
		const char *rcpt = dest_cases[i].rcpt;
		const char *shown = rcpt[0] == '"' ? "u@elsewhere.example@relay.example" : rcpt;
		int ours = dest_cases[i].ours;

		try_dest("permit_auth_destination", rcpt, ours ? "ok" : "dunno");
		snprintf(want, sizeof(want), "554 5.7.1 <%s>: Relay access denied", shown);
		try_dest("reject_unauth_destination", rcpt, ours ? "dunno" : want);
		snprintf(want, sizeof(want), "454 4.7.1 <%s>: Relay access denied", shown);
		try_dest("defer_unauth_destination", rcpt, ours ? "dunno" : want);
		snprintf(want, sizeof(want),
		    "554 5.7.1 <%s>: Recipient address rejected: Relay access denied", shown);
		try_dest("check_relay_domains", rcpt, ours ? "ok" : want);
	}
}

static void
test_odds(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.allow_untrusted_routing = 1;
	w.o.lists[LIST_RECIPIENT] = "permit_auth_destination";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "u%elsewhere.example@relay.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	rule_world_fini(&w);

	/* a code that leaves no room for a deferral */
	rule_world_init(&w);
	w.o.relay_domains_reject_code = 450;
	w.o.lists[LIST_RECIPIENT] = "defer_unauth_destination";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "u@elsewhere.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "450 4.7.1 Service unavailable");
	rule_world_fini(&w);

	/* check_relay_domains: the client's name is enough */
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "check_relay_domains";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_non_null(strstr(buf_cstr(&w.findings), "reject_unauth_destination"));
	rule_world_client(&w, "out.relay.example", "192.0.2.1");
	rule_world_rcpt(&w, "u@elsewhere.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	rule_world_fini(&w);

	/* whether it is ours cannot be told: neither yes nor no */
	rule_world_init(&w);
	w.o.relay_domains = "fail:x";
	w.o.lists[LIST_RECIPIENT] = "reject_unauth_destination, permit";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "u@elsewhere.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "451 4.3.0 <u@elsewhere.example>: Temporary lookup failure");
	rule_world_fini(&w);

	/* at DATA with two recipients there is none to ask about */
	rule_world_init(&w);
	w.o.lists[LIST_DATA] = "reject_unauth_destination, permit_auth_destination, "
			       "check_relay_domains, reject";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA), "ok");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA),
	    "554 5.7.1 <DATA>: Data command rejected: Access denied");
	rule_world_fini(&w);
}

/* This machine is mx.test, and 127.0.0.1; 198.51.100.1 is a proxy's. */
static const char zone[] = "backup.test MX 10 best.test\n"
			   "backup.test MX 20 mx.test\n"
			   "byaddr.test MX 10 best.test\n"
			   "byaddr.test MX 20 alias.test\n"
			   "byproxy.test MX 10 best.test\n"
			   "byproxy.test MX 20 proxy.test\n"
			   "primary.test MX 10 mx.test\n"
			   "primary.test MX 20 other.test\n"
			   "equal.test MX 10 best.test\n"
			   "equal.test MX 10 mx.test\n"
			   "both.test MX 10 best.test\n"
			   "both.test MX 10 mx.test\n"
			   "both.test MX 20 mx.test\n"
			   "others.test MX 10 best.test\n"
			   "others.test MX 20 other.test\n"
			   "gone.test MX 10 best.test\n"
			   "gone.test MX 20 nx.test\n"
			   "far.test MX 10 far2.test\n"
			   "far.test MX 20 mx.test\n"
			   "bestgone.test MX 10 nx.test\n"
			   "bestgone.test MX 20 mx.test\n"
			   "besttrouble.test MX 10 servfail.test\n"
			   "besttrouble.test MX 20 mx.test\n"
			   "literal.test MX 10 192.0.2.9\n"
			   "literal.test MX 20 127.0.0.1\n"
			   "loop.test MX 10 best.test\n"
			   "loop.test MX 20 localhost\n"
			   "null.test MX 0 .\n"
			   "servfail.test * SERVFAIL\n"
			   "timeout.test * TIMEOUT\n"
			   "best.test A 192.0.2.1\n"
			   "other.test A 192.0.2.2\n"
			   "far2.test A 192.0.2.1\n"
			   "far2.test A 203.0.113.1\n"
			   "alias.test A 127.0.0.1\n"
			   "proxy.test A 198.51.100.1\n"
			   "mx.test A 192.0.2.55\n";

#define DEFERRED(rcpt, text)                                                                       \
	"450 4.4.4 <" rcpt ">: Recipient address rejected: Unable to look up " text

static const struct {
	const char *networks, *rcpt, *want;
} backup_cases[] = {
	{ "", "u@backup.test", "ok" },
	{ "", "u@byaddr.test", "ok" },
	{ "", "u@byproxy.test", "ok" },
	{ "", "u@literal.test", "ok" },
	{ "", "u@loop.test", "ok" },
	/* what is ours by name */
	{ "", "u@local.example", "ok" },
	{ "", "u@relay.example", "ok" },
	/* the best, or as good as the best: mail for it would come back */
	{ "", "u@primary.test", "" },
	{ "", "u@equal.test", "" },
	{ "", "u@both.test", "" },
	{ "", "u@others.test", "" },
	{ "", "u@best.test", "" }, /* no MX at all */
	{ "", "u@nx.test", "" },
	{ "", "u@null.test", "" },
	{ "", "u@[192.0.2.1]", "" },
	{ "", "u%backup.test@local.example", "ok" },
	{ "", "u%backup.test@elsewhere.example", "" },
	/* who the others are cannot be told */
	{ "", "u@gone.test",
	    DEFERRED("u@gone.test", "mail exchanger host nx.test: Name or service not known") },
	{ "", "u@servfail.test",
	    DEFERRED("u@servfail.test", "mail exchanger information: Host not found, try again") },
	{ "", "u@timeout.test",
	    DEFERRED("u@timeout.test", "mail exchanger information: Host not found, try again") },
	/* the best must be in these networks, with all addresses */
	{ "192.0.2.0/24", "u@backup.test", "ok" },
	{ "192.0.2.0/24", "u@far.test", "" },
	{ "203.0.113.0/24", "u@backup.test", "" },
	{ "192.0.2.0/24", "u@bestgone.test",
	    DEFERRED("u@bestgone.test", "mail exchanger host nx.test: Name or service not known") },
	{ "192.0.2.0/24", "u@besttrouble.test",
	    DEFERRED("u@besttrouble.test",
		"mail exchanger host servfail.test: Temporary failure in "
		"name resolution") },
	{ "fail:x", "u@backup.test",
	    "450 4.4.4 <u@backup.test>: Recipient address rejected: Unable to verify host "
	    "best.test "
	    "as mail exchanger" },
};

static void
test_backup(void **state)
{
	char refused[200];

	(void)state;
	for (size_t i = 0; i < nitems(backup_cases); i++) {
		const char *want = backup_cases[i].want;
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = "permit_mx_backup, reject";
		w.o.permit_mx_backup_networks = backup_cases[i].networks;
		w.o.proxy_interfaces = "198.51.100.1";
		w.dns_timeout_ms = strstr(backup_cases[i].rcpt, "timeout") == NULL ? 0 : 50;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_rcpt(&w, backup_cases[i].rcpt);
		snprintf(refused, sizeof(refused),
		    "554 5.7.1 <%s>: Recipient address rejected: Access denied",
		    backup_cases[i].rcpt);
		assert_string_equal(
		    rule_world_ask(&w, RULE_RCPT), want[0] == '\0' ? refused : want);
		rule_world_fini(&w);
	}
}

/* Names are compared before any address is looked up. */
static void
test_backup_order(void **state)
{
	static const struct {
		const char *rcpt, *asked;
	} rows[] = {
		/* what is ours, and what can have no exchangers, is not looked up */
		{ "u@local.example", "" },
		{ "u@primary.test", "MX primary.test" },
		{ "u@backup.test", "MX backup.test, A best.test, AAAA best.test" },
		{ "u@others.test",
		    "MX others.test, A best.test, AAAA best.test, A other.test, AAAA other.test" },
		{ "u@best.test", "MX best.test" },
		{ "u@[192.0.2.1]", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = "permit_mx_backup, reject";
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_rcpt(&w, rows[i].rcpt);
		rule_world_ask(&w, RULE_RCPT);
		assert_string_equal(dns_zone_asked(w.zone), rows[i].asked);
		rule_world_fini(&w);
	}
}

static void
test_backup_family(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "permit_mx_backup, reject";
	w.o.inet_protocols = "ipv4";
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "u@byaddr.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	assert_string_equal(dns_zone_asked(w.zone), "MX byaddr.test, A best.test, A alias.test");
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_odds),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_backup_order),
		cmocka_unit_test(test_backup_family),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
