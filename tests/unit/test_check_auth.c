#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/rule_world.h"

static const struct {
	int enabled;
	const char *login, *method, *want;
} login_cases[] = {
	{ 1, "ann", "plain", "ok" },
	{ 1, "ann", "", "ok" }, /* XCLIENT tells of no method */
	{ 1, "", "", "dunno" },
	{ 1, "anybody", "ANONYMOUS", "dunno" },
	{ 0, "ann", "plain", "dunno" },
};

static void
test_login(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(login_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = "permit_sasl_authenticated";
		w.o.smtpd_sasl_auth_enable = login_cases[i].enabled;
		assert_int_equal(rule_world_compile(&w), 0);
		snprintf(w.client.login, sizeof(w.client.login), "%s", login_cases[i].login);
		snprintf(w.client.login_method, sizeof(w.client.login_method), "%s",
		    login_cases[i].method);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), login_cases[i].want);
		rule_world_fini(&w);
	}
}

#define FAILED "451 4.3.0 <r@local.example>: Temporary lookup failure"

static const struct {
	const char *maps, *subject, *issuer, *print, *key;
	const char *listed, *any; /* permit_tls_clientcerts, permit_tls_all_clientcerts */
} cert_cases[] = {
	{ "", "", "", "", "", "dunno", "dunno" },
	{ "", "", "", "AA:BB", "CC:DD", "dunno", "dunno" },
	{ "", "ann", "a ca", "AA:BB", "CC:DD", "dunno", "ok" },
	{ "", "", "a ca", "AA:BB", "CC:DD", "dunno", "ok" },
	{ "inline:{AA:BB=x}", "", "", "AA:BB", "CC:DD", "ok", "ok" },
	{ "inline:{CC:DD=x}", "", "", "AA:BB", "CC:DD", "ok", "ok" },
	{ "inline:{EE:FF=x}", "", "", "AA:BB", "CC:DD", "dunno", "dunno" },
	{ "fail:x", "", "", "AA:BB", "CC:DD", FAILED, FAILED },
	{ "fail:x", "ann", "a ca", "AA:BB", "CC:DD", FAILED, "ok" },
	{ "fail:x", "", "", "", "", "dunno", "dunno" }, /* nothing to ask for */
};

static void
test_certs(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cert_cases); i++)
		for (int any = 0; any < 2; any++) {
			struct rule_world w;

			rule_world_init(&w);
			w.o.lists[LIST_RECIPIENT] =
			    any ? "permit_tls_all_clientcerts" : "permit_tls_clientcerts";
			w.o.relay_clientcerts = cert_cases[i].maps;
			assert_int_equal(rule_world_compile(&w), 0);
			/* nobody told of TLS */
			assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
			w.client.tls = &w.tls;
			w.tls.protocol = "TLSv1.3";
			w.tls.ccert_subject = cert_cases[i].subject;
			w.tls.ccert_issuer = cert_cases[i].issuer;
			w.tls.ccert_fingerprint = cert_cases[i].print;
			w.tls.ccert_pubkey_fingerprint = cert_cases[i].key;
			assert_string_equal(rule_world_ask(&w, RULE_RCPT),
			    any ? cert_cases[i].any : cert_cases[i].listed);
			rule_world_fini(&w);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_certs),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
