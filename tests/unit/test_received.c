#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/received.h"

#define POSTFIX                                                                                    \
	"Received: from a.example (a.example [192.0.2.1])\r\n"                                     \
	"\tby mx.example (Postfix) with ESMTPS id 4XyZ12abc\r\n"                                   \
	"\tfor <u@example.com>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\r\n"

static const struct {
	const char *message, *ids; /* each behind a blank */
} cases[] = {
	{ POSTFIX "Subject: x\r\n\r\n", " 4XyZ12abc" },
	{ POSTFIX "received : by b.example id SECOND; now\r\n", " 4XyZ12abc SECOND" },
	{ "Received: (id no (id no\\) either)) by x (id no) ID yes(comment); z\r\n", " yes" },
	{ "Received: by x id\r\n\tfolded; z\r\n", " folded" },
	{ "Received: by x with identity; id\r\n", "" }, /* nothing stands behind it */
	{ "Received: by x; id=4; Sat\r\n", "" },
	{ "Received: never (closed id x\r\n" POSTFIX, " 4XyZ12abc" },
	{ "Received:\r\nReceived: id a\r\n", " a" },
	{ "Received-SPF: id no\r\nX-Received: id no\r\n", "" },
	{ "Subject: x\r\n\r\n" POSTFIX, "" }, /* the body */
	{ "no field\r\n" POSTFIX, "" },
	{ "Received: id cut", " cut" },
	{ "Received: id a\r\nReceived: id b\r\nReceived: id c\r\nReceived: id d\r\n", " a b c" },
	{ "", "" },
};

static void
test_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct span ids[3];
		size_t n = received_ids(span_str(cases[i].message), ids, nitems(ids));
		struct buf b = { 0 };

		for (size_t k = 0; k < n; k++) {
			buf_addc(&b, ' ');
			buf_add_span(&b, ids[k]);
		}
		if (strcmp(buf_cstr(&b), cases[i].ids) != 0)
			fail_msg("row %zu: \"%s\"", i, buf_cstr(&b));
		buf_fini(&b);
	}
}

static void
test_far_down(void **state)
{
	struct buf b = { 0 };
	struct span id;

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "X-%d: 0123456789\r\n", i);
	buf_adds(&b, POSTFIX);
	assert_int_equal(received_ids(buf_span(&b), &id, 1), 0);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_far_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
