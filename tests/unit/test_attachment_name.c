/* Readings of names, fields of keys, and what a type and a name claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "plugins/attachment_type.h"

#define LITERAL(s)                                                                                 \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

/* With '|' between. */
static const struct {
	struct filterd_octets name;
	const char *readings;
} readings[] = {
	{ LITERAL(""), "" },
	{ LITERAL("a.exe"), "a.exe" },
	{ LITERAL("d/a.exe"), "a.exe" },
	{ LITERAL("d\\a.exe"), "a.exe" },
	{ LITERAL("d/a.exe//"), "a.exe" }, /* a folder with something in it */
	{ LITERAL("///"), "" },
	{ LITERAL("a.exe."), "a.exe.|a.exe" },
	{ LITERAL("a.exe .. "), "a.exe .. |a.exe" },
	{ LITERAL("  a \t b"), "  a \t b|a b" },
	{ LITERAL("..."), "..." },
	{ LITERAL("a\0b.txt"), "a~b.txt|ab.txt|a" },
	{ LITERAL("d/a.exe\0/b.txt"), "b.txt|a.exe" },
	{ LITERAL("\0"), "~" },
	{ LITERAL("a.exe:b.txt"), "a.exe:b.txt|a.exe" },
	{ LITERAL(":b"), ":b" },
	/* no width; non-breaking and ideographic blanks; wide letters; dots that are none */
	{ LITERAL("a\xe2\x80\x8b.e\xc2\xadxe"), "a\xe2\x80\x8b.e\xc2\xadxe|a.exe" },
	{ LITERAL("a\xc2\xa0\xe3\x80\x80"
		  "b"),
	    "a\xc2\xa0\xe3\x80\x80"
	    "b|a b" },
	{ LITERAL("a.\xef\xbd\x85xe"), "a.\xef\xbd\x85xe|a.exe" },
	{ LITERAL("a\xe2\x80\xa4"
		  "exe"),
	    "a\xe2\x80\xa4"
	    "exe|a.exe" },
	{ LITERAL("\xc3\xa4.exe"), "\xc3\xa4.exe" },
	/* octets that are no UTF-8 stay: a bare one, a long form, a surrogate, half a character */
	{ LITERAL("\xff.exe"), "\xff.exe" },
	{ LITERAL("\xc0\xae"
		  "exe"),
	    "\xc0\xae"
	    "exe" },
	{ LITERAL("\xed\xa0\x80"
		  "a"),
	    "\xed\xa0\x80"
	    "a" },
	{ LITERAL("a\xe2\x80"), "a\xe2\x80" },
	/* right to left: as it is, without the override, and as it is displayed */
	{ LITERAL("in\xe2\x80\xae"
		  "fdp.exe"),
	    "in\xe2\x80\xae"
	    "fdp.exe|infdp.exe|inexe.pdf" },
	{ LITERAL("\xe2\x80\xae"
		  "ab\xe2\x80\xac"
		  "cd"),
	    "\xe2\x80\xae"
	    "ab\xe2\x80\xac"
	    "cd|abcd|bacd" },
	{ LITERAL("\xe2\x80\xae"
		  "\xc3\xa4x"),
	    "\xe2\x80\xae"
	    "\xc3\xa4x|\xc3\xa4x|x\xc3\xa4" },
};

static void
join(const struct att_readings *all, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (i > 0)
			out[n++] = '|';
		for (size_t k = 0; k < all->v[i].len && n < size - 2; k++)
			out[n++] = all->v[i].p[k] == '\0' ? '~' : (char)all->v[i].p[k];
	}
	out[n] = '\0';
}

static void
test_readings(void **state)
{
	struct att_readings all;
	char text[500];

	(void)state;
	for (size_t i = 0; i < nitems(readings); i++) {
		att_readings(readings[i].name, &all);
		join(&all, text, sizeof(text));
		if (strcmp(text, readings[i].readings) != 0)
			fail_msg("row %zu: \"%s\"", i, text);
	}
}

/* Of what is too long the ends stay, of each reading. */
static void
test_long(void **state)
{
	static uint8_t name[100000];
	struct att_readings all;

	(void)state;
	memset(name, 'a', sizeof(name));
	memcpy(name + sizeof(name) - 5, ".exe.", 5);
	att_readings((struct filterd_octets){ name, sizeof(name) }, &all);
	assert_int_equal(all.n, 2);
	assert_true(all.v[0].len <= ATT_READING_MAX);
	assert_memory_equal(all.v[0].p + all.v[0].len - 5, ".exe.", 5);
	assert_memory_equal(all.v[1].p + all.v[1].len - 4, ".exe", 4);
	memset(name, '\n', sizeof(name)); /* nothing is left of it but itself */
	att_readings((struct filterd_octets){ name, sizeof(name) }, &all);
	assert_int_equal(all.n, 1);
}

static const struct {
	struct filterd_octets octets;
	size_t size;
	const char *shown;
} shows[] = {
	{ LITERAL(""), 21, "" },
	{ LITERAL("a b/c"), 21, "a b/c" },
	{ LITERAL("a;b\\c"), 21, "a\\x3bb\\x5cc" },
	{ LITERAL("a\0\n\x7f"), 21, "a\\x00\\x0a\\x7f" },
	{ LITERAL("\xc3\xa4\xff"), 21, "\xc3\xa4\\xff" },
	{ LITERAL("\xc2\x85"), 21, "\\u0085" },
	{ LITERAL("12345678901234567890"), 21, "12345678901234567890" },
	{ LITERAL("123456789012345678901"), 21, "123456...12345678901" },
	{ LITERAL("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		  "\xc3\xa4"),
	    21, "\xc3\xa4\xc3\xa4\xc3\xa4...\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" },
};

static void
test_show(void **state)
{
	char out[100];

	(void)state;
	for (size_t i = 0; i < nitems(shows); i++) {
		att_show(shows[i].octets, out, shows[i].size);
		assert_true(strlen(out) < shows[i].size);
		if (strcmp(out, shows[i].shown) != 0)
			fail_msg("row %zu: \"%s\"", i, out);
	}
}

static const struct {
	const char *name;
	unsigned class, inner;
} names[] = {
	{ "a", 0, 0 },
	{ "exe", 0, 0 },
	{ ".exe", ATT_PROGRAM, 0 },
	{ "a.EXE", ATT_PROGRAM, 0 },
	{ "a.exe ", ATT_PROGRAM, 0 },
	{ "a.pdf .exe", ATT_PROGRAM, ATT_PDF },
	{ "a.pdf.exe", ATT_PROGRAM, ATT_PDF },
	{ "a.tar.gz", ATT_ARCHIVE, ATT_ARCHIVE },
	{ "a.js", ATT_SCRIPT, 0 },
	{ "a.settingcontent-ms", ATT_SCRIPT, 0 },
	{ "a.e xe", 0, 0 },
	{ "a.x", 0, 0 }, /* the beginning of a word is none */
	{ "a.", 0, 0 },
	{ "a.veryverylongindeedsoitis", 0, 0 },
};

static void
test_classes(void **state)
{
	struct att_reading r;
	unsigned inner;

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		r.len = strlen(names[i].name);
		memcpy(r.p, names[i].name, r.len);
		if (att_class_of_name(&r, &inner) != names[i].class || inner != names[i].inner)
			fail_msg("%s", names[i].name);
	}
	assert_int_equal(att_class_of_type("application/x-dosexec"), ATT_PROGRAM);
	assert_int_equal(att_class_of_type("application/x-dosexecutable"), 0);
	assert_int_equal(att_class_of_type("text/x-script.python"), ATT_SCRIPT);
	assert_int_equal(att_class_of_type("text/anything"), ATT_TEXT);
	assert_int_equal(att_class_of_type("image/png"), ATT_IMAGE);
	assert_int_equal(att_class_of_type("application/octet-stream"), 0);
	assert_int_equal(att_class_of_type("-"), 0);
	assert_int_equal(att_class_of_type(""), 0);
}

static const struct {
	struct att_claims claims;
	unsigned detected;
	int is_wrong;
} mismatches[] = {
	{ { 0, 0, 0 }, ATT_PROGRAM, 0 },
	{ { ATT_PROGRAM, 0, 0 }, ATT_PROGRAM, 0 },
	{ { ATT_PDF, 0, 0 }, ATT_PROGRAM, 1 },
	{ { 0, 0, ATT_TEXT }, ATT_PROGRAM, 1 },
	{ { ATT_PROGRAM, 0, ATT_IMAGE }, 0, 1 },
	{ { ATT_PROGRAM, ATT_PDF, 0 }, 0, 1 },
	{ { ATT_PROGRAM | ATT_TEXT, 0, 0 }, 0, 1 }, /* two names */
	{ { ATT_SCRIPT, 0, ATT_TEXT }, ATT_TEXT, 0 },
	{ { ATT_SCRIPT, ATT_TEXT, 0 }, ATT_TEXT, 1 },
	{ { ATT_TEXT, 0, ATT_TEXT }, ATT_SCRIPT, 0 }, /* opened as a text */
	{ { ATT_IMAGE, 0, 0 }, ATT_SCRIPT, 1 },
	{ { ATT_ARCHIVE, 0, 0 }, ATT_ARCHIVE, 0 },
	{ { ATT_OFFICE, 0, 0 }, ATT_ARCHIVE, 0 },
	{ { ATT_IMAGE, 0, 0 }, ATT_ARCHIVE, 1 },
	{ { 0, 0, ATT_IMAGE }, ATT_ARCHIVE, 1 },
	{ { ATT_ARCHIVE, 0, ATT_TEXT }, ATT_ARCHIVE, 0 },
	{ { ATT_PDF, 0, ATT_IMAGE }, ATT_TEXT, 0 },
};

static void
test_mismatch(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(mismatches); i++)
		if (att_mismatch(&mismatches[i].claims, mismatches[i].detected) !=
		    mismatches[i].is_wrong)
			fail_msg("row %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_mismatch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
