/* Scans of a plugin, what is handed to them, and rows of tables about the content. */
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

/* --- scans --- */

static const char *const two_keys[] = { "Eicar", "Other" };
static struct scan_fact scan_facts[] = {
	{ "seen", "Eicar", NULL },
	{ "probe", "clean", NULL },
	{ "probe", "not_ours", NULL },
};
static struct scan_count scan_counts[] = { { "probe_scanned", 2 }, { "probe_not_ours", 3 } };

/* Two recipients' lists and the end-of-data list before them: one session, one scan. */
static void
test_scan_once(void **state)
{
	struct plugin_world x;
	const char *said;

	(void)state;
	plugin_world_init(&x);
	x.scanner.found = (struct scan_found){ .answer = { .keys = two_keys, .nkeys = 2 },
		.facts = scan_facts,
		.nfacts = 3,
		.counts = scan_counts,
		.ncounts = 2 };
	x.w.o.lists[LIST_END_OF_DATA] = "hold_probe";
	x.w.o.lists[LIST_CONTENT] = "check_probe inline:{Other=TAG}, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	plugin_world_message(&x, "Subject: x\r\n\r\ny\r\n");
	rule_world_accept(&x.w);
	rule_world_rcpt(&x.w, "second@local.example");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_END_OF_DATA), "dunno");
	assert_true(x.w.txn.verdict.hold);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "554 5.7.1 Eicar");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "554 5.7.1 Eicar");
	assert_int_equal(x.w.txn.rcpts[0]->verdict.tags.n, 1); /* asked twice, tagged once */
	assert_int_equal(x.scanner.begun, 1);
	assert_int_equal(x.scanner.asked, 1);
	assert_int_equal(x.scanner.ended, 0);
	assert_int_equal(x.scanner.message_len, 17);
	assert_string_equal(plugin_world_facts(&x), "seen=Eicar probe=clean");
	assert_int_equal(plugin_world_counted("probe_scanned"), 2);
	assert_int_equal(plugin_world_counted("probe_not_ours"), -1);
	said = rule_world_said(&x.w);
	assert_non_null(strstr(said, "probe=not_ours is none"));
	assert_non_null(strstr(said, "probe_not_ours is none"));
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
	plugin_world_fini(&x);
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
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.w.o.lists[LIST_CONTENT] = "probe parts";
	assert_int_equal(rule_world_compile(&x.w), 0);
	for (size_t i = 0; i < nitems(encodings); i++) {
		rule_world_again(&x.w);
		snprintf(message, sizeof(message),
		    "Content-Type: text/plain; name=a.txt\r\n%s\r\nQUJD", encodings[i]);
		plugin_world_message(&x, message);
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), answers[i]);
		rules_scan_end(&x.w.txn);
	}
	plugin_world_fini(&x);
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
		struct plugin_world x;

		plugin_world_init(&x);
		x.scanner.trouble = cases[i].trouble;
		x.scanner.found.answer.failed = cases[i].failed;
		x.scanner.none = cases[i].none;
		if (cases[i].no_ops)
			x.w.services.scan = NULL;
		x.w.o.lists[LIST_CONTENT] =
		    "{ reject_probe, on_failure = hold }, { reject_probe, on_failure = tag }, "
		    "reject_probe";
		assert_int_equal(rule_world_compile(&x.w), 0);
		plugin_world_message(&x, "Subject: x\r\n\r\ny\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), UNAVAILABLE);
		assert_true(x.w.txn.rcpts[0]->verdict.hold);
		assert_int_equal(x.w.txn.rcpts[0]->verdict.tags.n, 1);
		assert_string_equal(plugin_world_facts(&x), cases[i].fact);
		assert_true(x.scanner.asked <= 1);
		(void)rule_world_said(&x.w);
		plugin_world_fini(&x);
	}
}

/* What the scan says of its failure is more than that it failed. */
static void
test_scan_better_fact(void **state)
{
	static struct scan_fact fact = { "probe", "timeout", NULL };
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.plugin.on_failure = FAILURE_ACCEPT;
	x.scanner.found =
	    (struct scan_found){ .answer = { .failed = "too slow" }, .facts = &fact, .nfacts = 1 };
	x.w.o.lists[LIST_CONTENT] = "reject_probe, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	plugin_world_message(&x, "\r\n");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_string_equal(plugin_world_facts(&x), "probe=timeout");
	(void)rule_world_said(&x.w);
	plugin_world_fini(&x);
}

/* A row that leads to a content check before there is any content: nothing was found out. */
static void
test_too_early(void **state)
{
	static const struct {
		enum rule_failure on_failure;
		const char *want, *told;
	} cases[] = {
		{ FAILURE_DEFER, UNAVAILABLE, "not there at RCPT; on_failure = defer" },
		{ FAILURE_HOLD, "ok", "not there at RCPT; on_failure = hold" },
		{ FAILURE_ACCEPT, "ok", "not there at RCPT; on_failure = accept" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct plugin_world x;

		plugin_world_init(&x);
		x.plugin.on_failure = cases[i].on_failure;
		x.w.o.lists[LIST_RECIPIENT] = "check_recipient_access "
					      "inline:{ {r@local.example=reject_probe, permit} }, "
					      "reject";
		assert_int_equal(rule_world_compile(&x.w), 0);
		plugin_world_message(&x, "half of");
		assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), cases[i].want);
		assert_int_equal(x.scanner.begun, 0);
		assert_string_equal(plugin_world_facts(&x),
		    "probe=failed:it_needs_the_message,_which_is_not_there_at_RCPT");
		assert_int_equal(x.w.txn.verdict.hold_failed, cases[i].on_failure == FAILURE_HOLD);
		assert_non_null(strstr(rule_world_said(&x.w), cases[i].told));
		plugin_world_fini(&x);
	}
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
		struct plugin_world x;
		const char *lead;

		plugin_world_init(&x);
		x.w.o.lists[LIST_CONTENT] = "reject_probe";
		assert_int_equal(rule_world_compile(&x.w), 0);
		rule_world_helo(&x.w, received_cases[i].helo);
		rule_world_client(&x.w, received_cases[i].name, received_cases[i].addr);
		plugin_world_message(&x, "\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		lead = x.scanner.lead;
		assert_memory_equal(lead, received_cases[i].want, strlen(received_cases[i].want));
		/* "Sat, 21 Nov 2026 23:03:46 +0000" and the line's end, no other one */
		assert_string_equal(lead + strlen(lead) - 8, " +0000\r\n");
		assert_ptr_equal(strchr(lead, '\r'), lead + strlen(lead) - 2);
		plugin_world_fini(&x);
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
	struct plugin_world x;
	char text[300];
	size_t n = 0;

	(void)state;
	plugin_world_init(&x);
	x.plugin.on_failure = FAILURE_ACCEPT;
	x.scanner.found =
	    (struct scan_found){ .answer = { .keys = two_keys, .nkeys = 2, .failed = "half of it" },
		    .facts = scan_facts,
		    .nfacts = 2 };
	x.w.o.lists[LIST_CONTENT] = "reject_probe, reject_probe";
	assert_int_equal(rule_world_compile(&x.w), 0);
	plugin_world_message(&x, "\r\n");
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
	plugin_world_fini(&x);
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
		struct plugin_world x;

		plugin_world_init(&x);
		x.scanner.found.answer =
		    (struct filterd_scan_answer){ .keys = two_keys, .nkeys = 1 };
		x.w.o.lists[LIST_CONTENT] = cases[i].list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		plugin_world_message(&x, "\r\n");
		rule_world_accept(&x.w);
		trace_init(&x.w.trace, x.w.arena);
		x.w.trace.go_on = 1;
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "ok");
		assert_int_equal(x.scanner.asked, cases[i].asked);
		assert_string_equal(plugin_world_facts(&x), "");
		(void)rule_world_said(&x.w);
		plugin_world_fini(&x);
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
		struct plugin_world x;
		struct buf effect = { 0 };
		char list[300];

		plugin_world_init(&x);
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
		plugin_world_message(&x, "\r\n");
		rule_world_accept(&x.w);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), apply_cases[i].want);
		format_effect(&x.w.txn.rcpts[0]->verdict, &effect);
		assert_string_equal(
		    buf_cstr(&effect), apply_cases[i].effect == NULL ? "" : apply_cases[i].effect);
		(void)rule_world_said(&x.w);
		buf_fini(&effect);
		plugin_world_fini(&x);
	}
}

static void
test_table_failed(void **state)
{
	struct plugin_world x;

	(void)state;
	plugin_world_init(&x);
	x.plugin.on_failure = FAILURE_ACCEPT; /* that is for what the plugin does */
	x.scanner.found.answer = (struct filterd_scan_answer){ .keys = two_keys, .nkeys = 2 };
	x.w.o.lists[LIST_CONTENT] = "check_probe fail:down, permit";
	assert_int_equal(rule_world_compile(&x.w), 0);
	plugin_world_message(&x, "\r\n");
	rule_world_accept(&x.w);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT),
	    "451 4.3.0 <r@local.example>: Temporary lookup failure");
	assert_non_null(strstr(rule_world_said(&x.w), "fail:down"));
	plugin_world_fini(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
