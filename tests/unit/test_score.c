#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "core/score.h"

static const struct {
	const char *in, *out; /* out NULL: no number of points */
} numbers[] = {
	{ "0", "0" },
	{ "2.5", "2.5" },
	{ "+2.50", "2.5" },
	{ "-3", "-3" },
	{ "-0.125", "-0.125" },
	{ "0.001", "0.001" },
	{ "007", "7" },
	{ "1000000", "1000000" },
	{ "1000000.001", NULL }, /* above the limit */
	{ "99999999999999999999", NULL },
	{ "0.0001", NULL }, /* thousandths are all there is */
	{ "2.", NULL },
	{ ".5", NULL },
	{ "", NULL },
	{ "-", NULL },
	{ "1e3", NULL },
	{ "2,5", NULL },
	{ " 2", NULL },
	{ "--2", NULL },
};

static void
test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(numbers); i++) {
		int64_t v = -1;
		char out[SCORE_TEXT];
		int rc = score_parse(span_str(numbers[i].in), &v);

		assert_int_equal(rc, numbers[i].out == NULL ? -1 : 0);
		if (rc == -1)
			continue;
		score_points(v, out);
		assert_string_equal(out, numbers[i].out);
	}
}

static void
assert_shown(const struct score *all, const struct score *own, const char *want)
{
	struct buf b = { 0 };

	score_format(all, own, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
}

static void
test_sums(void **state)
{
	const struct origin one = { .list = "l", .file = "f", .line = 1 };
	const struct origin two = { .list = "l", .file = "f", .line = 2 };
	struct arena *a = arena_new();
	struct score all = { 0 }, own = { 0 };

	(void)state;
	assert_shown(&all, NULL, "");
	assert_shown(&all, &own, "");
	score_add(&all, a, "rbl", 2500, one);
	assert_shown(&all, NULL, "2.5 rbl=2.5");
	score_add(&own, a, "text", 5000, two);
	score_add(&own, a, "text", 1000, two); /* the same rule again */
	score_add(&own, a, "text", 500, one);  /* of this name, but another rule */
	score_add(&own, a, "friend", -1000, one);
	assert_int_equal(score_total(&all, &own), 8000);
	assert_shown(&all, &own, "8 text=6 rbl=2.5 text=0.5 friend=-1");
	assert_true(score_has(&own, "friend", &one));
	assert_false(score_has(&own, "friend", &two));
	/* A sum of nothing is shown where points were given. */
	score_add(&all, a, "x", -8000, one);
	assert_shown(&all, &own, "0 text=6 rbl=2.5 text=0.5 friend=-1 x=-8");
	arena_free(a);
}

/* A name goes into a header field, a log line and a reply's neighbourhood. */
static void
test_names(void **state)
{
	const struct origin o = { 0 };
	struct arena *a = arena_new();
	struct score s = { 0 };
	char longer[200], want[200];

	(void)state;
	score_add(&s, a, "a b=c\r\nX-Spam: no\t\x7f\xc3\xbc", 1000, o);
	assert_shown(&s, NULL, "1 a_b_c__X-Spam:_no____=1");
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	s = (struct score){ 0 };
	score_add(&s, a, longer, 1000, o);
	snprintf(want, sizeof(want), "1 %.*s=1", (int)SCORE_NAME, longer);
	assert_shown(&s, NULL, want);
	s = (struct score){ 0 };
	score_add(&s, a, "", 1000, o);
	assert_shown(&s, NULL, "1 _=1");
	arena_free(a);
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new();
	struct score s = { 0 };
	struct buf b = { 0 };
	char name[20];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct origin o = { .line = i };

		snprintf(name, sizeof(name), "n%d", i);
		score_add(&s, a, name, 1000, o);
	}
	assert_int_equal(s.n, SCORE_PARTS + 1);
	assert_int_equal(s.total, 1000 * 1000);
	score_format(&s, NULL, &b);
	assert_non_null(strstr(buf_cstr(&b), "1000 others=950 "));
	buf_fini(&b);
	for (int i = 0; i < 3; i++)
		score_add(&s, a, "n1", SCORE_LIMIT, (struct origin){ .line = 1 });
	assert_int_equal(s.total, SCORE_LIMIT);
	for (int i = 0; i < 3; i++)
		score_add(&s, a, "n1", -SCORE_LIMIT, (struct origin){ .line = 1 });
	assert_int_equal(s.total, -SCORE_LIMIT);
	arena_free(a);
}

static void
test_same(void **state)
{
	struct arena *a = arena_new();
	struct score s = { 0 }, t = { 0 };

	(void)state;
	assert_true(score_same(&s, &t));
	score_add(&s, a, "a", 1000, (struct origin){ .line = 1 });
	assert_false(score_same(&s, &t));
	score_add(&s, a, "b", 2000, (struct origin){ .line = 2 });
	/* Rules of other lines in another order: what is shown is the same. */
	score_add(&t, a, "b", 2000, (struct origin){ .line = 3 });
	score_add(&t, a, "a", 1000, (struct origin){ .line = 4 });
	assert_true(score_same(&s, &t));
	score_add(&s, a, "c", 1000, (struct origin){ .line = 5 });
	score_add(&t, a, "d", 1000, (struct origin){ .line = 5 });
	assert_false(score_same(&s, &t)); /* other names */
	s = t = (struct score){ 0 };
	score_add(&s, a, "a", 1000, (struct origin){ .line = 1 });
	score_add(&s, a, "b", 2000, (struct origin){ .line = 1 });
	score_add(&t, a, "a", 2000, (struct origin){ .line = 1 });
	score_add(&t, a, "b", 1000, (struct origin){ .line = 1 });
	assert_false(score_same(&s, &t)); /* the same sum of other points */
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
