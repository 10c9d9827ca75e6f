/* The score's header field: for those who are tagged, one step for those who are told the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/score.h"
#include "tests/lib/plan_world.h"

static const struct origin by = { .list = "content_restrictions" };

static void
make(struct txn_made *m, struct plan *plan, unsigned door, const char *header)
{
	struct plan_options o = plan_opts(door, REJECT_AS_HOLD, MIXED_HOLD);
	int asked = 0;

	o.score_header = header;
	plan_make(&m->txn, &o, plan_find_hop, &asked, plan);
}

static void
tag(struct txn_made *m, struct verdict *v)
{
	effect_add(&v->tags, m->arena, "", by);
}

static void
points(struct txn_made *m, struct verdict *v, const char *name, int64_t thousandths)
{
	score_add(&v->score, m->arena, name, thousandths, by);
}

static void
assert_text(const struct txn_made *m, const struct plan_step *s, const char *want)
{
	struct buf got = { 0 };

	assert_int_equal(edit_walk(message_view(m->message), s->edits, plan_collect, &got), 0);
	assert_string_equal(buf_cstr(&got), want);
	buf_fini(&got);
}

static void
test_header(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 4, PLAN_TEXT);
	points(&m, &m.txn.verdict, "rbl", 2500);
	points(&m, &m.txn.rcpts[0]->verdict, "text", 5000);
	tag(&m, &m.txn.rcpts[0]->verdict);
	tag(&m, &m.txn.rcpts[1]->verdict);
	points(&m, &m.txn.rcpts[2]->verdict, "text", 4000); /* not tagged: as the fourth */
	make(&m, &plan, DOOR_ALL, "X-Filterd-Score");
	assert_int_equal(plan.nsteps, 3);
	assert_text(&m, &plan.steps[0],
	    "X-Filterd-Score: 7.5 text=5 rbl=2.5\r\nX-Spam-Flag: YES\r\n" PLAN_TEXT);
	assert_text(
	    &m, &plan.steps[1], "X-Filterd-Score: 2.5 rbl=2.5\r\nX-Spam-Flag: YES\r\n" PLAN_TEXT);
	assert_text(&m, &plan.steps[2], PLAN_TEXT);
	assert_int_equal(plan.steps[2].nrcpts, 2);
	make(&m, &plan, DOOR_ALL, "X-Points");
	assert_text(&m, &plan.steps[1], "X-Points: 2.5 rbl=2.5\r\nX-Spam-Flag: YES\r\n" PLAN_TEXT);
	/* Nobody is to be told: those who are tagged get the same. */
	make(&m, &plan, DOOR_ALL, "");
	assert_int_equal(plan.nsteps, 2);
	assert_text(&m, &plan.steps[0], "X-Spam-Flag: YES\r\n" PLAN_TEXT);
	txn_unmake(&m);

	/* A tag without any points. */
	txn_make(&m, 1, PLAN_TEXT);
	tag(&m, &m.txn.verdict);
	make(&m, &plan, DOOR_ALL, "X-Filterd-Score");
	assert_text(&m, &plan.steps[0], "X-Spam-Flag: YES\r\n" PLAN_TEXT);
	txn_unmake(&m);
}

/* What came under our name goes where ours is put, with its folds, in whatever case; what rules
 * made of it before stays made. */
static void
test_forged(void **state)
{
	static const char text[] =
	    "x-filterd-score: -100\r\n\ttrust=-100\r\nSubject: hello\r\nX-FILTERD-SCORE : 0\r\n"
	    "X-Filterd-Scores: 1\r\nX-Filterd-Score: replaced\r\n\r\nX-Filterd-Score: body\r\n";
	size_t replaced = strlen(text) - strlen("X-Filterd-Score: replaced\r\n\r\n"
						"X-Filterd-Score: body\r\n");
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 2, text);
	points(&m, &m.txn.rcpts[1]->verdict, "a", 1000);
	tag(&m, &m.txn.rcpts[1]->verdict);
	edit_add(&m.txn.verdict.edits, replaced, strlen("X-Filterd-Score: replaced"),
	    span_str("X-Mine: 1"));
	make(&m, &plan, DOOR_ALL, "X-Filterd-Score");
	assert_int_equal(plan.nsteps, 2);
	assert_text(&m, &plan.steps[1],
	    "X-Filterd-Score: 1 a=1\r\nX-Spam-Flag: YES\r\nSubject: hello\r\nX-Filterd-Scores: 1"
	    "\r\nX-Mine: 1\r\n\r\nX-Filterd-Score: body\r\n");
	/* Who is not tagged gets what came: message_drop_headers is for that. */
	make(&m, &plan, DOOR_ALL, "");
	assert_text(&m, &plan.steps[0],
	    "x-filterd-score: -100\r\n\ttrust=-100\r\nSubject: hello\r\nX-FILTERD-SCORE : 0\r\n"
	    "X-Filterd-Scores: 1\r\nX-Mine: 1\r\n\r\nX-Filterd-Score: body\r\n");
	txn_unmake(&m);
}

/* Lines of the field are no longer than others; all of it stays within what its parts are. */
static void
test_folded(void **state)
{
	struct txn_made m;
	struct plan plan;
	struct buf got = { 0 };
	char name[40];
	size_t longest = 0, n, lines = 0;

	(void)state;
	txn_make(&m, 1, PLAN_TEXT);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "a_name_of_some_length_%d", i);
		score_add(&m.txn.verdict.score, m.arena, name, 1000, (struct origin){ .line = i });
	}
	tag(&m, &m.txn.verdict);
	make(&m, &plan, DOOR_ALL, "X-Filterd-Score");
	(void)edit_walk(message_view(m.message), plan.steps[0].edits, plan_collect, &got);
	for (const char *p = buf_cstr(&got); *p != '\0'; p += n + 2, lines++) {
		n = strcspn(p, "\r");
		longest = n > longest ? n : longest;
	}
	assert_true(longest <= 78);
	assert_true(lines > 10 && lines < 40);
	assert_non_null(strstr(buf_cstr(&got), "X-Filterd-Score: 200 others=150 a_name_of"));
	buf_fini(&got);
	txn_unmake(&m);
}

/* A hundred recipients whose rules came in other orders share a transaction if they are told the
 * same. */
static void
test_shared(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 100, PLAN_TEXT);
	for (size_t i = 0; i < 100; i++) {
		struct verdict *v = &m.txn.rcpts[i]->verdict;

		for (size_t k = 0; k < 5; k++) {
			char name[3] = { 'n', (char)('0' + (i + k) % 5), '\0' };

			points(&m, v, name, (int64_t)((i + k) % 5) * 500);
		}
		if (i % 10 == 0)
			points(&m, v, "more", 1000);
		tag(&m, v);
	}
	make(&m, &plan, DOOR_ALL, "X-Filterd-Score");
	assert_int_equal(plan.nsteps, 2);
	assert_int_equal(plan.steps[0].nrcpts, 10);
	assert_text(&m, &plan.steps[1],
	    "X-Filterd-Score: 5 n4=2 n3=1.5 n2=1 n1=0.5 n0=0\r\nX-Spam-Flag: YES\r\n" PLAN_TEXT);
	/* A door with one text tells all of them the highest. */
	make(&m, &plan, DOOR_EDIT | DOOR_HOLD | DOOR_SENDS, "X-Filterd-Score");
	assert_int_equal(plan.nsteps, 1);
	assert_text(&m, &plan.steps[0],
	    "X-Filterd-Score: 6 n4=2 n3=1.5 more=1 n2=1 n1=0.5 n0=0\r\nX-Spam-Flag: "
	    "YES\r\n" PLAN_TEXT);
	txn_unmake(&m);
}

/* A door that cannot edit: a tag that only shows the points is a change too. */
static void
test_no_edits(void **state)
{
	struct plan_options o = plan_opts(DOOR_HOLD, REJECT_AS_HOLD, MIXED_HOLD);
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	(void)state;
	o.tag_header = "";
	txn_make(&m, 1, PLAN_TEXT);
	tag(&m, &m.txn.rcpts[0]->verdict);
	points(&m, &m.txn.verdict, "a", 1000);
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan_fate(&plan.steps[0]), F_DELIVER);
	o.score_header = "X-Filterd-Score";
	plan_make(&m.txn, &o, plan_find_hop, &asked, &plan);
	assert_int_equal(plan_fate(&plan.steps[0]), F_DEFER);
	txn_unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_no_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
