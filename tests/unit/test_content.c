#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/content_ref.h"
#include "mail/content.h"
#include "mail/content_scan.h"

#define S(text) (text), sizeof(text) - 1

/* DATA, each followed by CRLF.CRLF and "QUIT" */
static const struct {
	const char *in;
	size_t len;
	const char *out; /* before the last CRLF; compared as C string, so no NUL here */
	unsigned seen;
} data_cases[] = {
	{ S("a: b\r\n\r\ntext"), "a: b\r\n\r\ntext", 0 },
	{ S("..x\r\n...y"), ".x\r\n..y", 0 },
	{ S(".x"), "x", 0 }, /* a client that does not stuff loses its dot, as everywhere */
	{ S("a\nb"), "a\r\nb", SEEN_BARE_LF },
	{ S("a\rb"), "a b", SEEN_BARE_CR },
	{ S("\xe4"), "\xe4", SEEN_8BIT },
	/* the sequences of SMTP smuggling, none of which ends the message */
	{ S("a\n.\nb"), "a\r\nb", SEEN_SMUGGLING | SEEN_BARE_LF },
	{ S("a\n.\r\nb"), "a\r\nb", SEEN_SMUGGLING | SEEN_BARE_LF },
	{ S("a\r\n.\nb"), "a\r\nb", SEEN_SMUGGLING | SEEN_BARE_LF },
	{ S("a\r.\r\nb"), "a .\r\nb", SEEN_SMUGGLING | SEEN_BARE_CR },
	{ S("a\r.\rb"), "a . b", SEEN_SMUGGLING | SEEN_BARE_CR },
	{ S("a\r\n.\rb"), "a\r\n b", SEEN_SMUGGLING | SEEN_BARE_CR },
	{ S("a\r\n.\r\r\nb"), "a\r\n \r\nb", SEEN_SMUGGLING | SEEN_BARE_CR },
	{ S("a\r\r\n.\r\r\nb"), "a \r\n \r\nb", SEEN_SMUGGLING | SEEN_BARE_CR },
	/* and what looks like one */
	{ S("a\r\n..\r\nb"), "a\r\n.\r\nb", 0 },
	{ S("a\n..\r\nb"), "a\r\n.\r\nb", SEEN_BARE_LF },
	{ S("a\n..b"), "a\r\n.b", SEEN_BARE_LF },
	{ S("a\n.\r\n.b"), "a\r\nb", SEEN_SMUGGLING | SEEN_BARE_LF },
	{ S("a\r\n\r\n.b"), "a\r\n\r\nb", 0 },
};

static void
test_data(void **state)
{
	static const char tail[] = "\r\n.\r\nQUIT";

	(void)state;
	for (size_t i = 0; i < nitems(data_cases); i++) {
		uint8_t buf[256];
		struct content c;
		struct span rest;
		size_t n = data_cases[i].len, want = strlen(data_cases[i].out), got;

		memcpy(buf, data_cases[i].in, n);
		memcpy(buf + n, tail, sizeof(tail) - 1);
		content_init(&c, CONTENT_DATA);
		got = content_feed(&c, buf, n + sizeof(tail) - 1, &rest);
		assert_int_equal(c.done, 1);
		assert_int_equal(c.seen & ~(unsigned)SEEN_DOT_LINE, data_cases[i].seen);
		assert_int_equal((c.seen & SEEN_DOT_LINE) != 0,
		    data_cases[i].out[0] == '.' || strstr(data_cases[i].out, "\n.") != NULL);
		assert_int_equal(rest.len, 4);
		assert_memory_equal(rest.p, "QUIT", 4);
		assert_int_equal(got, want + 2);
		assert_memory_equal(buf, data_cases[i].out, want);
		assert_memory_equal(buf + want, "\r\n", 2);
	}
}

static void
test_data_empty(void **state)
{
	uint8_t buf[CONTENT_ROOM(3)] = ".\r\n";
	struct content c;
	struct span rest;

	(void)state;
	content_init(&c, CONTENT_DATA);
	assert_int_equal(content_feed(&c, buf, 3, &rest), 0);
	assert_int_equal(c.done, 1);
	assert_int_equal(c.seen, 0);
	assert_int_equal(rest.len, 0);
}

static void
test_data_nul_behind_dot(void **state)
{
	static const char in[] = "a\r\n.\0\r\nb\r\n.\r\n";
	uint8_t buf[CONTENT_ROOM(sizeof(in))];
	struct content c;
	struct span rest;

	(void)state;
	memcpy(buf, in, sizeof(in) - 1);
	content_init(&c, CONTENT_DATA);
	assert_int_equal(content_feed(&c, buf, sizeof(in) - 1, &rest), 9);
	assert_memory_equal(buf, "a\r\n\0\r\nb\r\n", 9);
	assert_int_equal(c.seen, SEEN_SMUGGLING | SEEN_NUL);
}

/* A clean message stays where it was received, whatever the pieces. */
static void
test_data_not_moved(void **state)
{
	static const char in[] = "a: b\r\n\r\ntext\r\nmore\r\n.\r\n";

	(void)state;
	for (size_t cut = 1; cut < sizeof(in) - 1; cut++) {
		uint8_t buf[CONTENT_ROOM(sizeof(in))];
		struct content c;
		struct span rest;
		size_t len, at = 0;

		content_init(&c, CONTENT_DATA);
		for (size_t k = 0; k < 2; k++) {
			size_t from = k == 0 ? 0 : cut, n = k == 0 ? cut : sizeof(in) - 1 - cut;

			memcpy(buf + at + c.held, in + from, n);
			len = content_feed(&c, buf + at, n, &rest);
			at += len;
			assert_int_equal(rest.len, 0);
			if (from + n <= sizeof(in) - 4)
				assert_int_equal(at + c.held, from + n);
		}
		assert_int_equal(c.done, 1);
		assert_int_equal(at, sizeof(in) - 4);
		assert_memory_equal(buf, in, at);
	}
}

static void
test_long_line(void **state)
{
	static const size_t lengths[] = { 0, 70, 997, 998, 999, 1000, 1001, 5000 };

	(void)state;
	for (size_t i = 0; i < nitems(lengths); i++) {
		for (size_t piece = 1; piece < 8000; piece = piece * 7 + 1) {
			size_t n = lengths[i] + 5;
			uint8_t *in = malloc(n + 3), *buf = malloc(CONTENT_ROOM(n + 3));
			struct content c;
			struct span rest;

			memset(in, 'x', n);
			memcpy(in, "a\r\n", 3);
			memcpy(in + n - 2, "\r\n.\r\n", 5);
			content_init(&c, CONTENT_DATA);
			for (size_t at = 0; at < n + 3; at += piece) {
				size_t k = piece < n + 3 - at ? piece : n + 3 - at;

				memcpy(buf + c.held, in + at, k);
				content_feed(&c, buf, k, &rest);
			}
			assert_int_equal(c.done, 1);
			assert_int_equal(c.seen, lengths[i] > 998 ? SEEN_LONG_LINE : 0);
			free(in);
			free(buf);
		}
	}
}

static const struct {
	const char *in, *out;
	unsigned seen;
} bdat_cases[] = {
	{ "", "", 0 },
	{ "a\r\n", "a\r\n", 0 },
	{ "a", "a\r\n", 0 },
	{ "a\r", "a \r\n", SEEN_BARE_CR },
	{ "\r", " \r\n", SEEN_BARE_CR },
	{ "a\n", "a\r\n", SEEN_BARE_LF },
	{ ".\r\n..\r\n.x", ".\r\n..\r\n.x\r\n", 0 }, /* no dots here */
	{ "a\r\n.\r\nb\n.\r\n", "a\r\n.\r\nb\r\n.\r\n", SEEN_BARE_LF },
};

static void
test_bdat(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(bdat_cases); i++) {
		size_t n = strlen(bdat_cases[i].in), len;
		uint8_t buf[64];
		struct content c;
		struct span rest;

		memcpy(buf, bdat_cases[i].in, n);
		content_init(&c, CONTENT_BDAT);
		len = content_feed(&c, buf, n, &rest);
		len += content_finish(&c, buf + len);
		assert_int_equal(len, strlen(bdat_cases[i].out));
		assert_memory_equal(buf, bdat_cases[i].out, len);
		assert_int_equal(c.seen, bdat_cases[i].seen | SEEN_DOT_LINE);
	}
}

/* Every sequence over the octets that matter, cut everywhere, against the reference. */
static void
test_exhaustive(void **state)
{
	static const uint8_t alphabet[] = { '\r', '\n', '.', '\0', 'a' };
	enum { LONGEST = 7, TAIL = 5 };
	uint8_t in[LONGEST + TAIL];

	(void)state;
	for (size_t len = 0, count = 1; len <= LONGEST; len++, count *= nitems(alphabet)) {
		for (size_t i = 0; i < count; i++) {
			size_t x = i, n = len + TAIL, one = 1;

			for (size_t k = 0; k < len; k++, x /= nitems(alphabet))
				in[k] = alphabet[x % nitems(alphabet)];
			memcpy(in + len, "\r\n.\r\n", TAIL);
			for (size_t cut = 1; cut <= n; cut++) {
				size_t cuts[2] = { cut, n };

				if (content_ref_compare(CONTENT_DATA, in, n, cuts, 2) == -1)
					fail();
			}
			assert_int_equal(content_ref_compare(CONTENT_DATA, in, n, &one, 1), 0);
			for (size_t cut = 1; cut <= len && len <= 5; cut++) {
				size_t cuts[2] = { cut, n };

				if (content_ref_compare(CONTENT_BDAT, in, len, cuts, 2) == -1)
					fail();
			}
		}
	}
}

/* Short sequences at every place of the 64-octet blocks, between lines of text. */
static void
test_blocks(void **state)
{
	static const uint8_t alphabet[] = { '\r', '\n', '.', '\0', 'a' };
	enum { LEN = 4, BEHIND = 80, TAIL = 5 };
	uint8_t in[160 + LEN + BEHIND + TAIL];

	(void)state;
	for (size_t before = 0; before < 140; before++) {
		for (size_t i = 0; i < 625; i++) {
			size_t x = i, n = before + LEN + BEHIND + TAIL;

			for (size_t k = 0; k < n; k++)
				in[k] = k % 37 == 35 ? '\r' : k % 37 == 36 ? '\n' : 'x';
			for (size_t k = 0; k < LEN; k++, x /= nitems(alphabet))
				in[before + k] = alphabet[x % nitems(alphabet)];
			memcpy(in + n - TAIL, "\r\n.\r\n", TAIL);
			assert_int_equal(content_ref_compare(CONTENT_DATA, in, n, &n, 1), 0);
		}
	}
}

/* The fast scan and the plain one stop at the same octet and see the same. */
static void
test_scan(void **state)
{
	uint8_t in[512];
	uint32_t seed = 1;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		size_t n = round % sizeof(in),
		       line_len[3] = { round % 1100, round % 1100, round % 1100 }, len;
		unsigned seen[3] = { 0, 0 };

		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525 + 1013904223;
			in[k] = (seed >> 24) < 3 ? '.' : (uint8_t)('a' + (seed >> 28));
			if (k > 0 && (seed >> 8) % 50 == 0) {
				in[k - 1] = '\r';
				in[k] = '\n';
			}
			if ((seed >> 8) % 900 == 1)
				in[k] = "\r\n\0\x80"[seed >> 30];
		}
		for (int dots = 0; dots < 2; dots++) {
			len = content_scan(in, n, dots, &line_len[0], &seen[0]);
			assert_int_equal(
			    len, content_scan_plain(in, n, dots, &line_len[1], &seen[1]));
			assert_int_equal(line_len[0], line_len[1]);
			assert_int_equal(seen[0], seen[1]);
			assert_int_equal(
			    len, content_scan_narrow(in, n, dots, &line_len[2], &seen[2]));
			assert_int_equal(line_len[0], line_len[2]);
			assert_int_equal(seen[0], seen[2]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_empty),
		cmocka_unit_test(test_data_nul_behind_dot),
		cmocka_unit_test(test_data_not_moved),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_bdat),
		cmocka_unit_test(test_exhaustive),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
