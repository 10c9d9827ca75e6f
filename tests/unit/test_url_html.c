/* Which URLs HTML has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "tests/lib/url_world.h"

struct html_case {
	const char *in, *out;
};

static const struct html_case attributes[] = {
	{ "<a href=http://a.com/x>y</a>", "http://a.com/x" },
	{ "<A HREF = 'HTTP://A.com'>", "http://a.com/" },
	{ "<a href=\"http://a.com/?b&amp;c&#38;d&x=1\">", "http://a.com/?b&c&d&x=1" },
	{ "<a href=\"&#104;&#x74;tp&colon;&sol;&sol;a&period;com\">", "http://a.com/" },
	{ "<a href=\" ht\ntp://a.\tcom/ \">", "http://a.com/" },
	{ "<a href=//a.com/x><a href=\\\\b.com>", "http://a.com/x http://b.com/" },
	{ "<a href=relative/x.html><a href=#top>", "" },
	{ "<a href=www.a.com>", "http://www.a.com/" },
	{ "<a href=http://a.com href=http://b.com>", "http://a.com/ http://b.com/" }, /* either */
	{ "<a title=\"x>y\" href=http://a.com>", "http://a.com/" },
	{ "<a href=http://a.com", "http://a.com/" }, /* the end is missing */
	{ "<img src=http://a.com/1.png>", "http://a.com/1.png" }, { "<img src=cid:x@a.com>", "" },
	{ "<img src=data:image/png;base64,aHR0cDovL2EuY29t>", "data:image/png" },
	{ "<form action=http://a.com/f><button formaction=http://b.com>",
	    "http://a.com/f http://b.com/" },
	{ "<table background=http://a.com/b.gif>", "http://a.com/b.gif" },
	{ "<img srcset=\"http://a.com/1 1x, http://a.com/2,3 2x,http://a.com/4\">",
	    "http://a.com/1 http://a.com/2,3 http://a.com/4" },
	{ "<img srcset=\"http://a.com/1, http://a.com/2\">", "http://a.com/1 http://a.com/2" },
	{ "<a ping=\"http://a.com http://b.com\">", "http://a.com/ http://b.com/" },
	{ "<svg><a xlink:href=http://a.com>", "http://a.com/" },
	{ "<area href=http://a.com><object data=http://b.com><video poster=http://c.com>",
	    "http://a.com/ http://b.com/ http://c.com/" },
	{ "<a href=mailto:joe@a.com>", "mailto:joe@a.com" },
	{ "<a href=\"javascript:open('http://a.com')\">",
	    "javascript:open('http://a.com') http://a.com/" },
	{ "<a href=\"http://r.com/?u=http%3A%2F%2Fa.com\">",
	    "http://r.com/?u=http%3A%2F%2Fa.com http://a.com/" },
	{ "<a onclick=\"location='http://a.com'\">", "http://a.com/" },
	{ "<iframe srcdoc=\"&lt;a href=http://a.com&gt;\">", "http://a.com/" },
	{ "<object><param name=movie value=http://a.com/x.swf></object>", "http://a.com/x.swf" },
	/* documents in a URL */
	{ "<a href=data:text/html;base64,PGEgaHJlZj1odHRwJiM1ODsvL2IuY29tPg==>",
	    "data:text/html http://b.com/" },
	{ "<a href=\"data:text/html;charset=utf-8; base64,PGEgaH%4A%6CZj1odHRwOi8vYi5jb20+\">",
	    "data:text/html http://b.com/" },
	{ "<iframe src=\"data:text/html,%3Ca%20href=http%26%2358;//b.com%3E\">",
	    "data:text/html http://b.com/" },
	{ "<object data='data:image/svg+xml,<svg><a xlink:href=//b.com/>'>",
	    "data:image/svg+xml http://b.com/" },
	{ "<a "
	  "href=data:text/"
	  "html,%3c%69%66%72%61%6d%65%20%73%72%63%3d%27%64%61%74%61%3a%74%65%78%74%2f%68%74%6d%6c%"
	  "3b%62%61%73%65%36%34%2c%50%47%45%67%61%48%4a%6c%5a%6a%31%6f%64%48%52%77%4a%69%4d%31%4f%"
	  "44%73%76%4c%32%49%75%59%32%39%74%50%67%3d%3d%27%3e>",
	    "data:text/html http://b.com/" },
	{ "<link href=data:text/css,@import%22//b.com%22>", "data:text/css http://b.com/" },
	{ "<script src=data:,location='http:%5Cx2f/b.com'></script>",
	    "data: http://x2f/b.com http://b.com/" },
	{ "<a href=data:text/html;base64>", "data:text/html" }, /* there is no comma */
	{ "<base href='data:text/html,x'><a href=y>", "data:text/html" },
	/* SVG that moves */
	{ "<svg><a><set attributeName=href to=//b.com /><animate values=\"http://c.com;//d.com\">",
	    "http://b.com/ http://c.com/ http://d.com/" },
	{ "<input value=http://a.com alt=http://b.com>", "" }, /* nothing follows those */
	{ "<a title=x>y", "" },                                /* no text yet to be inside of */
};

static const struct html_case pages[] = {
	{ "<base href=http://b.com/d/><a href=x><a href=/y>",
	    "http://b.com/d/ http://b.com/d/x http://b.com/y" },
	{ "<a href=x><BASE HREF=http://b.com/d/e>", "http://b.com/d/x http://b.com/d/e" },
	{ "<base href=http://b.com><base href=http://c.com><a href=x>",
	    "http://b.com/ http://c.com/ http://b.com/x" }, /* the first counts */
	{ "<base target=x><base href=\"http&#58;//b.com\"><a href=x>",
	    "http://b.com/ http://b.com/x" },
	{ "<meta http-equiv=refresh content=\"0; url=http://a.com/x\">", "http://a.com/x" },
	{ "<meta http-equiv=Refresh content=\"0;URL = 'http://a.com/x' y\">", "http://a.com/x" },
	{ "<meta content=\"1.5, http://a.com\" http-equiv=refresh>", "http://a.com/" },
	{ "<meta name=x content=http://a.com>", "" },
	{ "<p style=\"background:URL( 'http://a.com/1' )\">", "http://a.com/1" },
	{ "<p style=\"background:url(http://a.com/1),url(&quot;http://b.com&quot;)\">",
	    "http://a.com/1 http://b.com/" },
	{ "<p style=\"background:url(\\68 ttp\\3a//a.com)\">", "http://a.com/" },
	{ "<style>@import 'http://a.com/1'; p { x: url(http://b.com/2) }</style>",
	    "http://a.com/1 http://b.com/2" },
	{ "<style>url(http://a.com", "http://a.com/" },
	{ "<p style=\"x:image-set('http://a.com' 1x, url('http://b.com') 2x); y: "
	  "'http&#58;//c.com'\">",
	    "http://a.com/ http://b.com/" },
	{ "<script>location = \"http://a.com/x\"</script>", "http://a.com/x" },
	{ "<script>location='http:\\x2f\\u002fa.com'</script>",
	    "http://x2f/u002fa.com http://a.com/" },
	{ "<script>location='\\x68ttp:\\/\\/a.com'</script>", "http://a.com/" },
	{ "<script>location='data:text/html;base64,PGEgaHJlZj1odHRwJiM1ODsvL2IuY29tPg=='</script>",
	    "data:text/html http://b.com/" },
	{ "<script>x='data:image/png;base64,PGEgaHJlZj1odHRwJiM1ODsvL2IuY29tPg=='</script>", "" },
	{ "<!-- http://a.com <a href=http://b.com> -->", "" },
	{ "<!--[if mso]><a href=http://a.com>x</a><![endif]-->", "http://a.com/" },
	/* what swallows the rest for Outlook alone */
	{ "<!--[if mso]><a title=\"<![endif]--><a href=\"http&#58;//a&#46;com/\">",
	    "http://a.com/" },
	{ "<!--[if mso]><script><![endif]--><a href=http&#58;//a.com>", "http://a.com/" },
	{ "<!--[if mso]><a href=http://b.com><svg><![endif]--><![CDATA[><a href=\"//a.com\">]]>",
	    "http://b.com/ http://a.com/" },
	{ "<!--[if mso]><base href=http://b.com><![endif]--><base href=http://a.com><a href=x>",
	    "http://b.com/ http://a.com/ http://b.com/x http://a.com/x" },
	{ "<!DOCTYPE html PUBLIC \"x\" \"http://www.w3.org/TR/html4/loose.dtd\">", "" },
	{ "<noscript><img src=http://a.com></noscript>", "http://a.com/" },
	{ "<noframes><a href=http://a.com></noframes>", "http://a.com/" },
	{ "<xmp>see http://a.com</xmp>", "http://a.com/" },
};

static const struct html_case texts[] = {
	{ "see http://a.com/x &amp; y", "http://a.com/x" },
	{ "http://<b>ev</b>il.c<!-- x -->om/a", "http://evil.com/a" },
	{ "http&#58;//a.com", "http://a.com/" },
	{ "www.ev&shy;il.com", "http://www.evil.com/" },
	{ "http://a.com<br>/x", "http://a.com/" },
	{ "<p>http://a.com</p>b", "http://a.com/" },
	{ "<a href=http://a.com>http://b.com</a>http://c.com",
	    "http://a.com/ http://b.com/ http://c.com/" },
	{ "<i>http://a.com</i>http://b.com", "http://a.com/ http://b.com/" },
	{ "&lt;http://a.com/x&gt;", "http://a.com/x" },
	{ "http://evil<span hidden>x</span>.com/a", "http://evilx.com/a http://evil.com/a" },
	{ "www.<i style='display:none'>x</i>evil.com",
	    "http://www.xevil.com/ http://www.evil.com/" },
	{ "<style>.q{display:none}</style>http://evil.c<i class=q>x</i>om",
	    "http://evil.cxom/ http://evil.com/" },
	{ "end.<span style='color:red'>See a.com</span>", "http://a.com/" },
	{ "<title>www.a.com</title>", "http://www.a.com/" },
};

static void
run(const struct html_case *cases, size_t n)
{
	struct url_world w;

	url_world_init(&w);
	for (size_t i = 0; i < n; i++) {
		const char *got;

		url_world_fresh(&w, 500);
		urls_html(w.urls, span_str(cases[i].in));
		got = url_world_found(&w);
		if (strcmp(got, cases[i].out) != 0)
			fail_msg("%s\n got: %s\nwant: %s", cases[i].in, got, cases[i].out);
	}
	url_world_fini(&w);
}

#define TEST(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		run(name, nitems(name));                                                           \
	}
TEST(attributes)
TEST(pages)
TEST(texts)

static void
test_srcdoc_depth(void **state)
{
	struct url_world w;
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	url_world_init(&w);
	buf_adds(&in, "<a href=http://a.com>");
	for (int depth = 0; depth < 5; depth++) {
		url_world_fresh(&w, 500);
		urls_html(w.urls, buf_span(&in));
		assert_int_equal(urls_limits(w.urls), depth <= 3 ? 0 : URLS_LIMIT_DEPTH);
		assert_int_equal(urls_count(w.urls), depth <= 3 ? 1 : 0);
		buf_reset(&out);
		buf_adds(&out, "<iframe srcdoc='");
		for (size_t i = 0; i < in.len; i++) {
			if (in.p[i] == '&' || in.p[i] == '\'')
				buf_printf(&out, "&#%d;", in.p[i]);
			else
				buf_addc(&out, in.p[i]);
		}
		buf_adds(&out, "'>");
		buf_reset(&in);
		buf_add_span(&in, buf_span(&out));
	}
	buf_fini(&in);
	buf_fini(&out);
	url_world_fini(&w);
}

/* A megabyte of each. */
static void
test_linear(void **state)
{
	static const char *const pieces[] = { "<", "<a href=", "<a href=x>", "<base href=x>",
		"<p style=url(>", "url(", "@import \"", "<style>url(\\", "<img srcset=\",,,\">",
		"http://", "<meta http-equiv=refresh content=0;>", "&amp;", "<noframes>",
		"<b>a.com" };
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	for (size_t i = 0; i < nitems(pieces); i++) {
		for (int style = 0; style < 2; style++) {
			buf_reset(&b);
			buf_adds(&b, style ? "<style>" : "");
			while (b.len < 1000000)
				buf_adds(&b, pieces[i]);
			url_world_fresh(&w, 500);
			urls_html(w.urls, buf_span(&b));
			assert_true(arena_used(w.arena) < 40 * 1000000);
		}
	}
	buf_fini(&b);
	url_world_fini(&w);
}

/* A long base, and references that are all one URL beyond what is kept of it; what is new behind
 * them is still found, and "y" of a base without folders is short. */
static void
test_long_base(void **state)
{
	static const struct {
		const char *folder, *end;
		size_t len;
		size_t found; /* base, y and b.com; the first two may be cut to the same */
	} rows[] = {
		{ "x/", "", 60000, 2 }, { "x/\n", "", 60000, 2 }, { "x", "/", 60000, 2 },
		{ "x", "", 60000, 3 },
		{ "x/", "", 3000, 3 }, /* nothing is cut, but there are 30000 of it */
	};
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	for (size_t i = 0; i < nitems(rows); i++) {
		int64_t began;

		buf_reset(&b);
		buf_adds(&b, "<base href='http://a.com/");
		while (b.len < rows[i].len)
			buf_adds(&b, rows[i].folder);
		buf_printf(&b, "%s'>", rows[i].end);
		while (b.len < 1000000)
			buf_adds(&b, "<a href=y><a href='http://b.com'>");
		url_world_fresh(&w, 500);
		began = clock_thread_us();
		urls_html(w.urls, buf_span(&b));
		assert_in_range(clock_thread_us() - began, 0, 1000 * 1000);
		assert_in_range(arena_used(w.arena), 0, 400 * 1000);
		assert_int_equal(urls_count(w.urls), rows[i].found);
		assert_int_equal(urls_limits(w.urls), URLS_LIMIT_LENGTH);
	}
	buf_fini(&b);
	url_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_srcdoc_depth),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_long_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
