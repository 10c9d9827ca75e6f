/* What tables know of a message, found out once: its price in time and memory, and what stands
 * behind a pattern that could not be decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "rules/content_source.h"
#include "tests/lib/content_world.h"

#define FAILED "451 4.7.1 Service temporarily unavailable, try again later"

static void
lines(struct buf *m, const char *line, size_t n)
{
	buf_adds(m, "A: 1\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		buf_adds(m, line);
}

static void
begin(struct content_world *c, const char *list, const char *one, const char *two)
{
	content_world_init(c);
	content_world_table(c, "one", one);
	content_world_table(c, "two", two);
	c->w.o.body_checks_size_limit = 0;
	c->w.o.text_check_size_limit = 1000000;
	c->w.o.lists[LIST_CONTENT] = content_world_text(c, list);
	assert_int_equal(content_world_begin(c, "A: 1\n\n"), 0);
}

/* --- how many are kept --- */

static const struct {
	const char *table;
	size_t n;
	const char *answer, *said; /* in the log; NULL: nothing */
} many[] = {
	{ "/^a$/ DUNNO\n", 100000, "dunno", NULL }, /* nothing is kept of these */
	{ "/^a$/ IGNORE\n", 30000, "dunno", NULL },
	{ "/^a$/ IGNORE\n", 40000, FAILED, "knows too much of the message" },
};

static void
test_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(many); i++) {
		struct content_world c;
		struct buf m = { 0 };
		const char *said;

		lines(&m, "a\r\n", many[i].n);
		begin(&c, "check_body pcre:%s/one", many[i].table, "");
		content_world_again(&c, buf_span(&m));
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), many[i].answer);
		said = rule_world_said(&c.w);
		if (many[i].said == NULL)
			assert_string_equal(said, "");
		else
			assert_non_null(strstr(said, many[i].said));
		assert_int_equal(strstr(content_world_facts(&c), "patterns=failed") != NULL,
		    many[i].said != NULL);
		buf_fini(&m);
		content_world_fini(&c);
	}
}

/* --- edits of several tables --- */

static int64_t
spent(size_t n)
{
	struct content_world c;
	struct buf m = { 0 };
	int64_t best = INT64_MAX;

	lines(&m, "b\r\na\r\n", n);
	begin(&c, "check_body pcre:%s/one, check_body pcre:%s/two", "/^a$/ IGNORE\n",
	    "/^b$/ IGNORE\n");
	for (int i = 0; i < 3; i++) {
		int64_t began;

		content_world_again(&c, buf_span(&m));
		began = clock_thread_us();
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
		if (clock_thread_us() - began < best)
			best = clock_thread_us() - began;
		assert_int_equal(c.w.txn.rcpts[0]->verdict.edits.n, 2 * n);
		assert_string_equal(content_world_sent(&c), "A: 1\n\n");
	}
	buf_fini(&m);
	content_world_fini(&c);
	return best;
}

/* Ten times the lines are not a hundred times the work. */
static void
test_edits(void **state)
{
	int64_t few = spent(3000), more = spent(30000);

	(void)state;
	print_message("%lld us, %lld us\n", (long long)few, (long long)more);
	assert_in_range(more, 0, few * 40 + 20000);
}

/* --- time --- */

/* Parts made for a regexp table: one takes a second, and then no time is left. */
static void
test_time(void **state)
{
	struct content_world c;
	struct buf m = { 0 };
	int64_t began;

	(void)state;
	buf_adds(&m, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 6; i++) {
		buf_printf(&m, "--b\r\n\r\n%d\r\n", i);
		for (int k = 0; k < 20000; k++)
			buf_adds(&m, k % 20 == 19 ? "buy x\r\n" : "buy x ");
	}
	begin(&c, "{ check_text regexp:%s/one, on_failure = accept }",
	    "/buy .*u.*y.*nowx/ REJECT\n", "");
	content_world_again(&c, buf_span(&m));
	c.w.deadline_ms = 300;
	began = clock_thread_us();
	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
	assert_in_range(clock_thread_us() - began, 0, 2500000);
	assert_non_null(strstr(rule_world_said(&c.w), "takes too long"));
	buf_fini(&m);
	content_world_fini(&c);
}

/* --- behind what could not be decided --- */

static const struct {
	const char *list, *one;
	const char *answer;
} behind[] = {
	{ "{ check_text pcre:%s/one, on_failure = accept }",
	    "/^(a+)+$/ WARN\n/cheapest watches/ REJECT found\n", "554 5.7.1 found" },
	{ "{ check_text pcre:%s/one, on_failure = tag }",
	    "/^(a+)+$/ REJECT\n/cheapest watches/ DEFER found\n", "450 4.7.1 found" },
	{ "{ check_text pcre:%s/one, on_failure = accept }", "/^(a+)+$/ REJECT\n/other/ REJECT\n",
	    "dunno" },
	/* it might have been the row that says OK */
	{ "check_text pcre:%s/one", "/^(a+)+$/ OK\n/cheapest watches/ REJECT found\n", FAILED },
};

static void
test_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(behind); i++) {
		struct content_world c;

		begin(&c, behind[i].list, behind[i].one, "");
		content_world_again(&c,
		    span_str("A: 1\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
			     "cheapest watches\r\n"));
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), behind[i].answer);
		assert_non_null(strstr(content_world_facts(&c), "patterns=failed"));
		content_world_fini(&c);
	}
}

/* --- many lines that were made for a pattern, and recipients who take that differently --- */

#define BAD        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\r\n"
#define CHECK(how) "{ check_body pcre:%s/one, on_failure = " how " }"
#define LAST       ", check_fact pcre:{{/^patterns=limit$/ 550 limit}}"

static const char *lists[2];

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "anns") == 0 ? lists[0] : strcmp(name, "bobs") == 0 ? lists[1] : NULL;
}

static const struct {
	size_t lines;
	const char *ann, *bob; /* their lists */
	const char *anns, *bobs;
} made[] = {
	{ 50, CHECK("defer"), CHECK("accept"), FAILED, "554 5.7.1 found" },
	{ 50, CHECK("tag") LAST, CHECK("hold") LAST, "554 5.7.1 found", "554 5.7.1 found" },
	/* not without end, and that is told */
	{ 100000, CHECK("defer"), CHECK("accept") LAST, FAILED, "550 5.7.1 limit" },
	{ 100000, CHECK("accept"), CHECK("tag") LAST, "dunno", "550 5.7.1 limit" },
};

static void
ask_both(struct content_world *c, size_t i, const char *order)
{
	int64_t began = clock_thread_us();

	print_message("%zu, %s\n", i, order);
	for (const char *who = order; *who != '\0'; who++)
		assert_string_equal(rule_world_ask_for(&c->w, *who == 'b'),
		    *who == 'b' ? made[i].bobs : made[i].anns);
	assert_in_range(clock_thread_us() - began, 0, 5000000);
	if (strchr(order, 'b') != NULL && made[i].lines > 50)
		assert_non_null(
		    strstr(rule_world_said(&c->w), "too much time went into what failed"));
	else
		assert_null(strstr(content_world_facts(c), "patterns=limit"));
}

static void
test_made_for_it(void **state)
{
	static const char *const orders[] = { "b", "ab", "ba" };
	struct buf m = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(made); i++) {
		char ann[200], bob[200];
		struct content_world c;

		content_world_init(&c);
		content_world_table(
		    &c, "one", "/^(a+)+$/ REJECT slow\n/cheapest watches/ REJECT found\n");
		snprintf(ann, sizeof(ann), "%s", content_world_text(&c, made[i].ann));
		snprintf(bob, sizeof(bob), "%s", content_world_text(&c, made[i].bob));
		lists[0] = ann;
		lists[1] = bob;
		c.w.o.body_checks_size_limit = 0;
		c.w.deadline_ms = 600000; /* of a machine with much else to do */
		c.w.o.site = site;
		c.w.o.smtpd_restriction_classes = "anns, bobs";
		c.w.o.lists[LIST_CONTENT] =
		    "check_recipient_access inline:{r@local.example=anns, b@local.example=bobs}";
		assert_int_equal(content_world_begin(&c, "A: 1\n\n"), 0);
		buf_reset(&m);
		lines(&m, BAD, made[i].lines);
		buf_adds(&m, "cheapest watches\r\n");
		for (size_t k = 0; k < nitems(orders); k++) {
			content_world_again(&c, buf_span(&m));
			rule_world_rcpt(&c.w, "b@local.example");
			rule_world_accept(&c.w);
			ask_both(&c, i, orders[k]);
		}
		content_world_fini(&c);
	}
	buf_fini(&m);
}

/* --- memory --- */

static size_t
memory(size_t tables, const char *table)
{
	struct content_world c;
	struct buf m = { 0 }, list = { 0 };
	size_t used;

	buf_adds(&m, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 150; i++) {
		buf_printf(&m, "--b\r\n\r\n%d\r\n", i);
		for (int k = 0; k < 90; k++)
			buf_adds(&m, "some words of a letter that nobody minds\r\n");
	}
	content_world_init(&c);
	content_world_table(&c, "one", table);
	for (size_t i = 0; i < tables; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		content_world_table(&c, name, table);
		buf_printf(&list, "check_text regexp:%s/%s, ", c.folder, name);
	}
	c.w.o.text_check_size_limit = 1000000;
	c.w.o.lists[LIST_CONTENT] = buf_cstr(&list);
	assert_int_equal(content_world_begin(&c, "A: 1\n\n"), 0);
	content_world_again(&c, buf_span(&m));
	used = arena_used(c.w.arena);
	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
	used = arena_used(c.w.arena) - used;
	content_world_fini(&c);
	buf_fini(&m);
	buf_fini(&list);
	return used;
}

/* 550 KB of texts, and a copy for each table that has to have one: it is not kept. */
static void
test_memory(void **state)
{
	static const char *const tables[] = {
		"/nothing/ REJECT\n",
		"/some (words)/ DUNNO $1\n",
		"/some (words)/ SCORE 0.001 $1\n",
	};

	(void)state;
	for (size_t i = 0; i < nitems(tables); i++) {
		size_t one = memory(1, tables[i]), five = memory(5, tables[i]);

		print_message("%s: %zu, %zu\n", tables[i], one, five);
		assert_in_range(five - one, 0, 300000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_made_for_it),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
