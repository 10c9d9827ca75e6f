#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "rules/check_action.h"

static const struct {
	const char *text, *name, *arg;
	const char *header_fault, *body_fault; /* a word of it, or NULL */
} action_cases[] = {
	{ "REJECT", "reject", "", NULL, NULL },
	{ "reject  5.7.9  two  blanks", "reject", "5.7.9  two  blanks", NULL, NULL },
	{ "Reject\tx", "reject", "x", NULL, NULL },
	{ "REJECTED", "unknown", "", "no action", "no action" },
	{ "REJECT,x", "unknown", "", "no action", "no action" },
	{ "550 no", "unknown", "no", "no action", "no action" }, /* access(5) has it, we do not */
	{ "", "unknown", "", "no action", "no action" },
	{ " REJECT", "unknown", "REJECT", "no action", "no action" },
	{ "OK", "dunno", "", NULL, NULL },
	{ "dunno whatever", "dunno", "whatever", NULL, NULL },
	{ "IGNORE x", "ignore", "x", NULL, NULL },
	{ "STRIP", "strip", "", NULL, NULL },
	{ "WARN text", "warning", "text", NULL, NULL },
	{ "info", "info", "", NULL, NULL },
	{ "PASS ok", "pass", "ok", NULL, NULL },
	{ "HOLD for me", "hold", "for me", NULL, NULL },
	{ "DISCARD", "discard", "", NULL, NULL },
	{ "TAG", "tag", "", NULL, NULL },
	{ "FILTER smtp:[127.0.0.1]:10025", "filter", "smtp:[127.0.0.1]:10025", NULL, NULL },
	{ "FILTER nocolon", "filter", "nocolon", "transport:destination", "transport:destination" },
	{ "FILTER", "filter", "", "transport:destination", "transport:destination" },
	{ "REDIRECT a@b", "redirect", "a@b", NULL, NULL },
	{ "REDIRECT b", "redirect", "b", "user@domain", "user@domain" },
	{ "REDIRECT a@b>", "redirect", "a@b>", "user@domain", "user@domain" },
	{ "REDIRECT <a@b>", "redirect", "<a@b>", "user@domain", "user@domain" },
	{ "REDIRECT a@b\r\nRSET", "redirect", "a@b\r\nRSET", "user@domain", "user@domain" },
	{ "REDIRECT a@b c@d", "redirect", "a@b c@d", "user@domain", "user@domain" },
	{ "BCC a@b", "bcc", "a@b", NULL, NULL },
	{ "BCC \"a b\"@c", "bcc", "\"a b\"@c", NULL, NULL },
	{ "BCC", "bcc", "", "user@domain", "user@domain" },
	{ "REPLACE X-New: x", "replace", "X-New: x", NULL, NULL },
	{ "REPLACE X-New : x", "replace", "X-New : x", NULL, NULL },
	{ "REPLACE no header", "replace", "no header", "headername", NULL },
	{ "REPLACE", "replace", "", "text", "text" },
	{ "PREPEND X: y", "prepend", "X: y", NULL, NULL },
	{ "PREPEND x", "prepend", "x", "headername", NULL },
	{ "PREPEND", "prepend", "", "text", "text" },
};

static void
assert_fault(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_non_null(got == NULL ? NULL : strstr(got, want));
}

static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(action_cases); i++) {
		struct check_action a = check_action_parse(action_cases[i].text);

		assert_string_equal(check_verb_name(a.verb), action_cases[i].name);
		assert_string_equal(a.arg, action_cases[i].arg);
		assert_fault(check_action_fault(&a, 1), action_cases[i].header_fault);
		assert_fault(check_action_fault(&a, 0), action_cases[i].body_fault);
	}
}

static const struct {
	const char *arg;
	int code;
	const char *enhanced, *text;
	int bad_class;
} reject_cases[] = {
	{ "", 550, "5.7.1", "message content rejected", 0 },
	{ "no thanks", 550, "5.7.1", "no thanks", 0 }, { "5.7.9 text", 550, "5.7.9", "text", 0 },
	{ "5.7.1  two  blanks", 550, "5.7.1", "two  blanks", 0 },
	{ "4.7.1 later", 451, "4.7.1", "later", 0 }, { "4.7.1\tlater", 451, "4.7.1", "later", 0 },
	{ "2.0.0 bad", 451, "4.0.0", "bad", 1 },
	{ "6.1.1 x", 550, "5.7.1", "6.1.1 x", 0 }, /* no such class: text */
	{ "5.7 x", 550, "5.7.1", "5.7 x", 0 }, { "5.7.1x y", 550, "5.7.1", "5.7.1x y", 0 },
	{ "5.1234.1 x", 550, "5.7.1", "5.1234.1 x", 0 },
	{ "5.123.123 x", 550, "5.123.123", "x", 0 }, { "45.1.1 x", 550, "5.7.1", "45.1.1 x", 0 },
	{ "5.7.9", 550, "5.7.9", "message content rejected", 0 }, /* Postfix answers garbage */
};

static void
test_reject(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reject_cases); i++) {
		struct check_reject r = check_reject_parse(reject_cases[i].arg);

		assert_int_equal(r.code, reject_cases[i].code);
		assert_string_equal(r.enhanced, reject_cases[i].enhanced);
		assert_string_equal(r.text, reject_cases[i].text);
		assert_int_equal(r.bad_class, reject_cases[i].bad_class);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_reject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
