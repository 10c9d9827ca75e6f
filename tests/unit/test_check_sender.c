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

static const char zone[] = "ok.test MX 10 mx.test\n"
			   "a.test A 192.0.2.1\n"
			   "aaaa.test AAAA 2001:db8::1\n"
			   "txt.test TXT nothing\n"
			   "null.test MX 0 .\n"
			   "null.test A 192.0.2.2\n"
			   "null2.test MX 0 .\n"
			   "null2.test MX 10 mx.test\n"
			   "mxservfail.test MX SERVFAIL\n"
			   "mxservfail.test A 192.0.2.3\n"
			   "aservfail.test A SERVFAIL\n"
			   "aservfail.test AAAA SERVFAIL\n"
			   "aservfail.test TXT there\n"
			   "servfail.test * SERVFAIL\n"
			   "refused.test * REFUSED\n"
			   "timeout.test * TIMEOUT\n"
			   "relay.example A 192.0.2.4\n";

/* The same for both ends; want is what follows "<address>: class rejected: ", "" passes. */
static const struct {
	const char *address, *want, *asked;
} domain_cases[] = {
	{ "u@ok.test", "", "MX ok.test" },
	{ "u@OK.Test", "", "MX ok.test" },
	{ "u@ok.test.", "", "MX ok.test" },
	{ "u@a.test", "", "MX a.test, A a.test" },
	{ "u@aaaa.test", "", "MX aaaa.test, A aaaa.test, AAAA aaaa.test" },
	{ "u@txt.test", "Domain not found", "MX txt.test, A txt.test, AAAA txt.test" },
	{ "u@nx.test", "Domain not found", "MX nx.test, A nx.test, AAAA nx.test" },
	/* any null MX of a set is one */
	{ "u@null.test", "Domain null.test does not accept mail (nullMX)", "MX null.test" },
	{ "u@null2.test", "Domain null2.test does not accept mail (nullMX)", "MX null2.test" },
	/* a broken MX does not matter while there is an address */
	{ "u@mxservfail.test", "", "MX mxservfail.test, A mxservfail.test" },
	{ "u@under_score.test", "Domain not found",
	    "MX under_score.test, A under_score.test, AAAA under_score.test" },
	/* mail ends here: the DNS need not know */
	{ "u@local.example", "", "" },
	{ "u@valias.example", "", "" },
	{ "u@vmbox.example", "", "" },
	{ "u", "", "" }, /* at $myorigin, which is local */
	{ "u@[192.0.2.1]", "", "" },
	{ "u@relay.example", "", "MX relay.example, A relay.example" },
	/* the address is understood before it is looked up */
	{ "x%a.test@local.example", "", "MX a.test, A a.test" },
};

static void
expect(char *out, size_t size, int recipient, const char *address, const char *want)
{
	int null = strstr(want, "nullMX") != NULL;

	snprintf(out, size, "%s <%s>: %s address rejected: %s",
	    null        ? recipient ? "556 5.1.10" : "550 5.7.27"
	    : recipient ? "450 4.1.2"
			: "450 4.1.8",
	    address, recipient ? "Recipient" : "Sender", want);
	if (want[0] == '\0')
		snprintf(out, size, "ok");
}

static void
try_domain(
    int recipient, const char *list, const char *address, const char *want_text, const char *asked)
{
	struct rule_world w;
	char want[500];

	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = list;
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	if (recipient)
		rule_world_rcpt(&w, address);
	else
		rule_world_sender(&w, address);
	expect(want, sizeof(want), recipient, address, want_text);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
	assert_string_equal(dns_zone_asked(w.zone), asked);
	rule_world_fini(&w);
}

static void
test_domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(domain_cases); i++) {
		try_domain(0, "reject_unknown_sender_domain, permit", domain_cases[i].address,
		    domain_cases[i].want, domain_cases[i].asked);
		try_domain(1, "reject_unknown_recipient_domain, permit", domain_cases[i].address,
		    domain_cases[i].want, domain_cases[i].asked);
	}
	try_domain(0, "reject_unknown_address, permit", "u@nx.test", "Domain not found",
	    "MX nx.test, A nx.test, AAAA nx.test");
	try_domain(0, "reject_unknown_sender_domain, permit", "", "", "");
}

/* What cannot be told is a deferral, and only if nothing else refuses. */
static void
test_trouble(void **state)
{
	static const char *const names[] = { "servfail.test", "refused.test", "timeout.test",
		"aservfail.test" };
	char sender[100], want[200];

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.dns_timeout_ms = strstr(names[i], "timeout") == NULL ? 0 : 50;
		w.o.lists[LIST_SENDER] = "reject_unknown_sender_domain";
		w.o.lists[LIST_RECIPIENT] =
		    "check_recipient_access inline:{ bad@local.example=reject "
		    "}, reject_unknown_recipient_domain, permit";
		w.o.unknown_address_reject_code = 550;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		snprintf(sender, sizeof(sender), "u@%s", names[i]);
		rule_world_sender(&w, sender);
		snprintf(want, sizeof(want),
		    "450 4.1.8 <%s>: Sender address rejected: Domain not found", sender);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
		rule_world_rcpt(&w, "bad@local.example");
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    "554 5.7.1 <bad@local.example>: Recipient address rejected: Access denied");
		rule_world_sender(&w, "");
		rule_world_rcpt(&w, sender);
		snprintf(want, sizeof(want),
		    "450 4.1.2 <%s>: Recipient address rejected: Domain not found", sender);
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
	w.o.lists[LIST_SENDER] = "reject_unknown_sender_domain, reject_non_fqdn_sender";
	w.o.lists[LIST_RECIPIENT] =
	    "reject_unknown_recipient_domain, reject_non_fqdn_recipient, permit";
	w.o.unknown_address_reject_code = 550;
	w.o.non_fqdn_reject_code = 554;
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "u@nx.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.8 <u@nx.test>: Sender address rejected: Domain not found");
	rule_world_sender(&w, "u");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "554 5.5.2 <u>: Sender address rejected: need fully-qualified address");
	rule_world_sender(&w, "");
	rule_world_rcpt(&w, "u@nx.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.2 <u@nx.test>: Recipient address rejected: Domain not found");
	rule_world_rcpt(&w, "u");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "554 5.5.2 <u>: Recipient address rejected: need fully-qualified address");
	rule_world_fini(&w);
}

static void
test_tempfail_action(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "reject_unknown_sender_domain, reject";
	w.o.unknown_address_tempfail_action = "defer";
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "u@servfail.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "450 4.1.8 <u@servfail.test>: Sender address rejected: Domain not found");
	rule_world_fini(&w);
}

static const struct {
	const char *address;
	int qualified;
} fqdn_cases[] = {
	{ "u@a.test", 1 },
	{ "u@a.test.", 1 },
	{ "u@[192.0.2.1]", 1 },
	{ "u@under_score.test", 1 },
	{ "u@host", 0 },
	{ "u", 0 },
	{ "Postmaster@host", 0 },
};

static void
test_fqdn(void **state)
{
	char want[200];

	(void)state;
	for (size_t i = 0; i < nitems(fqdn_cases); i++)
		for (int recipient = 0; recipient < 2; recipient++) {
			struct rule_world w;

			rule_world_init(&w);
			w.o.lists[LIST_RECIPIENT] = recipient ? "reject_non_fqdn_recipient, permit"
							      : "reject_non_fqdn_sender, permit";
			assert_int_equal(rule_world_compile(&w), 0);
			if (recipient)
				rule_world_rcpt(&w, fqdn_cases[i].address);
			else
				rule_world_sender(&w, fqdn_cases[i].address);
			snprintf(want, sizeof(want),
			    "504 5.5.2 <%s>: %s address rejected: need fully-qualified address",
			    fqdn_cases[i].address, recipient ? "Recipient" : "Sender");
			assert_string_equal(
			    rule_world_ask(&w, RULE_RCPT), fqdn_cases[i].qualified ? "ok" : want);
			if (!recipient) {
				rule_world_sender(&w, "");
				assert_string_equal(rule_world_ask(&w, RULE_RCPT), "ok");
			}
			rule_world_fini(&w);
		}
}

#define OWNERS                                                                                     \
	"inline:{ {u@a.test = Ann, bob}, {joe@a.test = joe}, {plain = ann}, {@owned.test = ann} }"
#define NOT_OWNED(a, login) "553 5.7.1 <" a ">: Sender address rejected: not owned by user " login
#define NOT_LOGGED_IN(a)    "553 5.7.1 <" a ">: Sender address rejected: not logged in"

static const struct {
	const char *login, *sender;
	/* of reject_sender_, _authenticated_sender_, _unauthenticated_sender_, _known_sender_ */
	const char *want[4];
} login_cases[] = {
	{ "ann", "u@a.test", { "ok", "ok", "ok", "ok" } },
	{ "BOB", "U@A.test", { "ok", "ok", "ok", "ok" } },
	{ "joe", "u@a.test",
	    { NOT_OWNED("u@a.test", "joe"), NOT_OWNED("u@a.test", "joe"), "ok",
		NOT_OWNED("u@a.test", "joe") } },
	/* an address of nobody */
	{ "ann", "free@a.test",
	    { NOT_OWNED("free@a.test", "ann"), NOT_OWNED("free@a.test", "ann"), "ok", "ok" } },
	{ "", "free@a.test", { "ok", "ok", "ok", "ok" } },
	{ "", "u@a.test",
	    { NOT_LOGGED_IN("u@a.test"), "ok", NOT_LOGGED_IN("u@a.test"),
		NOT_LOGGED_IN("u@a.test") } },
	{ "ann", "any@owned.test", { "ok", "ok", "ok", "ok" } },
	{ "ann", "plain@local.example", { "ok", "ok", "ok", "ok" } },
	{ "joe", "", { "ok", "ok", "ok", "ok" } },
	{ "", "", { "ok", "ok", "ok", "ok" } },
};

static const char *const login_lists[4] = {
	"reject_sender_login_mismatch, permit",
	"reject_authenticated_sender_login_mismatch, permit",
	"reject_unauthenticated_sender_login_mismatch, permit",
	"reject_known_sender_login_mismatch, permit",
};

static void
test_logins(void **state)
{
	(void)state;
	for (size_t k = 0; k < 4; k++)
		for (int enabled = 0; enabled < 2; enabled++) {
			struct rule_world w;

			rule_world_init(&w);
			w.o.lists[LIST_RECIPIENT] = login_lists[k];
			w.o.smtpd_sender_login_maps = OWNERS;
			w.o.smtpd_sasl_auth_enable = enabled;
			assert_int_equal(rule_world_compile(&w), 0);
			assert_int_equal(
			    strstr(buf_cstr(&w.findings), "does nothing") != NULL, !enabled);
			for (size_t i = 0; i < nitems(login_cases); i++) {
				snprintf(w.client.login, sizeof(w.client.login), "%s",
				    login_cases[i].login);
				rule_world_sender(&w, login_cases[i].sender);
				assert_string_equal(rule_world_ask(&w, RULE_RCPT),
				    enabled ? login_cases[i].want[k] : "ok");
			}
			rule_world_fini(&w);
		}
}

static void
test_login_trouble(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "warn_if_reject reject_sender_login_mismatch, permit";
	w.o.smtpd_sender_login_maps = "fail:x";
	assert_int_equal(rule_world_compile(&w), 0);
	/* no warn_if_reject turns it: nobody knows whether it is allowed */
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), "451 4.3.0 <s@from.example>: Temporary lookup failure");
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_tempfail_action),
		cmocka_unit_test(test_fqdn),
		cmocka_unit_test(test_logins),
		cmocka_unit_test(test_login_trouble),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
