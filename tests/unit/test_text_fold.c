#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/text_fold.h"
#include "mail/utf8.h"

static const struct {
	const char *in, *out;
} cases[] = {
	{ "", "" },
	{ "Viagra 100%", "Viagra 100%" },
	{ "V\u0456\u0430gr\u0430", "Viagra" }, /* Cyrillic */
	{ "\u0412\u0443 \u0440ill\u0455", "By pills" },
	{ "\u03bdi\u03b1gr\u03b1", "viagra" },                       /* Greek */
	{ "\uff36\uff49\uff41\uff47\uff52\uff41\uff01", "Viagra!" }, /* full width */
	{ "\U0001d4e5\U0001d4f2\U0001d4ea\U0001d4f0\U0001d4fb\U0001d4ea", "Viagra" },
	{ "\U0001d7ce\U0001d7d9\U0001d7eb", "019" },
	{ "\u24cb\u24d8\u24d0", "Via" }, /* in circles */
	{ "\U0001f145\U0001f138", "VI" },
	{ "\u24b1\u24a4\u249c", "via" },          /* in parentheses */
	{ "v\u00ed\u00e0gr\u00e4", "viagra" },    /* accents, whole */
	{ "vi\u0301a\u0300gra\u0336", "viagra" }, /* and apart */
	{ "\ufb01ne \u00e6on \u2163", "fine aeon IV" },
	{ "\u1d20\u026a\u1d00\u0262\u0280\u1d00", "VIAGRA" }, /* small capitals */
	{ "it\u2019s \u2013 \u201ca\u201d\u2026", "it's - \"a\"..." },
	{ "\u4f60\u597d \u0416\u0434", "\u4f60\u597d \u0416\u0434" }, /* like nothing of ours */
	{ "\u05d0\u05b0 \u0e01\u0e34", "\u05d0\u05b0 \u0e01\u0e34" },
};

static void
test_fold(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf out = { 0 };

		text_fold(span_str(cases[i].in), &out);
		if (strcmp(buf_cstr(&out), cases[i].out) != 0)
			fail_msg("%zu: \"%s\"", i, buf_cstr(&out));
		buf_fini(&out);
	}
}

/* Each character, and once more: what is folded stays, is UTF-8, and not much longer. */
static void
test_all(void **state)
{
	unsigned changed = 0;

	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		struct buf out = { 0 }, again = { 0 };
		char octets[4];
		size_t n = utf8_put(c, octets);

		text_fold(span_make(octets, n), &out);
		text_fold(buf_span(&out), &again);
		assert_true(span_eq(buf_span(&out), buf_span(&again)));
		assert_int_equal(utf8_good(buf_span(&out)), out.len);
		assert_true(2 * out.len <= 3 * n);
		changed += !span_eq(buf_span(&out), span_make(octets, n));
		if (c < 0x80)
			assert_int_equal(changed, 0);
		buf_fini(&out);
		buf_fini(&again);
	}
	assert_true(changed > 3000);
}

/* What is no UTF-8 stays. */
static void
test_octets(void **state)
{
	static const char in[] = "a\0\xff\xd0";
	struct buf out = { 0 };

	(void)state;
	text_fold(span_make(in, sizeof(in) - 1), &out);
	assert_int_equal(out.len, sizeof(in) - 1);
	assert_memory_equal(out.p, in, out.len);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
