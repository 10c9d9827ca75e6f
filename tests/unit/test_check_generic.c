#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "tests/lib/rule_world.h"

#define CLIENT "<mail.good.example[192.0.2.10]>: Client host rejected: "
#define RCPT   "<r@local.example>: Recipient address rejected: "

/* One list at a time; the stage is the list's. */
static const struct {
	enum rule_list_id list;
	const char *text, *want;
} list_cases[] = {
	{ LIST_RECIPIENT, "permit, reject", "ok" },
	{ LIST_RECIPIENT, "reject", "554 5.7.1 " RCPT "Access denied" },
	{ LIST_CLIENT, "reject", "554 5.7.1 " CLIENT "Access denied" },
	{ LIST_HELO, "reject", "554 5.7.1 <helo.example>: Helo command rejected: Access denied" },
	{ LIST_SENDER, "reject",
	    "554 5.7.1 <s@from.example>: Sender address rejected: Access denied" },
	{ LIST_RECIPIENT, "defer", "450 4.3.2 " RCPT "Try again later" },
	{ LIST_RECIPIENT, "DEFER", "450 4.3.2 " RCPT "Try again later" },
	{ LIST_RECIPIENT, "defer_if_permit, permit",
	    "450 4.7.0 " RCPT "defer_if_permit requested" },
	{ LIST_CLIENT, "defer_if_permit", "450 4.7.0 " CLIENT "defer_if_permit requested" },
	{ LIST_RECIPIENT, "defer_if_permit, reject", "554 5.7.1 " RCPT "Access denied" },
	{ LIST_RECIPIENT, "warn_if_reject defer_if_permit, permit", "ok" },
	{ LIST_RECIPIENT, "defer_if_reject, reject",
	    "450 4.7.0 " RCPT "defer_if_reject requested" },
	{ LIST_RECIPIENT, "defer_if_reject, permit", "ok" },
	{ LIST_RECIPIENT, "warn_if_reject reject, permit", "ok" },
	{ LIST_RECIPIENT, "sleep 0, permit", "ok" },
	{ LIST_RECIPIENT, "reject_plaintext_session", "450 4.7.1 Session encryption is required" },
	{ LIST_RECIPIENT, "reject_unauth_pipelining", "dunno" },
	{ LIST_RECIPIENT, "reject_multi_recipient_bounce", "dunno" },
};

static void
test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(list_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[list_cases[i].list] = list_cases[i].text;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), list_cases[i].want);
		rule_world_fini(&w);
	}
}

static void
test_codes(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.reject_code = 521;
	w.o.defer_code = 421;
	w.o.plaintext_reject_code = 538;
	w.o.lists[LIST_CLIENT] = "warn_if_reject reject";
	w.o.lists[LIST_SENDER] = "warn_if_reject defer";
	w.o.lists[LIST_RECIPIENT] = "reject_plaintext_session";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), "538 5.7.1 Session encryption is required");
	assert_non_null(strstr(rule_world_said(&w), "521 5.7.1 " CLIENT "Access denied"));
	rule_world_fini(&w);
}

static void
test_session(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CLIENT] = "reject_plaintext_session";
	w.o.lists[LIST_SENDER] = "reject_unauth_pipelining";
	assert_int_equal(rule_world_compile(&w), 0);
	/* told of TLS, but there is none */
	w.client.tls = &w.tls;
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), "450 4.7.1 Session encryption is required");
	w.tls.protocol = "TLSv1.3";
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	w.txn.pipelined = 1;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "503 5.5.0 <s@from.example>: Sender address rejected: Improper use of SMTP command "
	    "pipelining");
	rule_world_fini(&w);
}

static void
test_bounce(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = w.o.lists[LIST_DATA] = w.o.lists[LIST_END_OF_DATA] =
	    "reject_multi_recipient_bounce";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA), "dunno");
	/* at RCPT the second is one too many already */
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), "550 5.5.3 " RCPT "Multi-recipient bounce");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA),
	    "550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce");
	assert_string_equal(rule_world_ask(&w, RULE_END_OF_DATA),
	    "550 5.5.3 <END-OF-MESSAGE>: End-of-data rejected: Multi-recipient bounce");
	rule_world_sender(&w, "s@from.example");
	assert_string_equal(rule_world_ask(&w, RULE_DATA), "dunno");
	rule_world_fini(&w);
}

/* It waits, but not beyond what the question has. */
static void
test_sleep(void **state)
{
	struct rule_world w;
	int64_t began;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "sleep 1, permit";
	assert_int_equal(rule_world_compile(&w), 0);
	w.deadline_ms = 60;
	began = clock_us();
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "451 4.3.5 Server configuration error");
	assert_in_range(clock_us() - began, 50 * 1000, 900 * 1000);
	w.deadline_ms = 30000;
	began = clock_us();
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
	assert_in_range(clock_us() - began, 1000 * 1000, 20 * 1000 * 1000);
	rule_world_fini(&w);
}

/* What the client list left waits for the recipient, also when no HELO comes. */
static void
test_without_helo(void **state)
{
	static const char deferred[] = "450 4.7.0 " CLIENT "defer_if_permit requested";
	struct rule_memory memory = { 0 };
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CLIENT] = "defer_if_permit";
	w.o.lists[LIST_HELO] = "reject";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_helo(&w, NULL);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), deferred);
	rule_world_fini(&w);

	rule_world_init(&w);
	w.o.smtpd_delay_reject = 0;
	w.o.lists[LIST_CLIENT] = "defer_if_permit";
	assert_int_equal(rule_world_compile(&w), 0);
	w.memory = &memory;
	assert_string_equal(rule_world_ask(&w, RULE_CONNECT), "dunno");
	rule_world_again(&w);
	rule_world_helo(&w, NULL);
	assert_string_equal(rule_world_ask(&w, RULE_MAIL), "dunno");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), deferred);
	/* the next transaction of the session */
	rule_world_again(&w);
	assert_string_equal(rule_world_ask(&w, RULE_MAIL), "dunno");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), deferred);
	rule_world_fini(&w);
}

/* Whoever asks: postmaster, and where our probes come from. */
static void
test_always_taken(void **state)
{
	static const struct {
		const char *sender, *rcpt;
		int taken;
	} rows[] = {
		{ "double-bounce", "double-bounce@mx.test", 1 },
		{ "double-bounce", "Double-Bounce@MX.test", 1 },
		{ "double-bounce", "double-bounce@local.example", 0 },
		{ "double-bounce", "double-bounce", 0 },
		{ "probe@local.example", "probe@local.example", 1 },
		{ "probe@local.example", "double-bounce@mx.test", 0 },
		{ "<>", "double-bounce@mx.test", 0 },
		{ "", "double-bounce@mx.test", 0 },
		{ "<>", "PostMaster", 1 },
		{ "<>", "postmaster@mx.test", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.address_verify_sender = rows[i].sender;
		w.o.lists[LIST_CLIENT] = "reject";
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_rcpt(&w, rows[i].rcpt);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    rows[i].taken ? "ok" : "554 5.7.1 " CLIENT "Access denied");
		rule_world_fini(&w);
	}
}

/* What rewriting makes of them is no address: refused before any list, whatever smtpd_delay_reject
 * says. */
static void
test_no_address(void **state)
{
	static const struct {
		const char *address;
		int bad;
	} rows[] = {
		{ "-u@far.example", 1 },
		{ "u%1.2.3.4@local.example", 1 },
		{ "u%@local.example", 1 },
		{ "x@@local.example", 1 },
		{ "!a@local.example", 1 },
		{ "a!@local.example", 0 },
		{ "a@b@local.example", 0 },
		{ "u", 0 },
	};

	(void)state;
	for (int mta = 0; mta < 2; mta++)
		for (size_t i = 0; i < nitems(rows); i++) {
			int bad = rows[i].bad && mta;
			struct rule_world w;

			rule_world_init(&w);
			w.o.is_mta = mta;
			w.o.soft_bounce = i == 1;
			w.o.lists[LIST_CLIENT] = "defer";
			w.o.lists[LIST_RELAY] = "reject_unauth_destination";
			assert_int_equal(rule_world_compile(&w), 0);
			rule_world_sender(&w, rows[i].address);
			assert_string_equal(rule_world_ask(&w, RULE_MAIL),
			    !bad     ? "dunno"
			    : i == 1 ? "401 4.1.7 Bad sender address syntax"
				     : "501 5.1.7 Bad sender address syntax");
			rule_world_sender(&w, "");
			assert_string_equal(rule_world_ask(&w, RULE_MAIL), "dunno");
			rule_world_rcpt(&w, rows[i].address);
			assert_string_equal(rule_world_ask(&w, RULE_RCPT),
			    !bad     ? "450 4.3.2 " CLIENT "Try again later"
			    : i == 1 ? "401 4.1.3 Bad recipient address syntax"
				     : "501 5.1.3 Bad recipient address syntax");
			rule_world_fini(&w);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_bounce),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_without_helo),
		cmocka_unit_test(test_always_taken),
		cmocka_unit_test(test_no_address),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
