#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/header.h"
#include "mail/rfc2047.h"

#define TEN "0123456789"
#define W75 "=?UTF-8?Q?" TEN TEN TEN TEN TEN TEN "012?="

static const struct {
	const char *in;
	size_t name_len;
	int valid;
} field_cases[] = {
	{ "Subject: x", 7, 1 },
	{ "X:", 1, 1 },
	{ "X :y", 1, 1 }, /* Postfix takes it, and takes the blank out */
	{ "X\t:y", 1, 1 },
	{ ">From: x", 5, 1 },
	{ "X: a\n b", 1, 1 },
	{ "X: a\r\n\tb", 1, 1 },
	{ "X: a\nb", 1, 0 }, /* a second field, or the end of the header */
	{ "X: a\n", 1, 0 },
	{ "X: a\r\n", 1, 0 },
	{ "X: a\rb", 1, 0 },
	{ "X: a\r", 1, 0 },
	{ "", 0, 0 },
	{ ": x", 0, 0 },
	{ "no header", 0, 0 },
	{ "X Y: v", 0, 0 },
	{ " X: v", 0, 0 },
	{ "\xe4: v", 0, 0 },
	{ "X\x7f: v", 0, 0 },
};

static void
test_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(field_cases); i++) {
		struct span s = span_str(field_cases[i].in);

		assert_int_equal(header_name_len(s), field_cases[i].name_len);
		assert_int_equal(header_field_valid(s), field_cases[i].valid);
	}
	assert_int_equal(header_field_valid(span_make("X: a\0b", 6)), 0);
	assert_int_equal(header_name_valid(span_str("X-Y_z")), 1);
	assert_int_equal(header_name_valid(span_str("X Y")), 0);
	assert_int_equal(header_name_valid(span_str("X:")), 0);
	assert_int_equal(header_name_valid(span_str("")), 0);
}

static const struct {
	const char *in, *out;
} fold_cases[] = {
	{ "X: y", "X: y\r\n" },
	{ "X: a\n b", "X: a\r\n b\r\n" },
	{ "X: a\r\n b", "X: a\r\n b\r\n" },
	/* 78 octets stay; 79 are folded before the last blank that fits */
	{ "X: " TEN TEN TEN TEN TEN TEN TEN " 1234",
	    "X: " TEN TEN TEN TEN TEN TEN TEN " 1234\r\n" },
	{ "X: " TEN TEN TEN TEN TEN TEN TEN " 12345",
	    "X: " TEN TEN TEN TEN TEN TEN TEN "\r\n 12345\r\n" },
	/* never between name and value, and not where there is no blank */
	{ "X: " TEN TEN TEN TEN TEN TEN TEN TEN, "X: " TEN TEN TEN TEN TEN TEN TEN TEN "\r\n" },
	{ "X: " TEN TEN TEN TEN TEN TEN TEN TEN " b",
	    "X: " TEN TEN TEN TEN TEN TEN TEN TEN "\r\n b\r\n" },
	/* blanks at the end do not make a line of blanks */
	{ "X: " TEN TEN TEN TEN TEN TEN TEN "12345   ",
	    "X: " TEN TEN TEN TEN TEN TEN TEN "12345   \r\n" },
	{ "X: a " TEN TEN TEN TEN TEN TEN TEN " " TEN TEN TEN TEN TEN TEN TEN,
	    "X: a " TEN TEN TEN TEN TEN TEN TEN "\r\n " TEN TEN TEN TEN TEN TEN TEN "\r\n" },
};

static void
test_fold(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(fold_cases); i++) {
		struct buf b = { 0 };

		header_fold(span_str(fold_cases[i].in), &b);
		assert_string_equal(buf_cstr(&b), fold_cases[i].out);
		buf_fini(&b);
	}
}

static const struct {
	const char *prefix, *value, *out;
} prefix_cases[] = {
	{ "[SPAM] ", "hello", "[SPAM] hello" },
	{ "[SPAM]", "hello", "[SPAM]hello" },
	{ "[SPAM] ", " hello", "[SPAM] hello" },
	{ "[SPAM] ", "=?UTF-8?B?w6Q=?=", "[SPAM] =?UTF-8?B?w6Q=?=" },
	/* glued together the second would be no encoded word */
	{ "[SPAM]", "=?UTF-8?B?w6Q=?=", "=?UTF-8?Q?=5BSPAM=5D?= =?UTF-8?B?w6Q=?=" },
	/* the blank is seen before text, and not between encoded words */
	{ "\xc3\xa4 ", "hello", "=?UTF-8?Q?=C3=A4?= hello" },
	{ "\xc3\xa4 ", "=?UTF-8?B?w6Q=?=", "=?UTF-8?Q?=C3=A4_?= =?UTF-8?B?w6Q=?=" },
	{ "", "hello", "hello" },
	{ "[SPAM] ", "", "[SPAM] " },
};

static void
test_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(prefix_cases); i++) {
		struct buf b = { 0 };

		rfc2047_prefix(
		    span_str(prefix_cases[i].prefix), span_str(prefix_cases[i].value), &b);
		assert_string_equal(buf_cstr(&b), prefix_cases[i].out);
		buf_fini(&b);
	}
}

static const struct {
	const char *in, *out;
} encode_cases[] = {
	{ "", "" },
	{ "a b", "=?UTF-8?Q?a_b?=" },
	{ "_=?", "=?UTF-8?Q?=5F=3D=3F?=" },
	{ "\xe4", "=?UTF-8?Q?=C3=A4?=" }, /* taken for ISO-8859-1 */
	{ "\xe4\xc3\xa4", "=?UTF-8?Q?=C3=A4=C3=A4?=" },
	{ "\xf0\x9f\x98\x80", "=?UTF-8?Q?=F0=9F=98=80?=" },
	/* 63 plain octets fill a word; a character is never cut */
	{ TEN TEN TEN TEN TEN TEN "012", W75 },
	{ TEN TEN TEN TEN TEN TEN "0123", W75 " =?UTF-8?Q?3?=" },
	{ TEN TEN TEN TEN TEN "12345678\xc3\xa4",
	    "=?UTF-8?Q?" TEN TEN TEN TEN TEN "12345678?= =?UTF-8?Q?=C3=A4?=" },
};

static void
test_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(encode_cases); i++) {
		struct buf b = { 0 };

		rfc2047_encode(span_str(encode_cases[i].in), &b);
		assert_string_equal(buf_cstr(&b), encode_cases[i].out);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
