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
#include "mail/text_turn.h"
#include "mail/utf8.h"

#define HIDDEN HTML_SEEN_HIDDEN
#define LIKELY (HTML_SEEN_HIDDEN | HTML_SEEN_LIKELY)
#define MAYBE  HTML_SEEN_MAYBE
#define COND   HTML_SEEN_CONDITIONAL
#define LIMIT  HTML_SEEN_LIMIT
#define OTHERS HTML_SEEN_OTHERS
#define TURNED HTML_SEEN_TURNED

static const struct {
	const char *in, *out;
	unsigned seen; /* but HTML_SEEN_TAGS and HTML_SEEN_SPLIT */
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
	{ "<title>b</title>c", "b\nc\n", 0 },
	{ "<svg><style>x</style><text>y</text></svg>z", "yz\n", HIDDEN },
	{ "<svg><text><![CDATA[V<]]></svg>", "V<\n", 0 },

	/* what stands in words and is not shown, though no style says so */
	{ "V<title>x</title>iagra", "Viagra\n", LIKELY },
	{ "V<audio>x</audio>i<canvas width=0>x</canvas>a<video>x</video>gra", "Viagra\n", LIKELY },
	{ "V<dialog>x</dialog>i<span popover>x</span>agra", "Viagra\n", LIKELY },
	{ "<dialog open>Viagra</dialog>", "Viagra\n", 0 },
	{ "V<progress>x</progress>i<meter>x</meter>agra", "Viagra\n", LIKELY },
	{ "V<svg width=0 height=0>x<g>x</g></svg>iagra", "Viagra\n", LIKELY },
	{ "V<svg>x<p>Viagra</svg>", "V\nViagra\n", LIKELY },
	{ "V<i style='position:absolute;clip:rect(0 0 0 0)'>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<i style='clip-path:circle(0)'>x</i>i<b style='clip-path:inset(50%)'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "V<i style='transform:scale(0)'>x</i>i<b style='transform:translateX(-9999px)'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "V<i style='transform:scale(0.9)'>i</i>agra", "Viagra\n", 0 },
	{ "V<i style='zoom:0'>x</i>i<b style='content-visibility:hidden'>x</b>agra", "Viagra\n",
	    LIKELY },
	{ "V<i style='filter:opacity(0)'>x</i>i<b style='filter:opacity(1)'>a</b>gra", "Viagra\n",
	    LIKELY },
	{ "V<i style='position:fixed;right:9999px'>x</i>i<b style='left:calc(-9999px)'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "V<i style='margin:0 0 0 -9999px'>x</i>i<b style='inset:0 0 0 -9999px'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "V<i style='margin:0 auto 10px'>i</i>agra", "Viagra\n", 0 },
	{ "V<i style='height:0;overflow:auto'>x</i>i<b style='height:0;overflow:scroll'>x</b>agra",
	    "Viagra\n", LIKELY },

	/* what we do not know may bring it back: it is not sure */
	{ "V<i style='display:none;display:block flow'>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<i style='display:none;display:var(--x)'>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<i style='display:none;all:initial'>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<i style='all:initial;display:none'>x</i>iagra", "Viagra\n", HIDDEN },
	{ "V<i style='font-size:0;font-size:var(--x)'>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<i style='opacity:0;opacity:calc(1)'>x</i>iagra", "Viagra\n", LIKELY | COND },
	{ "V<i style='opacity:0;animation:show 1s'>x</i>iagra", "Viagra\n", LIKELY | COND },
	{ "V<i style='visibility:hidden;visibility:var(--x)'>x</i>iagra", "Viagra\n",
	    LIKELY | COND },
	{ "V<i hidden style='display:revert-layer'>x</i>iagra", "Viagra\n", LIKELY },
	{ "<div style='font-size:0'>x<i style='font-size:4vmin'>y</i></div>z", "z\n", LIKELY },
	{ "<div style='font-size:0'>x<i style='all:initial'>y</i></div>z", "z\n", LIKELY },
	{ "<div style='color:#fff'>x<i style='color:initial'>Via</i><b "
	  "style='color:windowtext'>gra</b></div>",
	    "Viagra\n", HIDDEN },

	/* painted by other means */
	{ "<table><col style='background:#000'><tr><td style='color:#fff'>x</table>", "", LIKELY },
	{ "<i style='color:#fff;text-shadow:0 0 2px #000'>x</i>", "", LIKELY },
	{ "<v:rect fillcolor=black><i style='color:#fff'>x</i></v:rect>", "", LIKELY },
	{ "<i style='color:#fff;text-shadow:none'>x</i>", "", HIDDEN },

	/* controls do not look as what is around them */
	{ "<div style='font-size:0;color:#fff'><button>Viagra</button></div>", "Viagra\n", 0 },
	{ "<div style='font-size:0'><input type=submit value=Viagra></div>", "Viagra\n", 0 },
	{ "<div style='color:#fff'><textarea>Viagra</textarea></div>", "Viagra\n", 0 },
	{ "<button style='color:#efefef'>x</button>", "", HIDDEN },

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

	{ "<input placeholder='a b'><p placeholder=x>c", "c\na b\n", 0 },
	{ "<select><optgroup label=a><option label=b>c</select><p label=x>", "c\na\nb\n", 0 },

	/* texts in sheets */
	{ "<style>@import 'x';.x:before{color:red;content:'a\\62 '/**/\"c\"}</style>d", "d\nabc\n",
	    0 },
	{ "<style>.x::after{content:open-quote 'a\\\n b\\", "a b\n", 0 },
	{ "<style>.x{font-family:'x';c\\6fntent:'a'}li{list-style:'b' inside}</style>c",
	    "c\na\nb\n", 0 },
	{ "<style>.x{content:none}.y{content:\\'a\\'}</style>c", "c\n", 0 },
	{ "<style>.x{content:'\\\xc3\xa9\\d800'}</style>c", "c\n\xc3\xa9\n", 0 },
	{ "<ul><li style=\"list-style-type:'a &lt;'\">b<li style='list-style:none'>c</ul>",
	    "b\nc\na <\n", 0 },
	{ "<title>a</title><b>b</b><style>.x:after{content:'c'}b{color:#fff}</style>", "a\nc\n",
	    LIKELY },

	/* where svg and math end */
	{ "<svg><style><p>Viagra", "Viagra\n", 0 },
	{ "<svg></p><style><!--</style>Viagra<!-- -->", "Viagra\n", 0 },
	{ "<svg><g><style></br>Viagra", "Viagra\n", 0 },
	{ "<svg><style><font color=red>Viagra", "Viagra\n", 0 },
	{ "<svg><style><font>x</font></style></svg>y", "y\n", HIDDEN },
	{ "<svg hidden><foreignObject><p>x</p></foreignObject></svg>y", "y\n", HIDDEN },
	{ "<svg><style/></svg>Viagra", "Viagra\n", 0 },
	{ "<svg><style>.x{display:none}</style></svg>V<i class=x>x</i>iagra", "Viagra\n", LIKELY },
	{ "V<datalist><option>x<optgroup>y</datalist>iagra", "Viagra\n", HIDDEN },
	{ "a<noframes>x</noframes>b<iframe> </iframe>", "ab\n", HIDDEN },

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
	    "Viagra\n", HIDDEN | COND },
	{ "V<span style='display:none'>x<b style='display:inline'>x</b>x</span>iagra", "Viagra\n",
	    HIDDEN },
	{ "V<span style='opacity:0'>xx</span>i<b style='opacity:0.01'>x</b>a<b "
	  "style='opacity:.9'>gra</b>",
	    "Viagra\n", HIDDEN | COND },
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
	{ "V<span style='color:hsl(0,0%,100%)'>xx</span>iagra", "Viagra\n", HIDDEN | COND },
	{ "V<span style='color:transparent'>xx</span>iagra", "Viagra\n", HIDDEN | COND },
	{ "V<span style='color:rgba(0,0,0,0)'>xx</span>i<b style='color:#0000'>x</b>agra",
	    "Viagra\n", HIDDEN | COND },
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

	{ "<style>.x/**/,/*,*/.y{display:none}</style>V<b class=x>x</b>i<b class=y>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "<style>/*@*/@media "
	  "print{}/**/foo,o\\:p{display:none}x-yz-of-many-letters.x{display:none}"
	  "</style>V<foo>x</foo>i<o:p>x</o:p>a<x-yz-of-many-letters "
	  "class=x>x</x-yz-of-many-letters>"
	  "gr<bar>a</bar>",
	    "Viagra\n", LIKELY },
	{ "<style>.x{display:none}#y{display:none}</style>V<b class='&#120;'>x</b>i<b id='&#121;' "
	  "class='a&amp;b'>x</b>agra",
	    "Viagra\n", LIKELY },
	{ "<style>@media print,screen{.x{display:none}}</style>V<b class=x>i</b>agra", "Viagra\n",
	    MAYBE },
	{ "V<b style='font-size:1e-3px'>x</b>i<b style='font-size:2e1px'>a</b><b "
	  "style='font-size:1e99px'>gr</b>a",
	    "Viagra\n", HIDDEN },
	{ "V<b style='opacity:5e-3'>x</b>iagra", "Viagra\n", HIDDEN | COND },

	{ "a<!--[if mso]>b<![endif]-->c", "ac\n", COND },
	{ "a<i style='mso-hide:all'>b</i>c", "abc\n", COND },
	{ "a<i style='mso-hide:all;display:none'>b</i>c", "ac\n", HIDDEN },
	{ "a<!--[if IE]>b<![endif]-->c", "ac\n", COND | OTHERS },
	{ "a<!--[if !mso]><!-->b<!--<![endif]-->c", "abc\n", COND },
	{ "a<![if !mso]>b<![endif]>c", "abc\n", COND },

	/* from right to left */
	{ "<bdo dir=rtl>argaiV</bdo>", "argaiV\n", TURNED },
	{ "<bdo dir=ltr>Viagra</bdo>", "Viagra\n", 0 },
	{ "&#8238;argaiV", "argaiV\n", TURNED },
	{ "<i style='direction:rtl;unicode-bidi:bidi-override'>argaiV</i>", "argaiV\n", TURNED },
};

/* What is turned, put right. */
static const struct {
	const char *in, *out;
} turned[] = {
	{ "a <bdo dir=rtl>llip argaiV</bdo> b", "a Viagra pill b\n" },
	{ "<bdo dir=rtl>argaiV<br>\xc3\xa9llip</bdo>", "Viagra\npill\xc3\xa9\n" },
	{ "<bdo dir=rtl>arga<bdo dir=ltr>Vi</bdo></bdo>", "Viagra\n" },
	{ "&#8238;argaiV&#8236; b", "Viagra b\n" },
	{ "<i style='direction:rtl;unicode-bidi:bidi-override'>argaiV</i> b", "Viagra b\n" },
	{ "<p><bdo dir=rtl>argaiV</p>b", "Viagra\nb\n" },
	{ "<bdo dir=rtl hidden>x</bdo>b", "b\n" },
};

static void
test_turned(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(turned); i++) {
		struct html_options o = { .hide = HIDE_LIKELY, .turned = 1 };
		struct buf out = { 0 };

		html_text(span_str(turned[i].in), &o, &out);
		assert_string_equal(buf_cstr(&out), turned[i].out);
		buf_fini(&out);
	}
}

/* Without what splits words. */
static const struct {
	const char *in, *out;
	int seen; /* HTML_SEEN_SPLIT */
} split[] = {
	{ "V<i class=x>zz</i>iagra", "Viagra\n", 1 },
	{ "V<i id=x>z <b>z</b> z</i>ia<x-y>zz</x-y>gra", "Viagra\n", 1 },
	{ "V<i>zz</i>iagra", "Vzziagra\n", 0 },
	{ "<style>p *{opacity:.8}</style>V<i>zz</i>iagra", "Viagra\n", 1 },
	{ "V<i class=x>zz</i><i class=y>zz</i>iagra", "Viagra\n", 1 },
	{ "V<i class=x>zz</i><b>ia</b>gra", "Viagra\n", 1 },
	{ "V<i class=x><b class=y>zz</b></i>iagra", "Viagra\n", 1 },
	{ "V<i class=x>z<b class=y>z</b>z</i>iagra", "Viagra\n", 1 },
	{ "V<i class=x></i>iagra", "Viagra\n", 0 },
	{ "V<i class=x>zz</i>&#105;a<b class=x>zz</b>&#8203;gra", "Viagra\n", 1 },
	{ "\xc3\xa9<i class=x>\xc3\xa9</i>\xc3\xa9", "\xc3\xa9\xc3\xa9\n", 1 },
	{ "V<i class=x style='display:block'>zz</i>iagra", "Viagra\n", 1 },
	{ "V<svg><defs><text>zz</text></defs></svg>iagra", "Viagra\n", 1 },
	/* words of their own, and what ends lines */
	{ "all <i class=x>of</i> it, <i class=x>al</i>l, a<i class=x>ll</i> (<i class=x>x</i>)",
	    "all of it, all, all (x)\n", 0 },
	{ "a<p class=x>b</p>c", "a\nb\nc\n", 0 },
	{ "<div>a<i class=x>b</div>c", "ab\nc\n", 0 },
	{ "<div>a<i class=x>b</i><div>c", "ab\nc\n", 0 },
	{ "a<i class=x>b</i><br>c", "ab\nc\n", 0 },
	/* misnested: what goes on outside began in what is gone */
	{ "V<span class=x>z<b class=x>z</span>z</b>iagra", "Viagra\n", 1 },
	{ "V<i class=x>z<div>z</i>z</div>iagra", "Vz\niagra\n", 1 },
	{ "V<i class=x>z<u class=x><b class=y></i>z</u>z</b>iagra", "Viagra\n", 1 },
};

static void
test_split(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < nitems(split); i++) {
		struct html_options o = { .hide = HIDE_LIKELY, .split = 1 };
		struct span in = span_str(split[i].in);
		struct buf out = { 0 };
		unsigned seen = html_text(in, &o, &out);

		o.split = 0;
		if (strcmp(buf_cstr(&out), split[i].out) != 0 ||
		    ((seen & HTML_SEEN_SPLIT) != 0) != split[i].seen ||
		    ((html_text(in, &o, &out) & HTML_SEEN_SPLIT) != 0) != split[i].seen) {
			print_message("%s:\n\t\"%s\" (%#x)\n", split[i].in, buf_cstr(&out), seen);
			bad = 1;
		}
		buf_fini(&out);
	}
	assert_false(bad);
}

#define RLO "\xe2\x80\xae"
#define LRO "\xe2\x80\xad"
#define PDF "\xe2\x80\xac"

static const struct {
	const char *in, *out;
} marked[] = {
	{ "a" RLO "cb" PDF "d", "abcd" },
	{ "a" RLO "cb\r\nde", "abc\r\nde" }, /* the line is its end */
	{ RLO "fe" LRO "cd" PDF "ba", "abcdef" },
	{ RLO RLO "cba" PDF PDF, "abc" },
	{ PDF "a" PDF LRO "b", "ab" },
	{ RLO "\xc3\xa9\xf0\x9f\x98\x80z", "z\xf0\x9f\x98\x80\xc3\xa9" },
	{ RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO RLO LRO "cba" PDF "yx",
	    "xyabc" },
	{ "\xe2\x80", "\xe2\x80" },
};

static void
test_marks(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(marked); i++) {
		struct buf text = { 0 };

		buf_adds(&text, marked[i].in);
		text.len = text_turn(text.p, text.len, 0);
		text.p[text.len] = '\0';
		assert_string_equal(text.p, marked[i].out);
		buf_fini(&text);
		assert_int_equal(
		    text_is_turned(span_str(marked[i].in)), strstr(marked[i].in, RLO) != NULL);
	}
}

static unsigned
render(struct span html, enum html_hide hide, enum html_conditions conditional, struct buf *out)
{
	struct html_options o = { .hide = hide, .conditional = conditional };
	unsigned seen = html_text(html, &o, out);

	assert_true(out->len <= html.len + html.len / 4 + 1);
	return seen & ~(unsigned)(HTML_SEEN_TAGS | HTML_SEEN_SPLIT);
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
	enum html_conditions conditional;
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
	{ "<style>p *{display:none}</style><p>V<b>x</b>iagra", HIDE_MAYBE, 0, "Viagra\n" },
	{ "<style>[a]{display:none}</style><p>V<b a>x</b>iagra", HIDE_MAYBE, 0, "Viagra\n" },
	{ "<style>p>.x{display:none}</style>V<b class=x>x</b>iagra", HIDE_MAYBE, 0, "Viagra\n" },
	{ "<style>@media screen{.x{display:block!important}}</style><b class=x "
	  "style=display:none>x</b>y",
	    HIDE_MAYBE, 0, "x\ny\n" },
	{ "a<!--[if mso]>b<![endif]-->c", HIDE_LIKELY, HTML_CONDITIONS, "abc\n" },
	{ "a<!--[if mso]>b<![endif]-->c", HIDE_LIKELY, HTML_OUTLOOK, "abc\n" },

	/* Outlook's conditions */
	{ "V<![if !mso]>x<![endif]>iagra", HIDE_LIKELY, HTML_OUTLOOK, "Viagra\n" },
	{ "V<![if !mso]>i<![endif]>agra", HIDE_LIKELY, HTML_CONDITIONS, "Viagra\n" },
	{ "<!--[if mso]>Via<![endif]--><!--[if lt mso 9]>x<![endif]--><!--[if gte mso "
	  "9]>gra<![endif]-->",
	    HIDE_LIKELY, HTML_OUTLOOK, "Viagra\n" },
	{ "V<!--[if IE]>x<![endif]-->i<!--[if (mso 16)&(!IE)]>a<![endif]-->gra", HIDE_LIKELY,
	    HTML_OUTLOOK, "Viagra\n" },
	{ "V<!--[if !(mso)|(false)]>x<![endif]-->i<!--[if (gt mso 12)|(IE)]>a<![endif]-->gra",
	    HIDE_LIKELY, HTML_OUTLOOK, "Viagra\n" },
	{ "V<!--[if !mso]><!-->x<script><!--<![endif]-->iagra", HIDE_LIKELY, HTML_OUTLOOK,
	    "Viagra\n" },
	{ "V<![if !mso]>x", HIDE_LIKELY, HTML_OUTLOOK, "V\n" },
	/* what it does not know */
	{ "<i style='opacity:0'>Via</i><b style='visibility:hidden'>gra</b>", HIDE_LIKELY,
	    HTML_OUTLOOK, "Viagra\n" },
	{ "<i style='color:transparent'>Vi</i><b style='color:rgba(255,255,255,1)'>ag</b><u "
	  "style='color:#ffff'>ra</u>",
	    HIDE_LIKELY, HTML_OUTLOOK, "Viagra\n" },
	{ "V<i style='mso-hide:all'>x</i>i<b style='display:none'>x</b>agra", HIDE_LIKELY,
	    HTML_OUTLOOK, "Viagra\n" },

	/* doubt */
	{ "V<i style='display:none;display:var(--x)'>i</i>agra", HIDE_CERTAIN, 0, "Viagra\n" },
	{ "V<i style='font-size:0;all:initial'>i</i>agra", HIDE_CERTAIN, 0, "Viagra\n" },
	{ "<div style='font-size:0'>x<i style='font-size:2e1px'>y</i></div>", HIDE_CERTAIN, 0,
	    "y\n" },
	{ "<div style='visibility:hidden'>x<i style='visibility:var(--x)'>y</i></div>",
	    HIDE_CERTAIN, 0, "y\n" },
	{ "<table><col bgcolor=black><tr><td style='color:#fff'>x</table>", HIDE_CERTAIN, 0,
	    "x\n" },
	{ "<div style='text-shadow:0 0 #000'><i style='color:#fff'>x</i></div>", HIDE_CERTAIN, 0,
	    "x\n" },
	{ "V<title>i</title>a<svg>gr</svg>a", HIDE_CERTAIN, 0, "V\ni\nagra\n" },

	/* all of it */
	{ "<style>body{& .x{display:block!important}}</style>V<i class=x hidden>i</i>agra",
	    HIDE_NOTHING, 0, "Viagra\n" },
	{ "V<i style='display:none'>i</i><b style='font-size:0;color:#fff'>ag</b><u "
	  "style='opacity:0;visibility:hidden'>ra</u>",
	    HIDE_NOTHING, 0, "Viagra\n" },
	{ "<div style=display:none>a</div>b<div style=display:inline>c</div>", HIDE_NOTHING, 0,
	    "a\nbc\n" },
	{ "V<style>x</style>i<datalist>x</datalist><script>x</script>agra", HIDE_NOTHING, 0,
	    "Viagra\n" },
	/* readers that do not know them show what is in them */
	{ "<template>V<b>ia</b>gra</template>", HIDE_NOTHING, 0, "Viagra\n" },
	{ "<noframes>V<b>ia</b></noframes><noembed>gr</noembed><iframe>a</iframe>", HIDE_NOTHING, 0,
	    "Viagra\n" },
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
			render(span_make(some, n), (enum html_hide)(n % 4),
			    (enum html_conditions)(n / 4 % 3), &out);
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
	{ "V\xef\xbf\xbci\xf0\x9d\x85\x99"
	  "a\xef\xb7\x90g\xe2\xb5\xbfr\xcc\xb6"
	  "a",
	    "Viagra" },
	{ "vi\xef\xbf\xbd"
	  "a\xf4\x8f\xbf\xbfgra",
	    "viagra" }, /* an octet that is none of the charset, a noncharacter */
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
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_marks),
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
