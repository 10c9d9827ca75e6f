#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "core/transaction.h"
#include "front/policy_answer.h"

struct world {
	struct arena *a;
	struct transaction t;
	struct verdict v;
	struct policy_question q;
};

static void
open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->a = arena_new();
	transaction_init(&w->t, w->a);
	verdict_init(&w->v, w->a);
	w->q = (struct policy_question){ .txn = &w->t,
		.stage = "RCPT",
		.recipient = "you@example.org",
		.subject = "you@example.org",
		.rejects = "Recipient address",
		.permit_action = "DUNNO" };
}

static const struct origin rule = { .list = "smtpd_recipient_restrictions" };

static const struct {
	int code;
	const char *enhanced, *text;
	enum deferral_kind deferral;
	const char *action, *verb;
} refusals[] = {
	/* what Postfix says itself is not said twice, */
	{ 554, "5.7.1", "<you@example.org>: Recipient address rejected: Access denied",
	    DEFERRAL_NONE, "554 5.7.1 Access denied", "reject" },
	{ 554, "5.7.1", "<you@example.org>: Relay access denied", DEFERRAL_NONE,
	    "554 5.7.1 Relay access denied", "reject" },
	/* and what is about somebody else is. */
	{ 450, "4.1.8", "<me@x.example>: Sender address rejected: Domain not found", DEFERRAL_NONE,
	    "450 4.1.8 <me@x.example>: Sender address rejected: Domain not found", "defer" },
	{ 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using x",
	    DEFERRAL_NONE, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using x",
	    "reject" },
	{ 550, "5.7.1", "<you@example.org>: Sender address rejected: no", DEFERRAL_NONE,
	    "550 5.7.1 Sender address rejected: no", "reject" },
	{ 550, "5.7.1", "<you@example.org>: Recipient address rejected: ", DEFERRAL_NONE,
	    "550 5.7.1 <you@example.org>: Recipient address rejected: ", "reject" },
	{ 421, "4.3.5", "", DEFERRAL_NONE, "421 4.3.5 ", "defer" },
	{ 450, "4.7.1", "<you@example.org>: Recipient address rejected: later", DEFERRAL_IF_PERMIT,
	    "DEFER_IF_PERMIT 4.7.1 later", "defer_if_permit" },
	{ 450, "4.7.1", "<me@x>: Sender address rejected: later", DEFERRAL_IF_REJECT,
	    "DEFER_IF_REJECT 4.7.1 <me@x>: Sender address rejected: later", "defer_if_reject" },
};

static void
test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(refusals); i++) {
		struct policy_answer a;
		struct world w;

		open_world(&w);
		if (refusals[i].deferral == DEFERRAL_NONE) {
			verdict_refuse(
			    &w.v, refusals[i].code, refusals[i].enhanced, refusals[i].text, rule);
		} else {
			w.v.deferral = refusals[i].deferral;
			w.v.code = refusals[i].code;
			snprintf(w.v.enhanced, sizeof(w.v.enhanced), "%s", refusals[i].enhanced);
			w.v.text = refusals[i].text;
		}
		policy_answer_make(&w.q, &w.v, &a);
		assert_string_equal(a.action, refusals[i].action);
		assert_string_equal(a.verb, refusals[i].verb);
		assert_false(a.is_dunno);
		assert_null(a.left_out);
		arena_free(w.a);
	}
}

/* A refusal after a deferral was named is a refusal. */
static void
test_refused_after_all(void **state)
{
	struct policy_answer a;
	struct world w;

	(void)state;
	open_world(&w);
	w.v.deferral = DEFERRAL_IF_PERMIT;
	verdict_refuse(&w.v, 550, "5.1.1", "User unknown", rule);
	w.t.verdict.hold = 1;
	policy_answer_make(&w.q, &w.v, &a);
	assert_string_equal(a.action, "550 5.1.1 User unknown");
	assert_string_equal(a.verb, "reject");
	assert_null(a.left_out);
	arena_free(w.a);
}

enum {
	F_DISCARD = 1,
	F_HOLD = 2,
	F_FILTER = 4,
	F_REDIRECT = 8,
	F_BCC = 16,
	F_BCC2 = 32,
	F_PREPEND = 64,
	F_DEFER = 128,
	F_TAG = 256,
};

static const struct {
	unsigned have;
	const char *action, *verb, *left_out;
} effect_cases[] = {
	{ F_DISCARD, "DISCARD spam", "discard", NULL },
	{ F_HOLD, "HOLD", "hold", NULL }, /* without a text */
	{ F_FILTER, "FILTER smtp:[x]:25", "filter", NULL },
	{ F_REDIRECT, "REDIRECT r@example.org", "redirect", NULL },
	{ F_BCC, "BCC b1@example.org", "bcc", NULL },
	{ F_PREPEND, "PREPEND X-A: b", "prepend", NULL },
	{ F_PREPEND | F_BCC, "BCC b1@example.org", "bcc", "PREPEND X-A: b" },
	{ F_BCC | F_BCC2, "BCC b1@example.org", "bcc", "BCC b2@example.org" },
	{ F_BCC | F_REDIRECT, "REDIRECT r@example.org", "redirect", "BCC b1@example.org" },
	{ F_REDIRECT | F_FILTER, "FILTER smtp:[x]:25", "filter", "REDIRECT r@example.org" },
	{ F_FILTER | F_HOLD, "HOLD", "hold", "FILTER smtp:[x]:25" },
	{ F_HOLD | F_DISCARD, "DISCARD spam", "discard", "HOLD" },
	{ 127, "DISCARD spam", "discard",
	    "HOLD, FILTER smtp:[x]:25, REDIRECT r@example.org, BCC b1@example.org, "
	    "BCC b2@example.org, PREPEND X-A: b" },
	{ F_TAG, "OK", "permit", "TAG spam" }, /* no action of Postfix's */
	{ F_TAG | F_HOLD, "HOLD", "hold", "TAG spam" },
	{ F_DEFER | F_HOLD, "DEFER_IF_PERMIT 4.7.1 later", "defer_if_permit", "HOLD" },
};

static void
test_effects(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(effect_cases); i++) {
		unsigned have = effect_cases[i].have;
		struct policy_answer a;
		struct verdict *v;
		struct world w;

		open_world(&w);
		v = &w.t.verdict;
		v->discard = (have & F_DISCARD) != 0;
		v->discard_reason = "spam";
		v->hold = (have & F_HOLD) != 0;
		v->hold_reason = "";
		if (have & F_FILTER)
			v->filter.arg = "smtp:[x]:25";
		if (have & F_REDIRECT)
			v->redirect.arg = "r@example.org";
		if (have & F_BCC)
			effect_add(&v->bcc, w.a, "b1@example.org", rule);
		if (have & F_BCC2)
			effect_add(&v->bcc, w.a, "b2@example.org", rule);
		if (have & F_TAG)
			effect_add(&v->tags, w.a, "spam", rule);
		if (have & F_PREPEND)
			effect_add(&v->prepends, w.a, "X-A: b", rule);
		if (have & F_DEFER) {
			w.v.deferral = DEFERRAL_IF_PERMIT;
			snprintf(w.v.enhanced, sizeof(w.v.enhanced), "4.7.1");
			w.v.text = "later";
		}
		/* a permit beside it opens nothing */
		w.v.outcome = OUTCOME_OK;
		w.q.permit_action = "OK";
		policy_answer_make(&w.q, &w.v, &a);
		assert_string_equal(a.action, effect_cases[i].action);
		assert_string_equal(a.verb, effect_cases[i].verb);
		if (effect_cases[i].left_out == NULL)
			assert_null(a.left_out);
		else
			assert_string_equal(a.left_out, effect_cases[i].left_out);
		arena_free(w.a);
	}
}

/* A permit of ours opens nothing unless it is said (PITFALLS B3). */
static void
test_permits(void **state)
{
	static const struct {
		enum outcome outcome;
		const char *permit, *action, *verb;
		int is_dunno;
	} cases[] = {
		{ OUTCOME_DUNNO, "OK", "DUNNO", "dunno", 1 },
		{ OUTCOME_OK, "DUNNO", "DUNNO", "dunno", 1 },
		{ OUTCOME_OK, "dunno", "dunno", "dunno", 1 },
		{ OUTCOME_OK, "OK", "OK", "permit", 0 },
		{ OUTCOME_OK, "permit_auth_destination", "permit_auth_destination", "permit", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct policy_answer a;
		struct world w;

		open_world(&w);
		w.v.outcome = cases[i].outcome;
		w.q.permit_action = cases[i].permit;
		policy_answer_make(&w.q, &w.v, &a);
		assert_string_equal(a.action, cases[i].action);
		assert_string_equal(a.verb, cases[i].verb);
		assert_int_equal(a.is_dunno, cases[i].is_dunno);
		arena_free(w.a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refused_after_all),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
