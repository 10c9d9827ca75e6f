#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/mime_param.h"

static const struct {
	const char *value, *name; /* NULL: there is none */
} cases[] = {
	{ "", NULL },
	{ " attachment", NULL },
	{ " attachment; filename=a.exe", "a.exe" },
	{ " attachment;filename=\"a.exe\"", "a.exe" },
	{ " attachment; FILENAME = a.exe ; size=3", "a.exe" },
	{ " attachment; filename=\"a\\\"b;c.exe\"; x=y", "a\"b;c.exe" },
	{ " attachment;\r\n\tfilename=\"a\r\n b.exe\"", "a b.exe" },
	{ " attachment; filename=my file (1).exe; x=y", "my file (1).exe" },
	{ " attachment; filename=", "" },
	{ " attachment; filename=\"\"", "" },
	{ " attachment; filename=\"a.exe", "a.exe" },
	{ " attachment; filename=\"a.exe; size=3", "a.exe" },
	{ " attachment; x=\"; filename=a.exe", "a.exe" }, /* a quote that would hide it */
	{ " attachment; x=\"; filename=no.exe\"; filename=a.exe", "a.exe" },
	{ " attachment filename=a.exe", "a.exe" },
	{ "filename=a.exe", "a.exe" },
	{ " attachment; filename", NULL },
	{ " attachment; filename2=no; xfilename=no", NULL },
	{ " attachment; filename=a.txt; filename=b.exe", "a.txt" },
	/* RFC 2231 */
	{ " a; filename*=utf-8''", "" },
	{ " a; filename*=utf-8''%e2%82%ac%20rates.exe", "\xe2\x82\xac rates.exe" },
	{ " a; filename*=iso-8859-1'de'%e4.exe", "\xc3\xa4.exe" },
	{ " a; filename*=\"utf-8''a%2eexe\"", "a.exe" }, /* quotes have no place there */
	{ " a; filename*=utf-16'de'%e4", "\xef\xbf\xbd" },
	{ " a; filename*=utf-16be''%00a%00.%00b", "a.b" },
	{ " a; filename*=utf-7''evil%2BAC4-exe", "evil.exe" },
	{ " a; filename*=koi8-r''%c1.exe", "\xd0\xb0.exe" },
	{ " a; filename*=x-nothing''%e4.exe", "\xc3\xa4.exe" },
	{ " a; filename*0*=koi8-r''%c1; filename*1*=%c2; filename*2=.exe", "\xd0\xb0\xd0\xb1.exe" },
	{ " a; filename*=a%2Eexe", "a.exe" },
	{ " a; filename*=''a%4", "a%4" },
	{ " a; filename*=it's", "it's" },
	{ " a; filename=no.txt; filename*=''a.exe", "a.exe" },
	{ " a; filename*=''a.exe; filename=no.txt", "a.exe" },
	{ " a; filename*0=\"a.\"; filename*1=\"exe\"", "a.exe" },
	{ " a; filename*1=\"exe\"; filename*0=\"a.\"; filename=no", "a.exe" },
	{ " a; filename*0*=utf-8'en'%41; filename*1=%41; filename*2*=%2e", "A%41." },
	{ " a; filename*0=%41; filename*1*=%41", "%41A" },
	{ " a; filename*0=a; filename*2=.exe", "a.exe" }, /* a gap */
	{ " a; filename*01=b; filename*0=a; filename*0=no", "ab" },
	{ " a; filename*10=k; filename*9=j", "jk" },
	{ " a; filename**=no; filename*x=no; filename*-1=no", NULL },
	{ " a; filename*0*=''%00x", "" }, /* a NUL: the rest is looked at below */
	/* RFC 2047, where it does not belong */
	{ " a; filename=\"=?utf-8?B?YS5leGU=?=\"", "a.exe" },
	{ " a; filename==?iso-8859-1?Q?=E4.exe?=", "\xc3\xa4.exe" },
	{ " a; filename=\"=?utf-8?Q?a?=\r\n =?utf-8?Q?.exe?=\"", "a.exe" },
	{ " a; filename*0=\"=?utf-8?Q?a\"; filename*1=\".exe?=\"", "a.exe" },
	{ " a; filename=\"=?windows-1252?Q?evil=2Eexe?=\"", "evil.exe" },
	{ " a; filename=\"=?koi8-r?Q?=C1=2Eexe?=\"", "\xd0\xb0.exe" },
	{ " a; filename=\"=?utf-7?Q?evil+AC4-exe?=\"", "evil.exe" },
	{ " a; filename=\"=?UTF8?Q?evil=2Eexe?=\"", "evil.exe" },
	{ " a; filename=\"=?ascii?Q?evil=2Eexe?=\"", "evil.exe" },
	{ " a; filename=\"=?x-nothing?Q?evil=2Eexe?=\"", "evil.exe" },
	{ " a; filename=\"x=?utf-8?Q?.exe?=\"", "x.exe" },
	{ " a; filename=\"=?utf-8?Q?a?==?utf-8?Q?.exe?=\"", "a.exe" },
	{ " a; filename=\"=?utf-8?Q?a b.exe?=\"", "a b.exe" },
	{ " a; filename=\"=?utf-8?Q?a=01.exe?=\"", "a\001.exe" },
};

static void
test_param(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf b = { 0 };
		int there = mime_param(span_str(cases[i].value), "filename", &b);

		if (there != (cases[i].name != NULL) ||
		    (there && strcmp(buf_cstr(&b), cases[i].name) != 0))
			fail_msg("row %zu,%s: \"%s\"", i, cases[i].value, buf_cstr(&b));
		buf_fini(&b);
	}
}

static void
test_nul(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(mime_param(span_str("a; filename*=''a%00.exe"), "filename", &b), 1);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.p, "a\0.exe", 6);
	buf_fini(&b);
}

/* Every reading, with '|' between. */
static const struct {
	const char *value, *readings;
} reading_cases[] = {
	{ " a", "" },
	{ " a; filename=x.txt", "x.txt" },
	{ " a; filename=x.exe y.txt", "x.exe y.txt|x.exe" },
	{ " a; filename=\"x.exe y.txt\"", "x.exe y.txt" },
	{ " a; filename=x.txt; filename=y.exe", "x.txt|y.exe" },
	{ " a; filename=x; filename=y; filename=z", "x|z" },
	{ " a; filename=no.txt; filename*=''a.exe", "a.exe|no.txt" },
	{ " a; filename*=''a.txt; filename*=''b.exe", "a.txt|b.exe" },
	{ " a; filename*1=exe; filename*0=b.; filename=c.txt; filename*=''d", "d|b.exe|c.txt" },
	/* two pieces of one number; one that is missing, where some stop, as at a number with 0 */
	{ " a; filename*0=evil; filename*1=.txt; filename*1=.exe",
	    "evil.txt|evil.exe|evil.txt.exe" },
	{ " a; filename*0=evil; filename*1=.e; filename*1=xe", "evil.e|evilxe|evil.exe" },
	{ " a; filename*0=x.exe; filename*2=.txt", "x.exe.txt|x.exe" },
	{ " a; filename*0=x.exe; filename*01=.txt", "x.exe.txt|x.exe" },
	{ " a; filename*1=x.exe", "x.exe" },
	/* quotes */
	{ " a; filename='evil.exe'", "'evil.exe'|evil.exe" },
	{ " a; filename=\"'evil.exe'\"", "'evil.exe'|evil.exe" },
	{ " a; filename=\"evil\".exe", "evil|evil.exe" },
	{ " a; filename=evil\".exe\"", "evil\".exe\"|evil.exe" },
	{ " a; filename=\" x.exe \"", " x.exe " },
	{ " a; filename=\"don't.txt\"", "don't.txt" },
	/* comments */
	{ " a; filename=evil.exe(x)", "evil.exe(x)|evil.exe" },
	{ " a; filename=evil.exe (x)", "evil.exe (x)|evil.exe|evil.exe" },
	{ " a; filename=(x)evil.exe", "(x)evil.exe|evil.exe" },
	{ " a; filename=evil(a(;)b\\)).exe", "evil(a(|evil.exe" },
	{ " a; filename(x)=evil.exe", "evil.exe" },
	{ " a; filename=evil.exe(", "evil.exe(|evil.exe" },
	{ " a; filename=\"a(1).txt\"", "a(1).txt" },
	{ " a; x=\"; filename(x)=evil.exe", "evil.exe" },
};

static const struct {
	const char *value, *decodings;
} decoding_cases[] = {
	{ " a; filename=x.txt", "" },
	{ " a; filename*=utf-8''x.txt", "" },
	{ " a; filename*=''=?utf-8?Q?a=2Eexe?=", "a.exe" },
	{ " a; filename=\"x=?utf-8?Q?.txt?=\"", "x=?utf-8?Q?.txt?=" },
	/* A label that is not true. */
	{ " a; filename*=utf-7''a%c3%a4.txt", "a\xc3\xa4.txt" },
	/* Base64 that ends within an octet. */
	{ " a; filename=\"=?utf-8?B?ZXZpbA?= =?utf-8?B?LmV4ZQ?=\"",
	    "=?utf-8?B?ZXZpbA?= =?utf-8?B?LmV4ZQ?=|evil.exe" },
};

static void
add_reading(void *arg, struct span value)
{
	struct buf *b = arg;

	if (b->len > 0)
		buf_addc(b, '|');
	buf_add_span(b, value);
}

static void
test_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reading_cases); i++) {
		struct buf b = { 0 };

		if (mime_param_readings(
			span_str(reading_cases[i].value), "filename", add_reading, &b) ||
		    strcmp(buf_cstr(&b), reading_cases[i].readings) != 0)
			fail_msg("row %zu,%s: %s", i, reading_cases[i].value, buf_cstr(&b));
		buf_fini(&b);
	}
}

static void
test_decodings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(decoding_cases); i++) {
		struct buf b = { 0 };

		mime_param_decodings(
		    span_str(decoding_cases[i].value), "filename", add_reading, &b);
		if (strcmp(buf_cstr(&b), decoding_cases[i].decodings) != 0)
			fail_msg("row %zu,%s: %s", i, decoding_cases[i].value, buf_cstr(&b));
		buf_fini(&b);
	}
}

/* More pieces than are kept, and a field in which not every reading is looked for. */
static void
test_limits(void **state)
{
	struct buf value = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < 64; i++)
		buf_printf(&value, "; filename*%d=x", i);
	assert_false(mime_param_readings(buf_span(&value), "filename", add_reading, &b));
	assert_int_equal(b.len, 64);
	buf_adds(&value, "; filename*64=.exe");
	assert_true(mime_param_readings(buf_span(&value), "filename", add_reading, &b));
	buf_reset(&value);
	buf_reset(&b);
	buf_adds(&value, "; filename=a.exe(x); y=");
	while (value.len <= 16384)
		buf_addc(&value, 'y');
	assert_true(mime_param_readings(buf_span(&value), "filename", add_reading, &b));
	assert_string_equal(buf_cstr(&b), "a.exe(x)");
	assert_false(mime_param_readings(buf_span(&value), "name", add_reading, &b));
	buf_fini(&value);
	buf_fini(&b);
}

/* 100,000 octets of what makes a careless reader start anew at each of them. */
static void
test_long(void **state)
{
	static const char *const pieces[] = { ";", "\"\\", "\\\";", "filename*1=a;", "=;", " " };

	(void)state;
	for (size_t i = 0; i < nitems(pieces); i++) {
		struct buf value = { 0 }, b = { 0 };

		while (value.len < 100000)
			buf_adds(&value, pieces[i]);
		mime_param(buf_span(&value), "filename", &b);
		assert_true(b.len <= value.len);
		buf_fini(&value);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_param),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_decodings),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
