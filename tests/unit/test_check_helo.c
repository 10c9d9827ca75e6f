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

/* Rows without a look-up were put to Postfix 3.7.11; those with one are like recorded answers of
 * it. "": the HELO passes. */
static const struct {
	const char *list, *helo, *want, *asked;
} helo_cases[] = {
#define INVALID "reject_invalid_helo_hostname"
	{ INVALID, "a", "", "" },
	{ INVALID, "a.b.", "", "" },
	{ INVALID, "under_score.example", "", "" },
	{ INVALID, "192.0.2.1", "", "" }, /* without brackets, since ever */
	{ INVALID, "2001:db8::1", "", "" },
	{ INVALID, "[192.0.2.1]", "", "" },
	{ INVALID, "[IPv6:2001:db8::1]", "", "" },
	{ INVALID, "1.2.3.4.5", "501 5.5.2 Invalid name", "" },
	{ INVALID, "dots.example..", "501 5.5.2 Invalid name", "" },
	{ INVALID, "bad!host.example", "501 5.5.2 Invalid name", "" },
	{ INVALID, "[2001:db8::1]", "501 5.5.2 invalid ip address", "" },
	{ INVALID, "[192.0.2.1", "501 5.5.2 invalid ip address", "" },
	{ INVALID, "[]", "501 5.5.2 invalid ip address", "" },
	{ "reject_invalid_hostname", "a..b", "501 5.5.2 Invalid name", "" },
#define NON_FQDN "reject_non_fqdn_helo_hostname"
	{ NON_FQDN, "a.b", "", "" },
	{ NON_FQDN, "a.b.", "", "" },
	{ NON_FQDN, "[192.0.2.1]", "", "" },
	{ NON_FQDN, "a", "504 5.5.2 need fully-qualified hostname", "" },
	{ NON_FQDN, "192.0.2.1", "504 5.5.2 need fully-qualified hostname", "" },
	{ NON_FQDN, "[x]", "501 5.5.2 invalid ip address", "" },
	{ "reject_non_fqdn_hostname", "a", "504 5.5.2 need fully-qualified hostname", "" },
#define UNKNOWN "reject_unknown_helo_hostname"
	{ UNKNOWN, "a.test", "", "A a.test" },
	{ UNKNOWN, "aaaa.test", "", "A aaaa.test, AAAA aaaa.test" },
	{ UNKNOWN, "mx.test", "", "A mx.test, AAAA mx.test, MX mx.test" },
	{ UNKNOWN, "null.test", "", "A null.test, AAAA null.test, MX null.test" },
	{ UNKNOWN, "txt.test", "450 4.7.1 Host not found",
	    "A txt.test, AAAA txt.test, MX txt.test" },
	{ UNKNOWN, "nx.test", "450 4.7.1 Host not found", "A nx.test, AAAA nx.test, MX nx.test" },
	/* trouble with one type is none if another is there */
	{ UNKNOWN, "aservfail.test", "",
	    "A aservfail.test, AAAA aservfail.test, MX aservfail.test" },
	{ UNKNOWN, "[192.0.2.1]", "", "" },
	{ UNKNOWN, "[300.1.1.1]", "501 5.5.2 invalid ip address", "" },
	/* can be no name: nobody is asked */
	{ UNKNOWN, "a.test.", "450 4.7.1 Host not found", "" },
	{ UNKNOWN, "192.0.2.1", "450 4.7.1 Host not found", "" },
	{ UNKNOWN, "bad!host.example", "450 4.7.1 Host not found", "" },
	{ "reject_unknown_hostname", "192.0.2.1", "450 4.7.1 Host not found", "" },
};

static const char zone[] = "a.test A 192.0.2.1\n"
			   "aaaa.test AAAA 2001:db8::1\n"
			   "mx.test MX 10 a.test\n"
			   "null.test MX 0 .\n"
			   "txt.test TXT nothing\n"
			   "aservfail.test A SERVFAIL\n"
			   "aservfail.test MX 10 a.test\n"
			   "servfail.test * SERVFAIL\n"
			   "refused.test * REFUSED\n"
			   "timeout.test * TIMEOUT\n";

/* "501 5.5.2 Invalid name" as the whole refusal of this name. */
static const char *
whole(const char *helo, const char *want, char *out, size_t size)
{
	if (want[0] == '\0')
		return "ok";
	snprintf(out, size, "%.10s<%s>: Helo command rejected: %s", want, helo, want + 10);
	return out;
}

static void
test_helo(void **state)
{
	char list[100], want[500];

	(void)state;
	for (size_t i = 0; i < nitems(helo_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		snprintf(list, sizeof(list), "%s, permit", helo_cases[i].list);
		w.o.lists[LIST_RECIPIENT] = list;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_helo(&w, helo_cases[i].helo);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    whole(helo_cases[i].helo, helo_cases[i].want, want, sizeof(want)));
		assert_string_equal(dns_zone_asked(w.zone), helo_cases[i].asked);
		/* the next recipient asks nobody again */
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    whole(helo_cases[i].helo, helo_cases[i].want, want, sizeof(want)));
		assert_string_equal(dns_zone_asked(w.zone), "");
		rule_world_fini(&w);
	}
}

/* Trouble is a deferral whatever the code, after all other restrictions or at once. */
static void
test_trouble(void **state)
{
	static const char *const names[] = { "servfail.test", "refused.test", "timeout.test" };
	char want[200];

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.dns_timeout_ms = strstr(names[i], "timeout") == NULL ? 0 : 50;
		w.o.lists[LIST_HELO] = UNKNOWN;
		w.o.lists[LIST_RECIPIENT] =
		    "check_recipient_access inline:{ bad@local.example=reject }, permit";
		w.o.unknown_hostname_reject_code = 550;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_helo(&w, names[i]);
		snprintf(want, sizeof(want),
		    "450 4.7.1 <%s>: Helo command rejected: Host not found", names[i]);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
		rule_world_rcpt(&w, "bad@local.example");
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    "554 5.7.1 <bad@local.example>: Recipient address rejected: Access denied");
		rule_world_fini(&w);

		rule_world_init(&w);
		w.dns_timeout_ms = strstr(names[i], "timeout") == NULL ? 0 : 50;
		w.o.lists[LIST_HELO] = UNKNOWN;
		w.o.lists[LIST_RECIPIENT] = "reject";
		w.o.unknown_helo_hostname_tempfail_action = "defer";
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_helo(&w, names[i]);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
		rule_world_fini(&w);
	}
}

static void
test_codes(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_HELO] = INVALID ", " NON_FQDN ", " UNKNOWN;
	w.o.invalid_hostname_reject_code = 551;
	w.o.non_fqdn_reject_code = 552;
	w.o.unknown_hostname_reject_code = 553;
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_helo(&w, "a!");
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), "551 5.5.2 <a!>: Helo command rejected: Invalid name");
	rule_world_helo(&w, "a");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "552 5.5.2 <a>: Helo command rejected: need fully-qualified hostname");
	rule_world_helo(&w, "nx.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "553 5.7.1 <nx.test>: Helo command rejected: Host not found");
	/* nothing is held against who did not say HELO */
	rule_world_helo(&w, NULL);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_fini(&w);
}

static const struct {
	const char *helo, *want;
} naked_cases[] = {
	/* all put to Postfix 3.7.11 */
	{ "192.0.2.1", "ok" },
	{ "helo.example", "dunno" },
	{ "[192.0.2.1]", "dunno" },
	{ "2001:db8::1", "dunno" }, /* has letters */
	{ "1.2.3.4.5", "501 5.5.2 <1.2.3.4.5>: Helo command rejected: invalid ip address" },
	{ "1.2.3.4.", "501 5.5.2 <1.2.3.4.>: Helo command rejected: invalid ip address" },
	{ "::1", "501 5.5.2 <::1>: Helo command rejected: invalid ip address" },
};

static void
test_naked(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "permit_naked_ip_address";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_non_null(strstr(buf_cstr(&w.findings), "permit_mynetworks"));
	for (size_t i = 0; i < nitems(naked_cases); i++) {
		rule_world_helo(&w, naked_cases[i].helo);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), naked_cases[i].want);
	}
	rule_world_helo(&w, NULL);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_naked),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
