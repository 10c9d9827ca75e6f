#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/mailboxes.h"

static const struct {
	const char *value;
	size_t n;
} cases[] = {
	{ "", 0 },
	{ "   ", 0 },
	{ " a@example.com", 1 },
	{ " <a@example.com>", 1 },
	{ " Ann <a@example.com>", 1 },
	{ " \"Ann, of x@y\" <a@example.com>", 1 }, /* what is quoted is no address */
	{ " (x@y) a@example.com (z@y)", 1 },
	{ " (a (nested) x@y \\) z@y) a@example.com", 1 },
	{ " Ann", 0 },
	{ " <>", 0 },
	{ " Ann <ann>", 0 },
	{ " =?utf-8?q?x=40y?= <a@example.com>", 1 },
	/* several */
	{ " a@example.com, b@example.com", 2 },
	{ " Ann <a@example.com>, Bob <b@example.com>", 2 },
	{ " friends: a@example.com, Bob <b@example.com>;", 2 },
	{ " undisclosed-recipients:;", 0 },
	{ " nobody:;, a@example.com", 1 },
	{ " <a@example.com> <b@example.com>", 2 },
	{ " <a@example.com>b@example.com", 2 },
	/* which of them is shown depends on the reader */
	{ " a@example.com <b@example.com>", 2 },
	{ " a@example.com <A@EXAMPLE.com>", 1 }, /* its own name */
	{ "\n\ta@example.com\n\t<a@example.com>", 1 },
	/* routes, quotes and literals inside */
	{ " <@relay.example:a@example.com>", 1 },
	{ " <\"x@y\"@example.com>", 1 },
	{ " \"x y\"@example.com", 1 },
	{ " <\"x>y\"@example.com>", 1 },
	{ " \"x@y\"", 0 },
	{ " <\"x@y\">", 0 },
	{ " a@[192.0.2.1,b@y]", 1 },
	/* what is never closed hides nothing behind it, but a comment */
	{ " \"Ann <a@example.com>", 1 },
	{ " <a@example.com", 1 },
	{ " Ann <", 0 },
	{ " [a@example.com, b@example.com", 2 },
	{ " (a@example.com", 0 },
	{ " a@example.com (", 1 },
	{ " \\", 0 },
	{ " ,,;:", 0 },
};

static void
test_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		/* Octets with nothing behind them. */
		size_t len = strlen(cases[i].value), got;
		uint8_t *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, cases[i].value, len);
		got = mailboxes_count(span_make(copy, len));
		free(copy);
		if (got != cases[i].n)
			fail_msg("%s: %zu", cases[i].value, got);
	}
}

static const struct {
	const char *value, *shown;
} shown[] = {
	{ "", "" },
	{ "Ann <a@b>", "Ann <a@b>" },
	{ "\"Ann\" <a@b>", "Ann <a@b>" },
	{ "\"A\\nn \\\"the\\\" B\" <a@b>", "Ann \"the\" B <a@b>" },
	{ "A\\nn", "Ann" },
	{ "Ann\\", "Ann\\" },
	{ "\"Ann\" of \"the B\"", "Ann of the B" },
	{ "Ann(x) B", "Ann B" },
	{ "(x) Ann (y (z)) B (\\)) C", "Ann B C" },
	{ "\"Ann (x)\" <a@b>", "Ann (x) <a@b>" },
	{ "Ann (x <a@b>", "Ann (x <a@b>" },     /* never closed */
	{ "Ann \"(x) <a@b>", "Ann (x) <a@b>" }, /* nor is this */
	{ "A(x)\r\n (y)\r\n B", "A\r\n \n B" },
};

static void
test_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(shown); i++) {
		struct span value = span_str(shown[i].value);
		struct buf b = { 0 };

		buf_addc(&b, 'x');
		assert_int_equal(
		    mailboxes_shown(value, &b), strcmp(shown[i].value, shown[i].shown) != 0);
		if (strcmp(buf_cstr(&b) + 1, shown[i].shown) != 0)
			fail_msg("%s: %s", shown[i].value, buf_cstr(&b) + 1);
		buf_fini(&b);
	}
}

/* A field of many addresses, quotes or brackets costs as much as its length. */
static void
test_long(void **state)
{
	static const char *const pieces[] = { "a@b,", "<", "\"", "(", "[", "\\", "<\"", "a@b <",
		"\"\\", "\\\"", "<\\\">", "<\"\\\"\\>" };
	size_t len = 2000000;
	char *text = malloc(len);
	struct buf b = { 0 };

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < nitems(pieces); i++) {
		for (size_t k = 0; k < len; k++)
			text[k] = pieces[i][k % strlen(pieces[i])];
		(void)mailboxes_count(span_make(text, len));
		(void)mailboxes_shown(span_make(text, len), &b);
		buf_fini(&b);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
