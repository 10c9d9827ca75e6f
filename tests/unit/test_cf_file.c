#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/xmem.h"
#include "conf/cf_file.h"
#include "conf/reporter.h"
#include "tests/lib/findings.h"

/* Entries as "NAME@LINE=[VALUE]" and findings behind them. */
static char *
read_text(struct span text, const char *path)
{
	struct arena *arena = arena_new();
	struct buf out = { 0 }, told = { 0 };
	struct reporter rep;
	struct cf_file *f;

	reporter_init(&rep, findings_add, &told);
	f = cf_file_new(arena, &rep);
	if (path == NULL)
		cf_file_text(f, text, "t");
	else
		cf_file_read(f, path);
	for (size_t i = 0; i < cf_file_count(f); i++) {
		const struct cf_entry *e = cf_file_at(f, i);

		buf_printf(&out, "%s@%d=[%s]%s", e->name == NULL ? "?" : e->name, e->line, e->value,
		    e->name == NULL || cf_file_get(f, e->name) == e ? "\n" : " overridden\n");
	}
	buf_add_span(&out, buf_span(&told));
	buf_fini(&told);
	reporter_fini(&rep);
	cf_file_free(f);
	arena_free(arena);
	if (out.len == 0)
		buf_adds(&out, "");
	return buf_take(&out);
}

static const struct {
	const char *text, *want;
} line_cases[] = {
	{ "a = b\n", "a@1=[b]\n" }, { "a=b", "a@1=[b]\n" }, /* no line end at the end of the file */
	{ "a\t = \t b c \t\n", "a@1=[b c]\n" }, { "a =\n", "a@1=[]\n" },
	{ "# x\n\n  # y\na = b # c\n", "a@4=[b # c]\n" }, /* only a first # is a comment */
	{ "a = b\r\nc = d\r\n", "a@1=[b]\nc@2=[d]\n" }, { "a = b\n  c\n\td\n", "a@1=[b c d]\n" },
	{ "a =\n  c\n", "a@1=[c]\n" },
	/* comments and empty lines do not end a setting */
	{ "a = b\n# x\n\n  # y\n  c\nd = e\n", "a@1=[b c]\nd@6=[e]\n" },
	{ "a\n = b\n", "a@1=[b]\n" }, /* the line is joined before it is taken apart */
	{ "a = b = c\n", "a@1=[b = c]\n" },
	{ "\xef\xbb\xbf"
	  "a = b\n",
	    "a@1=[b]\n" }, /* an editor's byte order mark */
	{ "slow-smtp_destination_rate_delay = 1\n", "slow-smtp_destination_rate_delay@1=[1]\n" },
	{ "", "" }, { "\n\n#\n", "" },
	{ "a = 1\na = 2\n",
	    "a@1=[1] overridden\na@2=[2]\n"
	    "warning t:2: a: is set again and this value holds; the earlier one is at t:1\n" },
	{ "  a = b\n", "?@1=[a = b]\n" }, { "  a\n  b\nc = d\n", "?@1=[a]\nc@3=[d]\n" },
	{ "foo bar\n  baz\n",
	    "error t:1: found \"foo bar baz\", expected NAME = VALUE: \"=\" is missing\n" },
	{ "= x\n", "error t:1: found \"= x\", expected NAME = VALUE: the name is missing\n" },
	{ "a,b = x\n", "error t:1: found the name \"a,b\", expected letters, digits and _\n" },
	{ "include x\n", "error t:1: include: works only inside a file\n" },
	{ "include\n", "error t:1: include: found nothing, expected the path of a file\n" },
	{ "include = x\n", "include@1=[x]\n" }, /* a setting of that name, which nobody knows */
};

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(line_cases); i++) {
		char *got = read_text(span_str(line_cases[i].text), NULL);

		assert_string_equal(got, line_cases[i].want);
		free(got);
	}
}

static void
test_nul(void **state)
{
	static const char text[] = "a = b\nc = d\0e\n  f\ng = h\n\0\n";
	char *got = read_text(span_make(text, sizeof(text) - 1), NULL);

	(void)state;
	assert_string_equal(got, "a@1=[b]\ng@4=[h]\n"
				 "error t:2: found a NUL octet, expected text\n"
				 "error t:5: found a NUL octet, expected text\n");
	free(got);
}

static void
test_limits(void **state)
{
	struct buf b = { 0 };
	char *got;

	(void)state;
	buf_adds(&b, "a = ");
	while (b.len <= CF_LINE_MAX)
		buf_adds(&b, "x\n  ");
	buf_adds(&b, "\nb = c\n");
	got = read_text(buf_span(&b), NULL);
	assert_string_equal(got,
	    "b@262146=[c]\nerror t:1: a line and what continues it must have at most 1048576 "
	    "octets\n");
	free(got);
	buf_reset(&b);
	for (int i = 0; i < CF_ENTRIES_MAX + 5; i++)
		buf_printf(&b, "a%d=\n", i);
	got = read_text(buf_span(&b), NULL);
	assert_non_null(strstr(
	    got, "\na19999@20000=[]\nerror t:20001: there must be at most 20000 settings\n"));
	free(got);
	buf_fini(&b);
}

static void
put_file(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

/* Replace what differs from run to run. */
static char *
without(char *text, const char *dir)
{
	struct buf b = { 0 };
	size_t n = strlen(dir);

	for (const char *p = text; *p != '\0';)
		if (strncmp(p, dir, n) == 0) {
			buf_addc(&b, '@');
			p += n;
		} else {
			buf_addc(&b, *p++);
		}
	free(text);
	return buf_take(&b);
}

static const struct {
	const char *file, *text, *want; /* text: of file main */
} include_cases[] = {
	{ "main", "a = 1\ninclude sub/one\nc = 3\n",
	    "a@1=[1]\nb@1=[2]\ntwo@2=[x]\nc@3=[3]\n" }, /* two is found beside one */
	{ "main", "include nofile\na = 1\n",
	    "a@2=[1]\nerror @/main:1: @/nofile: No such file or directory\n" },
	{ "main", "\ninclude sub\n", "error @/main:2: @/sub: must be a file, found a folder\n" },
	{ "main", "include main\n", "error @/main:1: @/main: must not include itself\n" },
	{ "main", "include fifo\n", "error @/main:1: @/fifo: must be a regular file\n" },
	{ "main", "include a\n  b\n",
	    "error @/main:1: include: found more than one line, expected the path of a file\n" },
	{ "main", "include deep0\n",
	    "x@1=[1]\nerror @/deep9:2: @/deep10: include must not be nested deeper than 10 "
	    "files\n" },
	{ "nomain", "", "error @/nomain:0: @/nomain: No such file or directory\n" },
};

static void
test_include(void **state)
{
	char dir[] = "/tmp/test_cf_file.XXXXXX", name[300], text[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/sub", dir);
	assert_int_equal(mkdir(name, 0700), 0);
	put_file(dir, "sub/one", "b = 2\ninclude two\n");
	put_file(dir, "sub/two", "\ntwo = x\n");
	snprintf(name, sizeof(name), "%s/fifo", dir);
	assert_int_equal(mkfifo(name, 0600), 0);
	put_file(dir, "deep10", "y = 2\n");
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "deep%d", i);
		snprintf(text, sizeof(text), "%s\ninclude deep%d\n", i == 9 ? "x = 1" : "", i + 1);
		put_file(dir, name, text);
	}
	for (size_t i = 0; i < nitems(include_cases); i++) {
		char *got;

		put_file(dir, "main", include_cases[i].text);
		snprintf(name, sizeof(name), "%s/%s", dir, include_cases[i].file);
		got = without(read_text(span_str(""), name), dir);
		assert_string_equal(got, include_cases[i].want);
		free(got);
	}
	snprintf(name, sizeof(name), "rm -r %s", dir);
	assert_int_equal(system(name), 0);
}

static void
test_line_of_offset(void **state)
{
	struct arena *arena = arena_new();
	struct reporter rep;
	struct cf_file *f;
	const struct cf_entry *e;

	(void)state;
	reporter_init(&rep, NULL, NULL);
	f = cf_file_new(arena, &rep);
	cf_file_text(f, span_str("\nx = a\n# c\n\n  b\n  c\n"), "t");
	e = cf_file_get(f, "x");
	assert_int_equal(cf_entry_line(e, (size_t)(strchr(e->raw, 'a') - e->raw)), 2);
	assert_int_equal(cf_entry_line(e, (size_t)(strchr(e->raw, 'b') - e->raw)), 5);
	assert_int_equal(cf_entry_line(e, (size_t)(strchr(e->raw, 'c') - e->raw)), 6);
	assert_null(cf_file_get(f, "y"));
	cf_file_free(f);
	reporter_fini(&rep);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_line_of_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
