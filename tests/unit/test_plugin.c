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
#include "base/counters.h"
#include "base/err.h"
#include "core/message.h"
#include "rules/plugin.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/probe_scanner.h"
#include "tests/lib/rule_world.h"

#define UNAVAILABLE "451 4.7.1 Service temporarily unavailable, try again later"

/* One for all, for the plugin keeps its first host. */
static struct counters counters;

struct world {
	struct rule_world w;
	struct filterd_value values[1];
	struct plugin_instance plugin;
	struct message *message;
	struct probe_scanner scanner;
	struct scan_ops ops;
};

static void
begin(struct world *x)
{
	struct err err;

	memset(x, 0, sizeof(*x));
	counters_reset(&counters);
	rule_world_init(&x->w);
	x->values[0].text = "begun";
	x->plugin = (struct plugin_instance){ .def = &filterd_plugin,
		.values = x->values,
		.on_failure = FAILURE_DEFER,
		.counters = &counters };
	assert_int_equal(plugin_open(&x->plugin, &err), 0);
	x->w.o.plugins = &x->plugin;
	x->w.o.nplugins = 1;
	probe_scanner_ops(&x->scanner, &x->ops);
	x->w.services.scan = &x->ops;
}

static void
end(struct world *x)
{
	rules_scan_end(&x->w.txn);
	message_free(x->message);
	rule_world_fini(&x->w);
	plugin_close(&x->plugin);
}

static void
give_message(struct world *x, const char *text)
{
	const struct message_options o = { .memory_limit = 100000, .spool_directory = "/tmp" };
	struct err err;
	uint8_t *p;

	message_free(x->message);
	x->message = message_new(&o);
	p = message_reserve(x->message, strlen(text), &err);
	assert_non_null(p);
	memcpy(p, text, strlen(text));
	message_commit(x->message, strlen(text));
	x->w.txn.message = x->message;
}

static const char *
facts(struct world *x)
{
	static struct buf b;

	buf_reset(&b);
	facts_format(&x->w.txn.facts, &b);
	return buf_cstr(&b);
}

static int64_t
counted(const char *name)
{
	for (size_t i = 0; i < COUNTERS_NAMED; i++)
		if (strcmp(counters.named[i].name, name) == 0)
			return counters.named[i].n;
	return -1;
}

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
		struct world x;
		const char *said;

		begin(&x);
		if (strstr(answer_cases[i].list, "mx-") != NULL)
			rule_world_zone(
			    &x.w, "ok.example MX 10 mx.ok.example\nother.example A 192.0.2.1");
		x.w.o.lists[LIST_RECIPIENT] = answer_cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), answer_cases[i].want);
		said = rule_world_said(&x.w);
		if (answer_cases[i].facts != NULL)
			assert_string_equal(facts(&x), answer_cases[i].facts);
		if (answer_cases[i].said != NULL) {
			assert_non_null(strstr(said, answer_cases[i].said));
			assert_true(answer_cases[i].said[0] != '\0' || said[0] == '\0');
		}
		end(&x);
	}
}

static void
test_effects(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
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
	assert_int_equal(counted("probe_count"), 6);
	end(&x);
}

/* The same memory for every item of a transaction, and none of the last one's. */
static void
test_keep(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
	x.w.o.lists[LIST_RECIPIENT] = "warn_if_reject probe keep, probe keep";
	assert_int_equal(rule_world_compile(&x.w), 0);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 2");
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 4");
	rule_world_again(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "550 5.7.1 2");
	end(&x);
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
	(void)state;
	for (size_t i = 0; i < nitems(failure_cases); i++) {
		struct world x;
		const char *said;

		begin(&x);
		x.plugin.on_failure = failure_cases[i].family;
		x.w.o.smtpd_restriction_classes = "later";
		x.w.o.site = class_value;
		x.w.o.lists[LIST_RECIPIENT] = failure_cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), failure_cases[i].want);
		assert_string_equal(facts(&x), "probe=failed:secret_42");
		assert_int_equal(x.w.txn.verdict.hold, failure_cases[i].hold);
		assert_int_equal(x.w.txn.verdict.hold_failed, failure_cases[i].hold);
		assert_int_equal(x.w.txn.verdict.tags.n, failure_cases[i].tags);
		said = rule_world_said(&x.w);
		assert_non_null(strstr(said, "WARNING filterd/smtp"));
		assert_non_null(
		    strstr(said, "probe could not be checked: secret 42; on_failure = "));
		/* once, however many items fail so */
		assert_null(
		    strstr(strstr(said, "secret 42; on_failure") + 1, "secret 42; on_failure"));
		end(&x);
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
		struct world x;

		begin(&x);
		x.plugin.on_failure = FAILURE_ACCEPT;
		x.w.o.lists[LIST_RECIPIENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "dunno");
		assert_string_equal(facts(&x), cases[i].want);
		(void)rule_world_said(&x.w);
		end(&x);
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
		struct world x;

		begin(&x);
		x.w.deadline_ms = -1000;
		x.w.o.lists[LIST_RECIPIENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), cases[i].want);
		assert_string_equal(facts(&x), cases[i].facts);
		(void)rule_world_said(&x.w);
		end(&x);
	}
}

/* Before MAIL nothing can be held or marked. */
static void
test_failure_early(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
	x.plugin.on_failure = FAILURE_HOLD;
	x.w.o.smtpd_delay_reject = 0;
	x.w.o.lists[LIST_CLIENT] = "probe fail";
	x.w.o.lists[LIST_HELO] = "{ probe fail, on_failure = tag }";
	assert_int_equal(rule_world_compile(&x.w), 0);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONNECT), UNAVAILABLE);
	assert_string_equal(rule_world_ask(&x.w, RULE_HELO), UNAVAILABLE);
	(void)rule_world_said(&x.w);
	end(&x);
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
	    "reject_probe has no meaning in smtpd_recipient_restrictions: it never decides\n",
	    0 },
	{ LIST_END_OF_DATA, "reject_probe", "", 0 },
	{ LIST_END_OF_DATA, "reject_probe",
	    "warning smtpd_end_of_data_restrictions: reject_probe never decides in "
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
		struct world x;
		int good = strncmp(load_cases[i].want, "error", 5) != 0;

		begin(&x);
		x.w.o.no_message = load_cases[i].no_message;
		x.w.o.lists[load_cases[i].list] = load_cases[i].text;
		assert_int_equal(rule_world_compile(&x.w), good ? 0 : -1);
		assert_string_equal(buf_cstr(&x.w.findings), load_cases[i].want);
		end(&x);
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
		struct world x;

		begin(&x);
		x.plugin.on_failure = FAILURE_ACCEPT;
		x.w.o.tolerant = 1;
		x.w.o.lists[LIST_RECIPIENT] = lists[i];
		assert_int_equal(rule_world_compile(&x.w), 0);
		assert_string_equal(
		    rule_world_ask(&x.w, RULE_RCPT), "451 4.3.5 Server configuration error");
		(void)rule_world_said(&x.w);
		end(&x);
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

/* --- scans --- */

static const char *const two_keys[] = { "Eicar", "Other" };
static struct scan_fact scan_facts[] = {
	{ "seen", "Eicar", NULL },
	{ "probe", "clean", NULL },
	{ "probe", "not_ours", NULL },
};
static struct scan_count scan_counts[] = { { "probe_scanned", 2 } };

/* Two recipients' lists and the end-of-data list before them: one session, one scan. */
static void
test_scan_once(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
	x.scanner.found = (struct scan_found){ .answer = { .keys = two_keys, .nkeys = 2 },
		.facts = scan_facts,
		.nfacts = 3,
		.counts = scan_counts,
		.ncounts = 1 };
	x.w.o.lists[LIST_END_OF_DATA] = "hold_probe";
	x.w.o.lists[LIST_CONTENT] = "check_probe inline:{Other=TAG}, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	give_message(&x, "Subject: x\r\n\r\ny\r\n");
	rule_world_accept(&x.w);
	rule_world_rcpt(&x.w, "second@local.example");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_END_OF_DATA), "dunno");
	assert_true(x.w.txn.verdict.hold);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "554 5.7.1 Eicar");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "554 5.7.1 Eicar");
	assert_int_equal(x.w.txn.rcpts[0]->verdict.tags.n, 2);
	assert_int_equal(x.scanner.begun, 1);
	assert_int_equal(x.scanner.asked, 1);
	assert_int_equal(x.scanner.ended, 0);
	assert_int_equal(x.scanner.message_len, 17);
	assert_string_equal(facts(&x), "seen=Eicar probe=clean");
	assert_int_equal(counted("probe_scanned"), 2);
	assert_non_null(strstr(rule_world_said(&x.w), "probe=not_ours is none"));
	rules_scan_end(&x.w.txn);
	rules_scan_end(&x.w.txn);
	assert_int_equal(x.scanner.ended, 1);
	/* the next message is another one */
	rule_world_again(&x.w);
	x.scanner.found = (struct scan_found){ 0 };
	x.w.txn.message = x.message;
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_int_equal(x.scanner.asked, 2);
	end(&x);
	assert_int_equal(x.scanner.ended, 2);
}

static void
test_odd_parts(void **state)
{
	static const char *const encodings[] = { "Content-Transfer-Encoding: base64\r\n",
		"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n" };
	static const char *const answers[] = { "550 5.7.1 0",
		"550 5.7.1 text/plain:a.txt:ABC text/plain:a.txt:QUJD 0" };
	char message[200];
	struct world x;

	(void)state;
	begin(&x);
	x.w.o.lists[LIST_CONTENT] = "probe parts";
	assert_int_equal(rule_world_compile(&x.w), 0);
	for (size_t i = 0; i < nitems(encodings); i++) {
		rule_world_again(&x.w);
		snprintf(message, sizeof(message),
		    "Content-Type: text/plain; name=a.txt\r\n%s\r\nQUJD", encodings[i]);
		give_message(&x, message);
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), answers[i]);
		rules_scan_end(&x.w.txn);
	}
	end(&x);
}

/* One that nobody has made ready when it is wanted. */
static void
test_scan_failures(void **state)
{
	static const struct {
		const char *trouble, *failed;
		int none, no_ops;
		const char *fact;
	} cases[] = {
		{ "two scanners died", NULL, 0, 0, "probe=failed:two_scanners_died" },
		{ NULL, "limit", 0, 0, "probe=failed:limit" },
		{ NULL, NULL, 1, 0, "probe=failed:no_scanner_could_be_asked" },
		{ NULL, NULL, 0, 1, "probe=failed:no_scanner_process_here" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct world x;

		begin(&x);
		x.scanner.trouble = cases[i].trouble;
		x.scanner.found.answer.failed = cases[i].failed;
		x.scanner.none = cases[i].none;
		if (cases[i].no_ops)
			x.w.services.scan = NULL;
		x.w.o.lists[LIST_CONTENT] =
		    "{ reject_probe, on_failure = hold }, { reject_probe, on_failure = tag }, "
		    "reject_probe";
		assert_int_equal(rule_world_compile(&x.w), 0);
		give_message(&x, "Subject: x\r\n\r\ny\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), UNAVAILABLE);
		assert_true(x.w.txn.rcpts[0]->verdict.hold);
		assert_int_equal(x.w.txn.rcpts[0]->verdict.tags.n, 1);
		assert_string_equal(facts(&x), cases[i].fact);
		assert_true(x.scanner.asked <= 1);
		(void)rule_world_said(&x.w);
		end(&x);
	}
}

/* What the scan says of its failure is more than that it failed. */
static void
test_scan_better_fact(void **state)
{
	static struct scan_fact fact = { "probe", "timeout", NULL };
	struct world x;

	(void)state;
	begin(&x);
	x.plugin.on_failure = FAILURE_ACCEPT;
	x.scanner.found =
	    (struct scan_found){ .answer = { .failed = "too slow" }, .facts = &fact, .nfacts = 1 };
	x.w.o.lists[LIST_CONTENT] = "reject_probe, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	give_message(&x, "\r\n");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_string_equal(facts(&x), "probe=timeout");
	(void)rule_world_said(&x.w);
	end(&x);
}

/* A row that leads to a content check before there is any content. */
static void
test_too_early(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
	x.w.o.lists[LIST_RECIPIENT] =
	    "check_recipient_access inline:{ {r@local.example=reject_probe, permit} }, reject";
	assert_int_equal(rule_world_compile(&x.w), 0);
	give_message(&x, "half of");
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "ok");
	assert_int_equal(x.scanner.begun, 0);
	assert_non_null(strstr(
	    rule_world_said(&x.w), "reject_probe needs the message, which is not there at RCPT"));
	end(&x);
}

static const struct {
	const char *helo, *name, *addr, *want; /* up to the date */
} received_cases[] = {
	{ "helo.example", "mail.good.example", "192.0.2.10",
	    "Received: from helo.example (mail.good.example [192.0.2.10]) by mx.test with "
	    "ESMTP; " },
	{ "a\r\nX: (b)", "unknown", "2001:db8::1",
	    "Received: from a??X:??b? (unknown [IPv6:2001:db8::1]) by mx.test with ESMTP; " },
	{ NULL, "unknown", "unknown",
	    "Received: from unknown (unknown [unknown]) by mx.test with ESMTP; " },
};

static void
test_received(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(received_cases); i++) {
		struct world x;
		const char *lead;

		begin(&x);
		x.w.o.lists[LIST_CONTENT] = "reject_probe";
		assert_int_equal(rule_world_compile(&x.w), 0);
		rule_world_helo(&x.w, received_cases[i].helo);
		rule_world_client(&x.w, received_cases[i].name, received_cases[i].addr);
		give_message(&x, "\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		lead = x.scanner.lead;
		assert_memory_equal(lead, received_cases[i].want, strlen(received_cases[i].want));
		/* "Sat, 21 Nov 2026 23:03:46 +0000" and the line's end, no other one */
		assert_string_equal(lead + strlen(lead) - 8, " +0000\r\n");
		assert_ptr_equal(strchr(lead, '\r'), lead + strlen(lead) - 2);
		end(&x);
	}
}

static const char *
shown(const struct trace_read *e, char *out, size_t size)
{
	snprintf(out, size, "%.*s%s%.*s%s", (int)e->name.len, (const char *)e->name.p,
	    e->name.len > 0 ? ": " : "", (int)e->answer.len, (const char *)e->answer.p,
	    e->failed ? " (failed)" : "");
	return out;
}

/* What explain has of scans, facts and failures. */
static void
test_trace(void **state)
{
	static const char *const want[] = {
		"probe/look: Eicar Other; failed: half of it (failed)",
		"fact seen=Eicar",
		"fact probe=clean",
		"probe: reject_probe could not be checked: half of it; on_failure = accept",
		"probe/look: Eicar Other; failed: half of it (failed)",
		"probe: reject_probe could not be checked: half of it; on_failure = accept",
	};
	struct trace_reader r = { 0 };
	struct trace_read e;
	struct world x;
	char text[300];
	size_t n = 0;

	(void)state;
	begin(&x);
	x.plugin.on_failure = FAILURE_ACCEPT;
	x.scanner.found =
	    (struct scan_found){ .answer = { .keys = two_keys, .nkeys = 2, .failed = "half of it" },
		    .facts = scan_facts,
		    .nfacts = 2 };
	x.w.o.lists[LIST_CONTENT] = "reject_probe, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	give_message(&x, "\r\n");
	rule_world_accept(&x.w);
	trace_init(&x.w.trace, x.w.arena);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	r.all = span_make(x.w.trace.p, x.w.trace.len);
	while (trace_next(&r, &e) == 1) {
		if (e.kind != TRACE_SCAN && e.kind != TRACE_NOTE)
			continue;
		assert_in_range(n, 0, nitems(want) - 1);
		assert_string_equal(shown(&e, text, sizeof(text)), want[n++]);
	}
	assert_int_equal(n, nitems(want));
	(void)rule_world_said(&x.w);
	end(&x);
}

/* What would come next makes no scan, and uses what one has found. */
static void
test_scan_look_only(void **state)
{
	static const struct {
		const char *list;
		int asked;
	} cases[] = { { "permit, reject_probe", 0 }, { "hold_probe, permit, reject_probe", 1 } };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct world x;

		begin(&x);
		x.scanner.found.answer =
		    (struct filterd_scan_answer){ .keys = two_keys, .nkeys = 1 };
		x.w.o.lists[LIST_CONTENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		give_message(&x, "\r\n");
		rule_world_accept(&x.w);
		trace_init(&x.w.trace, x.w.arena);
		x.w.trace.go_on = 1;
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "ok");
		assert_int_equal(x.scanner.asked, cases[i].asked);
		assert_string_equal(facts(&x), "");
		(void)rule_world_said(&x.w);
		end(&x);
	}
}

/* --- rows of a table --- */

#define NO_PREFIX "554 5.7.1 "

static const struct {
	const char *value, *want;
	const char *effect; /* of the recipient: "hold TEXT", ...; NULL: none */
} apply_cases[] = {
	{ "REJECT", NO_PREFIX "Message content rejected", NULL },
	{ "REJECT infected", NO_PREFIX "infected", NULL },
	{ "REJECT 5.1.1 infected", "554 5.1.1 infected", NULL },
	{ "DEFER", "450 4.7.1 Message content rejected", NULL },
	{ "DEFER later", "450 4.7.1 later", NULL },
	{ "550 5.7.8 infected", "550 5.7.8 infected", NULL },
	{ "450 infected", "450 4.7.1 infected", NULL },
	{ "550", "550 5.7.1 Message content rejected", NULL }, /* OK in access(5) */
	{ "0", "ok", NULL },
	{ "OK", "ok", NULL },
	{ "DUNNO", "554 5.7.1 Eicar", NULL }, /* the next item */
	{ "clean", "ok", NULL },
	{ "dirty", "554 5.7.1 Access denied", NULL },
	{ "DEFER_IF_PERMIT later", "554 5.7.1 Eicar", NULL },
	{ "HOLD odd", "554 5.7.1 Eicar", "hold odd" },
	{ "TAG odd", "554 5.7.1 Eicar", "tag odd" },
	{ "BCC a@b.example", "554 5.7.1 Eicar", "bcc a@b.example" },
	{ "REDIRECT a@b.example", "554 5.7.1 Eicar", "redirect a@b.example" },
	{ "PREPEND X-V: 1", "554 5.7.1 Eicar", "prepend X-V: 1" },
	{ "DISCARD quiet", "ok", "discard quiet" },
	{ "", "451 4.3.5 Server configuration error", NULL },
};

static const char *
apply_class(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	(void)where;
	return strcmp(name, "clean") == 0 ? "permit" : strcmp(name, "dirty") == 0 ? "reject" : NULL;
}

static void
format_effect(const struct verdict *v, struct buf *b)
{
	buf_reset(b);
	if (v->hold)
		buf_printf(b, "hold %s", v->hold_reason);
	if (v->discard)
		buf_printf(b, "discard %s", v->discard_reason);
	if (v->tags.n > 0)
		buf_printf(b, "tag %s", v->tags.v[0].arg);
	if (v->bcc.n > 0)
		buf_printf(b, "bcc %s", v->bcc.v[0].arg);
	if (v->redirect.arg != NULL)
		buf_printf(b, "redirect %s", v->redirect.arg);
	if (v->prepends.n > 0)
		buf_printf(b, "prepend %s", v->prepends.v[0].arg);
}

static void
test_apply(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(apply_cases); i++) {
		struct world x;
		struct buf effect = { 0 };
		char list[300];

		begin(&x);
		snprintf(list, sizeof(list), "check_probe inline:{ { Eicar = %s } }, reject_probe",
		    apply_cases[i].value);
		x.scanner.found.answer =
		    (struct filterd_scan_answer){ .keys = two_keys, .nkeys = 1 };
		x.w.o.smtpd_restriction_classes = "clean, dirty";
		x.w.o.site = apply_class;
		x.w.o.lists[LIST_CONTENT] = list;
		if (apply_cases[i].value[0] == '\0')
			x.w.o.lists[LIST_CONTENT] = "check_probe static:{}, reject_probe";
		assert_int_equal(rule_world_compile(&x.w), 0);
		give_message(&x, "\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), apply_cases[i].want);
		format_effect(&x.w.txn.rcpts[0]->verdict, &effect);
		assert_string_equal(
		    buf_cstr(&effect), apply_cases[i].effect == NULL ? "" : apply_cases[i].effect);
		(void)rule_world_said(&x.w);
		buf_fini(&effect);
		end(&x);
	}
}

static void
test_table_failed(void **state)
{
	struct world x;

	(void)state;
	begin(&x);
	x.plugin.on_failure = FAILURE_ACCEPT; /* that is for what the plugin does */
	x.scanner.found.answer = (struct filterd_scan_answer){ .keys = two_keys, .nkeys = 2 };
	x.w.o.lists[LIST_CONTENT] = "check_probe fail:down, permit";
	assert_int_equal(rule_world_compile(&x.w), 0);
	give_message(&x, "\r\n");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT),
	    "451 4.3.0 <r@local.example>: Temporary lookup failure");
	assert_non_null(strstr(rule_world_said(&x.w), "fail:down"));
	end(&x);
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
		cmocka_unit_test(test_scan_once),
		cmocka_unit_test(test_odd_parts),
		cmocka_unit_test(test_scan_failures),
		cmocka_unit_test(test_scan_better_fact),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_scan_look_only),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_table_failed),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
