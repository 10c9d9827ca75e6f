/* score_if_reject, SCORE and what a score brings about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/score.h"
#include "tests/lib/rule_world.h"

#define DENIED "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied"
#define LATER  "450 4.3.2 <r@local.example>: Recipient address rejected: Try again later"
#define CONFIG "451 4.3.5 Server configuration error"
#define HIGH   "554 5.7.1 Message score too high"

static const struct {
	const char *list;    /* content_restrictions */
	const char *answer;  /* for r@local.example */
	const char *score;   /* its own */
	const char *effects; /* of its own */
} cases[] = {
	{ "score_if_reject 2.5 reject", "dunno", "2.5 reject=2.5", "" },
	{ "score_if_reject 2.5 defer", "dunno", "2.5 defer=2.5", "" },
	{ "score_if_reject -1 reject", "dunno", "-1 reject=-1", "" },
	{ "score_if_reject 1 permit", "ok", "", "" },
	{ "score_if_reject 1 reject_unauth_destination, reject", DENIED, "", "" },
	{ "score_if_reject 1 reject, score_if_reject 1 defer", "dunno", "2 defer=1 reject=1", "" },
	/* of the item behind it, and no other */
	{ "score_if_reject 1 reject, defer", LATER, "1 reject=1", "" },
	/* as in the log of a trial: nothing is added */
	{ "warn_if_reject score_if_reject 1 reject", "dunno", "", "" },
	{ "score_if_reject 1 warn_if_reject reject", "dunno", "", "" },
	{ "score_if_reject 1 warner, reject", DENIED, "", "" },
	/* deferrals that wait would defer: points, and nothing waits */
	{ "score_if_reject 3 defer_if_permit", "dunno", "3 defer_if_permit=3", "" },
	{ "score_if_reject 3 defer_if_reject, reject",
	    "450 4.7.0 <r@local.example>: Recipient "
	    "address rejected: defer_if_reject requested",
	    "", "" },
	{ "defer_if_reject, score_if_reject 3 reject", "dunno", "3 reject=3", "" },
	/* classes: the first refusal is the end of them, and gives the points */
	{ "score_if_reject 2 strict, defer", LATER, "2 strict=2", "" },
	{ "score_if_reject 2 twice", "dunno", "2 twice=2", "" },
	{ "score_if_reject 2 outer", "dunno", "2 outer=2", "" },
	{ "score_if_reject 2 inner, defer", LATER, "0.5 reject=0.5", "" }, /* its own counts */
	{ "score_if_reject 2 mixed", "dunno", "2.5 mixed=2 reject=0.5", "" },
	{ "score_if_reject 2 friendly, reject", "ok", "", "" },
	{ "inner", "dunno", "0.5 reject=0.5", "" },
	/* tables */
	/* of points that were there when it was loaded such a row would have been refused */
	{ "check_recipient_access inline:{{r@local.example=SCORE $1}}", "dunno", "", "" },
	{ "check_recipient_access inline:{{r@local.example=SCORE 2}}", "dunno",
	    "2 check_recipient_access=2", "" },
	{ "check_recipient_access inline:{{r@local.example=score -2.25 some words}}", "dunno",
	    "-2.25 some_words=-2.25", "" },
	{ "check_recipient_access inline:{{r@local.example=SCORE 2$1}}", "dunno", "", "" },
	{ "check_recipient_access inline:{{r@local.example=SCORE 1 a}}, "
	  "check_sender_access inline:{{s@from.example=SCORE 2 b}}",
	    "dunno", "3 b=2 a=1", "" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=REJECT}}", "dunno",
	    "4 check_recipient_access=4", "" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=550 x}}", "dunno",
	    "4 check_recipient_access=4", "" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=DEFER_IF_PERMIT}}",
	    "dunno", "4 check_recipient_access=4", "" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=HOLD}}", "dunno", "",
	    "hold:" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=strict}}", "dunno",
	    "4 check_recipient_access=4", "" },
	{ "check_recipient_access inline:{{r@local.example=score_if_reject 4 reject}}", "dunno",
	    "4 reject=4", "" },
	/* a row may carry the limits */
	{ "score_if_reject 4 reject, check_recipient_access inline:{{r@local.example=tag_if_score "
	  "3, reject_if_score 8}}, reject",
	    DENIED, "4 reject=4", "tag:score 4, tag_if_score 3" },
	{ "score_if_reject 9 reject, check_recipient_access inline:{{r@local.example=tag_if_score "
	  "3, reject_if_score 8}}",
	    HIGH, "9 reject=9", "tag:score 9, tag_if_score 3" },
	{ "score_if_reject 4 reject, check_recipient_access inline:{{q@local.example=tag_if_score "
	  "3}}",
	    "dunno", "4 reject=4", "" },
	/* what could not be found out gives no points, and keeps its answer */
	{ "score_if_reject 4 check_recipient_access fail:retry",
	    "451 4.3.5 <r@local.example>: Recipient address rejected: Server configuration error",
	    "", "" },
	{ "score_if_reject 4 check_recipient_access inline:{{r@local.example=nonsense$1}}", CONFIG,
	    "", "" },
	{ "score_if_reject 4 reject_unknown_sender_domain",
	    "450 4.1.8 <s@from.example>: Sender address rejected: Domain not found", "", "" },
	{ "score_if_reject 4 reject_unverified_sender",
	    "450 4.1.7 <s@from.example>: Sender address rejected: address verification problem", "",
	    "" },
	/* limits */
	{ "tag_if_score 0", "dunno", "", "tag:score 0, tag_if_score 0" },
	{ "tag_if_score 0.001", "dunno", "", "" },
	{ "score_if_reject 2.5 reject, tag_if_score 2.5", "dunno", "2.5 reject=2.5",
	    "tag:score 2.5, tag_if_score 2.5" },
	{ "score_if_reject 2.5 reject, tag_if_score 2.501", "dunno", "2.5 reject=2.5", "" },
	{ "score_if_reject -3 reject, tag_if_score -2", "dunno", "-3 reject=-3", "" },
	{ "score_if_reject -1 reject, tag_if_score -2", "dunno", "-1 reject=-1",
	    "tag:score -1, tag_if_score -2" },
	{ "score_if_reject 5 reject, tag_if_score 2, hold_if_score 4, defer", LATER, "5 reject=5",
	    "hold:score 5, hold_if_score 4tag:score 5, tag_if_score 2" },
	{ "score_if_reject 5 reject, reject_if_score 5, defer", HIGH, "5 reject=5", "" },
	{ "score_if_reject 5 reject, reject_if_score 6, defer", LATER, "5 reject=5", "" },
	{ "score_if_reject 5 reject, defer_if_score 5, reject",
	    "450 4.7.1 Message score too high, try again later", "5 reject=5", "" },
	{ "score_if_reject 5 reject, discard_if_score 5, reject", "ok", "5 reject=5",
	    "discard:score 5, discard_if_score 5" },
	{ "score_if_reject 5 reject, discard_if_score 6, hold_if_score 6, defer_if_score 6",
	    "dunno", "5 reject=5", "" },
	/* the points of a limit are asked for where it stands */
	{ "reject_if_score 5, score_if_reject 5 reject", "dunno", "5 reject=5", "" },
	{ "score_if_reject 5 reject, score_if_reject 1 reject_if_score 5, reject_if_score 6", HIGH,
	    "6 reject=5 reject_if_score=1", "" },
	{ "score_if_reject 5 reject, warn_if_reject reject_if_score 5", "dunno", "5 reject=5", "" },
	/* texts */
	{ "{ tag_if_score 0, text = some tag }", "dunno", "", "tag:some tag" },
	{ "{ hold_if_score 0, text = look, please }", "dunno", "", "hold:look, please" },
	{ "{ discard_if_score 0, text = gone }", "ok", "", "discard:gone" },
	{ "{ reject_if_score 0, text = No, thank you }", "554 5.7.1 No, thank you", "", "" },
	{ "{ reject_if_score 0 text=5.6.0 No }", "554 5.6.0 No", "", "" },
	{ "{ reject_if_score 0, text = 550 5.7.1 No = no }", "550 5.7.1 No = no", "", "" },
	{ "{ reject_if_score 0, text = 521 No }", "521 5.7.1 No", "", "" },
	{ "{ defer_if_score 0, text = 421 4.2.0 No }", "421 4.2.0 No", "", "" },
	{ "{ defer_if_score 0, text = 4.2.0 No }", "450 4.2.0 No", "", "" },
};

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	static const char *const classes[][2] = {
		{ "strict", "reject" },
		{ "twice", "reject, defer" },
		{ "outer", "strict, reject" },
		{ "inner", "score_if_reject 0.5 reject" },
		{ "mixed", "score_if_reject 0.5 reject, defer" },
		{ "friendly", "permit, reject" },
		{ "warner", "warn_if_reject reject" },
	};

	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	for (size_t i = 0; i < nitems(classes); i++)
		if (strcmp(classes[i][0], name) == 0)
			return classes[i][1];
	return NULL;
}

static void
world(struct rule_world *w, enum rule_list_id id, const char *list)
{
	rule_world_init(w);
	w->o.smtpd_restriction_classes = "strict twice outer inner mixed friendly warner";
	w->o.site = site;
	w->o.lists[id] = list;
	w->o.unknown_address_tempfail_action = "defer";
	w->o.unverified_sender_tempfail_action = "defer";
	assert_int_equal(rule_world_compile(w), 0);
}

static const char *
shown(const struct verdict *v, struct buf *out)
{
	buf_reset(out);
	if (v->hold)
		buf_printf(out, "hold:%s", v->hold_reason);
	if (v->discard)
		buf_printf(out, "discard:%s", v->discard_reason);
	for (size_t i = 0; i < v->tags.n; i++)
		buf_printf(out, "tag:%s", v->tags.v[i].arg);
	return buf_cstr(out);
}

static const char *
score(const struct verdict *v, struct buf *out)
{
	buf_reset(out);
	score_format(&v->score, NULL, out);
	return buf_cstr(out);
}

static void
test_content(void **state)
{
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct rule_world w;
		const struct verdict *v;

		world(&w, LIST_CONTENT, cases[i].list);
		rule_world_accept(&w);
		assert_string_equal(rule_world_ask(&w, RULE_CONTENT), cases[i].answer);
		v = &w.txn.rcpts[0]->verdict;
		assert_string_equal(score(v, &out), cases[i].score);
		assert_string_equal(shown(v, &out), cases[i].effects);
		/* A recipient's is nobody else's. */
		assert_string_equal(score(&w.txn.verdict, &out), "");
		rule_world_fini(&w);
		(void)rule_world_said(&w);
		buf_fini(&w.out);
	}
	buf_fini(&out);
}

/* The message's points count for every recipient, and beside the recipient's own. */
static void
test_whole_message(void **state)
{
	struct rule_world w;
	struct buf out = { 0 };

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CLIENT] = "score_if_reject 1.5 reject";
	w.o.lists[LIST_RECIPIENT] =
	    "check_recipient_access inline:{{a@local.example=SCORE 1 a},{b@local.example=SCORE 1 "
	    "b}}, tag_if_score 3";
	w.o.lists[LIST_CONTENT] = "score_if_reject 1 reject, tag_if_score 4.5";
	assert_int_equal(rule_world_compile(&w), 0);
	for (int i = 0; i < 2; i++) { /* a's rule meets it twice, and so does the client's */
		rule_world_rcpt(&w, "a@local.example");
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
		assert_string_equal(score(&w.txn.verdict, &out), "2.5 reject=1.5 a=1");
		rule_world_accept(&w);
	}
	assert_string_equal(shown(&w.txn.verdict, &out), "");
	rule_world_rcpt(&w, "b@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_string_equal(score(&w.txn.verdict, &out), "3.5 reject=1.5 a=1 b=1");
	assert_string_equal(shown(&w.txn.verdict, &out), "tag:score 3.5, tag_if_score 3");
	assert_string_equal(rule_world_ask(&w, RULE_CONTENT), "dunno");
	assert_string_equal(score(&w.txn.rcpts[0]->verdict, &out), "1 reject=1");
	assert_string_equal(
	    shown(&w.txn.rcpts[0]->verdict, &out), "tag:score 4.5, tag_if_score 4.5");
	rule_world_fini(&w);
	buf_fini(&out);
}

/* Before MAIL there is no message that points could be given. */
static void
test_too_early(void **state)
{
	struct rule_world w;
	struct buf out = { 0 };

	(void)state;
	rule_world_init(&w);
	w.o.smtpd_delay_reject = 0;
	w.o.lists[LIST_CLIENT] = "score_if_reject 2 reject, check_client_access inline:{{"
				 "192.0.2.10=SCORE 1}}, tag_if_score 0";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_non_null(strstr(buf_cstr(&w.findings), "warning smtpd_client_restrictions: "
						      "score_if_reject 2 never decides"));
	assert_string_equal(rule_world_ask(&w, RULE_CONNECT), "dunno");
	assert_string_equal(score(&w.txn.verdict, &out), "");
	assert_int_equal(w.txn.verdict.tags.n, 0);
	assert_non_null(strstr(rule_world_said(&w), "with smtpd_delay_reject = no"));
	rule_world_fini(&w);
	buf_fini(&out);
}

/* What would come behind a decision changes nothing, but knows the points so far. */
static void
test_looking_on(void **state)
{
	struct rule_world w;
	struct buf out = { 0 };
	struct trace_reader reader;
	struct trace_read e;
	int found = 0;

	(void)state;
	world(&w, LIST_CONTENT,
	    "score_if_reject 1 reject, defer, score_if_reject 2 strict, reject_if_score 3");
	rule_world_accept(&w);
	trace_init(&w.trace, w.arena);
	w.trace.go_on = 1;
	assert_string_equal(rule_world_ask(&w, RULE_CONTENT), LATER);
	assert_string_equal(score(&w.txn.rcpts[0]->verdict, &out), "1 reject=1");
	reader = (struct trace_reader){ .all = span_make(w.trace.p, w.trace.len) };
	while (trace_next(&reader, &e) == 1)
		found += e.kind == TRACE_NOTE && span_eq_str(e.answer, "score 3 strict=2 reject=1");
	assert_int_equal(found, 1);
	rule_world_fini(&w);
	buf_fini(&out);
}

/* Protection that only gives points is none. */
static void
test_no_protection(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.is_mta = 1;
	w.o.lists[LIST_RECIPIENT] = "score_if_reject 5 reject_unauth_destination";
	assert_int_equal(rule_world_compile(&w), -1);
	assert_non_null(strstr(buf_cstr(&w.findings), "keeps strangers from relaying"));
	rule_world_fini(&w);
}

static const struct {
	const char *list, *finding;
} faults[] = {
	{ "score_if_reject", "must be followed by a number of points" },
	{ "score_if_reject 5", "score_if_reject 5 must be followed by a restriction" },
	{ "score_if_reject five reject", "score_if_reject five: must be a number of points" },
	{ "score_if_reject reject", "score_if_reject reject: must be a number of points" },
	{ "tag_if_score", "must be followed by a number of points" },
	{ "tag_if_score 1.2345", "must be a number of points" },
	{ "{ score_if_reject 5, text = x }",
	    "score_if_reject 5 must stand in front of the braces" },
	{ "{ reject_if_score 5, text = }", "there must be a text" },
	{ "{ reject_if_score 5, text = 450 4.7.1 x }", "the code does not fit" },
	{ "{ reject_if_score 5, text = 4.7.1 x }", "the enhanced code does not fit" },
	{ "{ defer_if_score 5, text = 450 5.7.1 x }", "the enhanced code does not fit" },
	{ "{ reject, text = x }", "it takes no text" },
	{ "{ reject_if_score 5, on_failure = hold }", "it has no on_failure" },
	{ "{ reject_if_score 5 }", "must end with on_failure = VALUE" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(faults); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_CONTENT] = faults[i].list;
		assert_int_equal(rule_world_compile(&w), -1);
		if (strstr(buf_cstr(&w.findings), faults[i].finding) == NULL)
			fail_msg("%s: %s", faults[i].list, buf_cstr(&w.findings));
		rule_world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_whole_message),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_looking_on),
		cmocka_unit_test(test_no_protection),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
