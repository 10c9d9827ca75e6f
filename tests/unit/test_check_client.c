#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/facts.h"
#include "tests/lib/rule_world.h"

static const struct {
	const char *nets, *name, *addr, *want;
} network_cases[] = {
	{ "127.0.0.0/8", "localhost", "127.0.0.1", "ok" },
	{ "127.0.0.0/8", "a.test", "192.0.2.1", "dunno" },
	{ "!192.0.2.1 192.0.2.0/24", "a.test", "192.0.2.1", "dunno" },
	{ "!192.0.2.1 192.0.2.0/24", "a.test", "192.0.2.2", "ok" },
	{ "[2001:db8::]/32", "a.test", "2001:db8::5", "ok" },
	{ "[2001:db8::]/32", "a.test", "2001:db9::5", "dunno" },
	{ "a.test", "a.test", "192.0.2.1", "ok" },
	{ "", "localhost", "127.0.0.1", "dunno" },
	{ NULL, "localhost", "127.0.0.1", "ok" }, /* by mynetworks_style and inet_interfaces */
	{ NULL, "a.test", "192.0.2.1", "dunno" },
	{ "fail:x", "a.test", "192.0.2.1",
	    "451 4.3.0 <r@local.example>: Temporary lookup failure" },
};

static void
test_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(network_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.mynetworks = network_cases[i].nets;
		w.o.lists[LIST_RECIPIENT] = "permit_mynetworks";
		rule_world_client(&w, network_cases[i].name, network_cases[i].addr);
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), network_cases[i].want);
		rule_world_fini(&w);
	}
}

/* Mail handed in on the machine that speaks for the client: XFORWARD SOURCE=LOCAL. */
static void
test_local(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CLIENT] =
	    "reject_unknown_client_hostname, reject_unknown_reverse_client_hostname";
	w.o.lists[LIST_RECIPIENT] = "permit_mynetworks";
	rule_world_client(&w, "unknown", "unknown");
	w.client.source = SOURCE_XFORWARD_LOCAL;
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	rule_world_fini(&w);
}

/* The connection's address counts, not the one that XCLIENT brought. */
static void
test_interfaces(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "permit_inet_interfaces";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_client(&w, "a.test", "127.0.0.1");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	w.peer = w.client;
	rule_world_client(&w, "a.test", "192.0.2.1");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	/* nobody spoke for it */
	w.txn.peer = NULL;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_fini(&w);
}

/* An MTA on this machine forwards for everybody: its own address would permit all the world. */
static void
test_interfaces_are_not_the_forwarding_peers(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "permit_inet_interfaces";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_client(&w, "localhost", "127.0.0.1");
	w.peer = w.client;
	rule_world_client(&w, "a.test", "192.0.2.1");
	w.client.source = SOURCE_XFORWARD_REMOTE;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_client(&w, "localhost", "127.0.0.1");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	/* no XFORWARD came */
	rule_world_client(&w, "unknown", "unknown");
	w.client.source = SOURCE_PEER;
	fact_set(&w.txn.facts, FACT_CLIENT_UNTOLD);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_non_null(strstr(rule_world_said(&w), "no XFORWARD"));
	/* handed in here: there is no address to tell of */
	w.txn.facts = (struct facts){ 0 };
	w.client.source = SOURCE_XFORWARD_LOCAL;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	rule_world_fini(&w);
}

#define NAME    "cannot find your hostname, [192.0.2.10]"
#define REVERSE "cannot find your reverse hostname, [192.0.2.10]"

static const struct {
	const char *list, *name, *reverse;
	enum attr_state state; /* of the unknown ones */
	const char *want;
} name_cases[] = {
	{ "reject_unknown_client_hostname", "a.test", "a.test", ATTR_KNOWN, "dunno" },
	{ "reject_unknown_client_hostname", "unknown", "a.test", ATTR_UNKNOWN,
	    "553 5.7.25 Client host rejected: " NAME },
	/* not found out is not unknown */
	{ "reject_unknown_client_hostname", "unknown", "a.test", ATTR_TEMPFAIL,
	    "450 4.7.25 Client host rejected: " NAME },
	{ "reject_unknown_client", "unknown", "a.test", ATTR_UNKNOWN,
	    "553 5.7.25 Client host rejected: " NAME },
	{ "reject_unknown_reverse_client_hostname", "unknown", "a.test", ATTR_UNKNOWN, "dunno" },
	{ "reject_unknown_reverse_client_hostname", "unknown", "unknown", ATTR_UNKNOWN,
	    "553 5.7.1 Client host rejected: " REVERSE },
	{ "reject_unknown_reverse_client_hostname", "unknown", "unknown", ATTR_TEMPFAIL,
	    "450 4.7.1 Client host rejected: " REVERSE },
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(name_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_CLIENT] = name_cases[i].list;
		w.o.unknown_client_reject_code = 553;
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_client(&w, name_cases[i].name, "192.0.2.10");
		snprintf(w.client.reverse_name, sizeof(w.client.reverse_name), "%s",
		    name_cases[i].reverse);
		w.client.name_state = w.client.reverse_state = name_cases[i].state;
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), name_cases[i].want);
		/* nobody has said who the client is: it is not held against it, and told */
		rule_world_said(&w);
		fact_set(&w.txn.facts, FACT_CLIENT_UNTOLD);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
		assert_int_equal(strstr(rule_world_said(&w), "no XFORWARD") != NULL,
		    strcmp(name_cases[i].want, "dunno") != 0);
		rule_world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_interfaces_are_not_the_forwarding_peers),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
