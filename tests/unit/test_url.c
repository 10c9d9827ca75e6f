/* The set of URLs, its limits, and references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/buf.h"
#include "mail/public_suffix.h"
#include "tests/lib/url_world.h"

/* --- references --- */

static const struct {
	const char *in, *base, *out;
} references[] = {
	{ "http://example.com/a", NULL, "http://example.com/a" },
	{ "  http://example.com/a b ", NULL, "http://example.com/a%20b" },
	{ "ht\ntp://exa\tmple.com/\r\na", NULL, "http://example.com/a" },
	{ "http:example.com", NULL, "http://example.com/" }, /* browsers need no slash */
	{ "https:\\\\\\example.com\\a", NULL, "https://example.com/a" },
	{ "//example.com/a", NULL, "http://example.com/a" },
	{ "\\\\example.com\\a", NULL, "http://example.com/a" },
	{ "//example.com/a", "https://b.org/", "https://example.com/a" },
	{ "http://user:pass@example.com/", NULL, "http://example.com/" },
	{ "http://good.com\\x@evil.com/", NULL, "http://good.com/x@evil.com/ http://evil.com/" },
	{ "http://b\xc3\xbc"
	  "cher.example/",
	    NULL, "http://xn--bcher-kva.example/" },
	{ "http://3221225985", NULL, "http://192.0.2.1/" },
	{ "http://example.com/\"<>`", NULL, "http://example.com/%22%3C%3E%60" },
	{ "javascript:location='http://evil.com/'", NULL,
	    "javascript:location='http://evil.com/' http://evil.com/" },
	{ "tel:+1234", NULL, "tel:+1234" },
	{ "data:text/html;base64,AAAA", NULL, "data:text/html" },
	{ "data:,x", NULL, "data:" },
	{ "cid:part1@example.com", NULL, "" }, /* a part of the message */
	{ "file:///etc/passwd", NULL, "file:///etc/passwd" },
	{ "ldap://example.com/x", NULL, "ldap://example.com/x" },
	{ "mailto:joe@example.com?body=http://evil.com/%0A", NULL,
	    "mailto:joe@example.com http://evil.com/%0A http://evil.com/" },
	{ "mailto:a@example.com,%20b@example.org", NULL,
	    "mailto:a@example.com mailto:%20b@example.org" },
	{ "mailto:?to=a%40example.com%2cb@example.org&body=http://evil.com", NULL,
	    "mailto:a@example.com http://evil.com/ mailto:b@example.org" },
	{ "search-ms:query=x&crumb=location:\\\\example.com\\x", NULL,
	    "search-ms:query=x&crumb=location:\\\\example.com\\x location://example.com/x" },
	{ "http://r.com/?u=aHR0cDovL2V2aWwuY29tL34_&v", NULL,
	    "http://r.com/?u=aHR0cDovL2V2aWwuY29tL34_&v http://evil.com/~" },
	{ "http://r.com/x/aHR0cHM6Ly9ldmlsLmNvbS8%3D", NULL,
	    "http://r.com/x/aHR0cHM6Ly9ldmlsLmNvbS8%3D https://evil.com/" },
	{ "http://r.com/?u=aHR0cA", NULL, "http://r.com/?u=aHR0cA" },
	{ "http://r.com/?u=//evil.com", NULL, "http://r.com/?u=//evil.com" },
	/* relative */
	{ "a/b", NULL, "" },
	{ "#top", "http://example.com/", "" },
	{ "www.example.com/x", NULL, "http://www.example.com/x" },
	{ "example.com:8080/x", NULL, "http://example.com:8080/x" },
	{ "x.html", "http://example.com/d/e?f", "http://example.com/d/x.html" },
	{ "x.html", "http://example.com", "http://example.com/x.html" },
	{ "/x", "http://example.com/d/e", "http://example.com/x" },
	{ "?x", "http://example.com/d/e?f#g", "http://example.com/d/e?x" },
	{ "x", "http:\\\\example.com\\d\\e", "http://example.com/d/x" },
	{ "x", "nothing", "" },
	{ "", "http://example.com/", "" },
};

static void
test_references(void **state)
{
	struct url_world w;

	(void)state;
	url_world_init(&w);
	for (size_t i = 0; i < nitems(references); i++) {
		const char *got;

		url_world_fresh(&w, 500);
		urls_reference(w.urls, span_str(references[i].in), span_str(references[i].base));
		got = url_world_found(&w);
		if (strcmp(got, references[i].out) != 0)
			fail_msg(
			    "%s\n got: %s\nwant: %s", references[i].in, got, references[i].out);
	}
	url_world_fini(&w);
}

/* --- what is known of one --- */

static const struct {
	const char *in, *origin, *path, *query, *host, *registered;
	enum url_host_kind kind;
} parts[] = {
	{ "http://www.example.co.uk:81/a/b?c=d#e", "http://www.example.co.uk:81",
	    "http://www.example.co.uk:81/a/b", "http://www.example.co.uk:81/a/b?c=d",
	    "www.example.co.uk", "example.co.uk", URL_NAME },
	{ "http://example.com#a?b", "http://example.com", "http://example.com/",
	    "http://example.com/", "example.com", "example.com", URL_NAME },
	{ "http://x.joe.github.io/", "http://x.joe.github.io", "http://x.joe.github.io/",
	    "http://x.joe.github.io/", "x.joe.github.io", "joe.github.io", URL_NAME },
	{ "http://co.uk/", "http://co.uk", "http://co.uk/", "http://co.uk/", "co.uk", "",
	    URL_NAME },
	{ "http://[::1]/?", "http://[::1]", "http://[::1]/", "http://[::1]/?", "::1", "", URL_V6 },
	{ "http://1/", "http://0.0.0.1", "http://0.0.0.1/", "http://0.0.0.1/", "0.0.0.1", "",
	    URL_V4 },
	{ "mailto:joe@mail.example.com", "mailto:joe@mail.example.com",
	    "mailto:joe@mail.example.com", "mailto:joe@mail.example.com", "mail.example.com",
	    "example.com", URL_NAME },
	{ "tel:1", "tel:1", "tel:1", "tel:1", "", "", URL_NO_HOST },
};

static void
begins(const struct url *u, size_t len, const char *want)
{
	assert_int_equal(len, strlen(want));
	assert_memory_equal(u->text.p, want, len);
}

static void
test_parts(void **state)
{
	struct url_world w;

	(void)state;
	url_world_init(&w);
	for (size_t i = 0; i < nitems(parts); i++) {
		const struct url *u;

		url_world_fresh(&w, 500);
		urls_reference(w.urls, span_str(parts[i].in), span_str(NULL));
		assert_int_equal(urls_count(w.urls), 1);
		u = urls_get(w.urls, 0);
		begins(u, u->origin, parts[i].origin);
		begins(u, u->path, parts[i].path);
		begins(u, u->query, parts[i].query);
		assert_string_equal(u->host, parts[i].host);
		assert_string_equal(u->registered, parts[i].registered);
		assert_int_equal(u->kind, parts[i].kind);
	}
	url_world_fini(&w);
}

/* --- limits --- */

static void
add_times(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_adds(b, s);
}

static void
test_count(void **state)
{
	struct url_world w;

	(void)state;
	url_world_init(&w);
	url_world_fresh(&w, 2);
	urls_text(w.urls, span_str("http://a.com http://b.com http://a.com"));
	assert_int_equal(urls_limits(w.urls), 0); /* exactly as many, one of them twice */
	urls_text(w.urls, span_str("http://c.com"));
	assert_int_equal(urls_limits(w.urls), URLS_LIMIT_COUNT);
	urls_reference(w.urls, span_str("http://d.com"), span_str(NULL));
	assert_string_equal(url_world_found(&w), "http://a.com/ http://b.com/");
	url_world_fini(&w);
}

static void
test_many(void **state)
{
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	url_world_fresh(&w, 5000);
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "http://x%d.com ", i);
	urls_text(w.urls, buf_span(&b));
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_count(w.urls), 5000);
	assert_int_equal(urls_limits(w.urls), 0);
	assert_string_equal(urls_get(w.urls, 4999)->host, "x4999.com");
	buf_fini(&b);
	url_world_fini(&w);
}

/* Behind each of these the host may be far away: it is not looked for again and again. */
static const struct {
	const char *piece, *end, *found;
} far_hosts[] = {
	{ "http:\\\\!\\", "", "" },
	{ "http:\\\\!\\", " a@b", "" },
	{ "http:\\\\!\\", "/@b", "" },
	{ "https:\\\\!\\%\\", "?", "" },
};

static int64_t
spent(size_t i, size_t n)
{
	struct url_world w;
	struct buf b = { 0 };
	int64_t began, best = INT64_MAX;

	url_world_init(&w);
	while (b.len < n) {
		for (size_t line = b.len + 15000; b.len < line;)
			buf_adds(&b, far_hosts[i].piece);
		buf_adds(&b, far_hosts[i].end);
	}
	for (int k = 0; k < 3; k++) {
		url_world_fresh(&w, 500);
		began = clock_thread_us();
		urls_text(w.urls, buf_span(&b));
		if (clock_thread_us() - began < best)
			best = clock_thread_us() - began;
		assert_string_equal(url_world_found(&w), far_hosts[i].found);
	}
	buf_fini(&b);
	url_world_fini(&w);
	return best;
}

static void
test_far_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(far_hosts); i++) {
		int64_t took = spent(i, 500000);

		print_message("%zu: %lld us\n", i, (long long)took);
		assert_in_range(took, 0, 500000); /* it was two seconds */
	}
}

static void
test_depth(void **state)
{
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	add_times(&b, "http://a.com/?", URL_DEPTH_MAX + 1);
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_limits(w.urls), 0); /* beside one another */
	buf_reset(&b);
	for (int i = 0; i <= URL_DEPTH_MAX; i++)
		buf_printf(&b, "http://%c.com/", 'a' + i);
	url_world_fresh(&w, 500);
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_limits(w.urls), 0);
	assert_int_equal(urls_count(w.urls), URL_DEPTH_MAX + 1);
	buf_adds(&b, "http://evil.com/");
	url_world_fresh(&w, 500);
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_limits(w.urls), URLS_LIMIT_DEPTH);
	buf_fini(&b);
	url_world_fini(&w);
}

/* A path that is longer is cut, told of, and what it hides is found. */
static void
test_length(void **state)
{
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	buf_adds(&b, "http://a.com/");
	add_times(&b, "x", URL_TEXT_MAX - b.len);
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_limits(w.urls), 0);
	add_times(&b, "/", 100000);
	buf_adds(&b, "?http://b.com/");
	urls_text(w.urls, buf_span(&b));
	assert_int_equal(urls_limits(w.urls), URLS_LIMIT_LENGTH);
	assert_int_equal(urls_get(w.urls, 0)->text.len, URL_TEXT_MAX);
	assert_string_equal(urls_get(w.urls, urls_count(w.urls) - 1)->host, "b.com");
	url_world_fresh(&w, 500);
	urls_reference(w.urls, buf_span(&b), span_str(NULL));
	assert_string_equal(urls_get(w.urls, urls_count(w.urls) - 1)->host, "b.com");
	buf_fini(&b);
	url_world_fini(&w);
}

static void
test_long_user(void **state)
{
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	buf_adds(&b, "http://");
	add_times(&b, "good.com:", 20000);
	buf_adds(&b, "@evil.com/x");
	urls_text(w.urls, buf_span(&b));
	assert_string_equal(url_world_found(&w), "http://evil.com/x");
	buf_fini(&b);
	url_world_fini(&w);
}

/* What would take long if any of it were looked at again and again: a megabyte of each. */
static void
test_linear(void **state)
{
	static const char *const pieces[] = { ".", "a.", ":", "://", "http://", "http://%%/",
		"http://a/", "http://a\\@", "<http://a\n", "www.", "a@", "%", "http://a/?",
		"http://a.com/?u=http%3a%2f%2fb.com%2f", "\xe3\x80\x82", "a\xe3\x80\x82", "((",
		"http://[", "mailto:", "mailto:a@b.com,", ")" };
	struct url_world w;
	struct buf b = { 0 };

	(void)state;
	url_world_init(&w);
	for (size_t i = 0; i < nitems(pieces); i++) {
		buf_reset(&b);
		buf_adds(&b, i % 2 == 0 ? "http://a/" : "");
		add_times(&b, pieces[i], 1000000 / strlen(pieces[i]));
		url_world_fresh(&w, 500);
		urls_text(w.urls, buf_span(&b));
		urls_reference(w.urls, buf_span(&b), buf_span(&b));
		assert_true(urls_count(w.urls) <= 500);
		assert_true(arena_used(w.arena) < 40 * 1000000);
	}
	buf_fini(&b);
	url_world_fini(&w);
}

/* --- public suffixes --- */

static void
test_suffixes(void **state)
{
	static const struct {
		const char *name, *registered;
	} cases[] = {
		{ "www.example.com", "example.com" },
		{ "a.b.example.co.uk", "example.co.uk" },
		{ "com", NULL },
		{ "a.www.ck", "www.ck" }, /* an exception of *.ck */
		{ "xn--bcher-kva.xn--p1ai", "xn--bcher-kva.xn--p1ai" },
		{ "a.b.nowhere", "b.nowhere" },
	};
	struct public_suffix *s = public_suffix_new();

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *got = public_suffix_registered(s, cases[i].name);

		if (cases[i].registered == NULL)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].registered);
	}
	assert_true(public_suffix_is_top(s, "com"));
	assert_true(public_suffix_is_top(s, "xn--p1ai"));
	assert_false(public_suffix_is_top(s, "html"));
	assert_false(public_suffix_is_top(s, "co.uk"));
	public_suffix_free(s);
	public_suffix_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_far_hosts),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_long_user),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_suffixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
