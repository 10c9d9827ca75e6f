#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "client/wire.h"

#define S(s) (s), sizeof(s) - 1

static const struct {
	const char *in;
	size_t in_len;
	const char *out;
	size_t out_len;
} cases[] = {
	{ S(""), S(".\r\n") },
	{ S("a\r\n"), S("a\r\n.\r\n") },
	{ S("a"), S("a\r\n.\r\n") },
	{ S("."), S("..\r\n.\r\n") },
	{ S(".\r\n"), S("..\r\n.\r\n") },
	{ S("..\r\n.\r\n"), S("...\r\n..\r\n.\r\n") },
	{ S("a.b\r\n.c\r\n"), S("a.b\r\n..c\r\n.\r\n") },
	/* what must never reach a lenient next hop: each would end the data somewhere */
	{ S("a\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n") },
	{ S("a\n.\r\nb"), S("a\r\n..\r\nb\r\n.\r\n") },
	{ S("a\r\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n") },
	{ S("a\r.\rb"), S("a . b\r\n.\r\n") },
	{ S("a\r\n.\rb"), S("a\r\n.. b\r\n.\r\n") },
	{ S("a\r\n.\r\r\nb"), S("a\r\n.. \r\nb\r\n.\r\n") },
	{ S("a\r\r\n.\r\r\n"), S("a \r\n.. \r\n.\r\n") },
	{ S("a\r"), S("a \r\n.\r\n") },
	{ S("\r"), S(" \r\n.\r\n") },
	{ S("\n"), S("\r\n.\r\n") },
	{ S("\r\n"), S("\r\n.\r\n") },
	{ S("a\0b\n.\0\r\n"), S("a\0b\r\n..\0\r\n.\r\n") },
	{ S("\r\n.\0\r\n"), S("\r\n..\0\r\n.\r\n") },
};

static void
take(struct wire *w, struct buf *out)
{
	for (size_t i = 0; i < w->n; i++)
		buf_add(out, w->v[i].iov_base, w->v[i].iov_len);
	wire_sent(w);
}

static void
feed(struct wire *w, struct span piece, struct buf *out)
{
	for (;;) {
		size_t n = wire_add(w, piece);

		if (n == piece.len)
			return;
		piece = span_make(piece.p + n, piece.len - n);
		take(w, out);
	}
}

/* The rule again, an octet at a time, to compare with. */
static void
slowly(const uint8_t *p, size_t n, struct buf *out)
{
	int at_start = 1;

	for (size_t i = 0; i < n; i++) {
		int crlf = p[i] == '\r' && i + 1 < n && p[i + 1] == '\n';

		if (crlf || p[i] == '\n') {
			buf_adds(out, "\r\n");
			i += (size_t)crlf;
			at_start = 1;
			continue;
		}
		if (at_start && p[i] == '.')
			buf_addc(out, '.');
		buf_addc(out, p[i] == '\r' ? ' ' : (char)p[i]);
		at_start = 0;
	}
	buf_adds(out, at_start ? ".\r\n" : "\r\n.\r\n");
}

/* Every case, cut in three at every two places. */
static void
test_cases(void **state)
{
	struct wire w = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *in = cases[i].in;
		size_t n = cases[i].in_len;

		for (size_t a = 0; a <= n; a++) {
			for (size_t b = a; b <= n; b++) {
				wire_begin(&w);
				buf_reset(&out);
				feed(&w, span_make(in, a), &out);
				feed(&w, span_make(in + a, b - a), &out);
				feed(&w, span_make(in + b, n - b), &out);
				wire_end(&w);
				take(&w, &out);
				assert_int_equal(out.len, cases[i].out_len);
				assert_memory_equal(out.p, cases[i].out, out.len);
			}
		}
	}
	buf_fini(&out);
	wire_fini(&w);
}

/* Long text with the odd octets at every distance from the blocks the scan works in. */
static void
test_against_slow(void **state)
{
	static const char *const odd[] = { "\r\n.", "\n.", "\r", "\r\r\n", "\n", ".", "\r\n", "\r.",
		"\n\r\n.\r" };
	struct wire w = { 0 };
	struct buf in = { 0 }, want = { 0 }, out = { 0 };
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		buf_reset(&in);
		buf_reset(&want);
		buf_reset(&out);
		for (unsigned k = 0; k < 6; k++) {
			size_t run = (size_t)rand_r(&seed) % 150;

			memset(buf_reserve(&in, run), 'x', run);
			in.len += run;
			buf_adds(&in, odd[(size_t)rand_r(&seed) % nitems(odd)]);
		}
		slowly((const uint8_t *)in.p, in.len, &want);
		wire_begin(&w);
		for (size_t at = 0; at < in.len;) {
			size_t n = 1 + (size_t)rand_r(&seed) % 300;

			n = n > in.len - at ? in.len - at : n;
			feed(&w, span_make(in.p + at, n), &out);
			at += n;
		}
		wire_end(&w);
		take(&w, &out);
		assert_int_equal(out.len, want.len);
		assert_memory_equal(out.p, want.p, want.len);
	}
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&out);
	wire_fini(&w);
}

/* More dots than there are buffers, and more octets than are queued at once. */
/* A text of lines without dots at their start, cut anywhere, with parts left out as edits do. */
static void
test_known_against_add(void **state)
{
	uint32_t seed = 5;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct wire a = { 0 }, b = { 0 };
		struct buf text = { 0 }, got = { 0 }, want = { 0 };
		size_t at = 0;

		while (text.len < 600) {
			seed = seed * 1664525 + 1013904223;
			buf_printf(&text, "%.*s\r\n", (int)(seed >> 24) % 60,
			    "x.y.z abcdefghijklmnopqrstuvwxyz0123456789..........abcdefghijklm");
		}
		wire_begin(&a);
		wire_begin(&b);
		while (at < text.len) {
			size_t n, rest = text.len - at;
			struct span piece;

			seed = seed * 1664525 + 1013904223;
			n = 1 + (seed >> 16) % 200;
			if (n > rest)
				n = rest;
			piece = span_make(text.p + at, n);
			at += n;
			if (seed >> 29 == 0) /* cut out: what follows may begin anywhere */
				at += (seed >> 8) % 40 < text.len - at ? (seed >> 8) % 40 : 0;
			feed(&a, piece, &want);
			for (;;) {
				size_t k = wire_add_known(&b, piece);

				if (k == piece.len)
					break;
				piece = span_make(piece.p + k, piece.len - k);
				take(&b, &got);
			}
		}
		wire_end(&a);
		wire_end(&b);
		take(&a, &want);
		take(&b, &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.p, want.p, want.len);
		buf_fini(&text);
		buf_fini(&got);
		buf_fini(&want);
		wire_fini(&a);
		wire_fini(&b);
	}
}

static void
test_full(void **state)
{
	struct wire w = { 0 };
	struct buf in = { 0 }, want = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		buf_adds(&in, ".\r\n");
		buf_adds(&in,
		    i % 2 ? ".................................................................."
			    "..................................\r\n"
			  : "");
	}
	memset(buf_reserve(&in, 3 * WIRE_MAX), 'y', 3 * WIRE_MAX);
	in.len += 3 * WIRE_MAX;
	slowly((const uint8_t *)in.p, in.len, &want);
	wire_begin(&w);
	feed(&w, buf_span(&in), &out);
	wire_end(&w);
	take(&w, &out);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.p, want.p, want.len);
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&out);
	wire_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_against_slow),
		cmocka_unit_test(test_known_against_add),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
