#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "core/edit.h"
#include "core/message.h"
#include "core/transaction.h"

static int
collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

static void
test_edits(void **state)
{
	struct arena *a = arena_new();
	struct span m = span_str("one\r\ntwo\r\nthree\r\n");
	struct edit_list l;
	struct buf b = { 0 };

	(void)state;
	edit_list_init(&l, a);
	assert_int_equal(edit_walk(m, &l, collect, &b), 0);
	assert_true(span_eq(buf_span(&b), m));
	edit_add(&l, 5, 3, span_str("2"));
	edit_add(&l, 0, 0, span_str("first\r\n"));  /* later, but for an earlier place */
	edit_add(&l, 0, 0, span_str("second\r\n")); /* the same place: order of arrival */
	edit_add(&l, 17, 0, span_str("end\r\n"));
	buf_reset(&b);
	assert_int_equal(edit_walk(m, &l, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "first\r\nsecond\r\none\r\n2\r\nthree\r\nend\r\n");
	assert_int_equal(edit_result_len(&l, m.len), b.len);
	edit_list_init(&l, a);
	edit_add(&l, 0, 5, span_str("")); /* delete, then insert behind it */
	edit_add(&l, 5, 0, span_str("x"));
	buf_reset(&b);
	edit_walk(m, &l, collect, &b);
	assert_string_equal(buf_cstr(&b), "xtwo\r\nthree\r\n");
	buf_fini(&b);
	arena_free(a);
}

/* Of two that overlap the first stays: whatever mail and rules are, there is no list that cannot be
 * applied. */
static const struct {
	size_t at, del;
	int taken;
} overlaps[] = {
	{ 5, 5, 1 },  /* "two\r\n" */
	{ 5, 5, 0 },  /* again */
	{ 5, 3, 0 },  /* a piece of it */
	{ 7, 0, 0 },  /* into it */
	{ 0, 6, 0 },  /* over its beginning */
	{ 9, 3, 0 },  /* over its end */
	{ 0, 17, 0 }, /* all of it */
	{ 5, 0, 1 },  /* in front */
	{ 10, 0, 1 }, /* behind it */
	{ 10, 7, 1 },
	{ 0, 5, 1 },
	{ 0, 5, 0 },
	{ 3, 0, 0 },
};

static void
test_overlaps(void **state)
{
	struct arena *a = arena_new();
	struct span m = span_str("one\r\ntwo\r\nthree\r\n");
	struct edit_list l;
	struct buf b = { 0 };

	(void)state;
	edit_list_init(&l, a);
	for (size_t i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++) {
		size_t n = l.n;
		struct edit *e = edit_add(&l, overlaps[i].at, overlaps[i].del, span_str("x"));

		print_message("%zu\n", i);
		assert_int_equal(e != NULL, overlaps[i].taken);
		assert_int_equal(l.n, n + (size_t)overlaps[i].taken);
		if (e != NULL)
			assert_true(e->at == overlaps[i].at && e->del == overlaps[i].del);
	}
	assert_int_equal(edit_walk(m, &l, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "xxxxx");
	assert_int_equal(edit_result_len(&l, m.len), b.len);
	buf_fini(&b);
	arena_free(a);
}

/* Who adds to edits that he has in common with others changes nothing of theirs. */
static void
test_shared(void **state)
{
	struct arena *a = arena_new();
	struct span m = span_str("one\r\ntwo\r\nthree\r\n");
	struct edit_list l, later, sooner, late;
	struct buf b = { 0 };

	(void)state;
	edit_list_init(&l, a);
	edit_list_init(&late, a);
	assert_true(edit_list_shared(&l, &late)); /* nothing */
	edit_list_reserve(&l, 10);
	assert_non_null(edit_add(&l, 5, 3, span_str("2")));
	assert_non_null(edit_add_later(&l, 8, 0, span_str("+"))); /* settled then */
	edit_list_share(&later, &l);
	edit_list_share(&sooner, &l);
	edit_list_share(&late, &l);
	assert_true(edit_list_shared(&later, &l));
	assert_true(edit_list_same(&later, &l));

	assert_non_null(edit_add(&later, 10, 5, span_str("3")));
	assert_non_null(edit_add_kept(&sooner, 0, 3, span_str("1")));
	assert_non_null(edit_add_later(&late, 0, 5, span_str("")));
	edit_settle(&late);
	assert_non_null(edit_add(&l, 17, 0, span_str("end\r\n")));
	assert_null(edit_add(&late, 1, 1, span_str("x")));
	assert_null(edit_add_kept(&sooner, 1, 1, span_str("x")));
	assert_false(edit_list_shared(&later, &l));
	assert_false(edit_list_same(&later, &l));

	assert_int_equal(edit_walk(m, &l, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "one\r\n2+\r\nthree\r\nend\r\n");
	buf_reset(&b);
	assert_int_equal(edit_walk(m, &later, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "one\r\n2+\r\n3\r\n");
	buf_reset(&b);
	assert_int_equal(edit_walk(m, &sooner, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "1\r\n2+\r\nthree\r\n");
	buf_reset(&b);
	assert_int_equal(edit_walk(m, &late, collect, &b), 0);
	assert_string_equal(buf_cstr(&b), "2+\r\nthree\r\n");
	buf_fini(&b);
	arena_free(a);
}

static void
test_verdict(void **state)
{
	struct arena *a = arena_new();
	struct verdict v;
	char where[64];

	(void)state;
	verdict_init(&v, a);
	verdict_refuse(&v, 450, "5.7.1", "later", (struct origin){ .file = "/t", .line = 3 });
	assert_int_equal(v.outcome, OUTCOME_DEFER);
	assert_string_equal(v.enhanced, "4.7.1"); /* class follows the code */
	verdict_refuse(&v, 550, "5.7.1", "no", (struct origin){ .list = "x" });
	assert_int_equal(v.code, 450); /* the first one stays */
	origin_format(&v.origin, where, sizeof(where));
	assert_string_equal(where, "/t:3");
	for (int i = 0; i < 10; i++)
		effect_add(&v.bcc, a, "u@x", v.origin);
	assert_int_equal(v.bcc.n, 10);
	arena_free(a);
}

static void
test_facts(void **state)
{
	struct facts f = { 0 };
	struct buf b = { 0 };

	(void)state;
	fact_set(&f, FACT_LINE_LONG);
	fact_set_detail(&f, FACT_CHECK_FAILED, "pcre:/x");
	facts_format(&f, &b);
	assert_string_equal(buf_cstr(&b), "line=long patterns=failed:pcre:/x");
	assert_true(fact_has(&f, FACT_LINE_LONG));
	assert_false(fact_has(&f, FACT_BODY_NUL));
	buf_fini(&b);
}

/* Each once, in the order told; one from outside is no other fact's beginning. */
static void
test_fact_details(void **state)
{
	struct arena *a = arena_new();
	struct facts f = { 0 };
	struct buf b = { 0 };

	(void)state;
	fact_set_detail(&f, FACT_TEXT_LIMIT, "size");
	fact_set_detail(&f, FACT_TEXT_CHARSET, "x virus=none>\xff");
	fact_set_detail(&f, FACT_TEXT_LIMIT, "parts");
	fact_set_detail(&f, FACT_TEXT_LIMIT, "size");
	fact_set(&f, FACT_TEXT_LIMIT);
	facts_format(&f, &b);
	assert_string_equal(
	    buf_cstr(&b), "text=limit:size text=limit:parts text=charset:x_virus=none\\x3e\\xff");
	assert_string_equal(
	    fact_detail_shown(&f.details[1], a), "text=charset:x_virus=none\\x3e\\xff");
	/* one who names many takes no other's place */
	for (int i = 0; i < 100; i++)
		fact_set_detail(&f, FACT_TEXT_CHARSET, arena_printf(a, "%d", i));
	assert_int_equal(f.ndetails, 2 + FACT_DETAILS_MAX);
	fact_set_detail(&f, FACT_URLS_LIMIT, "size");
	assert_int_equal(f.ndetails, 3 + FACT_DETAILS_MAX);
	buf_reset(&b);
	facts_format(&f, &b);
	assert_non_null(strstr(buf_cstr(&b), "urls=limit:size facts=limit"));
	buf_fini(&b);
	arena_free(a);
}

static void
test_facts_told(void **state)
{
	struct arena *a = arena_new();
	struct facts f = { 0 };
	struct buf b = { 0 };

	(void)state;
	fact_set(&f, FACT_LINE_LONG);
	assert_string_equal(facts_tell(&f, a, "p", "virus", "Eicar-1", NULL), "virus=Eicar-1");
	/* of a name from outside nothing ends the line, begins another fact, or breaks UTF-8 */
	assert_string_equal(facts_tell(&f, a, "p", "virus", "a b\r\n\x1b\xff", "what for"),
	    "virus=a_b\\x0d\\x0a\\x1b\\xff:what_for");
	assert_null(facts_tell(&f, a, "p", "virus", "Eicar-1", NULL)); /* known */
	assert_non_null(facts_tell(&f, a, "p", "virus", "Eicar-1", ""));
	facts_format(&f, &b);
	assert_string_equal(buf_cstr(&b),
	    "line=long virus=Eicar-1 virus=a_b\\x0d\\x0a\\x1b\\xff:what_for virus=Eicar-1:");
	for (int i = 0; i < FACTS_TOLD_MAX - 3; i++)
		assert_non_null(facts_tell(&f, a, "p", "n", arena_printf(a, "%d", i), NULL));
	assert_null(facts_tell(&f, a, "p", "n", "one too many", NULL));
	assert_null(facts_tell(&f, a, "p", "virus", "Eicar-1", NULL));
	/* another one's place is not taken, nor that of failures, be they many */
	assert_non_null(facts_tell(&f, a, "q", "n", "last", NULL));
	for (int i = 0; i < FACTS_FAILED_MAX; i++)
		assert_non_null(facts_tell(&f, a, "p", "p", "failed", arena_printf(a, "%d", i)));
	assert_null(facts_tell(&f, a, "p", "p", "failed", "too often"));
	assert_non_null(facts_tell(&f, a, "q", "q", "failed", NULL));
	buf_reset(&b);
	facts_format(&f, &b);
	assert_non_null(strstr(buf_cstr(&b), " p=failed:7 q=failed facts=limit"));
	assert_non_null(strstr(buf_cstr(&b), " n=60 n=last p=failed:0 "));
	assert_null(strstr(buf_cstr(&b), "too"));
	buf_fini(&b);
	arena_free(a);
}

static void
fill(struct message *m, size_t total)
{
	struct err err;

	for (size_t n = 0; n < total;) {
		size_t step = total - n < 70000 ? total - n : 70000;
		uint8_t *p = message_reserve(m, step, &err);

		assert_non_null(p);
		for (size_t i = 0; i < step; i++)
			p[i] = (uint8_t)((n + i) * 31 >> 3);
		message_commit(m, step);
		n += step;
	}
}

static void
check(struct message *m, size_t total)
{
	struct span v = message_view(m);

	assert_int_equal(v.len, total);
	for (size_t i = 0; i < total; i++)
		if (v.p[i] != (uint8_t)(i * 31 >> 3))
			fail_msg("octet %zu differs", i);
}

static void
test_message(void **state)
{
	struct message_options o = { .memory_limit = 300000, .spool_directory = "/tmp" };
	struct message *m = message_new(&o);

	(void)state;
	fill(m, 0);
	check(m, 0);
	message_reset(m);
	fill(m, 299000);
	check(m, 299000);
	message_reset(m);
	fill(m, 9000000); /* in a file */
	check(m, 9000000);
	message_forget(m, 5000000); /* forgotten pages come back */
	check(m, 9000000);
	message_reset(m);
	fill(m, 10); /* and small again */
	check(m, 10);
	message_free(m);
}

/* All messages together: who goes beyond is in a file, small ones excepted. */
static void
test_message_budget(void **state)
{
	struct message_budget b = { .limit = 520000 };
	struct message_options o = {
		.memory_limit = 1000000, .spool_directory = "/nonexistent", .budget = &b
	};
	struct message *one = message_new(&o), *two = message_new(&o), *three = message_new(&o);
	struct err err;

	(void)state;
	fill(one, 300000);
	fill(two, 250000);
	assert_int_equal(b.used, 550000);
	assert_null(message_reserve(three, MESSAGE_SMALL + 1, &err)); /* there is no such folder */
	assert_non_null(message_reserve(three, 1000, &err));
	message_commit(three, 1000);
	assert_int_equal(b.used, 551000);
	message_reset(one);
	assert_int_equal(b.used, 551000); /* it keeps its memory, */
	fill(one, 290000);                /* and may use it again */
	check(one, 290000);
	message_free(one);
	assert_int_equal(b.used, 251000);
	message_reset(three);
	fill(three, 200000);
	check(three, 200000);
	message_free(two);
	message_free(three);
	assert_int_equal(b.used, 0);
}

static void
test_message_no_space(void **state)
{
	struct message_options o = { .memory_limit = 1000, .spool_directory = "/nonexistent" };
	struct message *m = message_new(&o);
	struct err err;

	(void)state;
	assert_non_null(message_reserve(m, 900, &err));
	message_commit(m, 900);
	assert_null(message_reserve(m, 900, &err));
	assert_int_equal(err.class, ERR_SYSTEM);
	message_reset(m);
	assert_non_null(message_reserve(m, 900, &err)); /* good for a small one again */
	message_free(m);
}

static void
test_decision_id(void **state)
{
	char ids[200][24];

	(void)state;
	for (size_t i = 0; i < nitems(ids); i++) {
		decision_id_make(ids[i], sizeof(ids[i]));
		assert_in_range(strlen(ids[i]), 13, 23);
		assert_int_equal(strspn(ids[i], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						"abcdefghijklmnopqrstuvwxyz"),
		    strlen(ids[i]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

static void
test_transaction(void **state)
{
	struct arena *a = arena_new();
	struct transaction t;

	(void)state;
	transaction_init(&t, a);
	for (int i = 0; i < 1000; i++)
		transaction_add_rcpt(&t)->code = i;
	assert_int_equal(t.nrcpts, 1000);
	assert_int_equal(t.rcpts[999]->code, 999);
	assert_int_equal(t.rcpts[0]->verdict.outcome, OUTCOME_DUNNO);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_fact_details),
		cmocka_unit_test(test_facts_told),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_message_budget),
		cmocka_unit_test(test_message_no_space),
		cmocka_unit_test(test_decision_id),
		cmocka_unit_test(test_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
