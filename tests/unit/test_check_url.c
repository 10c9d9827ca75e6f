/* check_url, check_url_host, reject_rhsbl_url: what a table or a DNS list is asked about which
 * message, limits, and what becomes of failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "rules/dnsbl.h"
#include "tests/lib/content_world.h"
#include "tests/lib/dns_zone.h"

#define NO     "554 5.7.1 no"
#define FAILED "451 4.7.1 Service temporarily unavailable, try again later"
#define DENIED "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied"
#define HTML   "Content-Type: text/html\n"
#define BASE64 "Content-Transfer-Encoding: base64\n"

struct table_case {
	const char *list, *table, *message;
	const char *answer; /* and in `facts`, "" none */
	const char *facts;
};

static void
ask_cases(const struct table_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct table_case *t = &cases[i];
		struct content_world c;
		const char *got;

		content_world_init(&c);
		content_world_table(&c, "t", t->table);
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, t->list);
		assert_int_equal(content_world_begin(&c, t->message), 0);
		got = rule_world_ask(&c.w, RULE_CONTENT);
		if (strcmp(got, t->answer) != 0)
			fail_msg("%s, %s, %s: %s", t->list, t->table, t->message, got);
		assert_string_equal(content_world_facts(&c), t->facts == NULL ? "" : t->facts);
		content_world_fini(&c);
	}
}

/* --- which URLs --- */

#define SEEN(message, answer)                                                                      \
	{                                                                                          \
		"check_url pcre:%s/t", ",^http://evil\\.com/x$, REJECT no", message, answer, NULL  \
	}

static const struct table_case part_cases[] = {
	SEEN("\nsee http://evil.com/x\n", NO),
	SEEN("\nsee http://good.com/x\n", "dunno"),
	SEEN("Subject: http://evil.com/x\n\n\n", "dunno"), /* nothing to click on */
	SEEN(BASE64 "\nc2VlIGh0dHA6Ly9ldmlsLmNvbS94Cg==\n", NO),
	SEEN("Content-Transfer-Encoding: quoted-printable\n\nsee http://ev=\nil=2Ecom/x\n", NO),
	SEEN("Content-Type: text/plain; charset=utf-16le\n" BASE64
	     "\naAB0AHQAcAA6AC8ALwBlAHYAaQBsAC4AYwBvAG0ALwB4AA==\n",
	    NO),
	SEEN(HTML "\n<a href='http&#58;//evil.com/x'>y</a>\n", NO),
	SEEN(HTML "\nhttp://<b>ev</b>il.com/x\n", NO),
	SEEN(HTML "\n<!-- http://evil.com/x -->\n", "dunno"),
	SEEN("Content-Type: text/plain\n\n<a href='http&#58;//evil.com/x'>y</a>\n",
	    NO), /* to some */
	SEEN("Content-Type: application/xhtml+xml\n\n<a href='http&#58;//evil.com/x'/>\n", NO),
	SEEN("Content-Type: application/octet-stream; name=a.html\n" BASE64
	     "\nPGEgaHJlZj0naHR0cCYjNTg7Ly9ldmlsLmNvbS94Jz4=\n",
	    NO),
	SEEN("Content-Type: application/octet-stream\n\nhttp://evil.com/x\n", "dunno"),
	SEEN("Content-Type: image/png\n\nhttp://evil.com/x\n", "dunno"),
	SEEN("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n" HTML
	     "\n<img src=//evil.com/x>\n--b--\n",
	    NO),
	SEEN("Content-Type: message/rfc822\n\nSubject: s\n\nhttp://evil.com/x\n", NO),
	SEEN("Content-Type: image/svg+xml\n\n<svg><script>location='http://evil.com/x'</script>\n",
	    NO),
	SEEN("Content-Type: application/octet-stream; name=a.SVG\n\n<a href='//evil.com/x'>\n", NO),
	/* either encoding is some reader's */
	SEEN(BASE64 "Content-Transfer-Encoding: 7bit\n\nhttp://evil.com/x\n", NO),
	SEEN("Content-Transfer-Encoding: 7bit\n" BASE64 "\nc2VlIGh0dHA6Ly9ldmlsLmNvbS94Cg==\n", NO),
	SEEN("\n", "dunno"),
	SEEN("", "dunno"),
};

static void
test_parts(void **state)
{
	(void)state;
	ask_cases(part_cases, nitems(part_cases));
}

/* --- what is asked --- */

#define TEXT(key) "check_url texthash:%s/t", key " REJECT no"
#define HOST(key) "check_url_host texthash:%s/t", key " REJECT no"
#define LONG      "\nsee HTTP://x@WWW.Evil.co.uk:80/a/b/c?d=e#f.\n"

static const struct table_case key_cases[] = {
	{ TEXT("http://www.evil.co.uk/a/b/c?d=e#f"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk/a/b/c?d=e"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk/a/b/c"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk/a/b/"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk/a/"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk/"), LONG, NO, NULL },
	{ TEXT("http://www.evil.co.uk"), LONG, "dunno", NULL },
	{ TEXT("http://www.evil.co.uk/a"), LONG, "dunno", NULL },
	{ TEXT("www.evil.co.uk"), LONG, "dunno", NULL },
	{ TEXT("javascript:"), HTML "\n<a href=javascript:x()>\n", NO, NULL },
	{ TEXT("javascript:x()"), HTML "\n<a href=javascript:x()>\n", NO, NULL },
	{ TEXT("data:"), HTML "\n<a href=data:text/html,x>\n", NO, NULL },
	{ TEXT("mailto:joe@evil.com"), "\nmailto:joe@EVIL.com\n", NO, NULL },
	/* the nearest key decides, and a URL that is known is not asked about again */
	{ "check_url texthash:%s/t", "http://evil.com/good/ DUNNO\nhttp://evil.com/ REJECT no\n",
	    "\nhttp://evil.com/good/x\n", "dunno", NULL },
	{ "check_url texthash:%s/t", "http://evil.com/good/ DUNNO\nhttp://evil.com/ REJECT no\n",
	    "\nhttp://evil.com/good/x http://evil.com/y\n", NO, NULL },
	{ "check_url texthash:%s/t, reject", "http://good.com/ OK", "\nhttp://good.com/x\n", "ok",
	    NULL },
	/* patterns are asked for the whole alone */
	{ "check_url pcre:%s/t", ",^http://www.evil.co.uk/a/$, REJECT no", LONG, "dunno", NULL },
	{ "check_url regexp:%s/t", "/c\\?d=e#f$/ REJECT no", LONG, NO, NULL },
	/* hosts */
	{ HOST("www.evil.co.uk"), LONG, NO, NULL },
	{ HOST("evil.co.uk"), LONG, NO, NULL },
	{ HOST("co.uk"), LONG, NO, NULL },
	{ HOST(".co.uk"), LONG, "dunno", NULL },
	{ HOST("http://www.evil.co.uk"), LONG, "dunno", NULL },
	{ HOST("192.0.2.1"), "\nhttp://3221225985/\n", NO, NULL },
	{ HOST("192.0.2"), "\nhttp://3221225985/\n", NO, NULL },
	{ HOST("2001:db8"), "\nhttp://[2001:DB8::1]/\n", NO, NULL },
	{ HOST("xn--bcher-kva.example"),
	    "\nhttp://b\xc3\xbc"
	    "cher.example/\n",
	    NO, NULL },
	{ HOST("evil.com"), "\nmailto:joe@evil.com\n", NO, NULL },
	{ HOST("evil.com"), "\nhttp://good.com/?u=http%3A%2F%2Fevil.com\n", NO, NULL },
	{ HOST("evil.com"), "\njoe@evil.com\n", "dunno", NULL },
	{ "check_url_host cidr:%s/t", "192.0.2.0/24 REJECT no", "\nhttp://0xC0.0.2.77/\n", NO,
	    NULL },
	{ "check_url_host pcre:%s/t", "/^evil\\.co\\.uk$/ REJECT no", LONG, "dunno", NULL },
	{ "check_url_host pcre:%s/t", "/evil\\.co\\.uk$/ REJECT no", LONG, NO, NULL },
	{ "check_url_host texthash:%s/t", "good.com DUNNO\ncom REJECT no\n",
	    "\nhttp://a.good.com/ http://good.com/x\n", "dunno", NULL },
	/* actions that have no place */
	{ "check_url_host texthash:%s/t, reject", "evil.com OK", "\nhttp://evil.com/\n", "ok",
	    NULL },
	{ "warn_if_reject check_url_host texthash:%s/t", "evil.com REJECT", "\nhttp://evil.com/\n",
	    "dunno", NULL },
};

static void
test_keys(void **state)
{
	(void)state;
	ask_cases(key_cases, nitems(key_cases));
}

/* Parents with a dot in front, and then the registered domain without. */
static void
test_parents(void **state)
{
	static const struct {
		const char *key, *answer;
	} cases[] = { { "www.evil.co.uk", NO }, { ".evil.co.uk", NO }, { ".co.uk", NO },
		{ "evil.co.uk", NO }, { "co.uk", "dunno" } };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct content_world c;
		char row[64];

		content_world_init(&c);
		snprintf(row, sizeof(row), "%s REJECT no", cases[i].key);
		content_world_table(&c, "t", row);
		c.w.o.parent_domain_matches_subdomains = "";
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_url_host texthash:%s/t");
		assert_int_equal(content_world_begin(&c, LONG), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), cases[i].answer);
		content_world_fini(&c);
	}
}

/* The row is the rule, and the log has the whole URL, whichever key the table knew. */
static void
test_rule(void **state)
{
	struct content_world c;
	const struct verdict *v;

	(void)state;
	content_world_init(&c);
	content_world_table(&c, "t", "# x\nhttp://www.evil.co.uk/ HOLD phish\n");
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_url texthash:%s/t, reject");
	assert_int_equal(content_world_begin(&c, LONG), 0);
	assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), DENIED);
	v = &c.w.txn.rcpts[0]->verdict;
	assert_true(v->hold);
	assert_non_null(strstr(rule_world_said(&c.w), "http://www.evil.co.uk/a/b/c?d=e#f"));
	content_world_fini(&c);
}

/* --- limits --- */

static const struct table_case limit_cases[] = {
	{ HOST("c.com"), "\nhttp://a.com http://b.com http://c.com\n", "dunno",
	    "urls=limit:count" },
	{ HOST("b.com"), "\nhttp://a.com http://b.com http://c.com\n", NO, "urls=limit:count" },
	{ HOST("c.com"), "\nhttp://a.com http://a.com http://c.com\n", NO, NULL },
	{ "check_url_host texthash:%s/t, check_fact texthash:%s/t", "urls=limit REJECT",
	    "From: a@example.com\n\nhttp://a.com http://b.com http://c.com\n",
	    "554 5.7.1 Message content rejected", "urls=limit:count" },
};

static void
test_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(limit_cases); i++) {
		struct content_world c;

		content_world_init(&c);
		content_world_table(&c, "t", limit_cases[i].table);
		c.w.o.url_check_count_limit = 2;
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, limit_cases[i].list);
		assert_int_equal(content_world_begin(&c, limit_cases[i].message), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), limit_cases[i].answer);
		assert_string_equal(content_world_facts(&c),
		    limit_cases[i].facts == NULL ? "" : limit_cases[i].facts);
		content_world_fini(&c);
	}
}

static void
test_size(void **state)
{
	static const struct {
		int64_t limit;
		const char *answer, *facts;
	} cases[] = { { 0, NO, "" }, { 30, NO, "" }, { 25, "dunno", "urls=limit:size" } };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct content_world c;

		content_world_init(&c);
		content_world_table(&c, "t", "evil.com REJECT no");
		c.w.o.url_check_size_limit = cases[i].limit;
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_url_host texthash:%s/t");
		/* 14 octets of the first part, and 16 of the second */
		assert_int_equal(
		    content_world_begin(&c,
			"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
			"http://good.de\n--b\nContent-Type: image/png\n\nthere is more "
			"of this\n--b\n" BASE64 "\naHR0cDovL2V2aWwuY29tLw==\n--b--\n"),
		    0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), cases[i].answer);
		assert_string_equal(content_world_facts(&c), cases[i].facts);
		content_world_fini(&c);
	}
}

static void
test_depth_and_length(void **state)
{
	struct buf m = { 0 };
	struct table_case cases[] = { { HOST("x"), NULL, "dunno", "urls=limit:depth" },
		{ HOST("x"), NULL, "dunno", "urls=limit:length" } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		buf_reset(&m);
		buf_adds(&m, "\n");
		for (int k = 0; k < (i == 0 ? 7 : 1); k++)
			buf_printf(&m, "http://%c.com/", 'a' + k);
		for (int k = 0; i == 1 && k < 5000; k++)
			buf_adds(&m, "x");
		cases[i].message = buf_cstr(&m);
		ask_cases(&cases[i], 1);
	}
	buf_fini(&m);
}

/* --- failures --- */

static const struct {
	const char *list, *on_failure, *answer;
} failure_cases[] = {
	{ "check_url fail:retry", "defer", FAILED },
	{ "check_url_host fail:retry", "defer", FAILED },
	{ "check_url fail:retry, reject", "accept", DENIED },
	{ "{ check_url fail:retry, on_failure = accept }, reject", "defer", DENIED },
	{ "reject_rhsbl_url trouble.test", "defer", FAILED },
	{ "reject_rhsbl_url trouble.test, reject", "tag", DENIED },
	{ "{ reject_rhsbl_url trouble.test, on_failure = accept }", "defer", "dunno" },
};

static void
test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(failure_cases); i++) {
		struct content_world c;

		content_world_init(&c);
		c.w.o.urls_on_failure = failure_cases[i].on_failure;
		c.w.o.lists[LIST_CONTENT] = failure_cases[i].list;
		rule_world_zone(&c.w, "evil.com.trouble.test * SERVFAIL\n");
		assert_int_equal(content_world_begin(&c, "\nhttp://evil.com/\n"), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), failure_cases[i].answer);
		assert_non_null(strstr(content_world_facts(&c), "urls=failed:"));
		assert_non_null(strstr(rule_world_said(&c.w), "WARNING"));
		content_world_fini(&c);
	}
}

/* --- DNS lists --- */

static const char zone[] =
    "evil.com.l.test A 127.0.0.2\n"
    "evil.com.l.test TXT see http://l.test/\n"
    "1.2.0.192.l.test A 127.0.0.2\n"
    "8.b.d.0.1.0.0.2.l.test A 127.0.0.9\n"
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.l.test A "
    "127.0.0.2\n"
    "evil.co.uk.l.test A 127.0.0.4\n"
    "odd.com.l.test A 127.255.255.254\n"
    "down.com.l.test * SERVFAIL\n"
    "xn--bcher-kva.de.l.test A 127.0.1.2\n";

#define LISTED(what) "554 5.7.1 Service unavailable; URL host [" what "] blocked using l.test"

static const struct {
	const char *list, *message, *answer, *asked; /* asked NULL: never mind */
} dns_cases[] = {
	{ "reject_rhsbl_url l.test", "\nhttp://evil.com/\n",
	    LISTED("evil.com") "; see http://l.test/", NULL },
	{ "reject_rhsbl_url l.test", "\nhttp://a.b.evil.com/ www.evil.com\n",
	    LISTED("evil.com") "; see http://l.test/", NULL }, /* the registered domain */
	{ "reject_rhsbl_url l.test", "\nhttp://www.evil.co.uk/\n", LISTED("evil.co.uk"), NULL },
	{ "reject_rhsbl_url l.test=127.0.0.[2..3]", "\nhttp://www.evil.co.uk/\n", "dunno", NULL },
	{ "reject_rhsbl_url l.test",
	    "\nhttp://b\xc3\xbc"
	    "cher.de/\n",
	    LISTED("xn--bcher-kva.de"), NULL },
	{ "reject_rhsbl_url l.test", "\nhttp://3221225985/\n", LISTED("192.0.2.1"), NULL },
	{ "reject_rhsbl_url l.test", "\nhttp://[2001:db8::1]/\n", LISTED("2001:db8::1"), NULL },
	{ "reject_rhsbl_url l.test", "\nhttp://good.com/\n", "dunno", "A good.com.l.test" },
	{ "reject_rhsbl_url l.test", "\nhttp://a.good.com/ http://b.good.com/ http://good.com/\n",
	    "dunno", "A good.com.l.test" }, /* once */
	{ "reject_rhsbl_url l.test, reject_rhsbl_url l.test", "\nhttp://good.com/\n", "dunno",
	    "A good.com.l.test" },
	{ "reject_rhsbl_url l.test", "\nno URL\n", "dunno", "" },
	{ "reject_rhsbl_url l.test", "\nhttp://localhost/\n", "dunno", "A localhost.l.test" },
	{ "reject_rhsbl_url l.test", "\nhttp://-bad-/\n", "dunno", "" },
	/* the list refuses: nobody is listed, and nothing has failed */
	{ "reject_rhsbl_url l.test", "\nhttp://odd.com/\n", "dunno", NULL },
	/* one that is listed outweighs one that nobody knows of */
	{ "reject_rhsbl_url l.test", "\nhttp://down.com/ http://evil.co.uk/\n",
	    LISTED("evil.co.uk"), NULL },
	{ "warn_if_reject reject_rhsbl_url l.test", "\nhttp://evil.co.uk/\n", "dunno", NULL },
	{ "score_if_reject 3 reject_rhsbl_url l.test, reject_if_score 4",
	    "\nhttp://evil.co.uk/ http://evil.com/\n", "dunno", NULL }, /* three points, not six */
};

static void
test_dns(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(dns_cases); i++) {
		struct content_world c;
		const char *got;

		content_world_init(&c);
		rule_world_zone(&c.w, zone);
		c.w.o.lists[LIST_CONTENT] = dns_cases[i].list;
		assert_int_equal(content_world_begin(&c, dns_cases[i].message), 0);
		got = rule_world_ask(&c.w, RULE_CONTENT);
		if (strcmp(got, dns_cases[i].answer) != 0)
			fail_msg("%s: %s", dns_cases[i].message, got);
		if (dns_cases[i].asked != NULL)
			assert_string_equal(dns_zone_asked(c.w.zone), dns_cases[i].asked);
		rule_world_said(&c.w);
		content_world_fini(&c);
	}
}

static void
test_dns_count(void **state)
{
	struct content_world c;

	(void)state;
	for (int limit = 1; limit <= 2; limit++) {
		content_world_init(&c);
		rule_world_zone(&c.w, zone);
		c.w.o.url_dns_count_limit = limit;
		c.w.o.lists[LIST_CONTENT] = "reject_rhsbl_url l.test";
		assert_int_equal(
		    content_world_begin(&c, "\nhttp://good.com/ http://evil.co.uk/\n"), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT),
		    limit == 1 ? "dunno" : LISTED("evil.co.uk"));
		assert_string_equal(content_world_facts(&c), limit == 1 ? "urls=limit:hosts" : "");
		rule_world_said(&c.w);
		content_world_fini(&c);
	}
}

/* $rbl_what and the others in a template of one's own. */
static void
test_dns_template(void **state)
{
	struct content_world c;

	(void)state;
	content_world_init(&c);
	rule_world_zone(&c.w, zone);
	c.w.o.rbl_reply_maps = "inline:{{l.test = 550 5.7.9 $rbl_class <$rbl_what> $rbl_domain}}";
	c.w.o.lists[LIST_CONTENT] = "reject_rhsbl_url l.test";
	assert_int_equal(content_world_begin(&c, "\nhttp://evil.co.uk/\n"), 0);
	assert_string_equal(
	    rule_world_ask(&c.w, RULE_CONTENT), "550 5.7.9 URL host <evil.co.uk> l.test");
	rule_world_said(&c.w);
	content_world_fini(&c);
}

static const char *
early(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "early") == 0
		   ? "check_url static:REJECT, check_url_host static:REJECT, "
		     "reject_rhsbl_url l.test"
		   : NULL;
}

/* In a class that another list calls there is no message, and nothing to say. */
static void
test_no_message(void **state)
{
	struct content_world c;

	(void)state;
	content_world_init(&c);
	rule_world_zone(&c.w, zone);
	c.w.o.smtpd_restriction_classes = "early";
	c.w.o.site = early;
	c.w.o.lists[LIST_RELAY] = "";
	c.w.o.lists[LIST_RECIPIENT] = "early";
	assert_int_equal(rule_world_compile(&c.w), 0);
	assert_string_equal(rule_world_ask(&c.w, RULE_RCPT), "dunno");
	assert_string_equal(dns_zone_asked(c.w.zone), "");
	content_world_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_depth_and_length),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_dns_count),
		cmocka_unit_test(test_dns_template),
		cmocka_unit_test(test_no_message),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
