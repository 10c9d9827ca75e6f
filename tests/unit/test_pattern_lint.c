/* Which patterns are told as explosive; ordinary ones must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "table/scan_db.h"
#include "table/table.h"

static const struct {
	const char *rule;
	int explosive;
} rows[] = {
	{ "/(a+)+b/ x", 1 }, { "/^(a+)+$/ x", 1 }, { "/^(a*)*$/ x", 1 }, { "/^(a|aa)+$/ x", 1 },
	{ "/^(a|ab|b)*c/ x", 1 }, { "/^(\\w|\\d)+$/ x", 1 }, /* a digit is both */
	{ "/^(.|\\s)*foo/ x", 1 }, { "/^([a-z]+,?\\s*)+$/ x", 1 },
	{ "/^Subject: (\\w+\\s?)*!$/ x", 1 }, { "/<(?:[^>]+|x)*>x/ x", 1 },
	{ "/^((ab?)+c?)+d/ x", 1 }, { "if /(x+)+y/", 1 }, { "!/(x+x+)+y/ x", 1 },
	{ "/(?x) ^ ( a + ) + $/ x", 1 },
	/* Nothing that could fail follows. */
	{ "/(a+)+/ x", 0 }, { "/^(\\w+\\s?)*/ x", 0 },
	/* Only one way to match. */
	{ "/^(?:a++)+$/ x", 0 }, { "/^(?>a+)+$/ x", 0 }, { "/^([a-z]+\\.)+com$/ x", 0 },
	{ "/^(foo|bar)+$/ x", 0 }, { "/^(\\s*foo)*$/ x", 0 }, { "/^\\d+(,\\d+)*$/ x", 0 },
	{ "/\\b(?:viagra|cialis|levitra)+\\b/ x", 0 },
	{ "/^Received: from .*\\[(\\d+\\.)+\\d+\\]/ x", 0 },
	{ "/https?:\\/\\/([a-z0-9-]+\\.)+(com|net|top)\\b/ x", 0 },
	{ "/^(From|To|Cc):.*<[^>]*@[^>]*>/ x", 0 }, { "/<a[^>]+href=\"([^\"]*)\"[^>]*>/ x", 0 },
	{ "/^[A-Za-z0-9+\\/=]{4,76}$/ x", 0 },
	{ "/name=[^>]*\\.(bat|com|exe|dll|vbs)\\s*\"?$/ x", 0 },
	{ "/.*.*=.*/ x", 0 },       /* slow, not explosive */
	{ "/(a+)+(*SKIP)b/ x", 0 }, /* not understood: nothing is said */
};

/* With letters. */
static const struct {
	const char *rule;
	int slow;
} letters[] = {
	{ "pcre:{ {/(?=.*dog)(?=.*nope)/ x} }", 1 },
	{ "pcre:{ {/a(?=.*dog)(?=.*nope)/ x} }", 1 },
	{ "pcre:{ {/^(?=.*dog)(?=.*nope)/ x} }", 0 },
	{ "pcre:{ {/click here.*(friends|town).*unsubscribe/ x} }", 0 },
	{ "pcre:{ {/^.*lottery.*winner/m x} }", 0 },
	{ "pcre:{ {/dear (\\w+\\s+)*winner/ x} }", 0 },
	{ "pcre:{ {/.*.*=.*/ x} }", 1 }, /* with one = near the beginning */
	{ "pcre:{ {/^.*=.*/ x} }", 0 },
	{ "regexp:{ {/bu.*b.{25}now/ x} }", 0 },
	{ "regexp:{ {/http.*[0-9].{30}[.]ru/ x} }", 0 },
	{ "regexp:{ {/(a+)+b/ x} }", 0 },
	{ "regexp:{ {/[[=a=]]b/ x} }", 1 }, /* not tried with texts */
	{ "regexp:{ {/a/!/[[=a=]]b/ x} }", 1 },
};

static int told, line;

static void
note(void *arg, const struct table_finding *f)
{
	assert_ptr_equal(arg, &told);
	if (strstr(f->text, "130 KB") != NULL)
		return;
	assert_non_null(strstr(f->text, "pattern_match_limit"));
	told++;
	line = f->line;
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char name[300];
		struct err err = { 0 };
		struct table *t;

		snprintf(name, sizeof(name), "pcre:{ {/one/ 1}, {%s}, {/two/ 2} }", rows[i].rule);
		told = 0;
		t = table_open(name, NULL, NULL, &err);
		if (t == NULL)
			fail_msg("%s", err.text);
		table_lint(t, note, &told);
		if (told != rows[i].explosive || (told && line != 2))
			fail_msg("%s: told %d times, line %d", rows[i].rule, told, line);
		table_close(t);
	}
}

static void
note_slow(void *arg, const struct table_finding *f)
{
	(void)arg;
	assert_non_null(strstr(f->text, "130 KB"));
	told++;
}

/* What stands before the engine is needed for that. */
static void
test_letters(void **state)
{
	(void)state;
	if (scan_db_missing() != NULL) {
		print_message("not tested: %s\n", scan_db_missing());
		skip();
	}
	for (size_t i = 0; i < nitems(letters); i++) {
		struct err err = { 0 };
		struct table *t = table_open(letters[i].rule, NULL, NULL, &err);

		told = 0;
		if (t == NULL)
			fail_msg("%s", err.text);
		table_lint(t, note_slow, NULL);
		if (told != letters[i].slow)
			fail_msg("%s: told %d times", letters[i].rule, told);
		table_close(t);
	}
}

/* Of a member too; regexp patterns do not backtrack. */
static void
test_tables(void **state)
{
	static const struct {
		const char *name;
		int told;
	} tables[] = {
		{ "unionmap:{ static:a, pcre:{ {/(a+)+b/ x} } }", 1 },
		{ "proxy:pcre:{ {/(a+)+b/ x}, {/^(a|a)*$/ x} }", 2 },
		{ "regexp:{ {/(a+)+b/ x} }", 0 },
		{ "static:a", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(tables); i++) {
		struct err err = { 0 };
		struct table *t = table_open(tables[i].name, NULL, NULL, &err);

		told = 0;
		if (t == NULL)
			fail_msg("%s", err.text);
		table_lint(t, note, &told);
		if (told != tables[i].told)
			fail_msg("%s: %d", tables[i].name, told);
		table_close(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
