#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/xattr.h"

#define F XATTR_XFORWARD
#define C XATTR_XCLIENT

static const struct {
	enum xattr_command command;
	const char *in;
	enum xattr_result result;
	enum xattr_name name;
	enum xattr_state state;
	const char *text; /* of the value, or of what was wrong */
} cases[] = {
	{ F, "NAME=a.example", XATTR_OK, XATTR_NAME, XATTR_GIVEN, "a.example" },
	{ C, "name=a.example", XATTR_OK, XATTR_NAME, XATTR_GIVEN, "a.example" },
	{ C, "NAME=[UNAVAILABLE]", XATTR_OK, XATTR_NAME, XATTR_UNAVAILABLE, "" },
	{ C, "NAME=[tempunavail]", XATTR_OK, XATTR_NAME, XATTR_TEMPUNAVAIL, "" },
	{ C, "REVERSE_NAME=[TEMPUNAVAIL]", XATTR_OK, XATTR_REVERSE_NAME, XATTR_TEMPUNAVAIL, "" },
	{ F, "REVERSE_NAME=a.example", XATTR_UNKNOWN_NAME, 0, 0, "REVERSE_NAME" },
	{ C, "IDENT=4ABC", XATTR_UNKNOWN_NAME, 0, 0, "IDENT" },
	{ F, "LOGIN=joe", XATTR_UNKNOWN_NAME, 0, 0, "LOGIN" },
	{ C, "LOGIN=joe", XATTR_OK, XATTR_LOGIN, XATTR_GIVEN, "joe" },
	{ C, "ADDR=192.0.2.1", XATTR_OK, XATTR_ADDR, XATTR_GIVEN, "192.0.2.1" },
	{ C, "ADDR=IPV6:2001:db8::1", XATTR_OK, XATTR_ADDR, XATTR_GIVEN, "IPV6:2001:db8::1" },
	{ C, "ADDR=2001:db8::1", XATTR_OK, XATTR_ADDR, XATTR_GIVEN, "2001:db8::1" },
	{ C, "ADDR=IPV6:192.0.2.1", XATTR_BAD_VALUE, XATTR_ADDR, 0, "IPV6:192.0.2.1" },
	{ C, "ADDR=192.0.2", XATTR_BAD_VALUE, XATTR_ADDR, 0, "192.0.2" },
	{ C, "NAME=-bad-.example", XATTR_BAD_VALUE, XATTR_NAME, 0, "-bad-.example" },
	{ C, "NAME=192.0.2.1", XATTR_BAD_VALUE, XATTR_NAME, 0, "192.0.2.1" },
	{ C, "PORT=65536", XATTR_BAD_VALUE, XATTR_PORT, 0, "65536" },
	{ C, "PORT=25", XATTR_OK, XATTR_PORT, XATTR_GIVEN, "25" },
	{ F, "SOURCE=LOCAL", XATTR_OK, XATTR_SOURCE, XATTR_GIVEN, "LOCAL" },
	{ F, "SOURCE=MARS", XATTR_BAD_VALUE, XATTR_SOURCE, 0, "MARS" },
	{ F, "HELO=a+20b", XATTR_OK, XATTR_HELO, XATTR_GIVEN, "a b" },
	{ F, "HELO=a+2Bb", XATTR_OK, XATTR_HELO, XATTR_GIVEN, "a+b" },
	{ F, "HELO=a+0Ab", XATTR_BAD_VALUE, XATTR_HELO, 0, "a+0Ab" }, /* a line of the log's own */
	{ F, "HELO=a+00b", XATTR_BAD_VALUE, XATTR_HELO, 0, "a+00b" },
	{ F, "HELO=a+FFb", XATTR_BAD_VALUE, XATTR_HELO, 0, "a+FFb" },
	{ F, "HELO=a+2", XATTR_BAD_VALUE, XATTR_HELO, 0, "a+2" },
	{ F, "HELO=a=b", XATTR_BAD_VALUE, XATTR_HELO, 0, "a=b" }, /* xtext has no = */
	{ F, "HELO=", XATTR_NO_PAIR, 0, 0, "HELO=" },
	{ F, "=x", XATTR_NO_PAIR, 0, 0, "=x" },
	{ F, "HELO", XATTR_NO_PAIR, 0, 0, "HELO" },
	{ F, "PROTO=ESMTP", XATTR_OK, XATTR_PROTO, XATTR_GIVEN, "ESMTP" },
	{ F, "PROTO=0123456789abcdef", XATTR_BAD_VALUE, XATTR_PROTO, 0, "0123456789abcdef" },
	{ C, "DESTADDR=192.0.2.1", XATTR_OK, XATTR_DESTADDR, XATTR_GIVEN, "192.0.2.1" },
};

static void
test_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct span rest = span_str(cases[i].in), word;
		struct xattr a = { 0 };
		enum xattr_result rc = xattr_next(cases[i].command, &rest, &a, &word);

		if (rc != cases[i].result)
			print_error("%s\n", cases[i].in);
		assert_int_equal(rc, cases[i].result);
		assert_int_equal(rest.len, 0);
		if (rc == XATTR_OK || rc == XATTR_BAD_VALUE)
			assert_int_equal(a.name, cases[i].name);
		if (rc == XATTR_OK) {
			assert_int_equal(a.state, cases[i].state);
			assert_string_equal(a.text, cases[i].text);
		} else {
			assert_true(span_eq_str(word, cases[i].text));
		}
	}
}

/* The longest value there may be, and one octet more. */
static void
test_length(void **state)
{
	char in[400];

	(void)state;
	for (size_t n = XATTR_VALUE_MAX; n <= XATTR_VALUE_MAX + 1; n++) {
		struct span rest, word;
		struct xattr a;

		memcpy(in, "HELO=", 5);
		memset(in + 5, 'h', n);
		rest = span_make(in, 5 + n);
		assert_int_equal(xattr_next(XATTR_XFORWARD, &rest, &a, &word),
		    n == XATTR_VALUE_MAX ? XATTR_OK : XATTR_BAD_VALUE);
		assert_int_equal(strlen(a.text), n == XATTR_VALUE_MAX ? n : 0);
	}
}

static void
test_several(void **state)
{
	struct span rest = span_str("  NAME=a.example   ADDR=192.0.2.1 HELO=h "), word;
	const char *const want[] = { "a.example", "192.0.2.1", "h" };
	struct xattr a;

	(void)state;
	for (size_t i = 0; i < nitems(want); i++) {
		assert_true(rest.len > 0);
		assert_int_equal(xattr_next(XATTR_XCLIENT, &rest, &a, &word), XATTR_OK);
		assert_string_equal(a.text, want[i]);
	}
	assert_int_equal(rest.len, 0);
}

/* What is announced is what is understood. */
static void
test_announced(void **state)
{
	(void)state;
	for (int c = XATTR_XFORWARD; c <= XATTR_XCLIENT; c++) {
		struct span word, rest = span_str(xattr_announce((enum xattr_command)c));

		while (rest.len > 0) {
			char in[64];
			struct span one, bad;
			struct xattr a;

			span_cut(rest, ' ', &word, &rest);
			span_copy(word, in, sizeof(in));
			memcpy(in + word.len, "=[UNAVAILABLE]", sizeof("=[UNAVAILABLE]"));
			one = span_str(in);
			assert_int_equal(
			    xattr_next((enum xattr_command)c, &one, &a, &bad), XATTR_OK);
			assert_true(span_eq_str(word, xattr_text(a.name)));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
