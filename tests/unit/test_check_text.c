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
/* So many that by its octets it is no text. */
#define CONTROLS "\1\1\1\1\1\1\1\1"
#define HIT      "554 5.7.1 found"

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
	/* where readers part with Postfix, or with one another */
	{ "boundary with something behind it",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--x\n--b\n" HTML
	    "cheap v<b>iagra\n--b--\n" },
	{ "line that is no field",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\nno field\n" BASE64
	    "\nY2hlYXAgdmlhZ3JhCg==\n--b--\n" },
	{ "boundary of RFC 2231",
	    "Content-Type: multipart/mixed; boundary*=us-ascii''b\n\n--b\n" BASE64
	    "\nY2hlYXAgdmlhZ3JhCg==\n--b--\n" },
	{ "two charsets",
	    "Content-Type: text/plain; charset=utf-8; charset=utf-7\n\ncheap v+AGk-agra" },
	{ "two charsets, in RFC 2231", "Content-Type: text/plain; charset=utf-8; "
				       "charset*=us-ascii''utf-7\n\ncheap v+AGk-agra" },
	{ "two types, two charsets", "Content-Type: text/plain; charset=utf-7\nContent-Type: "
				     "text/plain; charset=utf-8\n\ncheap v+AGk-agra" },
	{ "charset of no type", "Content-Type: foo/bar; charset=utf-7\n\ncheap v+AGk-agra" },
	{ "calendar, folded", "Content-Type: text/calendar\n\nSUMMARY:cheap via\n gra" },
	{ "calendar, folded in a character",
	    "Content-Type: text/calendar; charset=utf-8\n\nSUMMARY:cheap v\xc2\n \xadiagra" },
	{ "calendar, commas", "Content-Type: text/calendar\n\nSUMMARY:cheap\\n viag\\ra" },
	{ "calendar, as a file",
	    "Content-Type: application/octet-stream; name=a.ics\n\nSUMMARY:cheap via\n\tgra" },
	{ "calendar, as an application", "Content-Type: application/ics\n\nSUMMARY:cheap viagra" },
	{ "visiting card", "Content-Type: text/plain; name=a.vcf\n\nNOTE:cheap via\n gra" },
	{ "XML", "Content-Type: application/xml\n\n<p>cheap v<b/>iagra" },
	{ "list", "Content-Type: application/octet-stream; name=a.csv\n\ncheap viagra" },
	{ "flowed", "Content-Type: text/plain; format=flowed; delsp=yes\n\ncheap via \ngra" },
	{ "flowed and stuffed",
	    "Content-Type: text/plain; format=flowed; DelSp=Yes\n\n  cheap via \n gra" },
	{ "flowed and quoted", "Content-Type: text/plain; delsp=\"yes\"\n\n>> cheap via \n>> gra" },
	{ "flowed in three lines", "Content-Type: text/plain; delsp=yes\n\ncheap v \nia \ngra" },
	{ "page behind controls, name=a.html",
	    "Content-Type: application/octet-stream; name=a.html\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.htm",
	    "Content-Type: application/octet-stream; name=a.htm\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.xht",
	    "Content-Type: application/octet-stream; name=a.xht\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.xhtml",
	    "Content-Type: application/octet-stream; name=a.xhtml\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.shtm",
	    "Content-Type: application/octet-stream; name=a.shtm\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.shtml",
	    "Content-Type: application/octet-stream; name=a.shtml\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.hta",
	    "Content-Type: application/octet-stream; name=a.hta\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.svg",
	    "Content-Type: application/octet-stream; name=a.svg\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.mht",
	    "Content-Type: application/octet-stream; name=a.mht\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=a.mhtml",
	    "Content-Type: application/octet-stream; name=a.mhtml\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, name=\"a.html. .\"",
	    "Content-Type: application/octet-stream; name=\"a.html. .\"\n\n" CONTROLS
	    "cheap v<b>iagra" },
	{ "page behind controls, name=\"a.html \"",
	    "Content-Type: application/octet-stream; name=\"a.html \"\n\n" CONTROLS
	    "cheap v<b>iagra" },
	{ "page behind controls, name=\"a.html::$DATA\"",
	    "Content-Type: application/octet-stream; name=\"a.html::$DATA\"\n\n" CONTROLS
	    "cheap v<b>iagra" },
	{ "page behind controls, name=a.html; name=a.bin",
	    "Content-Type: application/octet-stream; name=a.html; name=a.bin\n\n" CONTROLS
	    "cheap v<b>iagra" },
	{ "page behind controls, name=a.html; name*=''a.bin",
	    "Content-Type: application/octet-stream; name=a.html; name*=''a.bin\n\n" CONTROLS
	    "cheap v<b>iagra" },
	{ "two names", "Content-Disposition: attachment; filename=a.bin\nContent-Type: "
		       "application/octet-stream; name=a.html\n\n" CONTROLS "cheap v<b>iagra" },
	{ "NUL in the name",
	    "Content-Type: application/octet-stream; name=\"\"\nContent-Disposition: attachment; "
	    "filename*=utf-8''a.html%00.txt\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, application/html",
	    "Content-Type: application/html\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, image/svg+xml",
	    "Content-Type: image/svg+xml\n\n" CONTROLS "cheap v<b>iagra" },
	{ "page behind controls, application/xhtml+xml",
	    "Content-Type: application/xhtml+xml\n\n" CONTROLS "cheap v<b>iagra" },
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
	{ "/hide/", HTML "a<datalist>hide</datalist>", "text=hidden" },
	{ "/hide/", HTML "a<script>hide</script><style>hide</style><!-- hide -->", "" },
	{ "/<b>/", HTML "<b>a", "" },
	{ "/viagra/", "Content-Type: application/octet-stream; name=html\n\nviagra", "" },
	{ "/viagra/", "Content-Type: application/octet-stream; name=a.txt\n\n" CONTROLS "viagra",
	    "" },
	{ "/ab/", "Content-Type: text/plain; format=flowed\n\na \nb", "" },
	{ "/ab|--x/", "Content-Type: text/plain; delsp=yes\n\na\nb\n> a \nb\n> a \n>> b\n-- \nx",
	    "" },
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

/* Readers differ on this part in all ways there are, and only the last of them shows the phrase. */
#define MANY                                                                                       \
	"Content-Type: text/plain; charset=koi8-r\nContent-Type: text/html; charset=koi8-r\n\n"    \
	"<style>q .x{display:none} .z{display:none}</style>\u03c1a<i class=x>1</i><i "             \
	"class=z>2</i>"                                                                            \
	"<!--[if mso]>\u03bb<b></b>phrase<![endif]-->"

static void
test_many_readings(void **state)
{
	(void)state;
	for (int fold = 0; fold < 2; fold++) {
		struct content_world c;

		content_world_init(&c);
		content_world_table(&c, "t", "/\\xce\\xbbphrase/ REJECT found\n");
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_text pcre:%s/t");
		c.w.o.text_fold_homoglyphs = fold;
		assert_int_equal(content_world_begin(&c, MANY), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), HIT);
		assert_null(strstr(content_world_facts(&c), "text=limit"));
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

/* --- what a pattern takes out of a text has line ends in it --- */

static const struct {
	const char *action;
	const char *answer;
	const char *effect; /* as it is told below */
} taken[] = {
	{ "PREPEND X-Order: $1", "dunno", "prepend <X-Order: 1 X-Forged: yes  body>" },
	{ "PREPEND $1: x", "dunno", "" }, /* no name of a field */
	{ "HOLD order $1", "dunno", "hold <order 1 X-Forged: yes  body>" },
	{ "TAG $1", "dunno", "tag <1 X-Forged: yes  body>" },
	{ "DISCARD $1", "ok", "discard <1 X-Forged: yes  body>" },
	{ "FILTER smtp:$1", "dunno", "filter <smtp:1 X-Forged: yes  body>" },
	{ "REJECT $1", "554 5.7.1 1 X-Forged: yes  body", "" },
	{ "BCC $1@example.com", "451 4.3.5 Server configuration error", "" },
	{ "REDIRECT \"$1\"@example.com", "451 4.3.5 Server configuration error", "" },
};

static const char *
told(const struct verdict *v, struct buf *out)
{
	for (size_t i = 0; i < v->prepends.n; i++)
		buf_printf(out, "prepend <%s>", v->prepends.v[i].arg);
	for (size_t i = 0; i < v->tags.n; i++)
		buf_printf(out, "tag <%s>", v->tags.v[i].arg);
	for (size_t i = 0; i < v->bcc.n; i++)
		buf_printf(out, "bcc <%s>", v->bcc.v[i].arg);
	if (v->redirect.arg != NULL)
		buf_printf(out, "redirect <%s>", v->redirect.arg);
	if (v->filter.arg != NULL)
		buf_printf(out, "filter <%s>", v->filter.arg);
	if (v->hold)
		buf_printf(out, "hold <%s>", v->hold_reason);
	if (v->discard)
		buf_printf(out, "discard <%s>", v->discard_reason);
	return buf_cstr(out);
}

static void
test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(taken); i++) {
		struct content_world c;
		struct buf out = { 0 };
		char table[100];

		print_message("%s\n", taken[i].action);
		snprintf(table, sizeof(table), "/order (.*) end/ %s\n", taken[i].action);
		content_world_init(&c);
		content_world_table(&c, "t", table);
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_text pcre:%s/t");
		assert_int_equal(
		    content_world_begin(&c, "\norder 1\nX-Forged: yes\n\nbody end\n"), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), taken[i].answer);
		assert_string_equal(told(&c.w.txn.rcpts[0]->verdict, &out), taken[i].effect);
		buf_fini(&out);
		content_world_fini(&c);
	}
}

/* No field is longer than fields may be. */
static void
test_taken_length(void **state)
{
	struct content_world c;
	struct buf m = { 0 };

	(void)state;
	buf_adds(&m, "\n");
	for (size_t i = 0; i < 20000; i++)
		buf_adds(&m, "some words ");
	content_world_init(&c);
	content_world_table(&c, "t", "/^(.*)$/ PREPEND X-All: $1\n");
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_text pcre:%s/t");
	assert_int_equal(content_world_begin(&c, buf_cstr(&m)), 0);
	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
	assert_int_equal(c.w.txn.rcpts[0]->verdict.prepends.n, 1);
	assert_int_equal(
	    strlen(c.w.txn.rcpts[0]->verdict.prepends.v[0].arg), c.w.o.mime.header_size_limit);
	content_world_fini(&c);
	buf_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tricks),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_many_readings),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_taken_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
