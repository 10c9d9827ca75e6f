#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "mail/mime.h"
#include "mail/mime_impl.h"

/*
 * Each row is a message, written with LF, and what the walk tells of it:
 *
 *	P[text] M[text] N[text]	a header field: primary, multipart, nested; '*' behind: changed
 *	=N, =N+			the end of the primary header; + an empty line is missing there
 *	N(text)			a line that starts N octets into its segment; - behind: not its last
 *piece
 *
 * Line ends in a text are shown as '/', NUL as '0'.  What is expected was seen at Postfix 3.7.11.
 */

static const struct mime_options defaults = { .line_length_limit = 2048,
	.header_size_limit = 102400,
	.nesting_limit = 100,
	.boundary_length_limit = 2048 };

static void
show(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_addc(b, s.p[i] == '\n' ? '/' : s.p[i] == '\0' ? '0' : (char)s.p[i]);
}

static int
on_header(void *arg, const struct mime_header *h)
{
	static const char letters[] = {
		[MIME_HDR_PRIMARY] = 'P', [MIME_HDR_MULTIPART] = 'M', [MIME_HDR_NESTED] = 'N'
	};
	struct buf *b = arg;

	buf_printf(b, "%c[", letters[h->class]);
	show(b, mime_header_text(h));
	buf_adds(b, h->changed ? "]* " : "] ");
	assert_true(h->name.len <= mime_header_text(h).len);
	return 0;
}

static int
on_end(void *arg, size_t at, int insert)
{
	buf_printf(arg, "=%zu%s ", at, insert ? "+" : "");
	return 0;
}

static int
on_line(void *arg, const struct mime_line *l)
{
	struct buf *b = arg;

	buf_printf(b, "%zu(", l->segment);
	show(b, l->text);
	buf_adds(b, l->last ? ") " : ")- ");
	assert_true(l->raw_len >= l->text.len && l->raw_len <= l->text.len + 2);
	return 0;
}

/* LF becomes CRLF, as the door makes it. */
static struct span
message_of(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			buf_addc(b, '\r');
		buf_addc(b, text[i]);
	}
	return buf_span(b);
}

static const char *
walk(struct buf *told, struct span message, const struct mime_options *o, int lazy)
{
	struct arena *arena = arena_new();
	struct mime_index index;
	struct mime_events ev = { .header = on_header,
		.end_of_header = on_end,
		.line = on_line,
		.lazy_text = lazy,
		.arg = told };

	assert_int_equal(mime_walk(message, o, &ev, arena, &index), 0);
	arena_free(arena);
	if (told->len > 0)
		told->p[--told->len] = '\0';
	return buf_cstr(told);
}

#define T(s) s, sizeof(s) - 1
static const struct {
	const char *message;
	size_t len;
	const char *told;
} walk_cases[] = {
	{ T(""), "=0" },
	{ T("\n"), "=2" },
	{ T("\n\nx\n"), "=2 2(x)" }, /* an empty line counts one octet */
	{ T("X: y\n"), "P[X: y] =6" },
	{ T("X: y\n\nb\n"), "P[X: y] =8 1(b)" },
	{ T("X: y\n\n\n\nb\ncd"), "P[X: y] =8 3(b) 5(cd)" },
	{ T("X: a\n b\n\tc\n \n\n"), "P[X: a/ b/\tc/ ] =19" },
	{ T("X:\n\n"), "P[X:] =6" },
	/* a blank before the colon goes, one behind it stays */
	{ T("Name : v\nName\t :v\n\n"), "P[Name: v]* P[Name:v]* =22" },
	/* what ends the header: no name, a blank in it, an octet above 126, a control */
	{ T("X: y\nbad line\nZ: w\n"), "P[X: y] =6+ 0(bad line) 9(Z: w)" },
	{ T("X: y\n: v\n\n"), "P[X: y] =6+ 0(: v)" },
	{ T("X: y\nX Y: v\n"), "P[X: y] =6+ 0(X Y: v)" },
	{ T("X\xe9: v\n"), "=0+ 0(X\xe9: v)" },
	{ T("X\x01: v\n"), "=0+ 0(X\x01: v)" },
	{ T("X\0: v\n"), "=0+ 0(X0: v)" },
	/* a NUL ends the field's line for those who look at it, and for the next hop */
	{ T("Subject: a\0b\n c\0d\n e\nX: y\0z\n\nb\0c\n"),
	    "P[Subject: a/ c/ e]* P[X: y]* =34 1(b0c)" },
	/* first lines: mbox leftovers become fields, a continuation of nothing ends the header */
	{ T("From a@b\n>From c@d\n>>From e\nX: y\nFrom z\n\nb\n"),
	    "P[X-Mailbox-Line: From a@b]* P[X-Mailbox-Line: >From c@d]* "
	    "P[X-Mailbox-Line: >>From e]* P[X: y] =37+ 0(From z) 8(b)" },
	{ T("From a@b\n cont\nX: y\n"), "P[X-Mailbox-Line: From a@b]* =10+ 1( cont) 7(X: y)" },
	{ T("From a@b\0c\n\n"), "P[X-Mailbox-Line: From a@b]* =14" },
	{ T(" first\nX: y\n"), "=0+ 1( first) 8(X: y)" },
	{ T(">From: x\n\n"), "P[>From: x] =12" },
	/* MIME header fields are six; the other Content- fields are ordinary ones */
	{ T("mime-version: 1\nCONTENT-ID: x\nContent-Disposition: x\nContent-Description: x\n"
	    "Content-Transfer-Encoding: x\nContent-Type: x\nContent-Length: 3\nContent-MD5: x\n"),
	    "M[mime-version: 1] M[CONTENT-ID: x] M[Content-Disposition: x] "
	    "M[Content-Description: x] M[Content-Transfer-Encoding: x] M[Content-Type: x] "
	    "P[Content-Length: 3] P[Content-MD5: x] =162" },
	/* the boundary line is body, its segment is the one before; the closing one begins its own
	 */
	{ T("Content-Type: multipart/mixed; boundary=B\n\npre\n--B\nX: y\n\na\n--B--\nepi\n"),
	    "M[Content-Type: multipart/mixed; boundary=B] =45 1(pre) 5(--B) M[X: y] 1(a) "
	    "0(--B--) 6(epi)" },
	/* prefixes count, and outer ones; a line of two dashes never */
	{ T("Content-Type: multipart/mixed; boundary=B\n\n--\n--Bxyz\nX: y\n\n--B--junk\n--B\nq\n"),
	    "M[Content-Type: multipart/mixed; boundary=B] =45 1(--) 4(--Bxyz) M[X: y] "
	    "0(--B--junk) 10(--B) 14(q)" },
	{ T("Content-Type: multipart/x; boundary=A\n\n--A\nContent-Type: multipart/x; "
	    "boundary=I\n\n"
	    "--I\nX: 1\n\n--A\nY: 2\n\n--I\nZ: 3\n\n"),
	    "M[Content-Type: multipart/x; boundary=A] =41 1(--A) "
	    "M[Content-Type: multipart/x; boundary=I] 1(--I) M[X: 1] 1(--A) M[Y: 2] 1(--I) "
	    "5(Z: 3)" },
	/* a part's header: none at all, and one that ends at a line of text (no line is put in) */
	{ T("Content-Type: multipart/x; boundary=B\n\n--B\nbad\n--B\nContent-Type: "
	    "text/plain\n--B\n"
	    "\nx\n--B\nX: y\nbad\n--B--\n"),
	    "M[Content-Type: multipart/x; boundary=B] =41 1(--B) 0(bad) 4(--B) "
	    "M[Content-Type: text/plain] 0(--B) 1(x) 3(--B) M[X: y] 0(bad) 0(--B--)" },
	/* attached messages, whatever their encoding */
	{ T("Content-Type: message/rfc822\n\nSubject: a\nContent-Type: message/rfc822\n\nSubject: "
	    "b\n"
	    "\nc\n"),
	    "M[Content-Type: message/rfc822] =32 N[Subject: a] M[Content-Type: message/rfc822] "
	    "N[Subject: b] 1(c)" },
	{ T("Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nX: a\n\nb\n"),
	    "M[Content-Type: message/global] M[Content-Transfer-Encoding: base64] =67 N[X: a] "
	    "1(b)" },
	{ T("Content-Type: message/rfc822\n\n folded\nZ: w\n"),
	    "M[Content-Type: message/rfc822] =32 0( folded) 8(Z: w)" },
	{ T("Content-Type: message/partial\n\nX: a\n\n"),
	    "M[Content-Type: message/partial] =33 1(X: a)" },
	/* digest: messages by default */
	{ T("Content-Type: multipart/digest; boundary=B\n\n--B\n\nX: a\n\n--B\nContent-Type: "
	    "text/plain\n\nX: b\n--B\nY: y\n\nX: c\n"),
	    "M[Content-Type: multipart/digest; boundary=B] =46 1(--B) N[X: a] 1(--B) "
	    "M[Content-Type: text/plain] 1(X: b) 6(--B) M[Y: y] N[X: c]" },
	/* what is neither text, message nor multipart changes nothing of that, but a field that
	 * names no type does */
	{ T("Content-Type: multipart/digest; boundary=B\n\n--B\nContent-Type: image/png\n\nX: a\n"
	    "--B\nContent-Type:\n\nX: b\n"),
	    "M[Content-Type: multipart/digest; boundary=B] =46 1(--B) M[Content-Type: image/png] "
	    "N[X: a] 0(--B) M[Content-Type:] 1(X: b)" },
	{ T("Content-Type: message/rfc822\nContent-Type: x; boundary=B\n\nX: a\n"),
	    "M[Content-Type: message/rfc822] M[Content-Type: x; boundary=B] =61 N[X: a]" },
	{ T("Content-Type: message/rfc822\nContent-Type: (c) ; x\n\nX: a\n"),
	    "M[Content-Type: message/rfc822] M[Content-Type: (c) ; x] =55 1(X: a)" },
	/* several boundaries: all count, the last one is the innermost */
	{ T("Content-Type: multipart/x; boundary=A; boundary=B\nContent-Type: multipart/x; "
	    "boundary=C\n\n--B\nX: 1\n\n--A\nX: 2\n\n--B\nX: 3\n"),
	    "M[Content-Type: multipart/x; boundary=A; boundary=B] "
	    "M[Content-Type: multipart/x; boundary=C] =92 1(--B) M[X: 1] 1(--A) M[X: 2] 1(--B) "
	    "5(X: 3)" },
	{ T("Content-Type: multipart/x; boundary=A\nContent-Type: text/plain\n\n--A\nX: 1\n"),
	    "M[Content-Type: multipart/x; boundary=A] M[Content-Type: text/plain] =67 1(--A) "
	    "M[X: 1]" },
};

static void
test_walk(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * nitems(walk_cases); i++) {
		struct buf msg = { 0 }, told = { 0 };
		struct span m = message_of(&msg, walk_cases[i / 2].message, walk_cases[i / 2].len);

		assert_string_equal(
		    walk(&told, m, &defaults, (int)(i & 1)), walk_cases[i / 2].told);
		buf_fini(&msg);
		buf_fini(&told);
	}
}

/* The header line and one candidate boundary line; is it one? */
static const struct {
	const char *value, *line;
	int matches;
} boundary_cases[] = {
	{ "multipart/x; boundary=ab", "--ab", 1 },
	{ "MULTIPART / x ; BOUNDARY = ab", "--ab", 1 },
	{ "multipart/x; boundary=ab", "--AB", 0 }, /* the value keeps its case */
	{ "multipart; boundary=ab", "--ab", 1 },
	{ "multipart/x boundary=ab", "--ab", 0 }, /* no ';' */
	{ "multipart/x; boundary=ab boundary=cd", "--cd", 0 },
	{ ";multipart/x; boundary=ab", "--ab", 0 },
	{ "\"multipart\"/x; boundary=ab", "--ab", 0 },
	{ "multipart/x; \"boundary\"=ab", "--ab", 0 },
	{ "multipart/x; boundary*0=ab; boundary*=ab", "--ab", 0 }, /* RFC 2231 is not for this */
	{ "multipart/x; x=\"a;b\"; boundary=ab", "--ab", 1 },
	{ "multipart/x; boundary=", "--x", 0 },
	{ "multipart/x; boundary=\"\"", "--x", 1 }, /* every line of dashes */
	{ "multipart/x; boundary=\"\"", "--", 0 },
	{ "multipart/x; boundary=\"a b\"", "--a b", 1 },
	{ "multipart/x; boundary=\"ab \"", "--ab", 0 },
	{ "multipart/x; boundary=\"a\\\"b\\c\"", "--a\"bc", 1 },
	{ "multipart/x; boundary=\"ab; x=y", "--ab; x=y", 1 }, /* the quote never ends */
	{ "multipart/x; boundary=\"ab\\", "--ab", 1 },
	{ "multipart/x; boundary=\"a\n b\"", "--a b", 1 },
	{ "multipart/x; boundary=\"a \n b\"", "--a b", 1 }, /* the blank before a fold goes */
	{ "multipart/x; boundary=A(c)B", "--A", 1 },
	{ "multipart/x (a(b)\\)c) ; boundary(x)=(y)ab(z)cd", "--ab", 1 },
	{ "multipart/x; (foo; boundary=ab", "--ab", 0 }, /* the comment never ends */
	{ "multipart/x; boundary=\"a(b)\"", "--a(b)", 1 },
	{ "multipart/x; boundary=ab\"cd\"", "--ab", 1 },
	{ "multipart/x; boundary==_x", "--=y", 1 }, /* a special is a token of its own */
	{ "multipart/x; boundary=a/b", "--a", 1 },
	{ "multipart/x; boundary=a\x01z", "--a", 1 },
	{ "multipart/x; boundary=a\xe9z", "--a", 0 },
	{ "text/plain; boundary=ab", "--ab", 0 },
	{ "message/partial; boundary=ab", "--ab", 0 },
	{ "", "--ab", 0 },
	{ "(multipart/x; boundary=ab)", "--ab", 0 },
};

static void
test_boundary(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(boundary_cases); i++) {
		struct buf text = { 0 }, msg = { 0 }, told = { 0 };
		const char *all;

		buf_printf(&text, "Content-Type: %s\n\n%s\nX-Part: y\n", boundary_cases[i].value,
		    boundary_cases[i].line);
		all = walk(&told, message_of(&msg, text.p, text.len), &defaults, 1);
		if ((strstr(all, "M[X-Part: y]") != NULL) != boundary_cases[i].matches)
			fail_msg("row %zu: %s", i, all);
		buf_fini(&text);
		buf_fini(&msg);
		buf_fini(&told);
	}
}

/* n letters c, then the rest. */
static void
add_run(struct buf *b, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(b, c);
}

struct sizes { /* of what the walk told */
	size_t text, sent, fields, lines;
	size_t line_len[8], raw_len[8], segment[8];
};

static int
size_header(void *arg, const struct mime_header *h)
{
	struct sizes *s = arg;

	if (s->fields++ == 0) {
		s->text = mime_header_text(h).len;
		s->sent = mime_header_cut(mime_header_text(h), 1000);
		assert_int_equal(h->changed, s->text != h->raw.len - 2 -
							    (memchr(h->raw.p, '\n', h->raw.len) !=
								h->raw.p + h->raw.len - 1) ||
						 s->sent != s->text);
	}
	return 0;
}

/* Base line, continuation line; how much is kept.  Limit 1000, lines cut at 512. */
static const struct {
	size_t first, second, text, sent;
} limit_cases[] = {
	{ 1000, 0, 1000, 1000 },
	{ 1001, 0, 1001, 1000 },
	{ 1023, 0, 1023, 1000 },  /* pieces are 512, 511: both are taken */
	{ 2000, 0, 1024, 1000 },  /* the third piece is not */
	{ 985, 14, 1000, 1000 },  /* 985, LF, 14 */
	{ 985, 15, 1001, 985 },   /* cut back to the line end, which is near */
	{ 900, 600, 1413, 900 },  /* 900 is at nine tenths */
	{ 899, 600, 1412, 1000 }, /* and here it is not */
	{ 1000, 5, 1000, 1000 },  /* full: nothing is added */
	{ 999, 5, 1005, 999 },
};

static void
test_header_size_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(limit_cases); i++) {
		struct mime_options o = defaults;
		struct sizes s = { 0 };
		struct mime_events ev = { .header = size_header, .arg = &s, .lazy_text = 1 };
		struct arena *arena = arena_new();
		struct mime_index ix;
		struct buf b = { 0 };

		o.header_size_limit = 1000;
		o.line_length_limit = 512;
		buf_adds(&b, "X: ");
		add_run(&b, 'a', limit_cases[i].first - 3);
		if (limit_cases[i].second > 0) {
			buf_adds(&b, "\r\n ");
			add_run(&b, 'b', limit_cases[i].second - 1);
		}
		buf_adds(&b, "\r\nY: z\r\n");
		assert_int_equal(mime_walk(buf_span(&b), &o, &ev, arena, &ix), 0);
		assert_int_equal(s.text, limit_cases[i].text);
		assert_int_equal(s.sent, limit_cases[i].sent);
		assert_int_equal(s.fields, 2);
		assert_int_equal((ix.seen & MIME_SEEN_HEADER_CUT) != 0,
		    limit_cases[i].first + limit_cases[i].second + (limit_cases[i].second > 0) >
			1000);
		buf_fini(&b);
		arena_free(arena);
	}
}

static int
size_line(void *arg, const struct mime_line *l)
{
	struct sizes *s = arg;

	assert_true(s->lines < 8);
	s->line_len[s->lines] = l->text.len;
	s->raw_len[s->lines] = l->raw_len;
	s->segment[s->lines++] = l->segment;
	assert_int_equal(l->first, s->lines == 1);
	return 0;
}

/* Lines of more than line_length_limit octets come in pieces, each counts one octet for its end. */
static const struct {
	char first;
	size_t len, pieces, last_len, last_raw, last_segment;
} piece_cases[] = {
	{ 'a', 2047, 1, 2047, 2049, 1 },
	{ 'a', 2048, 1, 2048, 2048, 1 }, /* the line end is a piece of its own, and empty */
	{ 'a', 2049, 2, 1, 3, 2050 },
	{ 'a', 4096, 2, 2048, 2048, 2050 },
	{ 'a', 5000, 3, 904, 906, 4099 },
	{ '.', 2046, 1, 2046, 2048, 1 },
	{ '.', 2047, 1, 2047, 2047, 1 }, /* 2048 as it came over the wire */
	{ '.', 2048, 2, 1, 3, 2049 },
	{ '.', 4096, 3, 1, 3, 4098 },
};

static void
test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(piece_cases); i++) {
		struct sizes s = { 0 };
		struct mime_events ev = { .line = size_line, .arg = &s };
		struct arena *arena = arena_new();
		struct mime_index ix;
		struct buf b = { 0 };
		size_t last;

		buf_adds(&b, "\r\n");
		buf_addc(&b, piece_cases[i].first);
		add_run(&b, 'a', piece_cases[i].len - 1);
		buf_adds(&b, "\r\n");
		assert_int_equal(mime_walk(buf_span(&b), &defaults, &ev, arena, &ix), 0);
		assert_int_equal(s.lines, piece_cases[i].pieces);
		last = s.lines - 1;
		assert_int_equal(s.line_len[last], piece_cases[i].last_len);
		assert_int_equal(s.raw_len[last], piece_cases[i].last_raw);
		assert_int_equal(s.segment[last], piece_cases[i].last_segment);
		buf_fini(&b);
		arena_free(arena);
	}
}

/* A boundary is not looked for behind the first piece of a line. */
static void
test_boundary_in_second_piece(void **state)
{
	struct buf b = { 0 }, told = { 0 };

	(void)state;
	buf_adds(&b, "Content-Type: multipart/x; boundary=B\r\n\r\n");
	add_run(&b, 'x', 2048);
	buf_adds(&b, "--B\r\nX: y\r\n");
	assert_non_null(strstr(walk(&told, buf_span(&b), &defaults, 1), "2050(--B) 2054(X: y)"));
	buf_fini(&b);
	buf_fini(&told);
}

/* Behind the boundary a first piece has, the rest of its line is the part's first line. */
static void
test_long_boundary_line(void **state)
{
	static const struct {
		size_t fill;
		const char *rest, *told;
	} rows[] = {
		{ 2044, "", "x) M[X: y] " }, /* a line like others */
		{ 2045, "", ")- 1(X: y) " }, /* the line end is an empty line */
		{ 2045, "A: b", ")- M[A: b] M[X: y] " },
		{ 2045, "junk", ")- 0(junk) 5(X: y) " },
		{ 2045, "--B", ")- 0(--B) 4(X: y) " },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct buf b = { 0 }, told = { 0 };

		buf_adds(&b, "Content-Type: multipart/x; boundary=B\r\n\r\n--B");
		add_run(&b, 'x', rows[i].fill);
		buf_printf(&b, "%s\r\nX: y\r\n\r\nz\r\n", rows[i].rest);
		walk(&told, buf_span(&b), &defaults, 1);
		if (strstr(buf_cstr(&told), rows[i].told) == NULL)
			fail_msg("row %zu: %s", i, buf_cstr(&told) + told.len - 60);
		buf_fini(&b);
		buf_fini(&told);
	}
}

static int
count_line(void *arg, const struct mime_line *l)
{
	struct buf *b = arg;

	buf_add_span(b, l->text);
	buf_addc(b, ' ');
	return 0;
}

/* Beyond the limit only boundaries are looked for; a new segment starts again. */
static void
test_line_limit(void **state)
{
	static const char message[] =
	    "Content-Type: multipart/x; boundary=B\r\n\r\n"
	    "aa\r\nbb\r\ncc\r\n--x\r\ndd\r\n--B\r\nX: y\r\n\r\nee\r\nff\r\ngg\r\n--B--\r\nhh\r\n";
	struct buf told = { 0 };
	struct mime_events ev = { .line = count_line, .line_limit = 7, .arg = &told };
	struct arena *arena = arena_new();
	struct mime_index ix;

	(void)state;
	assert_int_equal(mime_walk(span_str(message), &defaults, &ev, arena, &ix), 0);
	assert_string_equal(buf_cstr(&told), "aa bb ee ff --B-- hh ");
	buf_reset(&told);
	ev.line_limit = 1; /* nothing of the preamble, whose first line is the empty one */
	assert_int_equal(mime_walk(span_str(message), &defaults, &ev, arena, &ix), 0);
	assert_string_equal(buf_cstr(&told), "--B-- ");
	buf_fini(&told);
	arena_free(arena);
}

/* What lies beyond the limit is told of, however short; empty lines are nothing. */
static void
test_lines_cut(void **state)
{
	static const struct {
		const char *body;
		int cut;
	} rows[] = {
		{ "aaa\r\n", 0 },
		{ "aaaaaaa\r\n", 0 },
		{ "aaaaaaa\r\nb\r\n", 1 },
		{ "aaaaaaa\r\nb", 1 }, /* no longer than an empty line would be */
		{ "aaaaaaa\r\n\r\n\r\n\r\n", 0 },
		{ "aaaaaaa\r\n\r\n\r\nb", 1 },
		{ "aaaaaaa\r\n--", 1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct buf b = { 0 }, told = { 0 };
		struct mime_events ev = { .line = count_line, .line_limit = 7, .arg = &told };
		struct arena *arena = arena_new();
		struct mime_index ix;

		buf_printf(&b, "X: y\r\n\r\n%s", rows[i].body);
		assert_int_equal(mime_walk(buf_span(&b), &defaults, &ev, arena, &ix), 0);
		if (((ix.seen & MIME_SEEN_LINES_CUT) != 0) != rows[i].cut)
			fail_msg("row %zu: told %s", i, buf_cstr(&told));
		arena_free(arena);
		buf_fini(&b);
		buf_fini(&told);
	}
}

/* Limit 3: five boundaries count, the sixth is one too many. */
static void
test_nesting(void **state)
{
	(void)state;
	for (int levels = 1; levels < 9; levels++) {
		struct mime_options o = defaults;
		struct arena *arena = arena_new();
		struct mime_index ix;
		struct buf b = { 0 };

		o.nesting_limit = 3;
		for (int i = 0; i < levels; i++)
			buf_printf(
			    &b, "Content-Type: multipart/x; boundary=B%d\r\n\r\n--B%d\r\n", i, i);
		buf_adds(&b, "X: y\r\n\r\nq\r\n");
		assert_int_equal(mime_walk(buf_span(&b), &o, NULL, arena, &ix), 0);
		assert_int_equal((ix.seen & MIME_SEEN_DEPTH) != 0, levels > 5);
		assert_int_equal(ix.nparts, levels > 5 ? 6 : levels + 1);
		buf_fini(&b);
		arena_free(arena);
	}
}

/* A chain of attached messages is no nesting, and needs no stack of ours. */
static void
test_attached_chain(void **state)
{
	struct arena *arena = arena_new();
	struct mime_index ix;
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "Content-Type: message/rfc822\r\n\r\n");
	assert_int_equal(mime_walk(buf_span(&b), &defaults, NULL, arena, &ix), 0);
	assert_int_equal(ix.seen, 0);
	assert_int_equal(ix.headers, 100000);
	assert_int_equal(ix.nparts, 100001);
	assert_int_equal(ix.parts[100000].depth, 100000);
	buf_fini(&b);
	arena_free(arena);
}

static const char tree[] = "Received: a\r\nreceived: b\r\nX-Received: c\r\n"
			   "Content-Type: Multipart/MIXED; boundary=A\r\n\r\n"
			   "pre\r\n"
			   "--A\r\nContent-Type: text/HTML; charset=\"UTF-8\"\r\n"
			   "Content-Transfer-Encoding: (c) Quoted-Printable\r\n\r\n<p>\r\n"
			   "--A\r\nContent-Type: message/rfc822\r\n\r\n"
			   "Received: inner\r\nSubject: s\r\n\r\nbody\r\n"
			   "--A--\r\nepi\r\n";

static const struct {
	const char *body, *type, *encoding, *charset;
	int depth, parent;
} part_cases[] = {
	{ NULL, "multipart/mixed", "", "", 0, -1 },
	{ "<p>", "text/html", "quoted-printable", "utf-8", 1, 0 },
	{ NULL, "message/rfc822", "", "", 1, 0 },
	{ "body", "text/plain", "", "", 2, 2 },
};

static void
test_index(void **state)
{
	struct arena *arena = arena_new();
	struct mime_index ix;

	(void)state;
	assert_int_equal(mime_walk(span_str(tree), &defaults, NULL, arena, &ix), 0);
	assert_int_equal(ix.received, 2);
	assert_int_equal(ix.headers, 9);
	assert_int_equal(ix.body_at, strstr(tree, "pre") - tree);
	assert_int_equal(ix.nparts, nitems(part_cases));
	for (size_t i = 0; i < nitems(part_cases); i++) {
		const struct mime_part *p = &ix.parts[i];

		assert_string_equal(p->type, part_cases[i].type);
		assert_string_equal(p->encoding, part_cases[i].encoding);
		assert_string_equal(p->charset, part_cases[i].charset);
		assert_int_equal(p->depth, part_cases[i].depth);
		assert_int_equal(p->parent, part_cases[i].parent);
		if (part_cases[i].body == NULL)
			continue;
		assert_int_equal(p->body_end - p->body_at, strlen(part_cases[i].body));
		assert_memory_equal(
		    tree + p->body_at, part_cases[i].body, p->body_end - p->body_at);
	}
	assert_int_equal(ix.parts[0].body_end, sizeof(tree) - 1);
	assert_int_equal(ix.parts[2].body_end, ix.parts[3].body_end);
	arena_free(arena);
}

static void
test_limits(void **state)
{
	struct mime_options o = defaults;
	struct arena *arena = arena_new();
	struct mime_index ix;

	(void)state;
	o.parts_limit = 2;
	o.header_count_limit = 8;
	o.boundary_length_limit = 1;
	assert_int_equal(mime_walk(span_str(tree), &o, NULL, arena, &ix), 0);
	assert_int_equal(ix.nparts, 2);
	assert_int_equal(ix.headers, 9); /* counted all the same */
	assert_int_equal(ix.seen, MIME_SEEN_PARTS | MIME_SEEN_HEADER_COUNT);
	assert_string_equal(ix.parts[1].type, "text/html");
	o = defaults;
	o.header_count_limit = 9;
	o.disable_mime = 1;
	assert_int_equal(mime_walk(span_str(tree), &o, NULL, arena, &ix), 0);
	assert_int_equal(ix.nparts, 1);
	assert_int_equal(ix.headers, 4);
	assert_int_equal(ix.seen, 0);
	arena_free(arena);
}

static const struct {
	const char *message;
	unsigned seen;
} seen_cases[] = {
	{ "X: y\r\n\r\nb\r\n", 0 },
	{ "", MIME_SEEN_NO_HEADER },
	{ "\r\nb\r\n", MIME_SEEN_NO_HEADER },
	{ "b\r\n", MIME_SEEN_NO_HEADER | MIME_SEEN_NON_HEADER },
	{ "X: y\r\nb\r\n", MIME_SEEN_NON_HEADER },
	{ " X: y\r\n", MIME_SEEN_NO_HEADER | MIME_SEEN_NON_HEADER },
	{ "Content-Type: message/rfc822\r\n\r\nbad\r\n", 0 }, /* not the message's own header */
	{ "Content-Type: multipart/x; boundary=abcdefghijk\r\n", MIME_SEEN_BOUNDARY_CUT },
};

static void
test_seen(void **state)
{
	struct mime_options o = defaults;
	struct arena *arena = arena_new();
	struct mime_index ix;

	(void)state;
	o.boundary_length_limit = 10;
	for (size_t i = 0; i < nitems(seen_cases); i++) {
		assert_int_equal(
		    mime_walk(span_str(seen_cases[i].message), &o, NULL, arena, &ix), 0);
		assert_int_equal(ix.seen, seen_cases[i].seen);
	}
	assert_int_equal(mime_walk(span_make("X: a\0b\r\n", 8), &o, NULL, arena, &ix), 0);
	assert_int_equal(ix.seen, MIME_SEEN_HEADER_NUL);
	arena_free(arena);
}

/* Behind trace header of ours, the sender's first line is still its first. */
static void
test_lead(void **state)
{
	static const char text[] = "Received: x\n\ty\n folded\nX: y\n\nb\n";
	struct mime_options o = defaults;
	struct buf msg = { 0 }, told = { 0 };
	struct span m = message_of(&msg, text, sizeof(text) - 1);

	(void)state;
	o.lead = strlen("Received: x\r\n\ty\r\n");
	assert_string_equal(
	    walk(&told, m, &o, 1), "P[Received: x/\ty] =17+ 1( folded) 9(X: y) 15(b)");
	buf_reset(&told);
	o.lead = 0;
	assert_string_equal(walk(&told, m, &o, 1), "P[Received: x/\ty/ folded] P[X: y] =34 1(b)");
	buf_fini(&msg);
	buf_fini(&told);
}

static int
stop(void *arg, const struct mime_header *h)
{
	(void)h;
	return --*(int *)arg == 0 ? -1 : 0;
}

static void
test_stop(void **state)
{
	int left = 2;
	struct mime_events ev = { .header = stop, .arg = &left };
	struct arena *arena = arena_new();
	struct mime_index ix;

	(void)state;
	assert_int_equal(mime_walk(span_str(tree), &defaults, &ev, arena, &ix), -1);
	assert_int_equal(ix.headers, 2);
	arena_free(arena);
}

static size_t
find_slowly(const char *p, size_t n)
{
	for (size_t i = 0; i + 2 <= n; i++)
		if ((i == 0 || p[i - 1] == '\n') && p[i] == '-' && p[i + 1] == '-')
			return i;
	return n;
}

/* Wherever it stands, and whatever looks like it: few octets, so that all comes up. */
static void
test_find_dashes(void **state)
{
	static const char octets[] = "\n\n--x";
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char text[80];
		size_t n = (size_t)round % sizeof(text);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			/* Long stretches without any now and then. */
			text[i] =
			    (seed >> 29) != 0 && round % 3 != 0 ? 'y' : octets[(seed >> 16) % 5];
		}
		const uint8_t *p = (const uint8_t *)text;

		if (mime_find_dashes(p, p + n) != p + find_slowly(text, n))
			fail_msg("round %d: \"%.*s\"", round, (int)n, text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_header_size_limit),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_boundary_in_second_piece),
		cmocka_unit_test(test_long_boundary_line),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_lines_cut),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_attached_chain),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_lead),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_find_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
