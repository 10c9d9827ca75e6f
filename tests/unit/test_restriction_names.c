/* Restrictions by names that are older or have none of their own: each once deciding, once not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/rule_world.h"

static const char zone[] = "a.test A 192.0.2.1\n"
			   "10.2.0.192.rbl.test A 127.0.0.2\n";

/* The same restriction about two transactions; NULL: the world's own. */
static const struct {
	const char *name, *newer; /* newer: what the warning at load names; NULL: no warning */
	const char *addr, *helo, *sender, *rcpt, *want;
	const char *other_addr, *other_helo, *other_sender, *other_rcpt, *other_want;
} cases[] = {
	{ "reject_unknown_client", "reject_unknown_client_hostname", NULL, NULL, NULL, NULL,
	    "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.10]",
	    "192.0.2.11", NULL, NULL, NULL, "dunno" },
	{ "reject_invalid_hostname", "reject_invalid_helo_hostname", NULL, "a..b", NULL, NULL,
	    "501 5.5.2 <a..b>: Helo command rejected: Invalid name", NULL, "a.b", NULL, NULL,
	    "dunno" },
	{ "reject_non_fqdn_hostname", "reject_non_fqdn_helo_hostname", NULL, "a", NULL, NULL,
	    "504 5.5.2 <a>: Helo command rejected: need fully-qualified hostname", NULL, "a.b",
	    NULL, NULL, "dunno" },
	{ "reject_unknown_hostname", "reject_unknown_helo_hostname", NULL, "b.test", NULL, NULL,
	    "450 4.7.1 <b.test>: Helo command rejected: Host not found", NULL, "a.test", NULL, NULL,
	    "dunno" },
	{ "reject_unknown_address", "reject_unknown_sender_domain", NULL, NULL, "s@b.test", NULL,
	    "450 4.1.8 <s@b.test>: Sender address rejected: Domain not found", NULL, NULL,
	    "s@a.test", NULL, "dunno" },
	{ "check_recipient_maps", "reject_unlisted_recipient", NULL, NULL, NULL, "no@local.example",
	    "550 5.1.1 <no@local.example>: Recipient address rejected: User unknown in local "
	    "recipient table",
	    NULL, NULL, NULL, "yes@local.example", "dunno" },
	{ "reject_rbl rbl.test", "reject_rbl_client", NULL, NULL, NULL, NULL,
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test",
	    "192.0.2.11", NULL, NULL, NULL, "dunno" },
	{ "reject_maps_rbl", "reject_rbl_client", NULL, NULL, NULL, NULL,
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test",
	    "192.0.2.11", NULL, NULL, NULL, "dunno" },
	{ "permit_naked_ip_address", NULL, NULL, "192.0.2.10", NULL, NULL, "ok", NULL,
	    "[192.0.2.10]", NULL, NULL, "dunno" },
	/* a class, and a table alone */
	{ "ours", NULL, NULL, "a..b", NULL, NULL,
	    "501 5.5.2 <a..b>: Helo command rejected: Invalid name", NULL, "a.b", NULL, NULL,
	    "dunno" },
	{ "inline:{no@local.example=REJECT}", NULL, NULL, NULL, NULL, "no@local.example",
	    "554 5.7.1 <no@local.example>: Recipient address rejected: Access denied", NULL, NULL,
	    NULL, "yes@local.example", "dunno" },
};

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "ours") == 0 ? "reject_invalid_helo_hostname" : NULL;
}

static void
ask(struct rule_world *w, const char *addr, const char *helo, const char *sender, const char *rcpt,
    const char *want)
{
	/* Only the second client has a name. */
	rule_world_client(
	    w, addr == NULL ? "unknown" : "a.test", addr == NULL ? "192.0.2.10" : addr);
	rule_world_helo(w, helo == NULL ? "helo.example" : helo);
	rule_world_again(w);
	rule_world_sender(w, sender == NULL ? "s@from.example" : sender);
	rule_world_rcpt(w, rcpt == NULL ? "r@local.example" : rcpt);
	assert_string_equal(rule_world_ask(w, RULE_RCPT), want);
}

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.smtpd_restriction_classes = "ours";
		w.o.site = site;
		w.o.local_recipient_maps = "inline:{yes=x}";
		w.o.maps_rbl_domains = "rbl.test";
		w.o.lists[LIST_RECIPIENT] = cases[i].name;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		if (cases[i].newer != NULL)
			assert_non_null(strstr(buf_cstr(&w.findings), cases[i].newer));
		ask(&w, cases[i].addr, cases[i].helo, cases[i].sender, cases[i].rcpt,
		    cases[i].want);
		ask(&w, cases[i].other_addr, cases[i].other_helo, cases[i].other_sender,
		    cases[i].other_rcpt, cases[i].other_want);
		rule_world_fini(&w);
	}
}

/* What is in Postfix a class that is always there has a class's name: its case counts. */
static void
test_case(void **state)
{
	static const struct {
		const char *list, *want;
	} names[] = {
		{ "Reject_Non_FQDN_Sender", "dunno" },
		{ "reject_sender_login_mismatch", "dunno" },
		{ "Reject_Sender_Login_Mismatch", "451 4.3.5 Server configuration error" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.tolerant = 1;
		w.o.lists[LIST_SENDER] = names[i].list;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), names[i].want);
		rule_world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_case),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
