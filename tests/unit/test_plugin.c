/* Rows of a plugin in lists: what they may ask, what becomes of their answers and of their failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "tests/lib/plugin_world.h"

/* --- answers --- */

static const struct {
	const char *list, *want;
	const char *facts, *said; /* NULL: no matter */
} answer_cases[] = {
	{ "probe nothing", "dunno", "", "" },
	{ "probe_ok ok, reject", "ok", "", NULL },
	{ "PROBE refuse", "554 5.7.9 no refuse  here", "", NULL },
	{ "probe refuse4", "450 4.7.1 later", NULL, NULL },
	{ "warn_if_reject probe refuse, probe_ok ok", "ok", NULL, "reject_warning" },
	{ "probe forgets, permit", "554 5.7.1 refused", NULL, NULL },
	/* Answers that nothing bears out are failures of the check. */
	{ "probe ok, permit", UNAVAILABLE,
	    "probe=failed:it_permitted,_which_its_row_does_not_announce", NULL },
	{ "probe mute, permit", UNAVAILABLE, "probe=failed:it_refused_without_a_reply", NULL },
	{ "probe odd, permit", UNAVAILABLE, "probe=failed:it_answered_7,_which_is_no_result",
	    NULL },
	{ "probe facts", "dunno", "seen=a_b:c probe=clean",
	    "probe: probe=undeclared is none of the plugin's facts" },
	{ "probe log", "dunno", "", "probe: said 1" },
	{ "probe state", "550 5.7.1 begun", NULL, NULL },
	{ "probe data", "550 5.7.1 made of data", NULL, NULL },
	{ "probe variant", "550 5.7.1 3", NULL, NULL },
	{ "probe about", "550 5.7.1 192.0.2.10 mail.good.example helo.example s@from.example ESMTP",
	    NULL, NULL },
	{ "probe rcpt", "550 5.7.1 r@local.example", NULL, NULL },
	{ "probe message", "550 5.7.1 0", NULL, NULL }, /* it has not come */
	{ "probe parts", "550 5.7.1 0", NULL, NULL },
	{ "probe look", "550 5.7.1 done", NULL, NULL },
	{ "probe mx-ok.example", "550 5.7.1 1 10 mx.ok.example", NULL, NULL },
	{ "probe mx-no.example", "550 5.7.1 none", NULL, NULL },
	{ "probe mx--bad-.example", "550 5.7.1 none", NULL, NULL }, /* can be no name */
	{ "reject_unauth_pipelining, probe mx-ok.example, probe mx-no.example",
	    "550 5.7.1 1 10 mx.ok.example", NULL, NULL },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(answer_cases); i++) {
		struct plugin_world x;
		const char *said;

		plugin_world_init(&x);
		if (strstr(answer_cases[i].list, "mx-") != NULL)
			rule_world_zone(
			    &x.w, "ok.example MX 10 mx.ok.example\nother.example A 192.0.2.1");
		x.w.o.lists[LIST_RECIPIENT] = answer_cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), answer_cases[i].want);
		said = rule_world_said(&x.w);
		if (answer_cases[i].facts != NULL)
			assert_string_equal(plugin_world_facts(&x), answer_cases[i].facts);
		if (answer_cases[i].said != NULL) {
			assert_non_null(strstr(said, answer_cases[i].said));
			assert_true(answer_cases[i].said[0] != '\0' || said[0] == '\0');
		}
		plugin_world_fini(&x);
	}
}

static void
test_effects(void **state)
{
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.w.o.lists[LIST_RECIPIENT] =
	    "probe hold, probe tag, probe prepend, probe count, probe count";
	assert_int_equal(rule_world_compile(&x.w), 0);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "dunno");
	assert_true(x.w.txn.verdict.hold);
	assert_false(x.w.txn.verdict.hold_failed);
	assert_string_equal(x.w.txn.verdict.hold_reason, "look at  it");
	assert_string_equal(x.w.txn.verdict.hold_origin.plugin, "probe");
	assert_int_equal(x.w.txn.verdict.tags.n, 1);
	assert_string_equal(x.w.txn.verdict.tags.v[0].arg, "odd");
	assert_int_equal(x.w.txn.verdict.prepends.n, 1);
	assert_string_equal(x.w.txn.verdict.prepends.v[0].arg, "X-Probe: 1  X-More: 2");
	assert_int_equal(plugin_world_counted("probe_count"), 6);
	plugin_world_fini(&x);
}

/* The same memory for every item of a transaction, and none of the last one's. */
static void
test_keep(void **state)
{
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.w.o.lists[LIST_RECIPIENT] = "warn_if_reject probe keep, probe keep";
	assert_int_equal(rule_world_compile(&x.w), 0);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 2");
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 4");
	rule_world_again(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 2");
	plugin_world_fini(&x);
}

/* --- failure --- */

static const struct {
	enum rule_failure family;
	const char *list, *want;
	int hold, tags;
} failure_cases[] = {
	{ FAILURE_DEFER, "probe fail, permit", UNAVAILABLE, 0, 0 },
	{ FAILURE_HOLD, "probe fail, permit", "ok", 1, 0 },
	{ FAILURE_TAG, "probe fail, permit", "ok", 0, 1 },
	{ FAILURE_ACCEPT, "probe fail, permit", "ok", 0, 0 },
	{ FAILURE_DEFER, "{ probe fail, on_failure = hold }, permit", "ok", 1, 0 },
	{ FAILURE_DEFER, "{probe fail on_failure=tag} permit", "ok", 0, 1 },
	{ FAILURE_HOLD, "{ probe fail, on_failure= ACCEPT }, permit", "ok", 0, 0 },
	{ FAILURE_ACCEPT, "{ probe fail, on_failure =defer }, permit", UNAVAILABLE, 0, 0 },
	{ FAILURE_ACCEPT, "warn_if_reject { probe fail, on_failure = defer }, permit", "ok", 0, 0 },
	{ FAILURE_DEFER, "warn_if_reject probe fail, permit", "ok", 0, 0 },
	/* out of a table row, in a class, with a setting of its own */
	{ FAILURE_DEFER, "check_recipient_access inline:{ {r@local.example=later} }, permit", "ok",
	    1, 0 },
	{ FAILURE_DEFER,
	    "check_recipient_access inline:{ {r@local.example={ probe fail, on_failure = tag }} }, "
	    "permit",
	    "ok", 0, 1 },
};

static const char *
class_value(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	(void)where;
	return strcmp(name, "later") == 0 ? "{ probe fail, on_failure = hold }, { probe fail, "
					    "on_failure = accept }"
					  : NULL;
}

static void
test_failure(void **state)
{
	static const char *const outcomes[] = { "42; on_failure = defer", "42; on_failure = hold",
		"42; on_failure = tag", "42; on_failure = accept" };

	(void)state;
	for (size_t i = 0; i < nitems(failure_cases); i++) {
		struct plugin_world x;
		const char *said;

		plugin_world_init(&x);
		x.plugin.on_failure = failure_cases[i].family;
		x.w.o.smtpd_restriction_classes = "later";
		x.w.o.site = class_value;
		x.w.o.lists[LIST_RECIPIENT] = failure_cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), failure_cases[i].want);
		assert_string_equal(plugin_world_facts(&x), "probe=failed:secret_42");
		assert_int_equal(x.w.txn.verdict.hold, failure_cases[i].hold);
		assert_int_equal(x.w.txn.verdict.hold_failed, failure_cases[i].hold);
		assert_int_equal(x.w.txn.verdict.tags.n, failure_cases[i].tags);
		said = rule_world_said(&x.w);
		assert_non_null(strstr(said, "WARNING filterd/smtp"));
		assert_non_null(
		    strstr(said, "probe could not be checked: secret 42; on_failure = "));
		/* once an outcome, however many items fail so */
		for (size_t k = 0; k < nitems(outcomes); k++) {
			const char *first = strstr(said, outcomes[k]);

			assert_true(first == NULL || strstr(first + 1, outcomes[k]) == NULL);
		}
		plugin_world_fini(&x);
	}
}

static void
test_better_fact(void **state)
{
	static const struct {
		const char *list, *want;
	} cases[] = {
		{ "probe better, probe facts", "probe=timeout seen=a_b:c probe=clean" },
		{ "probe later", "probe=timeout" },
		/* it is the failed check's own that counts */
		{ "probe facts, probe fail", "seen=a_b:c probe=clean probe=failed:secret_42" },
		{ "probe fail, probe better", "probe=failed:secret_42 probe=timeout" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct plugin_world x;

		plugin_world_init(&x);
		x.plugin.on_failure = FAILURE_ACCEPT;
		x.w.o.lists[LIST_RECIPIENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "dunno");
		assert_string_equal(plugin_world_facts(&x), cases[i].want);
		(void)rule_world_said(&x.w);
		plugin_world_fini(&x);
	}
}

/* What a time limit cuts off has failed; Postfix's own restrictions keep to its ways. */
static void
test_out_of_time(void **state)
{
	static const struct {
		const char *list, *want, *facts;
	} cases[] = {
		{ "probe refuse", UNAVAILABLE,
		    "probe=failed:no_time_is_left_for_it_(stage_time_limit)" },
		{ "{ probe refuse, on_failure = accept }, { probe refuse, on_failure = "
		  "accept }",
		    "dunno", "probe=failed:no_time_is_left_for_it_(stage_time_limit)" },
		{ "reject", "451 4.3.5 Server configuration error", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct plugin_world x;

		plugin_world_init(&x);
		x.w.deadline_ms = -1000;
		x.w.o.lists[LIST_RECIPIENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), cases[i].want);
		assert_string_equal(plugin_world_facts(&x), cases[i].facts);
		(void)rule_world_said(&x.w);
		plugin_world_fini(&x);
	}
}

/* Before MAIL nothing can be held or marked. */
static void
test_failure_early(void **state)
{
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.plugin.on_failure = FAILURE_HOLD;
	x.w.o.smtpd_delay_reject = 0;
	x.w.o.lists[LIST_CLIENT] = "probe fail";
	x.w.o.lists[LIST_HELO] = "{ probe fail, on_failure = tag }";
	assert_int_equal(rule_world_compile(&x.w), 0);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONNECT), UNAVAILABLE);
	assert_string_equal(rule_world_ask(&x.w, RULE_HELO), UNAVAILABLE);
	(void)rule_world_said(&x.w);
	plugin_world_fini(&x);
}

/* --- what load says --- */

#define RCPT_LIST "smtpd_recipient_restrictions: "

static const struct {
	enum rule_list_id list;
	const char *text, *want; /* findings; "" none */
	int no_message;
} load_cases[] = {
	{ LIST_RECIPIENT, "probe x, { probe x, on_failure = tag }", "", 0 },
	{ LIST_RECIPIENT, "old_probe x", "warning " RCPT_LIST "old_probe is an old name of probe\n",
	    0 },
	{ LIST_RECIPIENT, "probe doubtful", "warning " RCPT_LIST "a probe that is doubtful\n", 0 },
	{ LIST_RECIPIENT, "probe wrong", "error " RCPT_LIST "no probe is wrong\n", 0 },
	{ LIST_RECIPIENT, "prob x",
	    "error " RCPT_LIST
	    "\"prob\" is no restriction and no class of smtpd_restriction_classes; did you mean "
	    "probe?\n"
	    "error " RCPT_LIST
	    "\"x\" is no restriction and no class of smtpd_restriction_classes\n",
	    0 },
	{ LIST_RECIPIENT, "probe", "error " RCPT_LIST "probe must be followed by a name\n", 0 },
	{ LIST_RECIPIENT, "reject_probe",
	    "warning " RCPT_LIST
	    "reject_probe always fails in smtpd_recipient_restrictions: the message is not known "
	    "there\n",
	    0 },
	{ LIST_END_OF_DATA, "reject_probe", "", 0 },
	{ LIST_END_OF_DATA, "reject_probe",
	    "warning smtpd_end_of_data_restrictions: reject_probe always fails in "
	    "smtpd_end_of_data_restrictions: the message is not known there, as a policy request "
	    "does not bring it\n",
	    1 },
	{ LIST_CONTENT,
	    "check_probe inline:{a=OK}, { check_probe inline:{a=OK}, on_failure = hold }", "", 0 },
	{ LIST_RECIPIENT, "{ probe x }",
	    "error " RCPT_LIST "{ probe x ... } must end with on_failure = VALUE\n", 0 },
	{ LIST_RECIPIENT, "{ probe x, on_failure = }",
	    "error " RCPT_LIST "{ probe x ... }: on_failure = \"\" must be one of defer hold tag "
	    "accept\n",
	    0 },
	{ LIST_RECIPIENT, "{ probe x, on_failure = reject }",
	    "error " RCPT_LIST
	    "{ probe x ... }: on_failure = \"reject\" must be one of defer hold tag accept\n",
	    0 },
	{ LIST_RECIPIENT, "{ probe x, on_trouble = hold }",
	    "error " RCPT_LIST
	    "{ probe x ... }: \"on_trouble\" can not be set here; on_failure can\n",
	    0 },
	{ LIST_RECIPIENT, "{ probe x, on_failure = hold, probe y }",
	    "error " RCPT_LIST "{ probe x, on_failure = hold ... }: \"probe\" is too much\n", 0 },
	{ LIST_RECIPIENT, "{ }",
	    "error " RCPT_LIST "\"{ }\": there must be a restriction in the braces\n", 0 },
	{ LIST_RECIPIENT, "{", "error " RCPT_LIST "\"{\": a closing brace is missing\n", 0 },
	{ LIST_RECIPIENT, "{ reject, on_failure = hold }",
	    "error " RCPT_LIST "{ reject ... }: it has no on_failure: it fails as in Postfix\n",
	    0 },
	{ LIST_RECIPIENT, "{ warn_if_reject probe x, on_failure = hold }",
	    "error " RCPT_LIST "warn_if_reject must stand in front of the braces\n", 0 },
	{ LIST_RECIPIENT, "{ { probe x }, on_failure = hold }",
	    "error " RCPT_LIST
	    "\"{ probe x }\" is no restriction and no class of smtpd_restriction_classes\n",
	    0 },
	{ LIST_RECIPIENT, "{ probe wrong, on_failure = hold }",
	    "error " RCPT_LIST "no probe is wrong\n", 0 },
};

static void
test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++) {
		struct plugin_world x;
		int good = strncmp(load_cases[i].want, "error", 5) != 0;

		plugin_world_init(&x);
		x.w.o.no_message = load_cases[i].no_message;
		x.w.o.lists[load_cases[i].list] = load_cases[i].text;
		assert_int_equal(rule_world_compile(&x.w), good ? 0 : -1);
		assert_string_equal(buf_cstr(&x.w.findings), load_cases[i].want);
		plugin_world_fini(&x);
	}
}

/* config_errors = postfix: what is wrong is answered when mail comes; a plugin never sees half of
 * an item. */
static void
test_tolerant(void **state)
{
	static const char *const lists[] = { "probe", "probe wrong", "{ probe x }",
		"{ probe x, on_failure = tag, }, { probe, on_failure = tag }" };

	(void)state;
	for (size_t i = 0; i < nitems(lists); i++) {
		struct plugin_world x;

		plugin_world_init(&x);
		x.plugin.on_failure = FAILURE_ACCEPT;
		x.w.o.tolerant = 1;
		x.w.o.lists[LIST_RECIPIENT] = lists[i];
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(
		    rule_world_ask(&x.w, RULE_RCPT), "451 4.3.5 Server configuration error");
		(void)rule_world_said(&x.w);
		plugin_world_fini(&x);
	}
}

static void
test_open(void **state)
{
	struct filterd_value refused = { .text = "refuse" };
	struct plugin_instance p = { .def = &filterd_plugin, .values = &refused };
	struct err err;

	(void)state;
	assert_int_equal(plugin_open(&p, &err), -1);
	assert_string_equal(err.text, "plugin probe: probe_state must not be refuse");
	plugin_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_better_fact),
		cmocka_unit_test(test_failure_early),
		cmocka_unit_test(test_out_of_time),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_tolerant),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
