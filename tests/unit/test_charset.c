#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/buf.h"
#include "mail/charset.h"
#include "mail/utf8.h"

#define UNKNOWN CHARSET_UNKNOWN
#define BAD     CHARSET_BAD
#define DOUBT   CHARSET_DOUBT
#define S(s)                                                                                       \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static const struct {
	const char *label;
	struct span in, out;
	unsigned seen;
} cases[] = {
	{ "", S(""), S(""), 0 },
	{ "utf-8", S("a\xc3\xa4"), S("a\xc3\xa4"), 0 },
	{ "UTF_8", S("a\xc3\xa4"), S("a\xc3\xa4"), 0 },
	{ " \"utf8\" ", S("a\xc3\xa4"), S("a\xc3\xa4"), 0 },
	{ "utf-8", S("a\0b"), S("a\0b"), 0 },
	{ "utf-8",
	    S("\xef\xbb\xbf"
	      "a"),
	    S("a"), 0 },
	{ "utf-8", S("a\xe4z"), S("a\xef\xbf\xbdz"), BAD | DOUBT },
	{ "utf-8", S("\xc0\x80\xff"), S("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), BAD | DOUBT },

	/* labels that say nothing */
	{ "", S("a\xc3\xa4"), S("a\xc3\xa4"), 0 },
	{ "", S("a\xe4"), S("a\xc3\xa4"), 0 },
	{ "us-ascii", S("a\x93z"), S("a\xe2\x80\x9cz"), 0 },
	{ "ANSI_X3.4-1968", S("a\xc3\xa4"), S("a\xc3\xa4"), 0 },
	{ "x-unknown", S("plain"), S("plain"), UNKNOWN },
	{ "x-unknown", S("a\xe4"), S("a\xc3\xa4"), UNKNOWN },
	{ "a-label-that-is-longer-than-any", S("a\xe4"), S("a\xc3\xa4"), UNKNOWN },

	/* labels that lie */
	{ "iso-8859-1", S("a\xe4"), S("a\xc3\xa4"), 0 },
	{ "iso-8859-1", S("a\x80\x81"), S("a\xe2\x82\xac\xc2\x81"), 0 },
	{ "iso-8859-1", S("a\xc3\xa4"), S("a\xc3\x83\xc2\xa4"), DOUBT },
	{ "windows-1251", S("\xcf\xf0\xe8"), S("\xd0\x9f\xd1\x80\xd0\xb8"), 0 },
	{ "windows-1251", S("\xd0\x9f"), S("\xd0\xa0\xd1\x9f"), DOUBT },
	{ "shift_jis", S("\x93\xfa a\xffz"), S("\xe6\x97\xa5 a\xef\xbf\xbdz"), BAD | DOUBT },
	{ "gb2312", S("\xc4\xe3z\xc4"), S("\xe4\xbd\xa0z\xef\xbf\xbd"), BAD | DOUBT },
	{ "iso-8859-1", S("\xff\xfev\0i\0"), S("vi"), DOUBT }, /* a mark says more */
	{ "koi8-r", S("\xef\xbb\xbf\xc3\xa4"), S("\xc3\xa4"), 0 },

	/* others */
	{ "koi8-r", S("\xf0\xd2\xc9"), S("\xd0\x9f\xd1\x80\xd0\xb8"), 0 },
	{ "ks_c_5601-1987", S("\xb0\xa1"), S("\xea\xb0\x80"), 0 },
	{ "iso-2022-jp", S("a \x1b$B4A\x1b(B z"), S("a \xe6\xbc\xa2 z"), 0 },
	{ "iso-2022-jp", S("plain"), S("plain"), 0 },
	{ "big5", S("\xa4\xa4"), S("\xe4\xb8\xad"), 0 },
	/* ten, where it stands a second time, and a sign of ETEN's fonts */
	{ "big5",
	    S("\xa2\xcc\xa1\x5a"
	      "a"),
	    S("\xe5\x8d\x81\xe2\x95\xb4"
	      "a"),
	    0 },
	{ "big5", S("\xa2"), S("\xef\xbf\xbd"), BAD | DOUBT },
	{ "ibm850", S("\xd5"), S("\xc4\xb1"), 0 },
	{ "IBM00858", S("\xd5"), S("\xe2\x82\xac"), 0 },
	{ "big5", S("a\x88\x62"), S("a\xc3\x8a\xcc\x84"), 0 }, /* one that becomes two */
	{ "windows-1255", S("\xf9"), S("\xd7\xa9"), 0 },       /* iconv holds it back for a dot */
	{ "windows-1258", S("a"), S("a"), 0 },
	{ "utf-7", S("V+AGk-agra"), S("Viagra"), DOUBT },
	{ "utf-7", S("a+//8-"), S("a\xef\xbf\xbf"), DOUBT },
	{ "utf-16", S("\0V\0i\0a"), S("Via"), DOUBT },
	{ "utf-16", S("V\0i\0a\0"), S("Via"), DOUBT },
	{ "utf-16", S("\xfe\xff\0V"), S("V"), DOUBT },
	{ "utf-16le", S("=\xd8J\xdd"), S("\xf0\x9f\x95\x8a"), DOUBT },
	{ "utf-16le", S("=\xd8V\0\xff"), S("\xef\xbf\xbdV\xef\xbf\xbd"), BAD | DOUBT },
	{ "utf-16be", S("\xd8"), S("\xef\xbf\xbd"), BAD | DOUBT },
	{ "utf-32", S("\0\0\xfe\xff\0\0\0V"), S("V"), DOUBT },
	{ "utf-32", S("\xff\xfe\0\0V\0\0\0\0\0\x11\0"), S("V\xef\xbf\xbd"), BAD | DOUBT },
	{ "cp037", S("\xe5\x89\x81"), S("Via"), DOUBT },
	{ "ibm1140", S("\xe5\x89\x81\x9f"), S("Via\xe2\x82\xac"), DOUBT },
	{ "IBM01140", S("\xe5\x89\x81"), S("Via"), DOUBT },
	{ "x-ebcdic-us-ca", S("\xe5\x89\x81"), S("Via"), DOUBT },
	{ "cp1047", S("\xe5\x89\x81"), S("Via"), DOUBT },
	{ "hz-gb-2312", S("via~{~}gra"), S("viagra"), DOUBT },
	{ "HZ-GB-2312", S("a~{VP~}~~~\nz ~{V\nP"), S("a\xe4\xb8\xad~z \xef\xbf\xbd\nP"),
	    BAD | DOUBT },
	/* no label, but escapes */
	{ "", S("via\x1b(Bgra"), S("viagra"), 0 },
	{ "", S("a \x1b$B4A\x1b(B z"), S("a \xe6\xbc\xa2 z"), 0 },
	{ "", S("\x1b[1m"), S("\x1b[1m"), 0 },
	{ "", S("a\x1b("), S("a\x1b("), 0 },
};

static void
test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf out = { 0 };
		unsigned seen = charset_decode(cases[i].in, span_str(cases[i].label), &out);

		if (seen != cases[i].seen || !span_eq(buf_span(&out), cases[i].out))
			fail_msg("%zu %s: %u \"%s\"", i, cases[i].label, seen, buf_cstr(&out));
		buf_fini(&out);
	}
}

/* All labels of the list are of charsets that this machine can read. */
static void
test_all(void **state)
{
	static const char *const labels[] = {
#define C(label, how, name) label,
#include "mail/charsets.def"
#undef C
	};

	(void)state;
	for (size_t i = 0; i < nitems(labels); i++) {
		struct buf octets = { 0 }, out = { 0 };

		/* Every octet and pair: whatever becomes of it, it is UTF-8 and not too long. */
		for (unsigned k = 0; k < 0x20000; k++)
			buf_addc(&octets, (char)((k & 1) != 0 ? k >> 1 : k >> 9));
		if ((charset_decode(buf_span(&octets), span_str(labels[i]), &out) & UNKNOWN) != 0)
			fail_msg("%s", labels[i]);
		assert_int_equal(utf8_good(buf_span(&out)), out.len);
		assert_true(out.len <= 3 * octets.len);
		for (size_t k = i + 1; k < nitems(labels); k++)
			assert_string_not_equal(labels[i], labels[k]);
		buf_fini(&octets);
		buf_fini(&out);
	}
}

static void
test_guess(void **state)
{
	struct buf out = { 0 };

	(void)state;
	charset_guess(span_str("\xc3\xa4"), &out);
	assert_string_equal(buf_cstr(&out), "\xc3\xa4");
	buf_reset(&out);
	charset_guess(span_str("\xc3\xa4\xe4"), &out);
	assert_string_equal(buf_cstr(&out), "\xc3\x83\xc2\xa4\xc3\xa4");
	buf_fini(&out);
}

static void
test_known(void **state)
{
	(void)state;
	assert_true(charset_known(span_str("ISO-8859-15")));
	assert_true(charset_known(span_str("iso_8859-1:1987")));
	assert_false(charset_known(span_str("iso-8859-17")));
	assert_false(charset_known(span_str("")));
}

static int64_t
spent(const char *const *labels, size_t n)
{
	struct buf out = { 0 };
	int64_t began, best = INT64_MAX;

	for (int k = 0; k < 3; k++) {
		began = clock_thread_us();
		for (size_t i = 0; i < 4800; i++) {
			buf_reset(&out);
			(void)charset_decode(
			    span_str("\xe4\xe5\xe6"), span_str(labels[i % n]), &out);
		}
		if (clock_thread_us() - began < best)
			best = clock_thread_us() - began;
	}
	buf_fini(&out);
	return best;
}

/* Words of many charsets one after another are hardly dearer than those of one. */
static void
test_many_charsets(void **state)
{
	static const char *const labels[] = { "koi8-r", "iso-8859-2", "iso-8859-5", "iso-8859-7",
		"iso-8859-9", "iso-8859-15", "windows-1250", "windows-1251", "windows-1253",
		"windows-1254", "windows-1255", "gb2312" };
	int64_t one = spent(labels, 1), all = spent(labels, nitems(labels));

	(void)state;
	print_message("%lld us, %lld us\n", (long long)one, (long long)all);
	assert_in_range(all, 0, one * 6 + 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_many_charsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
