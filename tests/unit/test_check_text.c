/* check_text: what of a message is a text, and the tricks that keep a phrase from being found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "tests/lib/content_world.h"

#define HTML   "Content-Type: text/html; charset=utf-8\n\n"
#define BASE64 "Content-Transfer-Encoding: base64\n"
#define HIT    "554 5.7.1 found"

/* The answer to a table with this pattern. */
static const char *
ask(struct content_world *c, const char *pattern, const char *message)
{
	char table[300];

	snprintf(table, sizeof(table), "%s REJECT found\n", pattern);
	content_world_init(c);
	content_world_table(c, "t", table);
	c->w.o.lists[LIST_CONTENT] = content_world_text(c, "check_text pcre:%s/t");
	c->w.o.text_check_size_limit = 1000;
	assert_int_equal(content_world_begin(c, message), 0);
	return rule_world_ask(&c->w, RULE_CONTENT);
}

/* --- the phrase is "cheap viagra", in any case --- */

static const struct {
	const char *trick, *message;
} tricks[] = {
	{ "none", "\nBuy cheap viagra\n" },
	{ "another line", HTML "<p>Buy cheap\nViagra</p>" },
	{ "comment inside the word", HTML "cheap V<!-- x -->iagra" },
	{ "comment that ends oddly", HTML "cheap V<!-- > x --!>iagra" },
	{ "tag inside the word", HTML "cheap V<b></b>ia<i>g</i>ra" },
	{ "element that nobody knows", HTML "cheap V<o:p></o:p>iagra" },
	{ "base64", BASE64 "\nQnV5IGNoZWFwIHZpYWdyYQ==" },
	{ "base64 of HTML with a comment", "Content-Type: text/html\n" BASE64 "\n"
					   "PHA+QnV5IGNoZWFwIFY8IS0tIHggLS0+aWFncmE8L3A+" },
	{ "base64 cut into lines", BASE64 "\nQnV5I\nGNoZ\n WFwIH\nZpYW\ndyYQ==" },
	{ "quoted-printable",
	    "Content-Transfer-Encoding: quoted-printable\n\ncheap=20v=\niag=72a" },
	{ "two encodings, one of them right",
	    BASE64 "Content-Transfer-Encoding: 7bit\n\ncheap viagra" },
	{ "display:none padding", HTML "cheap V<span style=\"display:none\">quite</span>iagra" },
	{ "font-size 0", HTML "cheap V<span style=\"font-size:0\">x</span>iagra" },
	{ "same colour", HTML "cheap V<font color=\"#fffffe\">x</font>iagra" },
	{ "value that is none", HTML "<p style='font-size:0;font-size:var(--x)'>cheap viagra" },
	{ "opacity, which Outlook does not know", HTML "cheap v<i style='opacity:0'>i<b hidden>x"
						       "</b></i>agra" },
	{ "condition that does not hold", HTML "cheap v<![if !mso]>x<![endif]>iagra" },
	{ "conditions, one of them false",
	    HTML "<!--[if mso]>cheap v<![endif]--><!--[if lt mso 9]>x<![endif]-->"
		 "<!--[if mso]>iagra<![endif]-->" },
	{ "from right to left", HTML "<bdo dir=rtl>argaiv paehc</bdo>" },
	{ "from right to left, in a text", "Content-Type: text/plain; charset=utf-8\n\n"
					   "\u202eargaiv paehc" },
	{ "stroke through the letters", "Content-Type: text/plain; charset=utf-8\n\n"
					"cheap v\u0336i\u0336agra" },
	{ "octet that is none", "Content-Type: text/plain; charset=utf-8\n\ncheap vi\xff"
				"agra" },
	{ "title in the body", HTML "cheap v<title>x</title>iagra" },
	{ "visibility", HTML "cheap V<i style='visibility:hidden'>x</i>iagra" },
	{ "hidden", HTML "cheap V<i hidden>x</i>iagra" },
	{ "class that hides", HTML "<style>.q{display:none}</style>cheap V<i class=q>x</i>iagra" },
	{ "class that may hide",
	    HTML "<style>@media screen{.q{display:none}}</style>cheap V<i class=q>x</i>iagra" },
	{ "class that hides, for those without style sheets",
	    HTML "<style>p{display:none}</style><p>cheap viagra</p>" },
	{ "for Outlook alone", HTML "<!--[if mso]>cheap viagra<![endif]-->" },
	{ "named references", HTML "cheap&nbsp;&Vopf;&iopf;&aopf;gra cheap v&zwnj;iagra" },
	{ "numeric references", HTML "&#99;heap &#118;&#x69;&#0000097;gra" },
	{ "soft hyphens", HTML "cheap v&shy;i&#173;agra" },
	{ "soft hyphens in plain text",
	    "Content-Type: text/plain; charset=iso-8859-1\n\ncheap v\xadi\xad"
	    "agra" },
	{ "zero width",
	    "Content-Type: text/plain; charset=utf-8\n\ncheap v\xe2\x80\x8bi\xe2\x81\xa0"
	    "agra" },
	{ "no-break blanks", "Content-Type: text/plain; charset=utf-8\n\ncheap\xc2\xa0viagra" },
	{ "NULs", "\ncheap v\x7fiagra" },
	{ "UTF-7", "Content-Type: text/plain; charset=utf-7\n\ncheap +AHY-iagra" },
	{ "UTF-7, said and not meant",
	    "Content-Type: text/plain; charset=utf-7\n\n+AAAA-cheap viagra" },
	{ "UTF-16", "Content-Type: text/plain; charset=utf-16\n" BASE64
		    "\n//5CAHUAeQAgAGMAaABlAGEAcAAgAFYAaQBhAGcAcgBhAA==" },
	{ "UTF-16 by its mark alone", BASE64 "\n//5CAHUAeQAgAGMAaABlAGEAcAAgAFYAaQBhAGcAcgBhAA==" },
	{ "UTF-16, said and not meant",
	    "Content-Type: text/plain; charset=utf-16\n\ncheap viagra" },
	{ "EBCDIC", "Content-Type: text/plain; charset=cp037\n"
		    "Content-Transfer-Encoding: quoted-printable\n\n"
		    "=83=88=85=81=97=40=A5=89=81=87=99=81" },
	{ "charset of nobody's", "Content-Type: text/html; charset=x-none\n\ncheap v<b></b>iagra" },
	{ "HTML that is said to be plain", "Content-Type: text/plain\n\ncheap v<b></b>iagra" },
	{ "HTML without a type", "\n<html>cheap v<!-- x -->iagra" },
	{ "plain that is said to be HTML", HTML "cheap viagra" },
	{ "broken type", "Content-Type: html\n\ncheap v<!-- x -->iagra" },
	{ "type that nobody knows", "Content-Type: foo/bar\n\ncheap viagra" },
	{ "two types", "Content-Type: application/x-foo\nContent-Type: text/html\n\n"
		       "cheap v<!-- x -->iagra" },
	{ "attached page", "Content-Type: application/octet-stream; name=\"a.HTM\"\n" BASE64
			   "\nPHA+QnV5IGNoZWFwIFY8IS0tIHggLS0+aWFncmE8L3A+" },
	{ "enriched text", "Content-Type: text/enriched\n\ncheap v<bold></bold>iagra" },
	{ "second of three parts",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n" HTML
	    "cheap v<b>iagra\n--b\n\nthree\n--b--\n" },
	{ "attached message",
	    "Content-Type: message/rfc822\n\nSubject: in\n" HTML "cheap v<b>iagra" },
	{ "encoded attached message",
	    "Content-Type: message/rfc822\n" BASE64 "\nU3ViamVjdDogaW4KCmNoZWFwIHZpYWdyYQo=" },
	{ "multipart without a boundary",
	    "Content-Type: multipart/mixed\n" BASE64 "\nY2hlYXAgdmlhZ3JhCg==" },
	{ "multipart without a part",
	    "Content-Type: multipart/mixed; boundary=b\n\ncheap viagra\n" },
	{ "title and alt texts", HTML "<img alt='cheap' src=x><img alt=' viagra'>" },
	{ "cells", HTML "<table><tr><td>cheap<td>viagra</table>" },
	{ "cell without a table", HTML "<td style='display:none'>cheap viagra" },
	{ "paragraph that ended", HTML "<p style='display:none'><div>cheap viagra</div>" },
	{ "no end tag", HTML "<title>x</title><b>cheap viagra" },
	{ "inline blocks", HTML "cheap <div style='display:inline'>v</div><p "
				"style='display:inline'>iagra" },
};

static void
test_tricks(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < nitems(tricks); i++) {
		struct content_world c;

		if (strcmp(ask(&c, "/cheap\\s+viagra/", tricks[i].message), HIT) != 0) {
			print_message("%s\n", tricks[i].trick);
			bad = 1;
		}
		content_world_fini(&c);
	}
	assert_false(bad);
}

/* --- what is no text, and what nobody sees --- */

static const struct {
	const char *pattern, *message, *facts;
} missed[] = {
	{ "/viagra/", "Subject: viagra\n\ntext", "" }, /* check_decoded_header's */
	{ "/viagra/", "Content-Type: image/png\n\nviagra", "" },
	{ "/viagra/", "Content-Type: application/octet-stream\n\nviagra", "" },
	{ "/viagra/", "Content-Type: foo/bar\n\n\x7f\x7f\x7f\x7f\x01viagra", "" },
	{ "/hide/", HTML "a<template>hide</template>", "text=hidden" },
	{ "/hide/", HTML "a<script>hide</script><style>hide</style><!-- hide -->", "" },
	{ "/<b>/", HTML "<b>a", "" },
	{ "/b--/", "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b--\n", "" },
	{ "/^$/", "\n", "" }, /* there is no text in it */
	{ "/\\xc3\\x83/", "Content-Type: text/plain; charset=utf-8\n\n\xc3\xa4", "" },
	{ "/x{3}/", "Content-Type: text/plain; charset=x-no\n\nxx", "text=charset:x-no" },
};

static void
test_missed(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(missed); i++) {
		struct content_world c;

		if (strcmp(ask(&c, missed[i].pattern, missed[i].message), "dunno") != 0 ||
		    strcmp(content_world_facts(&c), missed[i].facts) != 0)
			fail_msg("%zu %s", i, content_world_facts(&c));
		content_world_fini(&c);
	}
}

/* --- readings --- */

/* A table with a row for each text, and one for what is none of them.  LF is '|' in a text, ';' is
 * behind it. */
static void
rows_for(const char *all, struct buf *table)
{
	struct span rest = span_str(all), text, line;

	while (rest.len > 0) {
		span_cut(rest, ';', &text, &rest);
		buf_adds(table, "~\\A");
		for (int more = 1; more;) {
			more = span_cut(text, '|', &line, &text);
			buf_adds(table, "\\Q");
			buf_add_span(table, line);
			buf_adds(table, more ? "\\E\\n" : "\\E");
		}
		buf_adds(table, "\\z~ INFO\n");
	}
	buf_adds(table, "/./ REJECT another\n");
}

/* The texts that were found, in the same form. */
static void
texts(struct content_world *c, struct buf *out)
{
	trace_init(&c->w.trace, c->w.arena);
	buf_adds(out, rule_world_ask(&c->w, RULE_CONTENT));
	for (struct trace_reader r = { .all = span_make(c->w.trace.p, c->w.trace.len) };;) {
		struct trace_read e;

		if (trace_next(&r, &e) != 1)
			break;
		if (e.kind != TRACE_LOOKUP)
			continue;
		buf_addc(out, ';');
		for (size_t k = 0; k < e.key.len; k++)
			buf_addc(out, e.key.p[k] == '\n' ? '|' : (char)e.key.p[k]);
	}
	buf_addc(out, ';');
}

static const struct {
	int fold;
	const char *message, *texts;
} reading_cases[] = {
	{ 0, "\na\nb\n", "a|b|;" },
	{ 0, HTML "<p>a<p>b", "a|b|;" },
	{ 0, "\na <b>b</b>\n", "a <b>b</b>|;a b|;" },
	{ 0, "\na <http://b>\n", "a <http://b>|;" },
	{ 0, "\na <a@example.com> 1<2\n", "a <a@example.com> 1<2|;" },
	{ 0, HTML "a<i style='display:none'>x</i>", "a|;ax|;" }, /* and what all readers hide */
	{ 0, HTML "a<i style='font-size:0'>x</i><!--[if mso]>y<![endif]-->", "a|;ax|;ay|;" },
	{ 0, HTML "<i style='opacity:0'>a<b hidden>x</b></i>", "ax|;a|;" }, /* Outlook's is last */
	{ 0, HTML "a<!--[if mso]>b<i hidden>c</i><![endif]-->", "a|;ab|;abc|;" },
	{ 0, HTML "a<!--[if IE]>b<![endif]-->", "a|;ab|;" },
	{ 0, HTML "a<![if !mso]>b<![endif]>", "ab|;a|;" },
	{ 0, HTML "<bdo dir=rtl>ab</bdo>", "ab|;ba|;" },
	{ 0, "\n\u202eba\u202c c", "ba c;ab c;" },
	{ 0, HTML "<style>.x{display:none}</style>a<i class=x>x</i>", "a|;ax|;" },
	{ 0, HTML "<style>q .x{display:none}</style>a<i class=x>x</i>", "ax|;a|;" },
	{ 0, "Content-Type: text/plain; charset=iso-8859-1\n\n\xc3\xa4", "\u00c3\u00a4;\u00e4;" },
	{ 0, "Content-Type: text/plain; charset=koi8-r\n\n\xd6", "\u0436;" },
	{ 0, "Content-Type: text/html\n\n<meta charset=koi8-r>\xd6", "\u0436|;" },
	{ 0, "Content-Type: text/plain; charset=utf-8\n\nV\u0456a", "V\u0456a;" },
	{ 1, "Content-Type: text/plain; charset=utf-8\n\nV\u0456a", "V\u0456a;Via;" },
	{ 1, "\nVia", "Via;" },
	{ 0,
	    "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\n" HTML "<p>x\n--b--",
	    "x;x|;" },
};

static void
test_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reading_cases); i++) {
		struct buf got = { 0 }, want = { 0 }, table = { 0 };
		struct content_world c;

		content_world_init(&c);
		rows_for(reading_cases[i].texts, &table);
		content_world_table(&c, "t", buf_cstr(&table));
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_text pcre:%s/t");
		c.w.o.text_fold_homoglyphs = reading_cases[i].fold;
		assert_int_equal(content_world_begin(&c, reading_cases[i].message), 0);
		texts(&c, &got);
		buf_printf(&want, "dunno;%s", reading_cases[i].texts);
		if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
			fail_msg("%zu: %s", i, buf_cstr(&got));
		buf_fini(&want);
		buf_fini(&table);
		(void)rule_world_said(&c.w);
		buf_fini(&got);
		content_world_fini(&c);
	}
}

/* --- limits --- */

static void
test_limit(void **state)
{
	struct buf m = { 0 };
	struct content_world c;

	(void)state;
	buf_adds(&m, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n");
	for (int i = 0; i < 99; i++)
		buf_adds(&m, "123456789 ");
	buf_adds(&m, "\n--b\n\nnear far far\n--b\n\nbeyond\n--b--\n");
	assert_string_equal(ask(&c, "/near/", buf_cstr(&m)), HIT);
	content_world_fini(&c);
	assert_string_equal(ask(&c, "/far far/", buf_cstr(&m)), "dunno");
	assert_string_equal(content_world_facts(&c), "text=limit:size");
	content_world_fini(&c);
	assert_string_equal(ask(&c, "/beyond/", buf_cstr(&m)), "dunno");
	content_world_fini(&c);
	buf_reset(&m);
	buf_adds(&m, HTML);
	for (int i = 0; i < 900 / 3; i++)
		buf_adds(&m, "<p>");
	assert_string_equal(ask(&c, "/x/", buf_cstr(&m)), "dunno");
	assert_string_equal(content_world_facts(&c), "");
	content_world_fini(&c);
	buf_fini(&m);
}

/* One rendering serves all tables and recipients. */
static void
test_once(void **state)
{
	struct buf m = { 0 }, list = { 0 };
	struct content_world c;
	size_t used;

	(void)state;
	buf_adds(&m, HTML);
	for (int i = 0; i < 30000; i++)
		buf_adds(&m, "<b>x</b><p>");
	content_world_init(&c);
	content_world_table(&c, "t", "/nothing/ REJECT\n");
	for (int i = 0; i < 50; i++) {
		buf_adds(&list, "check_text ");
		buf_adds(&list, content_world_text(&c, "pcre:%s/t, "));
	}
	c.w.o.lists[LIST_CONTENT] = buf_cstr(&list);
	assert_int_equal(content_world_begin(&c, buf_cstr(&m)), 0);
	used = arena_used(c.w.arena);
	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
	assert_true(arena_used(c.w.arena) - used > 30000 * 2);
	used = arena_used(c.w.arena);
	for (int i = 0; i < 20; i++)
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
	assert_true(arena_used(c.w.arena) - used < 20 * 30000 * 2 / 4);
	content_world_fini(&c);
	buf_fini(&m);
	buf_fini(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tricks),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
