/* Which URLs a text has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/url_world.h"

struct text_case {
	const char *in, *out;
};

static const struct text_case schemes[] = {
	{ "see http://example.com/a for more", "http://example.com/a" },
	{ "http://example.com", "http://example.com/" },
	{ "HtTpS://Example.COM/Path", "https://example.com/Path" },
	{ "ftp://example.com/f", "ftp://example.com/f" },
	{ "http:\\\\example.com\\a\\b", "http://example.com/a/b" },
	{ "http:/example.com/a", "http://example.com/a" },
	{ "http:///example.com/a", "http://example.com/a" },
	{ "http:\\/example.com", "http://example.com/" },
	{ "seehttp://example.com/", "http://example.com/" },
	{ "url=http://example.com/", "http://example.com/" }, { "http: //example.com is none", "" },
	{ "http: is a scheme, http:// is one too", "" },
	{ "sftp://example.com/x", "sftp://example.com/x" },
	{ "svn+ssh://example.com/x", "svn+ssh://example.com/x" },
	{ "gopher:/example.com", "" }, /* only where readers know better */
	{ "at 12:/30 or a:\\b", "" }, { "mailto:Joe@Example.COM", "mailto:Joe@example.com" },
	{ "mailto:a@example.com,b@example.org?cc=c@example.net",
	    "mailto:a@example.com mailto:b@example.org mailto:c@example.net" },
	{ "MAILTO:joe%40example.com.", "mailto:joe@example.com" }, { "mailto:nobody", "" },
	{ "joe@example.com wrote to jane@mail.example.com", "" }, /* addresses are no URLs */
};

static const struct text_case authorities[] = {
	{ "http://good.com@evil.com/", "http://evil.com/" },
	{ "http://good.com:pw@evil.com:8080/x", "http://evil.com:8080/x" },
	{ "http://a@b@evil.com", "http://evil.com/" },
	{ "http://good.com%2Fa@evil.com", "http://evil.com/" },
	{ "http:\\\\a.com\\http:\\\\b.com\\x@evil.com/",
	    "http://a.com/http://b.com/x@evil.com/ http://b.com/x@evil.com/ http://evil.com/" },
	{ "http://good.com\\@evil.com/", "http://good.com/@evil.com/ http://evil.com/" }, /* both */
	{ "http://good.com/@evil.com/", "http://good.com/@evil.com/" },
	{ "http://good.com#@evil.com", "http://good.com/#@evil.com" },
	{ "http://example.com:80/ https://example.com:443/ http://example.com:443/",
	    "http://example.com/ https://example.com/ http://example.com:443/" },
	{ "http://example.com:0080/", "http://example.com/" },
	{ "http://example.com:/", "http://example.com/" },
	{ "http://example.com:99999/", "http://example.com/" }, /* no port, but a host */
	{ "http://example.com: yes", "http://example.com/" },
	{ "http://example.com:and", "http://example.com/" },
	{ "http://3221225985/", "http://192.0.2.1/" },
	{ "http://0xc0.0.2.1/", "http://192.0.2.1/" },
	{ "http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/" },
	{ "http://[::ffff:c000:201]/", "http://192.0.2.1/" },
	{ "http://[::1/", "" },
	{ "http://ex%61mple.com/", "http://example.com/" },
	{ "http://example.com./", "http://example.com/" },
	{ "http://EXAMPLE.com?a", "http://example.com/?a" },
	{ "http://localhost/x", "http://localhost/x" },
	{ "http://-/ http://.../ http://?/", "http://-/" },
	{ "http://a.comhttp://b.com/http://c.com",
	    "http://a.com/ http://b.com/http://c.com http://c.com/" },
	{ "http://http://evil.com/", "http://evil.com/" },
};

static const struct text_case ends[] = {
	{ "(http://example.com/a)", "http://example.com/a" },
	{ "http://example.com/a_(b)", "http://example.com/a_(b)" },
	{ "(see http://example.com/a_(b)).", "http://example.com/a_(b)" },
	{ "[http://example.com/[x]]", "http://example.com/[x]" },
	{ "http://example.com/a, http://example.com/b; and",
	    "http://example.com/a http://example.com/b" },
	{ "http://example.com/a?!", "http://example.com/a" },
	{ "http://example.com/a?b=c.", "http://example.com/a?b=c" },
	{ "http://example.com.", "http://example.com/" },
	{ "http://example.com, it", "http://example.com/" },
	{ "*http://example.com*", "http://example.com/" },
	{ "_http://example.com_", "http://example.com/" },
	{ "\"http://example.com/a b\"", "http://example.com/a" },
	{ "<http://example.com/a>b", "http://example.com/a" },
	{ "<b>http://example.com/</b>", "http://example.com/" },
	{ "'http://example.com/'", "http://example.com/" },
	{ "http://example.com/\xc2\xa0x", "http://example.com/" }, /* no-break space */
	{ "\xe2\x80\x9chttp://example.com/a\xe2\x80\x9d", "http://example.com/a" }, /* quotes */
	{ "http://example.com/a\xe3\x80\x82\xe3\x81\x93", "http://example.com/a" }, /* full stop */
	{ "http://example.com\xe2\x80\x94or", "http://example.com/" },              /* a dash */
	{ "http://example.com\xbb or", "http://example.com/" },                     /* Latin-1 */
	{ "http://example.com/\xe9t\xe9", "http://example.com/%E9t%E9" },
	{ "http://example.com/\r\nnext", "http://example.com/" },
	{ "a\thttp://example.com/\tb", "http://example.com/" },
};

static const struct text_case lines[] = {
	/* Only what stands in <> goes on in the next line. */
	{ "http://example.com/a\nb", "http://example.com/a" },
	{ "<http://example.com/a\nb>", "http://example.com/ab http://example.com/a" },
	{ "<URL:http://example.com/a\r\n  b\r\n  c>",
	    "http://example.com/abc http://example.com/a" },
	{ "> <http://example.com/a\n> b>", "http://example.com/ab http://example.com/a" },
	{ ">> <http://example.com/a\n>> b>", "http://example.com/ab http://example.com/a" },
	{ "<http://exam\nple.com/>", "http://example.com/ http://exam/ http://ple.com/" },
	{ "<http://example.com/a and b\nc>", "http://example.com/a" }, /* words */
	{ "<http://example.com/a\n\nb>", "http://example.com/a" },     /* a paragraph ends */
	{ "<http://example.com/a\nb\n<c>", "http://example.com/a" },
	{ "<http://example.com/a\nb", "http://example.com/a" },
};

static const struct text_case bare[] = {
	{ "go to www.example.com now", "http://www.example.com/" },
	{ "WWW.Example.Com/X", "http://www.example.com/X" },
	{ "www.intranet.lan/x", "http://www.intranet.lan/x" }, /* www. needs no suffix */
	{ "www.evil", "" }, { "www..", "" },
	{ "example.com/path?x=1", "http://example.com/path?x=1" },
	{ "example.com", "http://example.com/" }, { "example.com.", "http://example.com/" },
	{ "example.com:8080/x", "http://example.com:8080/x" },
	{ "example.com: see", "http://example.com/" }, { "example.com?", "http://example.com/" },
	{ "example.co.uk, example.org", "http://example.co.uk/ http://example.org/" },
	{ "_www.example.com_ -example.net-", "http://www.example.com/ http://example.net/" },
	{ "the end.Then e.g. 3.14, i.e. v1.2.3.4", "" }, { "index.html readme.txt a.out", "" },
	{ "/usr/lib/libx.so C:\\x.pl", "" }, { "192.0.2.1 192.0.2.0/24", "" },
	{ "192.0.2.1/login", "http://192.0.2.1/login" }, { "joe@example.com", "" },
	{ "joe@example.com/x", "http://example.com/x" }, /* not what an address looks like */
	{ "joe.example.com@example.org", "" },
	{ "a.b.c.d.e.example.com", "http://a.b.c.d.e.example.com/" }, { ". .. ... a. .b", "" },
	{ "m\xc3\xbcller.de", "http://xn--mller-kva.de/" },
	{ "evil\xe3\x80\x82"
	  "com/x",
	    "http://evil.com/x" },
	{ "www\xef\xbc\x8e"
	  "evil\xef\xbc\x8e"
	  "com",
	    "http://www.evil.com/" },
	/* words of another script around it; what stands before may be part of the name */
	{ "\xe8\xaf\xb7www.evil.com\xe5\x90\xa7",
	    "http://www.evil.com/ http://xn--www-mu0j.evil.com/" },
	{ "http://evil.com\xe5\x90\xa7", "http://evil.com/" },
	{ "http://evil.\xe4\xb8\xad\xe5\x9b\xbd/", "http://evil.xn--fiqs8s/" }, /* a TLD */
};

static const struct text_case forms[] = {
	{ "http://example.com/%7euser/%2F%c3%bc", "http://example.com/~user/%2F%C3%BC" },
	{ "http://example.com/%7Z%", "http://example.com/%257Z%25" },
	{ "http://example.com/\xc3\xbc", "http://example.com/%C3%BC" },
	{ "http://example.com/a\\b?c\\d", "http://example.com/a/b?c\\d" },
	{ "http://example.com/./a/../b", "http://example.com/./a/../b" },
	{ "http://example.com/a#b", "http://example.com/a#b" },
	{ "http://example.com/ HTTP://EXAMPLE.COM http://x@example.com:80", "http://example.com/" },
};

static const struct text_case inner[] = {
	{ "http://r.com/?u=http://evil.com/x&y=1",
	    "http://r.com/?u=http://evil.com/x&y=1 http://evil.com/x" },
	{ "http://r.com/?u=http%3A%2F%2Fevil.com%2Fx%26y",
	    "http://r.com/?u=http%3A%2F%2Fevil.com%2Fx%26y http://evil.com/x&y" },
	{ "http://r.com/?u=%68ttp%253A%252F%252Fevil.com",
	    "http://r.com/?u=http%253A%252F%252Fevil.com http://evil.com/" },
	{ "http://r.com/http://evil.com/", "http://r.com/http://evil.com/ http://evil.com/" },
	{ "http://r.com/r/evil.com/x", "http://r.com/r/evil.com/x http://evil.com/x" },
	{ "http://r.com/www.evil.com", "http://r.com/www.evil.com http://www.evil.com/" },
	{ "http://r.com/?u=evil.com", "http://r.com/?u=evil.com http://evil.com/" },
	{ "http://r.com/#http://evil.com", "http://r.com/#http://evil.com http://evil.com/" },
	{ "http://r.com/cgi/script.pl", "http://r.com/cgi/script.pl" },
	{ "http://r.com/?mail=joe@example.com", "http://r.com/?mail=joe@example.com" },
	{ "http://a.com/?http://b.com/?http://c.com/",
	    "http://a.com/?http://b.com/?http://c.com/ http://b.com/ http://c.com/" },
	{ "http://r.com/?u=http%3A%2F%2Fevil.com/http://decoy.com",
	    "http://r.com/?u=http%3A%2F%2Fevil.com/http://decoy.com http://decoy.com/ "
	    "http://evil.com/http://decoy.com" },
};

static void
run(const struct text_case *cases, size_t n)
{
	struct url_world w;

	url_world_init(&w);
	for (size_t i = 0; i < n; i++) {
		const char *got;

		url_world_fresh(&w, 500);
		urls_text(w.urls, span_str(cases[i].in));
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
TEST(schemes)
TEST(authorities)
TEST(ends)
TEST(lines)
TEST(bare)
TEST(forms)
TEST(inner)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_inner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
