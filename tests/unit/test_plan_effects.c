/* A plan's steps: the message's own verdict, who shares a step, edits, what is held or copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/plan_world.h"

/* --- the message's own verdict --- */

static const struct {
	enum said all;
	unsigned door;
	enum reject_as as;
	enum fate fate;
	int as_is;
	const char *reason, *decided;
	int class;
} all_cases[] = {
	{ SAID_NOTHING, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 1, NULL, NULL, -1 },
	{ SAID_EDIT, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 1, NULL, NULL, -1 },
	{ SAID_REDIRECT, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_BCC, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_FILTER, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_HOLD, DOOR_ALL, REJECT_AS_REJECT, F_HOLD, 0, "hold: odd", NULL, HOLD_POLICY },
	{ SAID_HOLD, 0, REJECT_AS_REJECT, F_DEFER, 0, "hold: odd", "hold", -1 },
	{ SAID_DISCARD, DOOR_ALL, REJECT_AS_REJECT, F_DISCARD, 0, "discard", NULL, -1 },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_REJECT, F_REJECT, 0, "reject: 550 5.7.1 no", NULL, -1 },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_HOLD, F_HOLD, 0, "reject: 550 5.7.1 no", "reject",
	    HOLD_SPAM },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_DISCARD, F_DISCARD, 0, "reject: 550 5.7.1 no", "reject",
	    -1 },
	/* the same before the queue is what it is */
	{ SAID_REJECT, DOOR_ALL & ~DOOR_AFTER_QUEUE, REJECT_AS_HOLD, F_REJECT, 0,
	    "reject: 550 5.7.1 no", NULL, -1 },
	{ SAID_DEFER, DOOR_ALL, REJECT_AS_HOLD, F_DEFER, 0, "defer: 450 4.7.1 later", NULL, -1 },
	/* a looping message must bounce, not pile up in the store */
	{ SAID_LOOP, DOOR_ALL, REJECT_AS_HOLD, F_REJECT, 0, "reject: 554 5.4.6 too many hops", NULL,
	    -1 },
	/* an MTA with all rights goes on with the message itself, so there is no other way for it;
	 * what is held keeps its effects */
	{ SAID_FILTER, DOOR_MILTER, REJECT_AS_REJECT, F_DEFER, 0,
	    "defer: 451 4.3.5 Server configuration error", "accept", -1 },
	{ SAID_BAD_FILTER, DOOR_MILTER, REJECT_AS_REJECT, F_DEFER, 0,
	    "defer: 451 4.3.5 Server configuration error", "accept", -1 },
	{ SAID_REDIRECT, DOOR_MILTER, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_BCC, DOOR_MILTER, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_HOLD, DOOR_MILTER, REJECT_AS_REJECT, F_HOLD, 0, "hold: odd", NULL, HOLD_POLICY },
	{ SAID_DISCARD, DOOR_MILTER, REJECT_AS_REJECT, F_DISCARD, 0, "discard", NULL, -1 },
	/* without rights to the message, or to the envelope */
	{ SAID_TAG, DOOR_MILTER & ~DOOR_EDIT, REJECT_AS_REJECT, F_DEFER, 0,
	    "defer: 451 4.3.5 Server configuration error", "accept", -1 },
	{ SAID_NOTHING, DOOR_MILTER & ~DOOR_EDIT, REJECT_AS_REJECT, F_DELIVER, 1, NULL, NULL, -1 },
	{ SAID_REDIRECT, DOOR_MILTER & ~DOOR_RCPTS, REJECT_AS_REJECT, F_DEFER, 0,
	    "defer: 451 4.3.5 Server configuration error", "accept", -1 },
	{ SAID_BCC, DOOR_MILTER & ~DOOR_RCPTS, REJECT_AS_REJECT, F_DEFER, 0,
	    "defer: 451 4.3.5 Server configuration error", "accept", -1 },
	{ SAID_HOLD, DOOR_MILTER & ~DOOR_RCPTS, REJECT_AS_REJECT, F_HOLD, 0, "hold: odd", NULL,
	    HOLD_POLICY },
};

static void
test_plan_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(all_cases); i++) {
		struct plan_options o = plan_opts(all_cases[i].door, all_cases[i].as, MIXED_HOLD);
		struct txn_made m;
		struct plan plan;
		int asked = 0;

		txn_make(&m, 2, PLAN_TEXT);
		plan_say(&m.txn.verdict, all_cases[i].all, m.arena);
		plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
		assert_int_equal(plan.nsteps, 1);
		assert_int_equal(plan.steps[0].nrcpts, 2);
		assert_int_equal(plan_fate(&plan.steps[0]), all_cases[i].fate);
		assert_int_equal(plan.as_is, all_cases[i].as_is);
		if (all_cases[i].reason == NULL)
			assert_null(plan.steps[0].reason);
		else
			assert_string_equal(plan.steps[0].reason, all_cases[i].reason);
		if (all_cases[i].decided == NULL)
			assert_null(plan.steps[0].decided);
		else
			assert_string_equal(plan.steps[0].decided, all_cases[i].decided);
		if (all_cases[i].class != -1)
			assert_int_equal(plan.steps[0].class, all_cases[i].class);
		assert_true(asked <= 1); /* one look-up, not one a recipient */
		txn_unmake(&m);
	}
}

/* --- effects --- */

static void
make(struct txn_made *m, struct plan *plan, unsigned door)
{
	struct plan_options o = plan_opts(door, REJECT_AS_HOLD, MIXED_HOLD);
	int asked = 0;

	plan_make(&m->txn, &o, plan_find_hop, &asked, plan);
}

/* At the store's limit viruses go first and failures never, whoever put them there. */
static void
test_plan_hold_class(void **state)
{
	static const struct {
		const char *plugin;
		int failed, class;
	} cases[] = {
		{ NULL, 0, HOLD_POLICY },
		{ "other", 0, HOLD_POLICY },
		{ "clamav", 0, HOLD_VIRUS },
		{ "clamav", 1, HOLD_FAILURE },
		{ "other", 1, HOLD_FAILURE },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct txn_made m;
		struct plan plan;
		struct verdict *v;

		txn_make(&m, 2, PLAN_TEXT);
		v = &m.txn.rcpts[1]->verdict;
		plan_say(v, SAID_HOLD, m.arena);
		v->hold_origin.plugin = cases[i].plugin;
		v->hold_failed = cases[i].failed;
		make(&m, &plan, DOOR_ALL);
		assert_int_equal(plan.nsteps, 2);
		assert_int_equal(plan.steps[1].kind, STEP_HOLD);
		assert_int_equal(plan.steps[1].class, cases[i].class);
		txn_unmake(&m);
	}
}

static void
test_plan_redirect(void **state)
{
	struct origin by = { .list = "header_checks" };
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 3, PLAN_TEXT);
	plan_say(&m.txn.verdict, SAID_REDIRECT, m.arena);
	plan_say(&m.txn.verdict, SAID_BCC, m.arena);
	/* the last redirect wins: this recipient's list ran after the header checks */
	m.txn.rcpts[1]->verdict.redirect = (struct effect_text){ "own@example.net", by };
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 2);
	assert_int_equal(plan.steps[0].nto, 1);
	assert_string_equal(plan.steps[0].to[0], "else@example.net");
	assert_int_equal(plan.steps[0].nrcpts, 2);
	assert_int_equal(plan.steps[0].rcpts[1], 2);
	assert_int_equal(plan.steps[0].nextra, 0); /* redirected with the others */
	assert_string_equal(plan.steps[1].to[0], "own@example.net");
	txn_unmake(&m);
}

static void
test_plan_bcc(void **state)
{
	struct origin by = { .list = "header_checks" };
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 3, PLAN_TEXT);
	plan_say(&m.txn.verdict, SAID_BCC, m.arena);
	plan_say(&m.txn.verdict, SAID_BCC, m.arena); /* one copy all the same */
	plan_say(&m.txn.rcpts[0]->verdict, SAID_HOLD, m.arena);
	effect_add(&m.txn.rcpts[2]->verdict.bcc, m.arena, "third@example.net", by);
	effect_add(&m.txn.rcpts[2]->verdict.bcc, m.arena, "COPY@example.net", by);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 3);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_int_equal(plan.steps[0].nextra, 0); /* the message's goes with a delivery */
	assert_int_equal(plan.steps[1].nextra, 1);
	assert_string_equal(plan.steps[1].extra[0], "copy@example.net");
	assert_int_equal(plan.steps[2].nextra, 2);
	assert_string_equal(plan.steps[2].extra[0], "third@example.net");
	txn_unmake(&m);
}

static void
test_plan_held_effects(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 2, PLAN_TEXT);
	plan_say(&m.txn.verdict, SAID_HOLD, m.arena);
	plan_say(&m.txn.verdict, SAID_BAD_FILTER, m.arena); /* looked up at release */
	plan_say(&m.txn.verdict, SAID_REDIRECT, m.arena);
	plan_say(&m.txn.verdict, SAID_BCC, m.arena);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 1);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_string_equal(plan.steps[0].filter, "uucp:there");
	assert_string_equal(plan.steps[0].redirect, "else@example.net");
	assert_int_equal(plan.steps[0].nextra, 1);
	txn_unmake(&m);
}

static void
test_plan_edits(void **state)
{
	struct txn_made m;
	struct plan plan;
	struct buf got = { 0 };
	struct origin by = { .list = "header_checks" };

	(void)state;
	txn_make(&m, 2, PLAN_TEXT);
	effect_add(&m.txn.verdict.prepends, m.arena, "X-One: 1", by);
	edit_add(&m.txn.verdict.edits, 9, 5, span_str("HELLO"));
	effect_add(&m.txn.rcpts[1]->verdict.tags, m.arena, "", by);
	effect_add(&m.txn.rcpts[1]->verdict.prepends, m.arena, "X-Two: 2", by);
	/* within what the message's rule replaced: that one came first and stays */
	edit_add(&m.txn.rcpts[1]->verdict.edits, 11, 1, span_str("?"));
	/* before a deletion at the same place */
	edit_add(&m.txn.rcpts[1]->verdict.edits, 16, 0, span_str("X-Three: 3\r\n"));
	edit_add(&m.txn.verdict.edits, 16, 6, span_str("Fr0m: "));
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 2);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_string_equal(
	    buf_cstr(&got), "X-One: 1\r\nSubject: HELLO\r\nFr0m: a@example.com\r\n\r\nbody\r\n");
	buf_reset(&got);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[1].edits, plan_collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-One: 1\r\nX-Two: 2\r\nX-Spam-Flag: YES\r\nSubject: HELLO\r\nX-Three: 3\r\n"
	    "Fr0m: a@example.com\r\n\r\nbody\r\n");
	buf_fini(&got);
	txn_unmake(&m);
}

/* What is put in front is a line of the header each, whoever asked for it and with what in it. */
static void
test_plan_prepends(void **state)
{
	static const char header[] = "X-One: 1 A: b   body\r\nX-Two: 2\t\r\n";
	struct origin by = { .list = "content_restrictions" };
	struct buf got = { 0 }, huge = { 0 };
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 1, PLAN_TEXT);
	effect_add(&m.txn.verdict.prepends, m.arena, "X-One: 1\nA: b\r\n\nbody", by);
	effect_add(&m.txn.rcpts[0]->verdict.prepends, m.arena, "X-Two: 2\t", by);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_int_equal(strncmp(buf_cstr(&got), header, strlen(header)), 0);
	assert_string_equal(buf_cstr(&got) + strlen(header), PLAN_TEXT);
	buf_reset(&got);
	buf_adds(&huge, "X-Huge: ");
	for (size_t i = 0; i < 1000000; i++)
		buf_addc(&huge, 'x');
	effect_add(&m.txn.verdict.prepends, m.arena, buf_cstr(&huge), by);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_in_range(got.len, 102400, 102400 + sizeof(header) + sizeof(PLAN_TEXT));
	buf_fini(&huge);
	buf_fini(&got);
	txn_unmake(&m);
}

/* What everybody's changes add up to at a door with one text: a change that two want is made once,
 * where two are at odds the first recipient's is made. */
static void
test_plan_edits_joined(void **state)
{
	struct origin by = { .list = "content_restrictions" };
	struct plan_options o =
	    plan_opts(DOOR_EDIT | DOOR_HOLD | DOOR_SENDS, REJECT_AS_HOLD, MIXED_HOLD);
	struct buf got = { 0 };
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	(void)state;
	txn_make(&m, 4, PLAN_TEXT);
	effect_add(&m.txn.verdict.prepends, m.arena, "X-All: 1", by);
	for (size_t i = 0; i < 2; i++) {
		effect_add(&m.txn.rcpts[i]->verdict.prepends, m.arena, "X-Two: 2", by);
		edit_add(&m.txn.rcpts[i]->verdict.edits, 16, 0, span_str("X-Three: 3\r\n"));
	}
	edit_add(&m.txn.rcpts[1]->verdict.edits, 22, 1, span_str("A"));
	edit_add(&m.txn.rcpts[2]->verdict.edits, 22, 3, span_str("bcd"));
	effect_add(&m.txn.rcpts[2]->verdict.prepends, m.arena, "X-Four: 4", by);
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 1);
	assert_true(plan.as_is); /* one transaction for all */
	assert_non_null(plan.steps[0].reason);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-All: 1\r\nX-Two: 2\r\nX-Four: 4\r\nSubject: hello\r\nX-Three: 3\r\n"
	    "From: A@example.com\r\n\r\nbody\r\n");
	buf_reset(&got);

	/* Nobody's: what the message's own rules change stays. */
	o.on_mixed_edits = MIXED_EDITS_NONE;
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 1);
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_string_equal(buf_cstr(&got), "X-All: 1\r\n" PLAN_TEXT);
	buf_reset(&got);

	/* Held copies keep their changes for release. */
	o.on_mixed_edits = MIXED_EDITS_HOLD;
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 4);
	assert_int_equal(plan.steps[3].kind, STEP_DELIVER);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_string_equal(plan.steps[0].decided, "accept");
	assert_string_equal(plan.steps[0].origin.list, "on_mixed_edits");
	assert_int_equal(
	    edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-All: 1\r\nX-Two: 2\r\nSubject: hello\r\nX-Three: 3\r\n"
	    "From: a@example.com\r\n\r\nbody\r\n");
	buf_fini(&got);
	txn_unmake(&m);
}

/* Two recipients with n edits each, of which every other one is the same. */
static int64_t
joined_us(size_t n)
{
	struct plan_options o =
	    plan_opts(DOOR_EDIT | DOOR_HOLD | DOOR_SENDS, REJECT_AS_HOLD, MIXED_HOLD);
	struct buf text = { 0 };
	int64_t best = INT64_MAX;

	buf_adds(&text, "A: b\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		buf_adds(&text, "a\r\n");
	for (int k = 0; k < 3; k++) {
		struct txn_made m;
		struct plan plan;
		int asked = 0;
		int64_t began;

		txn_make(&m, 2, buf_cstr(&text));
		for (size_t i = 0; i < n; i++) {
			edit_add(&m.txn.rcpts[0]->verdict.edits, 8 + 3 * i, 1, span_str("x"));
			edit_add(&m.txn.rcpts[1]->verdict.edits, 8 + 3 * i, i % 2,
			    span_str(i % 2 == 0 ? "y" : "x"));
		}
		began = clock_thread_us();
		plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
		if (clock_thread_us() - began < best)
			best = clock_thread_us() - began;
		assert_int_equal(plan.nsteps, 1);
		assert_int_equal(plan.steps[0].edits->n, n + n / 2);
		txn_unmake(&m);
	}
	buf_fini(&text);
	return best;
}

/* Ten times the edits are not a hundred times the work. */
static void
test_plan_edits_joined_many(void **state)
{
	int64_t few = joined_us(3000), more = joined_us(30000);

	(void)state;
	print_message("%lld us, %lld us\n", (long long)few, (long long)more);
	assert_in_range(more, 0, few * 40 + 20000);
}

/* Groups that differ in something else than edits have these in common, and no copies of them. */
static void
test_plan_edits_in_common(void **state)
{
	struct origin by = { .list = "content_restrictions" };
	struct plan_options o = plan_opts(DOOR_ALL, REJECT_AS_HOLD, MIXED_HOLD);
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	(void)state;
	txn_make(&m, 3, PLAN_TEXT);
	edit_add(&m.txn.verdict.edits, 9, 5, span_str("HELLO"));
	for (size_t i = 0; i < 3; i++)
		edit_add(&m.txn.rcpts[i]->verdict.edits, 16, 0, span_str("X: 1\r\n"));
	effect_add(&m.txn.rcpts[1]->verdict.bcc, m.arena, "copy@example.net", by);
	edit_add(&m.txn.rcpts[2]->verdict.edits, 16, 0, span_str("X: 2\r\n"));
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 3);
	assert_ptr_equal(plan.steps[0].edits, plan.steps[1].edits);
	assert_int_equal(plan.steps[0].edits->n, 2);
	assert_int_equal(plan.steps[2].edits->n, 3);
	txn_unmake(&m);
}

/* Equal verdicts share a step however many recipients there are, and no recipient is lost. */
static void
test_plan_many(void **state)
{
	struct txn_made m;
	struct plan plan;
	size_t n = 0;

	(void)state;
	txn_make(&m, 10000, PLAN_TEXT);
	for (size_t i = 0; i < 10000; i++)
		plan_say(&m.txn.rcpts[i]->verdict, i % SAID_COUNT, m.arena);
	make(&m, &plan, DOOR_ALL);
	assert_true(plan.nsteps <= SAID_COUNT);
	for (size_t i = 0; i < plan.nsteps; i++)
		n += plan.steps[i].nrcpts;
	assert_int_equal(n, 10000);
	txn_unmake(&m);
}

static void
test_plan_nobody(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 0, PLAN_TEXT);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 0);
	assert_int_equal(plan.as_is, 0);
	txn_unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_message),
		cmocka_unit_test(test_plan_hold_class),
		cmocka_unit_test(test_plan_redirect),
		cmocka_unit_test(test_plan_bcc),
		cmocka_unit_test(test_plan_held_effects),
		cmocka_unit_test(test_plan_edits),
		cmocka_unit_test(test_plan_prepends),
		cmocka_unit_test(test_plan_edits_joined),
		cmocka_unit_test(test_plan_edits_joined_many),
		cmocka_unit_test(test_plan_edits_in_common),
		cmocka_unit_test(test_plan_many),
		cmocka_unit_test(test_plan_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
