/* check_*_access: the keys each asks for, and what it makes of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/arena.h"
#include "rules/rules_private.h"
#include "tests/lib/rule_world.h"

#define CONFIG "451 4.3.5 Server configuration error"

enum about { CLIENT, REVERSE, HELO, SENDER, RCPT, LOGIN };

static const char *const restrictions[] = {
	[CLIENT] = "check_client_access",
	[REVERSE] = "check_reverse_client_hostname_access",
	[HELO] = "check_helo_access",
	[SENDER] = "check_sender_access",
	[RCPT] = "check_recipient_access",
	[LOGIN] = "check_sasl_access",
};
static const char *const class_names[] = {
	[CLIENT] = "Client host",
	[REVERSE] = "Unverified Client host",
	[HELO] = "Helo command",
	[SENDER] = "Sender address",
	[RCPT] = "Recipient address",
	[LOGIN] = "SASL login name",
};

/* key=REJECT is the table's only row, unless the table is given.  The client is
 * a.b.good.example[192.0.2.10], its reverse name r.back.example. */
static const struct {
	enum about about;
	const char *value; /* HELO, address, login; for clients the address, NULL: 192.0.2.10 */
	const char *table; /* "key": inline:{key=REJECT} */
	int refused;
} cases[] = {
	{ CLIENT, NULL, "a.b.good.example", 1 },
	{ CLIENT, NULL, "A.B.Good.Example", 1 },
	{ CLIENT, NULL, "good.example", 1 },
	{ CLIENT, NULL, "example", 1 },
	{ CLIENT, NULL, ".good.example", 0 }, /* parent_domain_matches_subdomains */
	{ CLIENT, NULL, "good.example.", 0 },
	{ CLIENT, NULL, "192.0.2.10", 1 },
	{ CLIENT, NULL, "192.0.2", 1 },
	{ CLIENT, NULL, "192", 1 },
	{ CLIENT, NULL, "192.0.2.", 0 },
	{ CLIENT, NULL, "192.0.2.0/24", 0 },
	{ CLIENT, NULL, "unknown", 0 },
	{ CLIENT, "2001:db8:1:2::5", "2001:db8:1:2::5", 1 },
	{ CLIENT, "2001:db8:1:2::5", "2001:db8:1:2", 1 },
	{ CLIENT, "2001:db8:1:2::5", "2001:db8:1:2:", 1 }, /* cut at each colon */
	{ CLIENT, "2001:db8:1:2::5", "2001:0db8:1:2::5", 0 },
	/* names before addresses, also one that says less */
	{ CLIENT, NULL, "inline:{good.example=DUNNO,192.0.2.10=REJECT}", 0 },
	{ CLIENT, NULL, "inline:{192.0.2.10=DUNNO,192.0.2=REJECT}", 0 },
	{ CLIENT, NULL, "static:REJECT", 1 },
	{ CLIENT, NULL, "static:DUNNO", 0 },
	{ REVERSE, NULL, "r.back.example", 1 },
	{ REVERSE, NULL, "back.example", 1 },
	{ REVERSE, NULL, "a.b.good.example", 0 },
	{ REVERSE, NULL, "192.0.2", 1 },
	{ HELO, "h.helo.example", "h.helo.example", 1 },
	{ HELO, "h.helo.example", "helo.example", 1 },
	{ HELO, "h.helo.example", "elo.example", 0 },
	{ HELO, "[192.0.2.1]", "[192.0.2.1]", 1 },
	{ HELO, "[192.0.2.1]", "192.0.2.1", 0 },
	{ HELO, NULL, "static:REJECT", 0 }, /* none was said */
	{ SENDER, "u+x@a.from.example", "u+x@a.from.example", 1 },
	{ SENDER, "u+x@a.from.example", "u@a.from.example", 1 }, /* recipient_delimiter */
	{ SENDER, "u+x@a.from.example", "a.from.example", 1 },
	{ SENDER, "u+x@a.from.example", "from.example", 1 },
	{ SENDER, "u+x@a.from.example", "u+x@", 1 },
	{ SENDER, "u+x@a.from.example", "u@", 1 },
	{ SENDER, "u+x@a.from.example", "u+x", 0 },
	{ SENDER, "u+x@a.from.example", "u", 0 },
	{ SENDER, "u+x@a.from.example", "@a.from.example", 0 },
	{ SENDER, "u+x@a.from.example", "pcre:{{/^u/ REJECT}}", 1 },
	{ SENDER, "u+x@a.from.example", "pcre:{{/^a/ REJECT}}", 0 }, /* only the whole address */
	{ SENDER, "", "<>", 1 },
	{ SENDER, "", "<>@", 0 },
	{ SENDER, "u", "u@mx.test", 1 }, /* rewritten first */
	{ RCPT, "u+x@b.to.example", "u@b.to.example", 1 },
	{ RCPT, "u+x@b.to.example", "to.example", 1 },
	{ RCPT, "u+x@b.to.example", "u@", 1 },
	{ RCPT, "u+x@b.to.example", "b.to", 0 },
	{ LOGIN, "ann@x.example", "ann@x.example", 1 },
	{ LOGIN, "ann@x.example", "x.example", 0 },
	{ LOGIN, "", "static:REJECT", 0 },
};

static void
set_up(struct rule_world *w, enum about about, const char *value)
{
	rule_world_client(
	    w, "a.b.good.example", about == CLIENT && value != NULL ? value : "192.0.2.10");
	snprintf(w->client.reverse_name, sizeof(w->client.reverse_name), "r.back.example");
	if (about == HELO)
		rule_world_helo(w, value);
	if (about == SENDER)
		rule_world_sender(w, value);
	if (about == RCPT)
		rule_world_rcpt(w, value);
	if (about == LOGIN)
		snprintf(w->client.login, sizeof(w->client.login), "%s", value);
}

static void
shown(const struct rule_world *w, enum about about, const char *value, char *out, size_t size)
{
	if (about == CLIENT)
		snprintf(out, size, "%s[%s]", w->client.name, w->client.addr);
	else if (about == REVERSE) /* without the address, as in Postfix */
		snprintf(out, size, "%s", w->client.reverse_name);
	else
		snprintf(out, size, "%s", value);
}

static void
test_keys(void **state)
{
	char list[300], want[600], who[500];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		enum about about = cases[i].about;
		const char *table = cases[i].table;
		struct rule_world w;

		snprintf(list, sizeof(list),
		    strchr(table, '{') || strstr(table, "static:")
			? "%s %s, permit"
			: "%s inline:{ { %s = REJECT } }, permit",
		    restrictions[about], table);
		rule_world_init(&w);
		w.o.recipient_delimiter = "+";
		w.o.lists[LIST_RECIPIENT] = list;
		assert_int_equal(rule_world_compile(&w), 0);
		set_up(&w, about, cases[i].value);
		shown(&w, about, cases[i].value, who, sizeof(who));
		snprintf(want, sizeof(want), "554 5.7.1 <%s>: %s rejected: Access denied", who,
		    class_names[about]);
		if (strcmp(rule_world_ask(&w, RULE_RCPT), cases[i].refused ? want : "ok") != 0)
			fail_msg("row %zu (%s): %s", i, list, rule_world_ask(&w, RULE_RCPT));
		rule_world_fini(&w);
	}
}

/* Where OK could be given by who is judged it is not allowed. */
static void
test_permission(void **state)
{
	static const struct {
		const char *list, *want;
	} rows[] = {
		{ "check_client_access static:OK", "ok" },
		{ "check_helo_access static:OK", "ok" },
		{ "check_sender_access static:OK", "ok" },
		{ "check_recipient_access static:OK", "ok" },
		{ "check_sasl_access static:OK", "ok" },
		{ "check_reverse_client_hostname_access static:OK", CONFIG },
		{ "check_reverse_client_hostname_access static:DISCARD", "ok" },
		{ "static:OK", "ok" },
		{ "static:REJECT",
		    "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied" },
		{ "inline:{other@local.example=REJECT}", "dunno" },
		/* a table that cannot be asked is no table without the key */
		{ "check_client_access fail:x",
		    "451 4.3.5 <mail.good.example[192.0.2.10]>: Client host rejected: Server "
		    "configuration error" },
		{ "check_sender_access fail:x",
		    "451 4.3.5 <s@from.example>: Sender address rejected: Server configuration "
		    "error" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = rows[i].list;
		assert_int_equal(rule_world_compile(&w), 0);
		snprintf(w.client.login, sizeof(w.client.login), "ann");
		if (strcmp(rule_world_ask(&w, RULE_RCPT), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].list, rule_world_ask(&w, RULE_RCPT));
		rule_world_fini(&w);
	}
}

/* At DATA and later there may be several recipients, and then there is none to look up. */
static void
test_at_data(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_DATA] =
	    "check_recipient_access static:REJECT, check_sender_access static:DEFER";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA),
	    "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA),
	    "450 4.7.1 <s@from.example>: Sender address rejected: Access denied");
	rule_world_fini(&w);
}

static const struct {
	const char *list, *print, *key, *subject, *want;
} cert_cases[] = {
	{ "check_ccert_access inline:{AA:BB=REJECT}", "AA:BB", "CC:DD", "", "refused" },
	{ "check_ccert_access inline:{CC:DD=REJECT}", "AA:BB", "CC:DD", "", "refused" },
	{ "check_ccert_access inline:{AA:BB=DUNNO,CC:DD=REJECT}", "AA:BB", "CC:DD", "", "dunno" },
	{ "check_ccert_access inline:{AA:BB=OK}, reject", "AA:BB", "", "", "ok" },
	{ "check_ccert_access inline:{EE:FF=REJECT}", "AA:BB", "CC:DD", "", "dunno" },
	{ "check_ccert_access inline:{ann=REJECT}", "AA:BB", "CC:DD", "ann", "dunno" },
	{ "check_ccert_access { inline:{ann=REJECT}, { search_order = subject } }", "AA:BB", "",
	    "ann", "refused" },
	{ "check_ccert_access static:REJECT", "", "", "", "dunno" }, /* no certificate */
};

static void
test_certificates(void **state)
{
	static const char refused[] =
	    "554 5.7.1 <mail.good.example[192.0.2.10]>: Client certificate rejected: Access denied";

	(void)state;
	for (size_t i = 0; i < nitems(cert_cases); i++) {
		const char *want = cert_cases[i].want;
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = cert_cases[i].list;
		assert_int_equal(rule_world_compile(&w), 0);
		w.client.tls = &w.tls;
		w.tls.protocol = "TLSv1.3";
		w.tls.ccert_fingerprint = cert_cases[i].print;
		w.tls.ccert_pubkey_fingerprint = cert_cases[i].key;
		w.tls.ccert_subject = cert_cases[i].subject;
		assert_string_equal(
		    rule_world_ask(&w, RULE_RCPT), strcmp(want, "refused") == 0 ? refused : want);
		rule_world_fini(&w);
	}
}

/* A list that a pattern makes of what a client said is another one each time: those that are kept
 * are limited in number, and in octets. */
static void
test_long_lists_made_by_a_pattern_are_not_all_kept(void **state)
{
	struct buf list = { 0 };
	struct rule_world w;
	char address[64];

	(void)state;
	buf_adds(&list, "check_sender_access pcre:{{/^(.*)@/ permit_naked_ip_address");
	for (int i = 0; i < 300; i++)
		buf_adds(&list, " reject_unauth_pipelining");
	buf_adds(&list, " $1}}");
	rule_world_init(&w);
	w.o.lists[LIST_SENDER] = buf_cstr(&list);
	w.o.smtpd_restriction_classes = "";
	assert_int_equal(rule_world_compile(&w), 0);
	for (int i = 0; i < 1000; i++) {
		rule_world_again(&w);
		snprintf(address, sizeof(address), "s%d@from.example", i);
		rule_world_sender(&w, address);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), CONFIG);
	}
	assert_true(w.rules->nrows > 100 && w.rules->nrows < 1000);
	assert_true(arena_used(w.rules->row_mem) < 17 * 1024 * 1024);
	rule_world_fini(&w);
	buf_fini(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_at_data),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_long_lists_made_by_a_pattern_are_not_all_kept),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
