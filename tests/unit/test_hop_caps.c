#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xmem.h"
#include "client/hop_private.h"

static void
test_caps(void **state)
{
	struct hop_caps caps;

	(void)state;
	hop_parse_caps("PIPELINING is its name\nsize 1000\n8bitmime\nXFORWARD NAME  ADDR BOGUS\n"
		       "X-SIZE 5\nDSN\nSMTPUTF8X",
	    &caps);
	assert_int_equal(caps.bits, CAP_SIZE | CAP_8BITMIME | CAP_XFORWARD | CAP_DSN);
	assert_int_equal(caps.size, 1000);
	assert_int_equal(caps.xforward, XF_NAME | XF_ADDR);
	hop_parse_caps("x\nSIZE 99999999999999999999\nSIZE", &caps);
	assert_int_equal(caps.bits, CAP_SIZE);
	assert_int_equal(caps.size, 0); /* a number that is none limits nothing */
}

static const struct {
	const char *ehlo, *params, *missing;
} param_cases[] = {
	{ "250 8BITMIME\r\n", "BODY=8BITMIME SIZE=1", NULL },
	{ "250 SIZE\r\n", "SIZE=1 BODY=8BITMIME", "8BITMIME" },
	{ "250 SIZE\r\n", "body=7bit", NULL },
	{ "250 8BITMIME\r\n", "SMTPUTF8", "SMTPUTF8" },
	{ "250 8BITMIME\r\n", "BODY=BINARYMIME", "BINARYMIME" },
	{ "250 8BITMIME\r\n", "RET=HDRS", "DSN" },
	{ "250 DSN\r\n", "NOTIFY=NEVER ORCPT=rfc822;x", NULL },
	{ "250 DSN\r\n", "REQUIRETLS", "an extension of the sender's" },
	{ "250 DSN\r\n", "", NULL },
};

static void
test_params(void **state)
{
	struct hop h = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(param_cases); i++) {
		char *text = xasprintf("name\n%s", param_cases[i].ehlo + 4);
		const char *got;

		hop_parse_caps(text, &h.caps);
		got = hop_refuses_params(&h, param_cases[i].params);
		if (param_cases[i].missing == NULL)
			assert_null(got);
		else
			assert_string_equal(got, param_cases[i].missing);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
