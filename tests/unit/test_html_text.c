#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/html_text.h"
#include "mail/text_seen.h"
#include "mail/utf8.h"

#define HIDDEN HTML_SEEN_HIDDEN
#define LIKELY (HTML_SEEN_HIDDEN | HTML_SEEN_LIKELY)
#define MAYBE  HTML_SEEN_MAYBE
#define COND   HTML_SEEN_CONDITIONAL
#define LIMIT  HTML_SEEN_LIMIT

static const struct {
	const char *in, *out;
	unsigned seen; /* but HTML_SEEN_TAGS */
} cases[] = {
	{ "", "", 0 },
	{ "plain  text\r\n more ", "plain text more\n", 0 },
	{ "1 < 2 &amp; 3 > 2", "1 < 2 & 3 > 2\n", 0 },

	/* words */
	{ "V<b></b>iagra", "Viagra\n", 0 },
	{ "V<!-- x -->i<!>a</x>g<?y?>r<x-y z=1>a", "Viagra\n", 0 },
	{ "V<b>ia</b>gra <i>now</i>", "Viagra now\n", 0 },
	{ "V\0i"
	  "&#x200b;a&shy;g&ZeroWidthSpace;r&zwnj;a",
	    "V\n", 0 }, /* the C string ends there: test_octets has the whole */
	{ "V&#x200b;i&shy;a&ZeroWidthSpace;g&zwnj;&#8288;r\xe2\x80\x8b\xc2\xad"
	  "a",
	    "Viagra\n", 0 },
	{ "&#86;&#x69;a&#00103;ra", "Viagra\n", 0 },
	{ "V<wbr>iagra", "Viagra\n", 0 },
	{ "cheap&nbsp;&nbsp; <b> pills", "cheap pills\n", 0 },
	{ "cheap&#x3000;pills\xe2\x80\x83now", "cheap pills now\n", 0 },
	{ "V<script>x</script>i<style>y{}</style>a<template>z</template>g<noframes>q</noframes>ra",
	    "Viagra\n", HIDDEN },
	{ "a<title>b</title>c", "a\nb\nc\n", 0 },
	{ "<svg><style>x</style><text>y</text></svg>z", "yz\n", HIDDEN },
	{ "<svg><![CDATA[V<]]></svg>", "V<\n", 0 },

	/* lines */
	{ "a<br>b<BR/>c</br>d", "a\nb\nc\nd\n", 0 },
	{ "<p>a</p>\n\n<p>b<p>c", "a\nb\nc\n", 0 },
	{ "a<div>b</div>c", "a\nb\nc\n", 0 },
	{ "a <div> <div> b </div> </div> c", "a\nb\nc\n", 0 },
	{ "<ul><li>a<li>b</ul>c", "a\nb\nc\n", 0 },
	{ "<table><tr><td>a<td>b</tr><tr><td>c</table>d", "a b\nc\nd\n", 0 },
	{ "<pre>a  b\n  c\r\nd</pre>e  f", "a  b\n  c\nd\ne f\n", 0 },
	{ "<span style='display:block'>a</span>b", "a\nb\n", 0 },
	{ "V<div style='display:inline'>ia</div>gra", "Viagra\n", 0 },
	{ "<div style='white-space:pre'>a  b</div>", "a  b\n", 0 },
	{ "<xmp>a<b>&lt;</xmp>c", "a<b>&lt;\nc\n", 0 },
	{ "a<hr>b<h1>c</h1>d", "a\nb\nc\nd\n", 0 },

	/* attributes */
	{ "a<img alt=b title=c>d", "ad\nb\nc\n", 0 },
	{ "<img alt=V> <img alt=ia><img alt=''>x<img alt=gra>", "x\nVia\ngra\n", 0 },
	{ "a<img alt='&lt;b&gt;\n c'>", "a\n<b> c\n", 0 },
	{ "<input type=submit value=Buy><input type=hidden value=x>", "Buy\n", 0 },
	{ "<img style=display:none alt=x>", "", HIDDEN },

	/* invisible */
	{ "V<span style=\"display:none\">xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style=\"DISPLAY : None ! important\">xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style=\"color:red;display:none;\">xx<b>yy</b></span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style=\"d\\69splay:/**/n/**/one\">i</span>agra", "Viagra\n", 0 },
	{ "V<span style=\"d\\69 splay:/**/none/* */\">xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style=\"display&#58;n&#x6f;ne\">xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='x:\";display:none\"'>i</span>agra", "Viagra\n", 0 },
	{ "V<span style='x:url(;display:none)'>i</span>agra", "Viagra\n", 0 },
	{ "V<span style='/*;*/display:none/*'>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='display:none;display:inline'>i</span>agra", "Viagra\n", 0 },
	{ "V<span style='display:none!important;display:inline'>x</span>iagra", "Viagra\n",
	    HIDDEN },
	{ "V<span hidden>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span hidden style='display:inline'>i</span>agra", "Viagra\n", 0 },
	{ "V<span style='visibility:hidden'>x<b style='visibility:visible'>i</b>x</span>agra",
	    "Viagra\n", HIDDEN },
	{ "V<span style='display:none'>x<b style='display:inline'>x</b>x</span>iagra", "Viagra\n",
	    HIDDEN },
	{ "V<span style='opacity:0'>xx</span>i<b style='opacity:0.01'>x</b>a<b "
	  "style='opacity:.9'>gra</b>",
	    "Viagra\n", HIDDEN },
	{ "V<span style='font-size:0'>xx</span>i<b style='font-size:0px'>x</b>agra", "Viagra\n",
	    HIDDEN },
	{ "V<span style='font-size:1px'>xx</span>i<b style='font-size:0.05em'>x</b>agra",
	    "Viagra\n", HIDDEN },
	{ "V<span style='font-size:0'>x<b style='font-size:200%'>x</b></span>iagra", "Viagra\n",
	    HIDDEN },
	{ "<div style='font-size:0'> <i style='font-size:12pt'>Via</i><font "
	  "size=2>gra</font></div>",
	    "Viagra\n", 0 },
	{ "V<span style='font:0/0 a'>xx</span>i<b style='font:bold 12px/1 a'>agra</b>", "Viagra\n",
	    HIDDEN },
	{ "V<span style='font:700 0 a'>x</span>iagra", "Viagra\n", HIDDEN },

	/* colours */
	{ "V<font color=white>xx</font>iagra", "Viagra\n", HIDDEN },
	{ "V<font color=#fefefe>xx</font>i<font color=ffffff>x</font>agra", "Viagra\n", HIDDEN },
	{ "V<span style='color:#FFF'>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='color:rgb(255, 255 ,255)'>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='color:hsl(0,0%,100%)'>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='color:transparent'>xx</span>iagra", "Viagra\n", HIDDEN },
	{ "V<span style='color:rgba(0,0,0,0)'>xx</span>i<b style='color:#0000'>x</b>agra",
	    "Viagra\n", HIDDEN },
	{ "<body bgcolor=black text=white>Via<font color=white>gra</font></body>", "Viagra\n", 0 },
	{ "<font color=red color=white>Viagra</font>", "Viagra\n", 0 }, /* the first counts */
	{ "<i style='color:red' style='display:none'>Viagra</i>", "Viagra\n", 0 },
	{ "<body bgcolor=black>V<font color=black>xx</font>", "", HIDDEN },
	{ "<table bgcolor='#000000'><tr><td><font color=white>Viagra</font></table>", "Viagra\n",
	    0 },
	{ "<table><tr><td style='background:#123456 no-repeat'><i style='color:#123456'>x</table>",
	    "", HIDDEN },
	{ "<div style='background:url(x)'><i style='color:#fff'>Viagra</i></div>", "", LIKELY },
	{ "<div style='color:#fff'><a href=x>Viagra</a></div>", "Viagra\n", 0 },
	{ "<div style='color:fuchsia;background:#f0f'>x</div>y", "y\n", HIDDEN },

	/* where elements end */
	{ "<p style='display:none'>x<div>Viagra</div>", "Viagra\n", HIDDEN },
	{ "<p style='display:none'>x<p>Viagra", "Viagra\n", HIDDEN },
	{ "<div style='display:none'>x<p>y</div>Viagra", "Viagra\n", HIDDEN },
	{ "<div><b style='font-size:0'>x</div>y", "", HIDDEN }, /* bold goes on */
	{ "<div><span style='font-size:0'>x</div>Viagra", "Viagra\n", HIDDEN },
	{ "<b style='font-size:0'><div>x</b>Via</div>gra", "Via\ngra\n", HIDDEN },
	{ "<i style='font-size:0'>x<u>y</i>Viagra</u>", "Viagra\n", HIDDEN },
	{ "<span style='display:none'><div>x</span>y</div>z</span>Viagra", "Viagra\n", HIDDEN },
	{ "<a style='display:none'>x<a>Viagra", "Viagra\n", HIDDEN },
	{ "<ul><li style='display:none'>x<li>Viagra</ul>", "Viagra\n", HIDDEN },
	{ "<table><tr style='display:none'><td>x<tr><td>Via</td><td hidden>x<td>gra</table>",
	    "Via gra\n", HIDDEN },
	{ "<td style='display:none'>Viagra", "Viagra\n", 0 }, /* no cell: there is no table */
	{ "<table style='display:none'>Viagra<tr><td>x</table>", "Viagra\n", HIDDEN },
	{ "<table style='display:none'><div>Viagra</div><tr><td>x</table>", "Viagra\n", HIDDEN },
	{ "<table style='display:none'><table><tr><td>Viagra", "Viagra\n", 0 },
	{ "<div style='display:none'><table><tr><td>x</div>y</table></div>Viagra", "Viagra\n",
	    HIDDEN },
	{ "<h1 style='display:none'>x</h2>Viagra", "Viagra\n", HIDDEN },
	{ "<x-y style='display:none'>x</x-z>y</x-y>Viagra", "Viagra\n", HIDDEN },
	{ "<br style='display:none'>V<span style='display:none'><br></span>iagra", "Viagra\n", 0 },
	{ "V<span style='display:none'", "V\n", 0 },
	{ "<div style='font-size:0'><table><tr><td>Viagra</table></div>", "", LIKELY },
	{ "<!doctype html><div style='font-size:0'><table><tr><td>x</table></div>", "", HIDDEN },

	/* <style> */
	{ "<style>.x{display:none}</style>V<span class=x>x</span>iagra", "Viagra\n", LIKELY },
	{ "<style><!-- .a,SPAN.X{display:none} --></style>V<span class='b x'>x</span>iagra",
	    "Viagra\n", LIKELY },
	{ "V<span class=x>x</span>iagra<style>.x{display:none}</style>", "Viagra\n", LIKELY },
	{ "<style>#x{font-size:0}u{color:#fff}</style>V<b id=x>x</b>i<u>x</u>agra", "Viagra\n",
	    LIKELY },
	{ "<style>.x{display:none}.x{display:inline}</style>V<b class=x>i</b>agra", "Viagra\n", 0 },
	{ "<style>.x{display:none!important}</style>V<b class=x style='display:inline'>i</b>agra",
	    "Vagra\n", LIKELY },
	{ "<style>.x{display:none}</style>V<b class=x style='display:inline'>i</b>agra", "Viagra\n",
	    0 },
	{ "<style>@media screen{.x{display:none}}</style>V<b class=x>i</b>agra", "Viagra\n",
	    MAYBE },
	{ "<style>@media print{.x{display:none}}</style>V<b class=x>i</b>agra", "Viagra\n", 0 },
	{ "<style>p .x{display:none}</style>V<b class=x>i</b>agra", "Viagra\n", MAYBE },
	{ "<style>.x:hover{display:none}</style>V<b class=x>i</b>agra", "Viagra\n", MAYBE },
	{ "<style>@import 'y';@font-face{a:b}.x{display:none}</style>V<b class=x>x</b>iagra",
	    "Viagra\n", LIKELY },
	{ "<style>.s\\6d\\:x{display:none}</style>V<b class=sm:x>x</b>iagra", "Viagra\n", LIKELY },
	{ "<style>td{background:#000}</style><table><td><i style='color:#fff'>Viagra</table>",
	    "Viagra\n", 0 },
	{ "<style>q{background:#000}</style>V<i style='color:#fff'>x</i>iagra", "Viagra\n",
	    LIKELY },
	{ "<style>.x{max-height:0;overflow:hidden}</style>V<i class=x>x</i>iagra", "Viagra\n",
	    LIKELY },
	{ "V<i style='max-height:0;overflow:hidden'>x</i>i<b style='text-indent:-9999px'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "<style>@media screen{.x{display:block!important}}</style><b class=x "
	  "style=display:none>x</b>y",
	    "y\n", HIDDEN | MAYBE },

	{ "a<!--[if mso]>b<![endif]-->c", "ac\n", COND },
};

static unsigned
render(struct span html, enum html_hide hide, int conditional, struct buf *out)
{
	struct html_options o = { .hide = hide, .conditional = conditional };
	unsigned seen = html_text(html, &o, out);

	assert_true(out->len <= html.len + html.len / 4 + 1);
	return seen & ~(unsigned)HTML_SEEN_TAGS;
}

static void
test_text(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf out = { 0 };
		unsigned seen = render(span_str(cases[i].in), HIDE_LIKELY, 0, &out);

		if (seen != cases[i].seen || strcmp(buf_cstr(&out), cases[i].out) != 0) {
			print_message("%s:\n\t\"%s\" (%#x)\n", cases[i].in, buf_cstr(&out), seen);
			bad = 1;
		}
		buf_fini(&out);
	}
	assert_false(bad);
}

/* The other readings. */
static const struct {
	const char *in;
	enum html_hide hide;
	int conditional;
	const char *out;
} readings[] = {
	{ "<style>.x{display:none}</style>V<b class=x>i</b>agra", HIDE_CERTAIN, 0, "Viagra\n" },
	{ "V<i style='max-height:0;overflow:hidden'>i</i>agra", HIDE_CERTAIN, 0, "Viagra\n" },
	{ "V<i style='display:none'>x</i>iagra", HIDE_CERTAIN, 0, "Viagra\n" },
	{ "<div style='background:url(x)'><i style='color:#fff'>Viagra</i></div>", HIDE_CERTAIN, 0,
	    "Viagra\n" },
	{ "<style>q{background:#000}</style>V<i style='color:#fff'>i</i>agra", HIDE_CERTAIN, 0,
	    "Viagra\n" },
	{ "<style>@media screen{.x{display:none}}</style>V<b class=x>x</b>iagra", HIDE_MAYBE, 0,
	    "Viagra\n" },
	{ "<style>p>.x{display:none}</style>V<b class=x>x</b>iagra", HIDE_MAYBE, 0, "Viagra\n" },
	{ "<style>@media screen{.x{display:block!important}}</style><b class=x "
	  "style=display:none>x</b>y",
	    HIDE_MAYBE, 0, "x\ny\n" },
	{ "a<!--[if mso]>b<![endif]-->c", HIDE_LIKELY, 1, "abc\n" },
};

static void
test_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(readings); i++) {
		struct buf out = { 0 };

		render(span_str(readings[i].in), readings[i].hide, readings[i].conditional, &out);
		if (strcmp(buf_cstr(&out), readings[i].out) != 0)
			fail_msg("%s: \"%s\"", readings[i].in, buf_cstr(&out));
		buf_fini(&out);
	}
}

/* Every beginning of every case, without an octet behind it. */
static void
test_every_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		for (size_t n = 0; n <= strlen(cases[i].in); n++) {
			struct buf out = { 0 };
			char *some = malloc(n > 0 ? n : 1);

			memcpy(some, cases[i].in, n);
			render(span_make(some, n), (enum html_hide)(n % 3), (int)(n & 1), &out);
			buf_fini(&out);
			free(some);
		}
	}
}

static void
test_octets(void **state)
{
	static const char html[] = "V\0i\x01\x7f&#1;&nLt;\xf3\xa0\x80\x81z";
	struct buf out = { 0 };

	(void)state;
	render(span_make(html, sizeof(html) - 1), HIDE_LIKELY, 0, &out);
	assert_string_equal(buf_cstr(&out), "Vi\xe2\x89\xaa\xe2\x83\x92z\n");
	buf_fini(&out);
}

/* Elements beyond all measure: what is below the last level is shown with it. */
static void
test_limits(void **state)
{
	struct buf html = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_adds(&html, "<div>");
	buf_adds(&html, "<i hidden>x</i>Viagra");
	assert_int_equal(render(buf_span(&html), HIDE_LIKELY, 0, &out), LIMIT);
	assert_string_equal(buf_cstr(&out), "xViagra\n");
	buf_reset(&html);
	buf_reset(&out);
	buf_adds(&html, "<style>");
	for (int i = 0; i < 300; i++)
		buf_printf(&html, ".x%d{display:none}", i);
	buf_adds(&html, "</style><i class=x299>Viagra</i><i class=x1>x</i>");
	assert_int_equal(render(buf_span(&html), HIDE_LIKELY, 0, &out), LIMIT | LIKELY);
	assert_string_equal(buf_cstr(&out), "Viagra\n");
	buf_fini(&html);
	buf_fini(&out);
}

/* What would cost a careless renderer a minute and more. */
static void
test_work(void **state)
{
	static const struct {
		const char *open, *close;
		int deep;
	} pieces[] = {
		{ "<b><div>", "</b>", 200 },
		{ "<div><b>", "</div>", 200 },
		{ "<i class='a b c d e f g h i j'>", "</i>", 100 },
		{ "<p><table>", "</p>", 200 },
		{ "<x>", "</y>", 300 },
		{ "<a href=x>", "</a></div>", 300 },
		{ "<p style='a:(((((", "'>", 1 },
		{ "<p style='\"\\", "'>", 1 },
		{ "<style>{{{{((", "</style>", 3 },
		{ "<style>@media{", "</style>", 10 },
		{ "<style>a,b,c,.d,#e{color:red}", "</style>", 1 },
		{ "<font><td>", "</font>", 9 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(pieces); i++) {
		struct buf html = { 0 }, out = { 0 };

		buf_adds(&html, "<style>.a{color:red}.b .c{color:red}i,b,x{color:red}</style>");
		while (html.len < 1 << 20) {
			for (int k = 0; k < pieces[i].deep; k++)
				buf_adds(&html, pieces[i].open);
			for (int k = 0; k < pieces[i].deep; k++)
				buf_adds(&html, pieces[i].close);
		}
		buf_adds(&html, "z");
		render(buf_span(&html), HIDE_LIKELY, 0, &out);
		buf_fini(&html);
		buf_fini(&out);
	}
}

static const struct {
	const char *in, *out;
} charsets[] = {
	{ "<meta charset=koi8-r>", "koi8-r" },
	{ "<META http-equiv=x content='text/html; Charset = \"utf-7\"; x=y'>", "utf-7\"" },
	{ "<meta content='text/html; charset=utf-8; x'>", "utf-8" },
	{ "<meta content='charset'><meta charset=x>", "x" },
	{ "<!-- <meta charset=x> -->", "" },
	{ "plain", "" },
};

static void
test_charset(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(charsets); i++) {
		struct span got = html_charset(span_str(charsets[i].in));

		if (!span_eq_str(got, charsets[i].out))
			fail_msg("%s: \"%.*s\"", charsets[i].in, (int)got.len, got.p);
	}
}

static const struct {
	const char *in, *out;
} plain[] = {
	{ "a  b\r\nc\rd\n\n", "a  b\nc\nd\n\n" },
	{ "V\xc2\xadi\xe2\x80\x8b"
	  "a\xef\xbb\xbfg\x01r\xe2\x80\xae"
	  "a",
	    "Viagra" },
	{ "a\xc2\xa0z\xe3\x80\x80y\xe2\x80\x99", "a z y\xe2\x80\x99" },
	{ "\xd0\x96\xe2\x80", "\xd0\x96\xe2\x80" },
	{ "\xf3\xa0\x80\xa1x\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80" },
};

static void
test_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(plain); i++) {
		struct buf out = { 0 };

		text_clean(span_str(plain[i].in), &out);
		assert_string_equal(buf_cstr(&out), plain[i].out);
		buf_fini(&out);
	}
}

/* The table of octets knows all leads of the characters that are not seen. */
static void
test_leads(void **state)
{
	(void)state;
	for (uint32_t c = 0x80; c < 0x110000; c++) {
		char octets[4];
		size_t n = utf8_put(c, octets);
		int as;

		assert_int_equal(text_seen(span_make(octets, n), &as), n);
		if (as != 1)
			assert_int_equal(text_octets[(uint8_t)octets[0]], TEXT_LEAD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_every_end),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_charset),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
