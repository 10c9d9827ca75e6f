/*
 * Tables of many patterns: looked through in one pass they must answer what they answer when their
 * rules are tried one by one.
 *
 * FILTERD_PREFILTER_TABLES: so many random tables of each type instead of a few.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/span.h"
#include "tests/lib/pattern_random.h"
#include "table/prefilter.h"
#include "table/scan_db.h"
#include "table/table.h"
#include "tests/lib/tmpdir.h"

static char *folder;
static char path[200];

/* What needs Vectorscan is not tested without it, and says so. */
static void
needs_vectorscan(void)
{
	if (scan_db_missing() == NULL)
		return;
	print_message("not tested: %s\n", scan_db_missing());
	skip();
}

static void
write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static struct table *
open_text(const char *type, const char *text)
{
	char name[300];
	struct err err = { 0 };
	struct table *t;

	write_text(text);
	snprintf(name, sizeof(name), "%s:%s", type, path);
	t = table_open(name, NULL, NULL, &err);
	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

/* --- one answer --- */

struct answer {
	int rc, line;
	char *value;
};

static void
ask(const struct table *t, struct span key, struct answer *out)
{
	struct arena *a = arena_new();
	struct table_hit hit = { 0 };
	struct err err = { 0 };

	memset(out, 0, sizeof(*out));
	out->rc = table_get(t, key, a, &hit, &err);
	if (out->rc == 1) {
		assert_string_equal(hit.file, path);
		out->value = strdup(hit.value);
		out->line = hit.line;
	}
	arena_free(a);
}

static int
same(const struct answer *a, const struct answer *b)
{
	return a->rc == b->rc && a->line == b->line &&
	       (a->rc != 1 || strcmp(a->value, b->value) == 0);
}

static void
tell(const char *type, const char *text, struct span key, const struct answer *plain,
    const struct answer *now)
{
	struct buf quoted = { 0 };

	for (size_t i = 0; i < key.len; i++)
		buf_printf(&quoted, key.p[i] > ' ' && key.p[i] < 127 ? "%c" : "\\x%02x", key.p[i]);
	print_message("%s\n", text);
	fail_msg("%s table, key <%s>: one by one: %d line %d %s; in one pass: %d line %d %s", type,
	    buf_cstr(&quoted), plain->rc, plain->line, plain->rc == 1 ? plain->value : "", now->rc,
	    now->line, now->rc == 1 ? now->value : "");
}

/* Ask for all keys one by one, then in one pass. */
static void
compare(const char *type, const char *text, const struct span *keys, size_t n, size_t *found)
{
	struct table *t = open_text(type, text);
	struct answer *plain = calloc(n, sizeof(*plain)), now;

	for (size_t i = 0; i < n; i++)
		ask(t, keys[i], &plain[i]);
	table_prefilter(t, NULL);
	for (size_t i = 0; i < n; i++) {
		ask(t, keys[i], &now);
		/* What ran into a limit may now be known not to match. */
		if (plain[i].rc != -1 && !same(&plain[i], &now))
			tell(type, text, keys[i], &plain[i], &now);
		*found += plain[i].rc == 1;
		free(plain[i].value);
		free(now.value);
	}
	free(plain);
	table_close(t);
}

/* --- every octet in every construct --- */

/* So many others that the table is one of many patterns. */
static const char others[] = "/otherone/ o\n/othertwo/ o\n/otherthree/ o\n/otherfour/ o\n"
			     "/otherfive/ o\n/othersix/ o\n/otherseven/ o\n/othereight/ o\n";

/* always: one for which nothing can be said beforehand. */
static const struct construct_case {
	const char *type, *pattern;
	int always;
} constructs[] = {
	{ "pcre", "/<\\d>/", 0 },
	{ "pcre", "/<\\D>/", 0 },
	{ "pcre", "/<\\w>/", 0 },
	{ "pcre", "/<\\W>/", 0 },
	{ "pcre", "/<\\s>/", 0 },
	{ "pcre", "/<\\S>/", 0 },
	{ "pcre", "/<\\h>/", 0 },
	{ "pcre", "/<\\H>/", 0 },
	{ "pcre", "/<\\v>/", 0 },
	{ "pcre", "/<\\V>/", 0 },
	{ "pcre", "/<\\N>/", 0 },
	{ "pcre", "/<\\R>/", 0 },
	{ "pcre", "/<.>/", 0 },
	{ "pcre", "/<.>/s", 0 },
	{ "pcre", "/<[[:alnum:]]>/i", 0 },
	{ "pcre", "/<[[:alpha:]]>/i", 0 },
	{ "pcre", "/<[[:ascii:]]>/i", 0 },
	{ "pcre", "/<[[:blank:]]>/i", 0 },
	{ "pcre", "/<[[:cntrl:]]>/i", 0 },
	{ "pcre", "/<[[:graph:]]>/i", 0 },
	{ "pcre", "/<[[:lower:]]>/i", 0 },
	{ "pcre", "/<[[:print:]]>/i", 0 },
	{ "pcre", "/<[[:punct:]]>/i", 0 },
	{ "pcre", "/<[[:space:]]>/i", 0 },
	{ "pcre", "/<[[:upper:]]>/i", 0 },
	{ "pcre", "/<[[:word:]]>/i", 0 },
	{ "pcre", "/<[[:xdigit:]]>/i", 0 },
	{ "pcre", "/<[[:upper:]]>/", 0 },  /* means both cases then */
	{ "pcre", "/<[^[:upper:]]>/", 0 }, /* and neither */
	{ "pcre", "/<[[:^upper:]]>/", 0 },
	{ "pcre", "/<[^a]>/", 0 },
	{ "pcre", "/<[^a]>/i", 0 },
	{ "pcre", "/<[a-c\\d\\W]>/", 0 },
	{ "pcre", "/<[\\b\\n\\101\\x7f-\\xff]>/", 0 },
	{ "pcre", "/<[]-]>/", 0 },
	{ "pcre", "/<[\\w-]>/", 0 },
	{ "pcre", "/<(?i)k(?-i)>/i", 0 },
	{ "pcre", "/<(?:(?i)k|l)>/i", 0 }, /* l too: the flag goes on into it */
	{ "pcre", "/< k >/x", 0 },
	{ "pcre", "/<k{1} #>/x", 0 }, /* a comment to the end */
	{ "pcre", "/<(k)\\1?>/", 0 },
	{ "pcre", "/<(?>k|kk)>/", 0 },
	{ "pcre", "/<(?=k).>/", 0 },
	{ "pcre", "/<(?!k).>/", 0 },
	{ "pcre", "/<.(?<=k)>/", 0 },
	{ "pcre", "/<\\Qk\\E>/", 1 },
	{ "pcre", "/<\\p{L}>/", 1 },
	{ "pcre", "/(*UTF)<.>/", 1 }, /* an octet above 127 is an error there */
	{ "pcre", "/<(?(?=k).|a)>/", 1 },
	{ "pcre", "/<\\K.>/", 0 },
	{ "pcre", "/k*/", 1 }, /* matches everything */
	{ "pcre", "/<.>$/", 0 },
	{ "pcre", "/^<.>/m", 0 },
	{ "pcre", "/<.>/A", 0 },
	{ "pcre", "/\\b.>/", 0 },
	{ "pcre", "/\\B.>/", 0 },
	{ "regexp", "/<.>/", 0 },
	{ "regexp", "/<.>/m", 0 },
	{ "regexp", "/<\\w>/", 0 },
	{ "regexp", "/<\\W>/", 0 },
	{ "regexp", "/<\\s>/", 0 },
	{ "regexp", "/<\\S>/", 0 },
	{ "regexp", "/<[[:alnum:]]>/i", 0 },
	{ "regexp", "/<[[:space:]]>/i", 0 },
	{ "regexp", "/<[[:cntrl:]]>/i", 0 },
	{ "regexp", "/<[[:print:]]>/i", 0 },
	{ "regexp", "/<[[:punct:]]>/i", 0 },
	{ "regexp", "/<[[:upper:]]>/", 0 },
	{ "regexp", "/<[^[:upper:]]>/", 0 },
	{ "regexp", "/<[^a]>/", 0 },
	{ "regexp", "/<[^A]>/", 0 },
	{ "regexp", "/<[a-f\\]>/", 0 }, /* the backslash is one */
	{ "regexp", "/<[Z-b]>/i", 0 },
	{ "regexp", "/<\\n>/", 0 }, /* the letter */
	{ "regexp", "/<(k|l)+>/", 0 },
	{ "regexp", "/<\\(k\\)>/x", 1 },
	{ "regexp", "/<[[=k=]]>/", 1 },
	{ "regexp", "/<k{1,2}>/", 0 },
};

static void
test_constructs(void **state)
{
	char text[600];
	struct span keys[256 * 3 + 3];
	static char room[256 * 3][8];
	size_t n = 0, all = 0;

	(void)state;
	needs_vectorscan();
	for (unsigned c = 1; c < 256; c++)
		for (unsigned form = 0; form < 3; form++, n++) {
			static const char *const forms[] = { "<%c>", "a\n<%c>", "<%c>\n" };
			int len = snprintf(room[n], sizeof(room[n]), forms[form], (char)c);

			keys[n] = span_make(room[n], (size_t)len);
		}
	keys[n++] = span_make("", 0);
	keys[n++] = span_make("<\r\n>", 4);
	keys[n++] = span_make("\n", 1);
	for (size_t i = 0; i < nitems(constructs); i++) {
		const struct construct_case *c = &constructs[i];
		struct buf status = { 0 };
		char wanted[40];
		size_t found = 0;
		struct table *t;

		snprintf(text, sizeof(text), "%s%s found\n", others, c->pattern);
		compare(c->type, text, keys, n, &found);
		all += found;
		/* Trying it all the same would be right too, and slow. */
		t = open_text(c->type, text);
		table_prefilter(t, NULL);
		table_patterns(t, &status);
		snprintf(wanted, sizeof(wanted), "%d of 9 patterns", 9 - c->always);
		if (strstr(buf_cstr(&status), wanted) == NULL)
			fail_msg("%s %s: %s", c->type, c->pattern, buf_cstr(&status));
		buf_fini(&status);
		table_close(t);
	}
	assert_true(all > 1000);
}

/* --- every place in a text --- */

/* Short ones too: a build of Vectorscan 5.4.9 saw few of those behind the 64th octet. */
static void
test_places(void **state)
{
	static const char *const wanted[] = { "9", "9a", "9ab", "9abc", "9abcd", "9abcdefghijk" };
	char text[200], key[256];
	struct answer now;

	(void)state;
	for (size_t i = 0; i < nitems(wanted); i++) {
		size_t len = strlen(wanted[i]);
		struct table *t;

		snprintf(text, sizeof(text), "%s/%s/ found\n", others, wanted[i]);
		t = open_text("pcre", text);
		table_prefilter(t, NULL);
		for (size_t size = 60; size <= sizeof(key); size += 28)
			for (size_t at = 0; at + len <= size; at++) {
				memset(key, '.', size);
				memcpy(key + at, wanted[i], len);
				ask(t, span_make(key, size), &now);
				if (now.rc != 1)
					fail_msg("%s at %zu of %zu", wanted[i], at, size);
				free(now.value);
			}
		table_close(t);
	}
}

/* --- the rules of a file --- */

#define MANY                                                                                       \
	"/z1z/ 1\n/z2z/ 2\n/z3z/ 3\n/z4z/ 4\n/z5z/ 5\n/z6z/ 6\n/z7z/ 7\n/z8z/ 8\n" /* lines 1-8 */

static const struct rule_case {
	const char *type, *text, *key, *value;
	int line;
} rule_cases[] = {
	{ "pcre", MANY, "az3zb", "3", 3 },
	{ "pcre", MANY, "z8z z2z", "2", 2 }, /* the first in the file, not in the text */
	{ "pcre", MANY, "zz", NULL, 0 },
	{ "pcre", MANY "/q(.)r/ got $1\n", "qXr", "got X", 9 },
	{ "pcre", MANY "!/q/ no q\n", "x", "no q", 9 },
	{ "pcre", MANY "!/q/ no q\n", "q", NULL, 0 },
	{ "pcre", MANY "!/q/ no q\n/x/ x\n", "qx", "x", 10 },
	{ "pcre", MANY "if /q/\n/x/ x\nendif\n/y/ y\n", "xy", "y", 12 },
	{ "pcre", MANY "if /q/\n/x/ x\nendif\n/y/ y\n", "qxy", "x", 10 },
	{ "pcre", MANY "if !/q/\n/x/ x\nendif\n/y/ y\n", "qxy", "y", 12 },
	{ "pcre", MANY "if !/q/\n/x/ x\nendif\n/y/ y\n", "xy", "x", 10 },
	/* The outer one does not hold, the inner one would. */
	{ "pcre", MANY "if /q/\nif /r/\n/x/ x\nendif\nendif\n/y/ y\n", "rxy", "y", 14 },
	{ "pcre", MANY "if /q/\nif /r/\n/x/ x\nendif\n/w/ w\nendif\n/y/ y\n", "qxwy", "w", 13 },
	{ "pcre", MANY "if /q/\nif /r/\n/x/ x\nendif\nendif\n/y/ y\n", "qrx", "x", 11 },
	/* Holds only nearly: Vectorscan cannot tell what looks ahead. */
	{ "pcre", MANY "if /q(?!r)/\n/x/ x\nendif\n/y/ y\n", "qrxy", "y", 12 },
	{ "pcre", MANY "if /q/\n/x/ x\n", "xy", NULL, 0 }, /* never closed */
	{ "pcre", MANY "if /q/\n/x/ x\n", "qx", "x", 10 },
	{ "pcre", MANY "/(*UTF)x/ x\n", "x", "x", 9 }, /* always tried */
	{ "regexp", MANY "/x/!/q/ x\n", "x", "x", 9 },
	{ "regexp", MANY "/x/!/q/ x\n", "xq", NULL, 0 },
	{ "regexp", MANY "/(x)/!/q/ got $1\n", "X", "got X", 9 },
	{ "regexp", MANY "!/x/!/q/ x\n", "y", "x", 9 },
	{ "regexp", MANY "!/x/!/q/ x\n", "yq", NULL, 0 },
};

static void
test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(rule_cases); i++) {
		const struct rule_case *c = &rule_cases[i];
		struct span key = span_str(c->key);
		size_t found = 0;
		struct answer now;
		struct table *t;

		compare(c->type, c->text, &key, 1, &found);
		t = open_text(c->type, c->text);
		table_prefilter(t, NULL);
		ask(t, key, &now);
		if ((now.rc == 1) != (c->value != NULL) || now.line != c->line ||
		    (now.rc == 1 && strcmp(now.value, c->value) != 0))
			fail_msg("row %zu: %d line %d %s", i, now.rc, now.line,
			    now.rc == 1 ? now.value : "");
		free(now.value);
		table_close(t);
	}
}

/* What cannot be found out stays so: it is not passed over. */
static void
test_limit(void **state)
{
	struct answer now;
	struct table *t = open_text(
	    "pcre", MANY "/x(?:a+)+$/ x\n/^.*aaa!$/ reached only if that was passed over\n");

	(void)state;
	table_prefilter(t, NULL);
	ask(t, span_str("xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), &now);
	assert_int_equal(now.rc, scan_db_missing() == NULL ? 1 : -1);
	free(now.value);
	table_close(t);
	/* Here Vectorscan cannot rule it out. */
	t = open_text("pcre", MANY "/x(?:a+)+(?=$)/ x\n/^.*aaa!$/ not reached\n");
	table_prefilter(t, NULL);
	ask(t, span_str("xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), &now);
	assert_int_equal(now.rc, -1);
	table_close(t);
}

/* --- which tables --- */

static const struct {
	const char *name, *status; /* the beginning; NULL: nothing to say */
} status_cases[] = {
	{ "pcre:{ {/1/ a}, {/2/ a}, {/3/ a}, {/4/ a}, {/5/ a}, {/6/ a}, {/7/ a} }", NULL },
	{ "pcre:{ {/1/ a}, {/2/ a}, {/3/ a}, {/4/ a}, {/5/ a}, {/6/ a}, {/7/ a}, {/8/ a} }",
	    "8 of 8 patterns looked for in one pass, " },
	{ "regexp:{ {/1/ a}, {/2/!/b/ a}, {/3/!/b/ a}, {/4/!/c/ a}, {/5/ a} }",
	    "8 of 8 patterns looked for in one pass, " },
	{ "proxy:pcre:{ {/1/ a}, {/2/ a}, {/3/ a}, {/4/ a}, {/5/ a}, {/6/ a}, {/7/ a}, {/8/x a} }",
	    "8 of 8 patterns looked for in one pass, " },
	{ "unionmap:{ static:a, pcre:{ {/1/ a}, {/2/ a}, {/3/ a}, {/4/ a}, {/5/ a}, {/6/ a}, {/7/ "
	  "a}, "
	  "{/8/x a} } }",
	    "8 of 8 patterns looked for in one pass, " },
	{ "pcre:{ {/1*/ a}, {/2*/ a}, {/3*/ a}, {/4*/ a}, {/5*/ a}, {/6*/ a}, {/7*/ a}, {/8*/ a} }",
	    "8 patterns tried one by one: there is no pattern that Vectorscan can take" },
	{ "static:a", NULL },
};

static void
test_status(void **state)
{
	(void)state;
	needs_vectorscan();
	for (size_t i = 0; i < nitems(status_cases); i++) {
		struct err err = { 0 };
		struct table *t = table_open(status_cases[i].name, NULL, NULL, &err);
		struct buf status = { 0 };

		if (t == NULL)
			fail_msg("%s", err.text);
		table_prefilter(t, NULL);
		table_patterns(t, &status);
		if (status_cases[i].status == NULL
			? status.len != 0
			: strncmp(buf_cstr(&status), status_cases[i].status,
			      strlen(status_cases[i].status)) != 0)
			fail_msg("row %zu: %s", i, buf_cstr(&status));
		buf_fini(&status);
		table_close(t);
	}
}

/* --- random tables --- */

#define KEYS 60

static void
compare_random(uint64_t seed, int posix, size_t *found)
{
	struct pattern_random r = { .state = seed, .posix = posix };
	struct buf text = { 0 }, keys[KEYS];
	struct span spans[KEYS];

	memset(keys, 0, sizeof(keys));
	/* Some below the threshold: nothing may change there. */
	pattern_random_table(&r, 3 + pattern_random_below(&r, 60), &text);
	for (size_t i = 0; i < KEYS; i++) {
		pattern_random_text(&r, &keys[i]);
		spans[i] = span_make(buf_cstr(&keys[i]), keys[i].len);
	}
	compare(posix ? "regexp" : "pcre", buf_cstr(&text), spans, KEYS, found);
	for (size_t i = 0; i < KEYS; i++)
		buf_fini(&keys[i]);
	buf_fini(&text);
}

static void
test_random(void **state)
{
	const char *wanted = getenv("FILTERD_PREFILTER_TABLES");
	uint64_t tables = wanted == NULL ? 40 : strtoull(wanted, NULL, 10);
	size_t found = 0;

	(void)state;
	for (uint64_t i = 0; i < tables; i++) {
		compare_random(i * 2 + 1, 0, &found);
		compare_random(i * 2 + 2, 1, &found);
	}
	/* Nearly all texts find something, but not all. */
	assert_in_range(found, tables * KEYS, tables * 2 * KEYS - 1);
}

/* --- many threads, while the table gets its prefilter --- */

struct asker {
	const struct table *table;
	atomic_int *wrong;
};

static void *
asker_main(void *arg)
{
	const struct asker *q = arg;

	for (int i = 0; i < 3000; i++) {
		char key[40];
		int number = i % 9 + 1;
		struct answer now;

		snprintf(key, sizeof(key), "text z%dz text", number);
		ask(q->table, span_str(key), &now);
		if (now.rc != (number <= 8) || (now.rc == 1 && now.line != number))
			atomic_fetch_add(q->wrong, 1);
		free(now.value);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct table *t = open_text("pcre", MANY);
	atomic_int wrong = 0;
	struct asker q = { t, &wrong };
	pthread_t threads[6];

	(void)state;
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, asker_main, &q), 0);
	table_prefilter(t, NULL);
	for (size_t i = 0; i < nitems(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	table_close(t);
}

static int
make_folder(void **state)
{
	(void)state;
	folder = tmpdir_make();
	snprintf(path, sizeof(path), "%s/table", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	tmpdir_remove(folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constructs),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
