/*
 * POSIX patterns: PCRE2, which stands in for regexec(3) with texts, finds the same; and what glibc
 * makes of a pattern while it matches does not grow without end.
 *
 * FILTERD_REGEXP_PATTERNS: so many random patterns instead of some.
 */
#include <pthread.h>
#include <regex.h>
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
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "table/pattern.h"
#include "table/pcre_code.h"
#include "table/regexp_code.h"
#include "table/regexp_pcre.h"
#include "table/table.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static uint64_t state_of_random = 1;

static unsigned
below(unsigned n)
{
	state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state_of_random >> 33) % n;
}

/* --- as regexec(3) --- */

static unsigned undecided;

/* Do they agree whether there is a match? */
static void
compare(const char *pattern, unsigned flags, const char *text)
{
	const struct table_limits high = { .match = 1000000, .depth = 3000000 };
	struct pcre_limits *limits = pcre_limits_new(&high);
	struct pcre_code *code = regexp_pcre_new(pattern, flags, limits);
	struct pattern_call *c = calloc(1, sizeof(*c));
	struct err err = { 0 };
	regmatch_t at[1];
	regex_t re;
	int rc, wanted;

	assert_non_null(code);
	assert_int_equal(regcomp(&re, pattern, (int)flags), 0);
	wanted = regexec(&re, text, 1, at, 0) == 0;
	c->key = span_str(text);
	rc = pcre_code_exec(code, c, NULL, &err);
	undecided += rc == -1;
	if (rc != wanted && rc != -1)
		fail_msg("/%s/ flags %u with \"%s\": %d, wanted %d %s", pattern, flags, text, rc,
		    wanted, err.text);
	regfree(&re);
	pcre_code_free(code);
	pcre_limits_free(limits);
	free(c);
}

static const struct {
	const char *pattern;
	const char *texts[6];
} same[] = {
	{ "^$", { "", "\n", "a\n", "\na", "a" } },
	{ "a$", { "a", "a\n", "a\nb", "ba" } },
	{ "^a", { "a", "\na", "b\na", "ba" } },
	{ "a.b", { "a\nb", "axb",
		     "a\x80"
		     "b",
		     "ab" } },
	{ "a[^x]b", { "a\nb", "axb", "aXb", "ayb" } },
	{ "a\\Wb", { "a\nb", "axb", "a-b", "a_b" } },
	{ "a\\Sb", { "a\nb", "axb", "a b", "a\vb" } },
	{ "\\<ab\\>", { "ab", "cab", "abc", "-ab-", "a b" } },
	{ "\\bab\\b", { "ab", "cab", "abc", "-ab-", "_ab" } },
	{ "x\\By", { "xy", "x y", "xyz" } },
	{ "\\`a", { "a", "\na", "ba" } },
	{ "a\\'", { "a", "a\n", "ab" } },
	{ "a\\.b\\*", { "a.b*", "axb*" } },
	{ "[A-C]x", { "ax", "Bx", "dx" } },
	{ "[^A-C]x", { "ax", "Bx", "dx", "\nx" } },
	{ "[[:upper:]]", { "a", "A", "1" } },
	{ "[]x]y", { "]y", "xy", "y" } },
	{ "[\\n]y", { "\\y", "ny", "\ny" } },
	{ "(a|)b|()", { "", "b", "ab" } },
	{ "(a|ab)(c|bcd)e", { "abcde", "ace", "abce", "abcd" } },
	{ "(^|x)a($|y)", { "a", "xay", "bay", "\na\n" } },
	{ "(a*)*b", { "b", "aaab", "aaac" } },
	{ "(a{2,3}){2}", { "aaa", "aaaa", "baaaaaa" } },
	{ "a{0}b", { "b", "ab" } },
	{ "} #'\"~", { "} #'\"~", "}#" } },
	{ "(.)\\1", { "aa", "ab", "bccb" } },
	{ "k[k-m]", { "Kk", "km", "ka", "\xe2\x84\xaa" } },
};

static const unsigned all_flags[] = { REG_EXTENDED, REG_EXTENDED | REG_ICASE,
	REG_EXTENDED | REG_NEWLINE, REG_EXTENDED | REG_ICASE | REG_NEWLINE };

static void
test_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(same); i++)
		for (size_t f = 0; f < nitems(all_flags); f++)
			for (size_t k = 0; k < 6 && same[i].texts[k] != NULL; k++)
				compare(same[i].pattern, all_flags[f], same[i].texts[k]);
}

static void random_atom(struct buf *out, int depth);

/* glibc errs about what stands between two octets where it is repeated, or ^ is behind something,
 * so the like is left out. */
static void
random_edge(struct buf *out, int at_end)
{
	static const char *const begin[] = { "^", "\\`", "\\<", "\\b" };
	static const char *const end[] = { "$", "\\'", "\\>", "\\b" };

	if (below(5) == 0)
		buf_adds(out, at_end ? end[below(4)] : begin[below(4)]);
}

static void
random_pattern(struct buf *out, int depth)
{
	static const char *const times[] = { "", "", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}",
		"{3,5}" };

	for (unsigned branches = below(3) / 2 + 1; branches > 0; branches--) {
		if (depth == 0)
			random_edge(out, 0);
		for (unsigned n = below(4) + (depth > 0); n > 0; n--) {
			random_atom(out, depth);
			buf_adds(out, times[below(nitems(times))]);
		}
		if (depth == 0)
			random_edge(out, 1);
		if (branches > 1)
			buf_addc(out, '|');
	}
}

static void
random_atom(struct buf *out, int depth)
{
	static const char *const atoms[] = { "a", "b", "B", "_", ".", "[ab]", "[^a]", "[^\n]",
		"\\w", "\\W", "\\s", "\\S", "[[:alpha:]]", "[A-b]", " ", "\n", "\\.", "[a-]" };

	if (depth < 3 && below(4) == 0) {
		buf_addc(out, '(');
		random_pattern(out, depth + 1);
		buf_addc(out, ')');
		return;
	}
	buf_adds(out, atoms[below(nitems(atoms))]);
}

static void
random_text(struct buf *out)
{
	static const char octets[] = "aabbAB_ \n.-\xe9";

	for (unsigned n = below(24); n > 0; n--)
		buf_addc(out, octets[below(sizeof(octets) - 1)]);
}

static void
test_random(void **state)
{
	const char *many = getenv("FILTERD_REGEXP_PATTERNS");
	int n = many == NULL ? 800 : atoi(many), tried = 0;
	struct buf pattern = { 0 }, text = { 0 }, ignored = { 0 };

	(void)state;
	for (int i = 0; i < n; i++) {
		unsigned flags = all_flags[below(nitems(all_flags))];
		regex_t re;

		buf_reset(&pattern);
		random_pattern(&pattern, 0);
		buf_reset(&ignored);
		if (regexp_pcre_text(buf_cstr(&pattern), flags, &ignored) == -1)
			continue;
		if (regcomp(&re, buf_cstr(&pattern), (int)flags) != 0)
			continue;
		regfree(&re);
		tried++;
		for (int k = 0; k < 20; k++) {
			buf_reset(&text);
			random_text(&text);
			compare(buf_cstr(&pattern), flags, buf_cstr(&text));
		}
	}
	assert_in_range(tried, n / 3, n);
	print_message("%d patterns, undecided with %u texts\n", tried, undecided);
	assert_in_range(undecided, 0, tried / 20);
	buf_fini(&pattern);
	buf_fini(&text);
	buf_fini(&ignored);
}

/* --- texts: the groups --- */

/* With so much behind it that the key is a text. */
static void
test_groups(void **state)
{
	static const struct {
		const char *rule, *text, *value;
	} rows[] = {
		/* the longest, as with a line */
		{ "/-(a|ab)(c|bcd)?/ <$1,$2>", "-abcd", "<a,bcd>" },
		{ "/-(a|ab|abc)/ <$1>", "-abcd", "<abc>" },
		{ "/(^|x)(a|ab)/m <$1,$2>", "zab\nab", "<,ab>" },
		{ "/\\b(a|ab)/ <$1>", "cab -ab", "<ab>" },
		{ "/-(a|b)*(c)?/ <$1,$2>", "-abd", "<b,>" },
		{ "/(-)(z)?!/!/q/ <$1,$2>", "-!", "<-,>" },
		/* where it reaches too far it is PCRE2's */
		{ "/-(a|ab)(.*)x/ <$1>", "-ab", "<a>" },
	};
	struct buf key = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char name[200];
		struct err err = { 0 };
		struct table_hit hit = { 0 };
		struct arena *a = arena_new();
		struct table *t;

		snprintf(name, sizeof(name), "regexp:{ {%s} }", rows[i].rule);
		assert_non_null(t = table_open(name, NULL, NULL, &err));
		buf_reset(&key);
		buf_adds(&key, rows[i].text);
		for (int k = 0; k < 3000; k++)
			buf_adds(&key, " yx");
		if (table_get(t, buf_span(&key), a, &hit, &err) != 1 ||
		    strcmp(hit.value, rows[i].value) != 0)
			fail_msg("%s: %s %s", rows[i].rule, hit.value == NULL ? "" : hit.value,
			    err.text);
		table_close(t);
		arena_free(a);
	}
	buf_fini(&key);
}

/* What PCRE2 cannot stand in for still has lines, and header fields. */
static void
test_refused(void **state)
{
	static const char *const rules[] = { "/[[=a=]]/ x", "/\\(a\\)b/x x", "/a**/ x" };
	static char text[128 * 1024 + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[1] = 'b';
	for (size_t i = 0; i < nitems(rules); i++) {
		char name[100];
		struct err err = { 0 };
		struct table_hit hit = { 0 };
		struct arena *a = arena_new();
		struct table *t;

		snprintf(name, sizeof(name), "regexp:{ {%s} }", rules[i]);
		assert_non_null(t = table_open(name, NULL, NULL, &err));
		assert_int_equal(table_get(t, span_make(text, PATTERN_LONG), a, &hit, &err), 1);
		assert_int_equal(table_get(t, span_make(text, sizeof(text) - 1), a, &hit, &err), 1);
		assert_int_equal(table_get(t, span_make(text, sizeof(text)), a, &hit, &err), -1);
		assert_non_null(strstr(err.text, "write it for a pcre table"));
		table_close(t);
		arena_free(a);
	}
}

/* --- memory and time --- */

static long
rss_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all, rss;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &all, &rss), 2);
	fclose(f);
	return rss * 4;
}

static void
fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = "bux "[below(4)];
}

/* A state for nearly each octet: the pattern is made anew before they are too many. */
static void
test_memory(void **state)
{
	unsigned has;
	char why[100], text[2001] = "";
	struct regexp_code *c =
	    regexp_code_new("bu.*b.{25}now", REG_EXTENDED | REG_NOSUB, &has, why, sizeof(why));
	long before = rss_kb();
	int64_t began = clock_ms();

	(void)state;
	assert_non_null(c);
	while (regexp_code_renewals(c) < 4) {
		fill(text, sizeof(text) - 1);
		assert_int_equal(
		    regexp_code_exec(c, text, sizeof(text) - 1, 0, NULL, 0), REG_NOMATCH);
		assert_in_range(clock_ms() - began, 0, 60000);
	}
	assert_true(regexp_code_is_slow(c));
	print_message("%ld KB\n", rss_kb() - before);
	if (!SANITIZED)
		assert_true(rss_kb() - before < 60000);
	regexp_code_free(c);
}

/* An ordinary one is not called slow, however long it is used. */
static void
test_ordinary(void **state)
{
	unsigned has;
	char why[100], text[2001] = "";
	struct regexp_code *c = regexp_code_new(
	    "(viagra|cialis).*http", REG_EXTENDED | REG_ICASE, &has, why, sizeof(why));

	(void)state;
	assert_non_null(c);
	fill(text, sizeof(text) - 1);
	while (regexp_code_renewals(c) < 2)
		assert_int_equal(
		    regexp_code_exec(c, text, sizeof(text) - 1, 0, NULL, 0), REG_NOMATCH);
	assert_false(regexp_code_is_slow(c));
	regexp_code_free(c);
}

struct other {
	const struct table *table;
	struct span key;
	int64_t longest_ms;
	int rc;
};

static void *
ask_lines(void *arg)
{
	struct other *o = arg;

	for (int i = 0; i < 20; i++) {
		struct arena *a = arena_new();
		struct table_hit hit;
		struct err err = { 0 };
		int64_t began = clock_ms(), took;

		o->rc |= table_get(o->table, o->key, a, &hit, &err);
		took = clock_ms() - began;
		o->longest_ms = took > o->longest_ms ? took : o->longest_ms;
		arena_free(a);
	}
	return NULL;
}

/* A text made for the pattern ends in time, and meanwhile others are answered. */
static void
test_others(void **state)
{
	static const char *const rules[] = { "/bu.*b.{25}now/ x", "/http.*[0-9].{30}[.]ru/ x" };
	size_t len = 430000;
	char *text = malloc(len);

	(void)state;
	fill(text, len);
	memcpy(text, "http 12", 7);
	for (size_t i = 0; i < nitems(rules); i++) {
		char name[100];
		struct err err = { 0 };
		struct table_hit hit = { 0 };
		struct arena *a = arena_new();
		struct other other = { .key = span_str("Subject: some buy text") };
		long before = rss_kb();
		int64_t began = clock_thread_us();
		struct table *t;
		pthread_t thread;

		snprintf(name, sizeof(name), "regexp:{ {%s} }", rules[i]);
		assert_non_null(t = table_open(name, NULL, NULL, &err));
		other.table = t;
		assert_int_equal(pthread_create(&thread, NULL, ask_lines, &other), 0);
		assert_in_range(table_get(t, span_make(text, len), a, &hit, &err) + 1, 0, 2);
		assert_in_range(clock_thread_us() - began, 0, 3000000);
		pthread_join(thread, NULL);
		assert_int_equal(other.rc, 0);
		assert_in_range(other.longest_ms, 0, 1000);
		if (!SANITIZED)
			assert_true(rss_kb() - before < 20000);
		table_close(t);
		arena_free(a);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_ordinary),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
