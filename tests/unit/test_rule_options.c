/* What parameters of the restriction lists change: when lists are asked, and with which keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/option_pair.h"
#include "tests/lib/rule_option_list.h"

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "ours") == 0 ? "reject" : NULL;
}

static const char *
nested(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "a0") == 0 ? "a1" : strcmp(name, "a1") == 0 ? "reject" : NULL;
}

static void
with_class(struct rule_world *w)
{
	w->o.site = site;
	w->o.tolerant = 1;
}

static void
with_classes(struct rule_world *w)
{
	w->o.site = nested;
}

static void
logged_in(struct rule_world *w)
{
	snprintf(w->client.login, sizeof(w->client.login), "ann");
	snprintf(w->client.login_method, sizeof(w->client.login_method), "plain");
}

static void
subdomain(struct rule_world *w)
{
	rule_world_client(w, "a.b.test", "192.0.2.10");
}

static const struct option_case cases[] = {
	/* the lists */
	{ .option = { "smtpd_client_restrictions", "", "reject" },
	    .want = { "dunno", "554 5.7.1 <mail.good.example[192.0.2.10]>: Client host rejected: "
			       "Access denied" } },
	{ .option = { "smtpd_helo_restrictions", "", "reject" },
	    .want = { "dunno", "554 5.7.1 <helo.example>: Helo command rejected: Access denied" } },
	{ .option = { "smtpd_sender_restrictions", "", "reject" },
	    .want = { "dunno",
		"554 5.7.1 <s@from.example>: Sender address rejected: Access denied" } },
	{ .option = { "smtpd_relay_restrictions", "", "reject" },
	    .want = { "dunno", PAIR_DENIED } },
	{ .option = { PAIR_LIST, "", "reject" }, .want = { "dunno", PAIR_DENIED } },
	{ .option = { "smtpd_data_restrictions", "", "reject" },
	    .want = { "dunno", "554 5.7.1 <DATA>: Data command rejected: Access denied" },
	    .stage = RULE_DATA },
	{ .option = { "smtpd_end_of_data_restrictions", "", "reject" },
	    .want = { "dunno", "554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied" },
	    .stage = RULE_END_OF_DATA },
	{ .option = { "content_restrictions", "", "reject" },
	    .want = { "dunno", PAIR_DENIED },
	    .stage = RULE_CONTENT,
	    .accepted = 1 },
	{ .option = { "smtpd_restriction_classes", "", "ours" },
	    .list = "ours",
	    .want = { PAIR_BROKEN, PAIR_DENIED },
	    .prepare = with_class },
	{ .option = { "config_errors", "no", "yes" },
	    .list = "no_such_restriction",
	    .want = { PAIR_NO_LOAD, PAIR_BROKEN } },

	/* when they are asked, and what is done without being told */
	{ .option = { "smtpd_delay_reject", "yes", "no" },
	    .want = { "dunno",
		"554 5.7.1 <s@from.example>: Sender address rejected: Access denied" },
	    .more = { { "smtpd_sender_restrictions", "reject" } },
	    .stage = RULE_MAIL },
	{ .option = { "smtpd_relay_before_recipient_restrictions", "yes", "no" },
	    .list = "defer",
	    .want = { PAIR_DENIED, "450 4.3.2 " PAIR_RCPT("Try again later") },
	    .more = { { "smtpd_relay_restrictions", "reject" } } },
	{ .option = { "smtpd_reject_unlisted_recipient", "no", "yes" },
	    .want = { "dunno", "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table") },
	    .more = { { "local_recipient_maps", "inline:{known=x}" } } },
	{ .option = { "smtpd_reject_unlisted_sender", "no", "yes" },
	    .want = { "dunno",
		"550 5.1.0 <no@local.example>: Sender address rejected: User unknown in local "
		"recipient table" },
	    .sender = "no@local.example",
	    .more = { { "local_recipient_maps", "inline:{known=x}" } } },
	{ .option = { "smtpd_sasl_auth_enable", "no", "yes" },
	    .list = "permit_sasl_authenticated, reject",
	    .want = { PAIR_DENIED, "ok" },
	    .prepare = logged_in },
	{ .option = { "allow_untrusted_routing", "no", "yes" },
	    .list = "permit_auth_destination, defer",
	    .want = { "450 4.3.2 <u%elsewhere.example@relay.example>: Recipient address rejected: "
		      "Try again "
		      "later",
		"ok" },
	    .rcpt = "u%elsewhere.example@relay.example" },

	/* keys */
	{ .option = { "smtpd_null_access_lookup_key", "<>", "nobody" },
	    .list = "check_sender_access inline:{<>=REJECT,nobody=DEFER}",
	    .want = { "554 5.7.1 <>: Sender address rejected: Access denied",
		"450 4.7.1 <>: Sender address rejected: Access denied" },
	    .sender = "" },
	{ .option = { "parent_domain_matches_subdomains", "smtpd_access_maps", "" },
	    .list = "check_client_access inline:{b.test=REJECT,.b.test=DEFER}",
	    .want = { "554 5.7.1 <a.b.test[192.0.2.10]>: Client host rejected: Access denied",
		"450 4.7.1 <a.b.test[192.0.2.10]>: Client host rejected: Access denied" },
	    .prepare = subdomain },
	{ .option = { "recipient_delimiter", "", "+" },
	    .list = "check_recipient_access inline:{r@local.example=REJECT}",
	    .want = { "dunno",
		"554 5.7.1 <r+x@local.example>: Recipient address rejected: Access denied" },
	    .rcpt = "r+x@local.example" },

	/* budgets */
	{ .option = { "rule_depth_limit", "3", "2" },
	    .list = "a0",
	    .want = { PAIR_DENIED, PAIR_BROKEN },
	    .prepare = with_classes,
	    .more = { { "smtpd_restriction_classes", "a0 a1" } } },
	{ .option = { "rule_step_limit", "3", "2" },
	    .list = "reject_unlisted_recipient, reject_unlisted_sender, reject",
	    .want = { PAIR_DENIED, PAIR_BROKEN } },
};

static void
test_lists(void **state)
{
	(void)state;
	option_pairs(cases, nitems(cases));
}

/* Whatever of the struct is no option of the list is one of these, or padding. */
static void
test_none_is_missing(void **state)
{
	static const size_t others[][2] = {
#define OTHER(field)                                                                               \
	{ offsetof(struct rule_options, field), sizeof(((struct rule_options *)0)->field) }
		OTHER(site),
		OTHER(line_of),
		OTHER(arg),
		OTHER(is_mta),
		OTHER(plugins),
		OTHER(nplugins),
		OTHER(no_message),
		OTHER(mime),
#undef OTHER
	};
	unsigned char seen[sizeof(struct rule_options)] = { 0 };
	size_t unseen = 0;

	(void)state;
	for (size_t i = 0; i < rule_option_count; i++)
		memset(seen + rule_option_list[i].offset, 1, rule_option_list[i].size);
	for (size_t i = 0; i < nitems(others); i++)
		memset(seen + others[i][0], 1, others[i][1]);
	for (size_t i = 0; i < sizeof(seen); i++) {
		unseen = seen[i] ? 0 : unseen + 1;
		if (unseen >= sizeof(int64_t))
			fail_msg("the field at %zu is not in rule_option_list", i + 1 - unseen);
	}
}

static void
known(void *arg, const char *name, const char *text)
{
	size_t *n = arg;

	(void)text;
	(*n)++;
	rule_coverage_line("known\t%s", name);
}

/* What the table must have. */
static void
test_known(void **state)
{
	size_t n = 0;

	(void)state;
	restrictions_each(known, &n);
	assert_in_range(n, 50, 500);
	for (size_t i = 0; i < rule_option_count; i++)
		rule_coverage_line("parameter\t%s", rule_option_list[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_none_is_missing),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
