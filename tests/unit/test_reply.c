#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/reply.h"

static const struct {
	const char *in;
	int rc, code, more;
	const char *text;
} line_cases[] = {
	{ "250 2.0.0 Ok", 0, 250, 0, "2.0.0 Ok" },
	{ "250-SIZE 1", 0, 250, 1, "SIZE 1" },
	{ "250", 0, 250, 0, "" }, /* RFC 5321 4.2: the blank may be missing */
	{ "250-", 0, 250, 1, "" },
	{ "250 ", 0, 250, 0, "" },
	{ "599 x", 0, 599, 0, "x" },
	{ "600 x", -1, 0, 0, NULL },
	{ "199 x", -1, 0, 0, NULL },
	{ "25", -1, 0, 0, NULL },
	{ "", -1, 0, 0, NULL },
	{ "2 5x", -1, 0, 0, NULL },
	{ "2500 x", -1, 0, 0, NULL },
	{ "250x", -1, 0, 0, NULL },
	{ " 250 x", -1, 0, 0, NULL },
};

static void
test_parse_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(line_cases); i++) {
		int code = 0, more = 0;
		struct span text = { 0 };

		assert_int_equal(reply_parse_line(span_str(line_cases[i].in), &code, &more, &text),
		    line_cases[i].rc);
		if (line_cases[i].rc == -1)
			continue;
		assert_int_equal(code, line_cases[i].code);
		assert_int_equal(more, line_cases[i].more);
		assert_true(span_eq_str(text, line_cases[i].text));
	}
}

static void
test_enhanced_len(void **state)
{
	static const struct {
		const char *in;
		size_t len;
	} cases[] = {
		{ "5.7.1 no", 5 },
		{ "5.7.1", 5 },
		{ "4.123.999 x", 9 },
		{ "2.0.0\nx", 5 },
		{ "3.0.0 x", 0 },
		{ "1.0.0 x", 0 },
		{ "5.7 x", 0 },
		{ "5.7.", 0 },
		{ "5..1 x", 0 },
		{ "5.7.1x", 0 },
		{ "5.7.1.2 x", 0 },
		{ "5.1234.1 x", 0 },
		{ "5.1.1234 x", 0 },
		{ "55.1.1 x", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_int_equal(enhanced_len(span_str(cases[i].in)), cases[i].len);
	/* not beyond the end */
	assert_int_equal(enhanced_len(span_make("5.7.1x", 4)), 0);
	assert_int_equal(enhanced_len(span_make("5.7.1x", 5)), 5);
}

static void
test_enhanced_fit(void **state)
{
	char a[] = "5.7.1", b[] = "4.3.0", c[] = "", d[] = "nonsense";

	(void)state;
	enhanced_fit(a, 450);
	enhanced_fit(b, 550);
	enhanced_fit(c, 550);
	enhanced_fit(d, 550);
	assert_string_equal(a, "4.7.1");
	assert_string_equal(b, "5.3.0");
	assert_string_equal(c, "");
	assert_string_equal(d, "nonsense");
}

static const struct {
	int code;
	const char *enhanced, *text, *footer, *out;
} format_cases[] = {
	{ 250, "2.1.0", "Ok", NULL, "250 2.1.0 Ok\r\n" },
	{ 250, NULL, "SIZE", NULL, "250 SIZE\r\n" },
	{ 250, "", "a\nb\nc", NULL, "250-a\r\n250-b\r\n250 c\r\n" },
	{ 550, "5.7.1", "a\nb", NULL, "550-5.7.1 a\r\n550 5.7.1 b\r\n" },
	{ 450, "5.7.1", "a", NULL, "450 4.7.1 a\r\n" }, /* the class follows the code */
	{ 550, "5.7.1", "", NULL, "550 5.7.1\r\n" },
	{ 354, NULL, "", NULL, "354 \r\n" },
	{ 550, "5.7.1", "a\r\nb\n", NULL, "550-5.7.1 a\r\n550 5.7.1 b\r\n" },
	/* nothing but printable ASCII leaves */
	{ 550, "5.7.1",
	    "a\rb\tc\x01\x7f"
	    "d\xe4!",
	    NULL, "550 5.7.1 a b c  d?!\r\n" },
	{ 550, "5.7.1", "blanks \t ", NULL,
	    "550 5.7.1 blanks   \r\n" }, /* a rule's text is its own */
	{ 550, "5.7.1", "no", "", "550 5.7.1 no\r\n" },
	{ 550, "5.7.1", "no", "call us", "550-5.7.1 no\r\n550 5.7.1 call us\r\n" },
	{ 550, "5.7.1", "no\nnever", "call\nus",
	    "550-5.7.1 no\r\n550-5.7.1 never\r\n550-5.7.1 call\r\n550 5.7.1 us\r\n" },
	/* empty lines of a footer stay */
	{ 550, "5.7.1", "no", "call\n\nus\n",
	    "550-5.7.1 no\r\n550-5.7.1 call\r\n550-5.7.1 \r\n550-5.7.1 us\r\n550 5.7.1 \r\n" },
	{ 550, "5.7.1", "no", "\\c (id 1)", "550 5.7.1 no (id 1)\r\n" },
	{ 550, "5.7.1", "no\nnever", "\\c (id 1)", "550-5.7.1 no\r\n550 5.7.1 never (id 1)\r\n" },
};

static void
test_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(format_cases); i++) {
		struct buf b = { 0 };

		buf_adds(&b, "x");
		reply_format_footer(&b, format_cases[i].code, format_cases[i].enhanced,
		    format_cases[i].text, format_cases[i].footer);
		assert_string_equal(buf_cstr(&b) + 1, format_cases[i].out);
		if (format_cases[i].footer == NULL) {
			buf_reset(&b);
			reply_format(&b, format_cases[i].code, format_cases[i].enhanced,
			    format_cases[i].text);
			assert_string_equal(buf_cstr(&b), format_cases[i].out);
		}
		buf_fini(&b);
	}
}

static void
test_format_long(void **state)
{
	char text[1200];
	struct buf b = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[600] = '\n';
	reply_format(&b, 550, "5.7.1", text);
	assert_int_equal(b.len, 2 * 512);
	assert_memory_equal(b.p + 510, "\r\n550 5.7.1 x", 13);
	assert_memory_equal(b.p + 1022, "\r\n", 2);
	buf_fini(&b);
}

static void
test_clean(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "kept  ");
	reply_clean(span_make("a\0b\nc \n", 7), &b);
	assert_string_equal(buf_cstr(&b), "kept  a b c");
	buf_reset(&b);
	reply_clean(span_make("", 0), &b);
	assert_string_equal(buf_cstr(&b), "");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_line),
		cmocka_unit_test(test_enhanced_len),
		cmocka_unit_test(test_enhanced_fit),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_long),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
