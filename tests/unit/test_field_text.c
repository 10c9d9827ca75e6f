/* A header field's value as mail readers show it, in each reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/field_text.h"

#define E_ACUTE "\xc3\xa9"

static const struct {
	const char *in;
	const char *out[FIELD_READINGS]; /* lenient, strict, guess; NULL: as the lenient one */
} cases[] = {
	{ "", { "" } },
	{ "plain text", { "plain text" } },
	{ "a\n b\r\n\tc", { "a b c" } },
	{ "a\x01"
	  "b\x7f",
	    { "ab" } },
	/* octets without a word: UTF-8 if they are, else windows-1252 */
	{ "caf" E_ACUTE, { "caf" E_ACUTE } },
	{ "caf\xe9", { "caf" E_ACUTE } },
	/* as it should be */
	{ "=?utf-8?q?a_b=20c?=", { "a b c" } },
	{ "=?UTF-8*en?Q?a?=", { "a" } },
	{ "=?utf-8?b?YWJj?= =?us-ascii?Q?d?=", { "abcd" } },
	{ "=?utf-8?q?a?=\n =?utf-8?q?b?= c", { "ab c" } },
	{ "x =?utf-8?q?a?= y", { "x a y" } },
	{ "(=?utf-8?q?a?=) b", { "(a) b" } },
	{ "=?iso-8859-1?q?=E9?=", { E_ACUTE } },
	{ "=?koi8-r?q?=E9?=", { "\xd0\x98" } },
	{ "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", { "\xe6\x97\xa5\xe6\x9c\xac" } },
	/* cut in the middle of a character: programs that do so are many */
	{ "=?utf-8?q?=C3?= =?utf-8?q?=A9?=", { E_ACUTE, "\xef\xbf\xbd\xef\xbf\xbd", "\xc3\xa9" } },
	{ "=?utf-8?b?SGVsb?= =?utf-8?b?G8=?=",
	    { "Hello", "=?utf-8?b?SGVsb?= =?utf-8?b?G8=?=", "Hel" } },
	/* words that lack their '=', which some do not miss */
	{ "=?utf-8?b?ZXZpbA?= =?utf-8?b?LmV4ZQ?=",
	    { "evil\xef\xbf\xbdW\xef\xbf\xbdP",
		"=?utf-8?b?ZXZpbA?= =?utf-8?b?LmV4ZQ?=", "evil.exe" } },
	/* an '=' inside a word: junk, no word of the RFC, the end of a group */
	{ "=?utf-8?b?ZXZpb=C5leGU=?=",
	    { "evil.exe", "=?utf-8?b?ZXZpb=C5leGU=?=", "evi\xe2\x84\xa2^" } },
	{ "=?utf-8?b?ZXZpbA==LmV4ZQ==?=",
	    { "evil\xef\xbf\xbdW\xef\xbf\xbdP", "=?utf-8?b?ZXZpbA==LmV4ZQ==?=", "evil.exe" } },
	/* each character its own word */
	{ "=?utf-8?q?v?==?utf-8?q?i?= =?utf-8?q?a?=", { "via", "=?utf-8?q?v?==?utf-8?q?i?= a" } },
	/* not where or as the RFC wants it */
	{ "\"=?utf-8?q?a?=\"", { "\"a\"", "\"=?utf-8?q?a?=\"" } },
	{ "x=?utf-8?q?a?=y", { "xay", "x=?utf-8?q?a?=y" } },
	{ "=?utf-8?q?a b?=", { "a b", "=?utf-8?q?a b?=" } },
	{ "=?utf-8?b?YW Jj?=", { "abc", "=?utf-8?b?YW Jj?=" } },
	{ "=?utf-8?q?a=4?=", { "a=4", "=?utf-8?q?a=4?=" } },
	{ "=?utf-8?b?YW?=", { "a", "=?utf-8?b?YW?=" } },
	{ "=?utf-8?q?0123456789012345678901234567890123456789012345678901234567890123456789?=",
	    { "0123456789012345678901234567890123456789012345678901234567890123456789",
		"=?utf-8?q?0123456789012345678901234567890123456789012345678901234567890123456789"
		"?=" } },
	/* a charset nobody knows, and one that is not what it says */
	{ "=?x-none?q?a?=", { "a", "=?x-none?q?a?=", "a" } },
	{ "=?us-ascii?q?=C3=A9?=", { E_ACUTE } },
	{ "=?koi8-r?q?=C3=A9?=", { "\xd1\x86\xe2\x95\x98", NULL, E_ACUTE } },
	/* what was encoded is shown on one line */
	{ "=?utf-8?q?a=0D=0Ab=00c=09d?=", { "a  bc d" } },
	/* none of these is an encoded word */
	{ "=?utf-8?x?a?=", { "=?utf-8?x?a?=" } },
	{ "=?utf-8?q?a", { "=?utf-8?q?a" } },
	{ "=?"
	  "?=",
	    { "=?"
	      "?=" } },
	{ "=?=?=?=?=", { "=?=?=?=?=" } },
	/* the first end counts, but not the one that is the text's first sign */
	{ "=?utf-8?q?=41?=", { "A" } },
	{ "=?utf-8?q\?\?=b", { "b", "=?utf-8?q?"
				    "?=b" } },
};

static void
test_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		unsigned seen = 0;

		for (int r = 0; r < FIELD_READINGS; r++) {
			const char *want =
			    cases[i].out[r] == NULL ? cases[i].out[0] : cases[i].out[r];
			struct buf out = { 0 };

			buf_adds(&out, ">");
			seen |= field_text(span_str(cases[i].in), (enum field_reading)r, &out);
			/* Without a doubt nobody guesses. */
			if (r == FIELD_GUESS && cases[i].out[r] == NULL && !(seen & FIELD_DOUBTS))
				want = buf_cstr(&out) + 1;
			assert_string_equal(buf_cstr(&out) + 1, want);
			buf_fini(&out);
			/* Who asks for no more than what is said to differ misses nothing. */
			if (cases[i].out[r] != NULL && strcmp(want, cases[i].out[0]) != 0)
				assert_true(
				    seen & (r == FIELD_STRICT ? FIELD_WORDS : FIELD_DOUBTS));
		}
		if (field_text_is_plain(span_str(cases[i].in)))
			assert_string_equal(cases[i].out[0], cases[i].in);
	}
	assert_true(field_text_is_plain(span_str("plain text")));
	assert_false(field_text_is_plain(span_str("a =?b")));
	assert_false(field_text_is_plain(span_str("caf\xe9")));
}

/* Of this thread alone: the machine may be busy. */
static int64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What memory costs while accesses to it are watched does not grow with its size alone: there
 * the figures are only printed. */
#ifdef __SANITIZE_THREAD__
enum { IS_WATCHED = 1 };
#else
enum { IS_WATCHED = 0 };
#endif

static int64_t
spent(const char *piece, size_t n)
{
	struct buf in = { 0 }, out = { 0 };
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < n; i++)
		buf_adds(&in, piece);
	for (int i = 0; i < 3; i++) {
		int64_t began = cpu_us();

		buf_reset(&out);
		for (int r = 0; r < FIELD_READINGS; r++)
			(void)field_text(buf_span(&in), (enum field_reading)r, &out);
		if (cpu_us() - began < best)
			best = cpu_us() - began;
	}
	buf_fini(&in);
	buf_fini(&out);
	return best;
}

/* Ten times the beginnings are not a hundred times the work. */
static void
test_long(void **state)
{
	static const char *const pieces[] = { "=?utf-8?q?", "=?", "?=", "=?a?z?",
		"=?utf-8?q?a?= ", "=?utf-8?b?YW?=", "=?koi8-r?q?=E9?= x " };

	(void)state;
	for (size_t i = 0; i < nitems(pieces); i++) {
		int64_t few = spent(pieces[i], 2000), many = spent(pieces[i], 20000);

		print_message("%s: %lld us, %lld us\n", pieces[i], (long long)few, (long long)many);
		if (!IS_WATCHED)
			assert_in_range(many, 0, 60 * few + 20000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
