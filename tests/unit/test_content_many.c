/* What tables know of a message, for a thousand recipients: each gets what he would get alone, and
 * together they cost little more than one. */
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

#define MEGABYTE ((size_t)1024 * 1024)

/* %s in lists is the folder of the tables. */
struct texts {
	const char *list;      /* NULL: EACH */
	const char *ann, *bob; /* classes of recipients r0 and r1; r2 has none */
	const char *one, *two; /* tables */
};
#define EACH "check_recipient_access inline:{ r0@example.com=ann, r1@example.com=bob }"

struct many_world {
	struct content_world c;
	char ann[400], bob[400];
};

static const char *
class_of(void *arg, const char *name, struct rule_where *where)
{
	struct many_world *w = arg;

	*where = (struct rule_where){ .file = "test.cf", .line = 1 };
	if (strcmp(name, "late") == 0)
		return "check_header static:{PREPEND X-Late: 1}";
	return strcmp(name, "ann") == 0 ? w->ann : w->bob;
}

static void
expand(struct content_world *c, const char *text, char *to, size_t size)
{
	snprintf(to, size, "%s", content_world_text(c, text == NULL ? "permit_mynetworks" : text));
}

static void
begin(struct many_world *w, const struct texts *t)
{
	struct content_world *c = &w->c;

	content_world_init(c);
	content_world_table(c, "one", t->one);
	content_world_table(c, "two", t->two == NULL ? "" : t->two);
	expand(c, t->ann, w->ann, sizeof(w->ann));
	expand(c, t->bob, w->bob, sizeof(w->bob));
	c->w.o.body_checks_size_limit = 0;
	c->w.o.site = class_of;
	c->w.o.arg = w;
	c->w.o.smtpd_restriction_classes = "late, ann, bob";
	c->w.o.lists[LIST_CONTENT] = content_world_text(c, t->list == NULL ? EACH : t->list);
	assert_int_equal(content_world_begin(c, "A: 1\n\n"), 0);
}

static void
again(struct content_world *c, const struct buf *m, size_t rcpts)
{
	content_world_again(c, buf_span(m));
	while (c->w.txn.nrcpts < rcpts)
		rule_world_accept(&c->w);
}

/* Without a trace, or with one whose room is used up at some recipient or other. */
static const char *
ask(struct content_world *c, size_t i, struct rule_trace *trace, int64_t ms)
{
	struct rule_ask a = { .txn = &c->w.txn,
		.stage = RULE_CONTENT,
		.rcpt = &c->w.txn.rcpts[i]->path,
		.recipient = c->w.txn.rcpts[i],
		.services = &c->w.services,
		.deadline = deadline_in_ms(ms),
		.trace = trace };
	struct verdict v;

	verdict_init(&v, c->w.arena);
	rules_ask(c->w.rules, &a, &v);
	if (v.outcome == OUTCOME_OK || v.outcome == OUTCOME_DUNNO)
		return v.outcome == OUTCOME_OK ? "ok" : "dunno";
	return arena_printf(c->w.arena, "%d %s %s", v.code, v.enhanced, v.text);
}

static void
lines(struct buf *m, const char *of, size_t n)
{
	buf_reset(m);
	buf_adds(m, "A: 1\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(m, "%c\r\n", of[i % strlen(of)]);
}

static size_t
count(const char *in, const char *what)
{
	size_t n = 0;

	for (const char *p = in; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

/* --- each the same as alone --- */

#define BOTH "check_body pcre:%s/one, check_body pcre:%s/two"

static const struct texts same_cases[] = {
	{ BOTH, NULL, NULL, "/^[ab]$/ IGNORE\n", "/^[bc]$/ REPLACE x\n" },
	{ BOTH, NULL, NULL, "/^a$/ IGNORE\n/^b$/ SCORE 1\n/^c$/ TAG t\n",
	    "/^c$/ PREPEND x\n/^e$/ IGNORE\n" },
	/* the list goes on behind a class, which changes something, too */
	{ BOTH, NULL, NULL, "/^a$/ IGNORE\n/^e$/ late\n/^b$/ REPLACE y\n", "/^[bcd]$/ STRIP\n" },
	/* it ends in the middle */
	{ BOTH, NULL, NULL, "/^a$/ IGNORE\n", "/^b$/ IGNORE\n/^z$/ REJECT z\n" },
	{ BOTH, NULL, NULL, "/^a$/ IGNORE\n/^z$/ OK\n", "/^b$/ IGNORE\n" },
	{ "warn_if_reject check_body pcre:%s/one, check_body pcre:%s/two", NULL, NULL,
	    "/^a$/ IGNORE\n/^z$/ REJECT z\n", "/^[bf]$/ IGNORE\n" },
	/* the same tables, and lists of edits that differ when they are asked */
	{ EACH ", check_body pcre:%s/two", BOTH, "check_body pcre:%s/two, check_body pcre:%s/one",
	    "/^a$/ REPLACE 1\n/^b$/ IGNORE\n", "/^a$/ IGNORE\n/^b$/ PREPEND 2\n" },
};

struct outcome_of { /* one recipient */
	char *answer, *sent;
	int64_t points;
	size_t tags;
};

static void
keep(struct content_world *c, size_t i, const char *answer, struct outcome_of *out)
{
	struct recipient *first = c->w.txn.rcpts[0];

	c->w.txn.rcpts[0] = c->w.txn.rcpts[i];
	*out = (struct outcome_of){ .answer = strdup(answer),
		.sent = strdup(content_world_sent(c)),
		.points = c->w.txn.rcpts[0]->verdict.score.total,
		.tags = c->w.txn.rcpts[0]->verdict.tags.n };
	c->w.txn.rcpts[0] = first;
}

static void
assert_same(const struct outcome_of *a, const struct outcome_of *b)
{
	assert_string_equal(a->answer, b->answer);
	assert_string_equal(a->sent, b->sent);
	assert_int_equal(a->points, b->points);
	assert_int_equal(a->tags, b->tags);
}

static void
forget(struct outcome_of *o)
{
	free(o->answer);
	free(o->sent);
}

#define RCPTS 6

/* Addresses come again, as the list looks at three of them. */
static void
name(struct content_world *c, size_t i, size_t as)
{
	char text[40];

	snprintf(text, sizeof(text), "r%zu@example.com", as % 3);
	rule_world_rcpt(&c->w, text);
	c->w.txn.rcpts[i]->path = c->w.rcpt;
}

static void
check_same(const struct texts *t, int traced)
{
	struct outcome_of alone[RCPTS], among;
	struct rule_trace trace;
	struct many_world c;
	struct buf m = { 0 };

	begin(&c, t);
	lines(&m, "abcadbbeacf", 4000);
	buf_adds(&m, "z\r\n");
	for (size_t i = 0; i < 1000; i++)
		buf_adds(&m, "a\r\nb\r\n");
	for (size_t i = 0; i < RCPTS; i++) {
		again(&c.c, &m, 1);
		name(&c.c, 0, i);
		keep(&c.c, 0, ask(&c.c, 0, NULL, 10000), &alone[i]);
	}
	again(&c.c, &m, RCPTS);
	trace_init(&trace, c.c.w.arena);
	for (size_t i = 0; i < RCPTS; i++)
		name(&c.c, i, i);
	for (size_t i = 0; i < RCPTS; i++) {
		const char *answer = ask(&c.c, i, traced ? &trace : NULL, 10000);

		keep(&c.c, i, answer, &among);
		assert_same(&alone[i], &among);
		forget(&among);
	}
	for (size_t i = 0; i < RCPTS; i++) { /* nor did a later one change an earlier one's */
		keep(&c.c, i, alone[i].answer, &among);
		assert_same(&alone[i], &among);
		forget(&among);
		forget(&alone[i]);
	}
	buf_fini(&m);
	content_world_fini(&c.c);
}

static void
test_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(same_cases); i++) {
		print_message("%zu: %s | %s\n", i, same_cases[i].one, same_cases[i].two);
		check_same(&same_cases[i], 0);
		check_same(&same_cases[i], 1);
	}
}

/* --- price --- */

static const struct {
	const char *one, *two;
	size_t most; /* megabytes above what one recipient takes, for 1,000 */
} price_cases[] = {
	{ "/^a$/ IGNORE\n", "/^b$/ IGNORE\n", 1 },
	{ "/^a$/ REPLACE something longer\n", "/^b$/ PREPEND x\n", 1 },
	{ "/^a$/ IGNORE\n/^b$/ SCORE 0.001 x\n", "/x/ DUNNO\n", 3 },
	{ "/^a$/ TAG x\n", "/^b$/ HOLD because\n", 3 },
	{ "/^a$/ BCC copy@example.com\n", "/^b$/ REDIRECT copy@example.com\n", 3 },
	{ "/^a$/ WARN x\n", "/^b$/ FILTER smtp:[127.0.0.1]\n", 3 },
};

static void
test_price(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(price_cases); i++) {
		struct many_world c;
		struct buf m = { 0 };
		size_t used, more;
		const char *said;

		begin(&c, &(struct texts){
			      .list = BOTH, .one = price_cases[i].one, .two = price_cases[i].two });

		lines(&m, "ab", 20000);
		again(&c.c, &m, 200);
		assert_string_equal(ask(&c.c, 0, NULL, 60000), "dunno");
		used = arena_used(c.c.w.arena);
		for (size_t k = 1; k < 200; k++)
			assert_string_equal(ask(&c.c, k, NULL, 60000), "dunno");
		more = (arena_used(c.c.w.arena) - used) * 5;
		print_message("%s%zu octets and %zu\n", price_cases[i].one, used, more);
		assert_in_range(more, 0, price_cases[i].most * MEGABYTE);
		/* a line a row, and one that there are more */
		said = rule_world_said(&c.c.w);
		assert_in_range(count(said, "\n"), 0, 4);
		buf_fini(&m);
		content_world_fini(&c.c);
	}
}

/* --- what the log has --- */

static void
test_told(void **state)
{
	struct many_world c;
	struct buf m = { 0 };
	const char *said;

	(void)state;
	begin(&c, &(struct texts){ .list = BOTH,
		      .one = "/^a$/ WARN w\n/^b$/ INFO\n/^c$/ STRIP s\n/^(d)$/ BCC $1\n",
		      .two = "/^(.)$/ INFO saw $1\n" });

	lines(&m, "abcd", 4000);
	again(&c.c, &m, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(ask(&c.c, i, NULL, 10000), "dunno");
	said = rule_world_said(&c.c.w);
	assert_int_equal(count(said, "body a: w; "), 1);
	assert_int_equal(count(said, "body b; "), 1);
	assert_int_equal(count(said, "body c: s; "), 1);
	assert_int_equal(count(said, "needs user@domain"), 1);
	/* each text that is made of a row is a line */
	assert_int_equal(count(said, "body a: saw a; "), 1);
	assert_int_equal(count(said, "saw"), 4);
	assert_int_equal(count(said, "body: and 999 more; "), 7);
	assert_int_equal(count(said, "\n"), 15);
	buf_fini(&m);
	content_world_fini(&c.c);
}

/* Rows beyond a hundred have one line together. */
static void
test_told_rows(void **state)
{
	struct many_world c;
	struct buf m = { 0 }, t = { 0 };
	const char *said;

	(void)state;
	buf_adds(&m, "A: 1\r\n\r\n");
	for (int i = 0; i < 500; i++) {
		buf_printf(&t, "/^%d$/ WARN w%d\n", i, i);
		buf_printf(&m, "%d\r\n%d\r\n", i, i);
	}
	begin(&c, &(struct texts){ .list = "check_body pcre:%s/one", .one = buf_cstr(&t) });

	again(&c.c, &m, 2);
	assert_string_equal(ask(&c.c, 0, NULL, 10000), "dunno");
	assert_string_equal(ask(&c.c, 1, NULL, 10000), "dunno");
	said = rule_world_said(&c.c.w);
	assert_int_equal(count(said, "body: and 1 more; "), 100);
	assert_int_equal(count(said, "other rows: and 800 more; "), 1);
	assert_int_equal(count(said, "\n"), 201);
	buf_fini(&m);
	buf_fini(&t);
	content_world_fini(&c.c);
}

/* --- limits --- */

#define FAILED "451 4.7.1 Service temporarily unavailable, try again later"

/* Each recipient has thousands of effects of his own: in the end some of them fail, and it is said
 * why; who asks for none is none of these. */
static void
test_budget(void **state)
{
	struct many_world c;
	struct buf m = { 0 };
	size_t served = 0, used, failed = 0;
	const char *said;

	(void)state;
	begin(&c, &(struct texts){ .list = "check_recipient_access inline:{ "
					   "r2@example.com=OK }, check_body pcre:%s/one",
		      .one = "/^(a.*)/ TAG $1\n" });
	buf_adds(&m, "A: 1\r\n\r\n");
	for (int i = 0; i < 2000; i++)
		buf_printf(&m,
		    "a%d 123456789012345678901234567890123456789012345678901234567890"
		    "123456789012345678901234567890123456789012345678901234567890\r\n",
		    i);
	again(&c.c, &m, 300);
	used = arena_used(c.c.w.arena);
	for (size_t i = 0; i < 300; i++) {
		const char *answer;

		name(&c.c, i, i);
		answer = ask(&c.c, i, NULL, 60000);
		if (i % 3 == 2)
			assert_string_equal(answer, "ok");
		else if (strcmp(answer, FAILED) == 0)
			failed++;
		else if (failed == 0)
			served++;
		else
			fail_msg("%zu: %s", i, answer);
	}
	used = arena_used(c.c.w.arena) - used;
	print_message("%zu served, %zu failed, %zu octets\n", served, failed, used);
	assert_in_range(served, 50, 190);
	assert_int_equal(served + failed, 200);
	assert_in_range(used, 0, 80 * MEGABYTE);
	said = rule_world_said(&c.c.w);
	assert_int_equal(count(said, "takes too much memory"), 1);
	buf_fini(&m);
	content_world_fini(&c.c);
}

/* Time is looked at while hits are worked on, which are known already. */
static void
test_time(void **state)
{
	struct many_world c;
	struct buf m = { 0 };
	int64_t points;

	(void)state;
	begin(&c, &(struct texts){
		      .list = "check_body pcre:%s/one", .one = "/^(..)$/ SCORE 0.001 $1\n" });
	buf_adds(&m, "A: 1\r\n\r\n");
	for (int i = 0; i < 32000; i++) /* sixty names are looked through for each */
		buf_printf(&m, "%d\r\n", 10 + i % 60);
	again(&c.c, &m, 2);
	assert_string_equal(ask(&c.c, 0, NULL, 60000), "dunno");
	assert_int_equal(c.c.w.txn.rcpts[0]->verdict.score.total, 32000);
	assert_string_equal(ask(&c.c, 1, NULL, 1), FAILED);
	points = c.c.w.txn.rcpts[1]->verdict.score.total;
	assert_in_range(points, 1, 31999);
	assert_int_equal((points + 1) % 64, 0);
	assert_non_null(strstr(rule_world_said(&c.c.w), "no time is left for it"));
	buf_fini(&m);
	content_world_fini(&c.c);
}

/* --- failures --- */

/* What came of it is told for each outcome, and once. */
static void
test_outcomes(void **state)
{
	struct many_world c;
	struct buf m = { 0 };
	const char *said;

	(void)state;
	begin(&c, &(struct texts){ .ann = "{ check_body pcre:%s/one, on_failure = hold }",
		      .bob = "{ check_body pcre:%s/one, on_failure = accept }",
		      .one = "/(a+)+$/ REJECT e\n" });
	buf_adds(&m, "A: 1\r\n\r\n");
	for (int i = 0; i < 500; i++)
		buf_adds(&m, "aaa");
	buf_adds(&m, "!\r\n");
	again(&c.c, &m, 6);
	for (size_t i = 0; i < 6; i++) {
		name(&c.c, i, i);
		if (i % 3 != 2)
			assert_string_equal(ask(&c.c, i, NULL, 10000), "dunno");
	}
	said = rule_world_said(&c.c.w);
	assert_int_equal(count(said, "could not be checked"), 2);
	assert_int_equal(count(said, "on_failure = hold"), 1);
	assert_int_equal(count(said, "on_failure = accept"), 1);
	assert_int_equal(count(content_world_facts(&c.c), "patterns=failed"), 1);
	buf_fini(&m);
	content_world_fini(&c.c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_price),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_rows),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests_name(
	    "content_many", tests, rule_world_listen, rule_world_unlisten);
}
