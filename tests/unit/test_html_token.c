#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/html_token.h"
#include "mail/utf8.h"

static void
show_attrs(struct span attrs, struct buf *out)
{
	struct html_attr a;

	while (html_attr_next(&attrs, &a)) {
		buf_addc(out, ' ');
		buf_add_span(out, a.name);
		if (a.value.p != NULL) {
			buf_adds(out, "=[");
			html_unescape(a.value, HTML_IN_ATTR, out);
			buf_addc(out, ']');
		}
	}
}

/* The tokens as text: {b} {/b} (text) {!comment} {D doctype} {C cdata}, '~' at what is broken. */
static void
show(struct span html, enum html_conditions conditional, struct buf *out)
{
	static const char *const open[] = { "(", "{", "{/", "{!", "{D", "{C" };
	struct html_reader r;
	struct html_token t;
	size_t at = 0;

	html_start(&r, html, conditional);
	while (html_next(&r, &t)) {
		/* Together they are the input. */
		assert_ptr_equal(t.raw.p, html.p + at);
		at += t.raw.len;
		buf_adds(out, open[t.kind]);
		if (t.kind == HTML_START || t.kind == HTML_END) {
			if (t.tag == HTML_OTHER)
				buf_addc(out, '?');
			buf_add_span(out, t.name);
			show_attrs(t.attrs, out);
			if (t.closed)
				buf_addc(out, '/');
		} else if (t.kind == HTML_TEXT && !t.verbatim) {
			html_unescape(t.text, HTML_IN_TEXT, out);
		} else {
			buf_add_span(out, t.text);
		}
		if (t.broken)
			buf_addc(out, '~');
		buf_addc(out, t.kind == HTML_TEXT ? ')' : '}');
	}
	assert_int_equal(at, html.len);
}

static const struct {
	const char *in, *out;
} cases[] = {
	{ "", "" },
	{ "plain", "(plain)" },
	{ "a<b>c</b>d", "(a){b}(c){/b}(d)" },
	{ "<B><Td>", "{B}{Td}" },
	{ "<x-y><o:p>", "{?x-y}{?o:p}" },

	/* '<' that begins nothing */
	{ "a < b", "(a < b)" },
	{ "1<2<3", "(1<2<3)" },
	{ "<", "(<)" },
	{ "a<", "(a<)" },
	{ "</", "(</)" },
	{ "<<b>", "(<){b}" },
	{ "<b<i>x", "{?b<i}(x)" },

	/* attributes */
	{ "<a href=x>", "{a href=[x]}" },
	{ "<a href = \"x y\" b>", "{a href=[x y] b}" },
	{ "<a href='x\"y'id=\"2\"c=3>", "{a href=[x\"y] id=[2] c=[3]}" },
	{ "<a href=x/y/>", "{a href=[x/y/]}" }, /* the slash is the value's */
	{ "<br/>", "{br/}" },
	{ "<br / >", "{br}" },
	{ "<img/src=x/alt=y>", "{img src=[x/alt=y]}" },
	{ "<img/src=\"x\"/alt=y>", "{img src=[x] alt=[y]}" },
	{ "<a =b=c d=>", "{a =b=[c] d=[]}" },
	{ "<a b=>c", "{a b=[]}(c)" },
	{ "<a b\"c>d\">", "{a b\"c}(d\">)" }, /* not behind '=': no quote */
	{ "<a \"b>\">", "{a \"b}(\">)" },
	{ "<a b='>'>", "{a b=[>]}" },
	{ "<a b='>", "{a b=[>]~}" },
	{ "<a b=\"x", "{a b=[x]~}" },
	{ "<a href=\"x\" href=\"y\">", "{a href=[x] href=[y]}" },
	{ "<a href\n=\nx\t>", "{a href=[x]}" },
	{ "<a href=\"&#104;ttp&colon;//x/?a=1&copy=2&amp;b\">",
	    "{a href=[http://x/?a=1&copy=2&b]}" },
	{ "<a href=`x y`>", "{a href=[`x] y`}" },
	{ "</p class=x>", "{/p class=[x]}" },
	{ "<b", "{b~}" },
	{ "<b ", "{b~}" },
	{ "x<b c", "(x){b c~}" },

	/* comments and what browsers take for some */
	{ "V<!-- x -->i", "(V){! x }(i)" },
	{ "a<!-->b", "(a){!}(b)" },
	{ "a<!--->b", "(a){!}(b)" },
	{ "a<!---->b", "(a){!}(b)" },
	{ "a<!-- > -- > --!>b", "(a){! > -- > }(b)" },
	{ "a<!---!>b-->c", "(a){!-!>b}(c)" },
	{ "a<!--b--c-->d", "(a){!b--c}(d)" },
	{ "a<!--b<!--c-->d", "(a){!b<!--c}(d)" },
	{ "a<!--b--", "(a){!b--~}" },
	{ "a<!-b>c", "(a){!-b}(c)" },
	{ "a<!>c", "(a){!}(c)" },
	{ "a<!", "(a){!~}" },
	{ "a<?php x ?>c", "(a){!?php x ?}(c)" },
	{ "a</>b", "(a){!}(b)" },
	{ "a</ b>c", "(a){! b}(c)" },
	{ "a</1>c", "(a){!1}(c)" },
	{ "<![CDATA[a>b]]>c", "{![CDATA[a}(b]]>c)" }, /* only svg and math have it */
	{ "<svg><![CDATA[a>b]]>c", "{svg}{Ca>b}(c)" },
	{ "<svg><![CDATA[a", "{svg}{Ca~}" },
	{ "<svg></svg><![CDATA[a>b", "{svg}{/svg}{![CDATA[a}(b)" },
	{ "<svg/><![CDATA[a>b", "{svg/}{![CDATA[a}(b)" },
	{ "<math><p><![CDATA[a>b", "{math}{p}{![CDATA[a}(b)" },
	{ "<!DOCTYPE html>x", "{D html}(x)" },
	{ "<!doctype a \"b>c\">", "{D a \"b}(c\">)" },
	{ "a<![if !mso]>b<![endif]>", "(a){![if !mso]}(b){![endif]}" },

	/* raw text */
	{ "<script>a<b>&lt;</script>c", "{script}(a<b>&lt;){/script}(c)" },
	{ "<style></style>c", "{style}{/style}(c)" },
	{ "<STYLE>a</stylex></StYlE >c", "{STYLE}(a</stylex>){/StYlE}(c)" },
	{ "<title>a<b>&lt;</title>c", "{title}(a<b><){/title}(c)" },
	{ "<title>a</title", "{title}(a</title)" }, /* not ended, so still its text */
	{ "<style>a", "{style}(a)" },
	{ "<style>", "{style}" },
	{ "<style/>a</style>b", "{style/}(a){/style}(b)" },
	{ "<plaintext>a</plaintext>", "{plaintext}(a</plaintext>)" },
	{ "<script><!--<script></script>--></script>x",
	    "{script}(<!--<script></script>-->){/script}(x)" },
	{ "<script><!--></script>x", "{script}(<!-->){/script}(x)" },
	{ "<script><!--<script>--></script>x", "{script}(<!--<script>-->){/script}(x)" },
	{ "<svg><style>a<b>", "{svg}{style}(a){b}" },

	/* references */
	{ "&lt;&LT;&gt;&amp;&quot;&apos;", "(<<>&\"')" },
	{ "&lt&ltx&amp&AMPx", "(<<x&&x)" },
	{ "&#86;&#x76;&#X76;&#00000000000000000000000086;", "(VvvV)" },
	{ "&#86&#x76 z", "(Vv z)" },
	{ "&#;&#x;&#xg;&;& &x;&", "(&#;&#x;&#xg;&;& &x;&)" },
	{ "&notit;&notin;&not;", "(\u00acit;\u2209\u00ac)" },
	{ "&Sopf;&fjlig;&bne;", "(\U0001d54afj=\u20e5)" },
	{ "&nbsp;&nbsp&shy;", "(\u00a0\u00a0\u00ad)" },
	{ "&NonBreakingSpace;&NonBreakingSpace", "(\u00a0&NonBreakingSpace)" },
	{ "&CounterClockwiseContourIntegral;", "(\u2233)" },
	{ "&CounterClockwiseContourIntegralIntegral;",
	    "(&CounterClockwiseContourIntegralIntegral;)" },
	{ "&zwnj;&ZeroWidthSpace;&zwj;", "(\u200c\u200b\u200d)" },
	{ "&#128;&#147;&#129;", "(\u20ac\u201c\xc2\x81)" },
	{ "&#0;&#xd800;&#1114112;&#99999999999999;", "(\ufffd\ufffd\ufffd\ufffd)" },
	{ "<a b=&lt>", "{a b=[<]}" },
	{ "<a b=\"&ltx &lt= &lt; &#x41z\">", "{a b=[&ltx &lt= < Az]}" },
};

static void
test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf out = { 0 };

		show(span_str(cases[i].in), 0, &out);
		if (strcmp(buf_cstr(&out), cases[i].out) != 0)
			fail_msg(
			    "\"%s\": %s and not %s", cases[i].in, buf_cstr(&out), cases[i].out);
		buf_fini(&out);
	}
}

/* Also without an octet behind the end that could be read. */
static void
test_every_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		for (size_t n = 0; n <= strlen(cases[i].in); n++) {
			struct buf out = { 0 };
			char *some = malloc(n + 1);

			memcpy(some, cases[i].in, n);
			some = realloc(some, n > 0 ? n : 1);
			show(span_make(some, n), (enum html_conditions)(n % 3), &out);
			buf_fini(&out);
			free(some);
		}
	}
}

static void
test_conditional(void **state)
{
	static const char html[] = "a<!--[if gte mso 9]>b<i>c</i><![endif]-->d<!-- e -->";
	struct buf out = { 0 };

	(void)state;
	show(span_str(html), HTML_COMMENTS, &out);
	assert_string_equal(buf_cstr(&out), "(a){![if gte mso 9]>b<i>c</i><![endif]}(d){! e }");
	buf_reset(&out);
	show(span_str(html), HTML_CONDITIONS, &out);
	assert_string_equal(
	    buf_cstr(&out), "(a){![if gte mso 9]}(b){i}(c){/i}{![endif]--}(d){! e }");
	buf_fini(&out);
}

static const struct {
	const char *in;
	int holds;
} conditions[] = {
	{ "[if mso]", 1 },
	{ "[if !mso]", 0 },
	{ "[if !!mso]", 1 },
	{ "[if gte mso 9]>", 1 },
	{ "[if lt mso 9]", 0 },
	{ "[if lte mso 16]", 1 },
	{ "[if gt mso 16]", 0 },
	{ "[if mso 12.0]", 0 },
	{ "[if mso 16]", 1 },
	{ "[if IE]", 0 },
	{ "[if lt IE 9]", 0 },
	{ "[if (gte mso 9)|(IE)]", 1 },
	{ "[if (mso)&(IE)]", 0 },
	{ "[if !(mso&(false|IE))]", 1 },
	{ "[if !supportLists]", 0 },
	{ "[if vml]", 1 },
	{ "[if", 1 },
	{ "[if ]", 1 },
	{ "[if ((((((((((((((((((((((((((((((((mso", 1 }, /* too deep */
	{ "[endif]", 1 },
};

static void
test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(conditions); i++)
		if (html_condition(span_str(conditions[i].in)) != conditions[i].holds)
			fail_msg("%s", conditions[i].in);
}

/* Where what Outlook opens swallows what others see. */
static const struct {
	const char *in;
	int split;
} splits[] = {
	{ "<!--[if mso]><b>x</b><![endif]-->y", 0 },
	{ "<!--[if mso]>x<![endif]-->y<!--[if mso]>x<![endif]-->", 0 }, { "<!--[if mso]>x", 0 },
	{ "<!--[if mso]><b title='<![endif]-->y", 1 }, { "<!--[if mso]><script><![endif]-->y", 1 },
	{ "<!--[if mso]><!-- <![endif]-->y", 0 },
	{ "<!--[if mso]><svg><![endif]-->y", 1 }, /* for "<![CDATA[" */
	{ "<!--[if mso]>-->y", 1 },               /* where the text is one for Outlook */
};

static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(splits); i++) {
		struct html_reader r;
		struct html_token t;

		html_start(&r, span_str(splits[i].in), HTML_CONDITIONS);
		while (html_next(&r, &t))
			;
		if (r.split != splits[i].split)
			fail_msg("%s", splits[i].in);
	}
}

/* Octets that are none of a character stay, NULs go. */
static void
test_octets(void **state)
{
	static const char shown[] = "(Vi){?b\0}(\xff\xfe){a b=[cd]}";
	static const char html[] = "V\0i<b\0>\xff\xfe<a b=\"c\0d\">";
	struct buf out = { 0 };

	(void)state;
	show(span_make(html, sizeof(html) - 1), 0, &out);
	assert_int_equal(out.len, sizeof(shown) - 1);
	assert_memory_equal(out.p, shown, out.len);
	buf_fini(&out);
}

static void
test_attr_find(void **state)
{
	struct span attrs = span_str(" X=1 href=a HREF=b style");
	struct html_attr a;

	(void)state;
	assert_int_equal(html_attr_find(attrs, "href", &a), 1);
	assert_true(span_eq_str(a.value, "a"));
	assert_int_equal(html_attr_find(attrs, "style", &a), 1);
	assert_null(a.value.p);
	assert_int_equal(html_attr_find(attrs, "hre", &a), 0);
}

static void
test_flags(void **state)
{
	(void)state;
	assert_int_equal(html_tag_flags(HTML_OTHER), 0);
	assert_int_equal(html_tag_flags(HTML_br), HTML_T_VOID | HTML_T_BLOCK);
	assert_int_equal(html_tag_flags(HTML_script), HTML_T_RAW | HTML_T_UNSEEN);
}

/* What must not take time beyond measure: each of these is quadratic for a careless reader. */
static void
test_linear(void **state)
{
	static const char *const pieces[] = { "<", "<!--", "&", "<a b='", "<script><!--<script>",
		"<style></styl", "<![CDATA[", "<svg><![CDATA[]]", "&#x", "<a =", "</", "--!" };

	(void)state;
	for (size_t i = 0; i < nitems(pieces); i++) {
		struct buf html = { 0 }, out = { 0 };

		while (html.len < 1 << 22)
			buf_adds(&html, pieces[i]);
		show(buf_span(&html), 0, &out);
		assert_true(out.len > 0);
		buf_fini(&html);
		buf_fini(&out);
	}
}

static const struct {
	const char *in;
	uint32_t c;
	size_t n, good;
} characters[] = {
	{ "A", 'A', 1, 1 },
	{ "\xc3\xa4", 0xe4, 2, 2 },
	{ "\xe2\x82\xac", 0x20ac, 3, 3 },
	{ "\xf0\x9d\x95\x8a", 0x1d54a, 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4, 4 },
	{ "\xf4\x90\x80\x80", 0, 0, 0 }, /* above */
	{ "\xc0\x80", 0, 0, 0 },         /* overlong */
	{ "\xe0\x9f\xbf", 0, 0, 0 },
	{ "\xf0\x8f\xbf\xbf", 0, 0, 0 },
	{ "\xed\xa0\x80", 0, 0, 0 }, /* a surrogate */
	{ "\xe2\x82", 0, 0, 0 },
	{ "\x80", 0, 0, 0 },
	{ "\xff", 0, 0, 0 },
	{ "123456789\xc3\xa4 123456\xc3", '1', 1, 18 },
};

static void
test_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(characters); i++) {
		struct span in = span_str(characters[i].in);
		uint32_t c = 0;
		char again[4];

		assert_int_equal(utf8_get(in, &c), characters[i].n);
		assert_int_equal(c, characters[i].c);
		assert_int_equal(utf8_good(in), characters[i].good);
		if (characters[i].n > 0) {
			assert_int_equal(utf8_put(c, again), characters[i].n);
			assert_memory_equal(again, in.p, characters[i].n);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_every_end),
		cmocka_unit_test(test_conditional),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_attr_find),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
