#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/url_host.h"

static const struct {
	const char *in, *out; /* NULL: none */
	enum url_host_kind kind;
} cases[] = {
	{ "example.com", "example.com", URL_NAME },
	{ "EXAMPLE.Com.", "example.com", URL_NAME },
	{ "localhost", "localhost", URL_NAME },
	{ "evil\xe2\x80\xa4test", "evil.test", URL_NAME }, /* one dot leader */
	{ "evil%e2%80%a4b\xef\xb9\x92"
	  "example\xef\xbc\x8e",
	    "evil.b.example", URL_NAME }, /* small full stop, full-width one */
	{ "10\xe3\x80\x82%30%ef%bd%a1%30.1", "10.0.0.1", URL_V4 },
	{ "a\xe2\x80\xa5"
	  "b.example",
	    NULL, 0 }, /* two dot leader: two dots */
	{ "ex%61mple%2ecom", "example.com", URL_NAME },
	{ "ex%2561mple.com", NULL, 0 }, /* undone once: a % is left, which no name has */
	{ "a_b.example.com", "a_b.example.com", URL_NAME },
	{ "b\xc3\xbc"
	  "cher.example",
	    "xn--bcher-kva.example", URL_NAME },
	{ "b%C3%BCcher.example", "xn--bcher-kva.example", URL_NAME },
	{ "B\xc3\x9c"
	  "CHER.EXAMPLE",
	    "xn--bcher-kva.example", URL_NAME },
	{ "evil\xe3\x80\x82"
	  "com",
	    "evil.com", URL_NAME }, /* ideographic stop */
	{ "evil\xef\xbc\x8e"
	  "com",
	    "evil.com", URL_NAME }, /* full width */
	{ "evil\xef\xbd\xa1"
	  "com",
	    "evil.com", URL_NAME },                                 /* half width */
	{ "\xef\xbd\x85\xef\xbd\x96il.com", "evil.com", URL_NAME }, /* letters */
	{ "e\xc2\xadvil.com", "evil.com", URL_NAME },               /* soft hyphen */
	{ "ev\xe2\x80\x8bil.com", "evil.com", URL_NAME },           /* zero width */
	{ "ev\xe2\x80\x8cil.com", "evil.com", URL_NAME },           /* non-joiner */
	{ "i\xe2\x9d\xa4.ws", "xn--i-7iq.ws", URL_NAME },           /* a heart */
	{ "\xd0\xb5vil.com", "xn--vil-qdd.com", URL_NAME },         /* Cyrillic e */
	{ "evil\xef\xbc\x8f.com", NULL, 0 },                        /* becomes a slash */
	{ "a\xff.com", NULL, 0 },                                   /* no UTF-8 */
	{ "a b.com", NULL, 0 },
	{ "a%00.com", NULL, 0 },
	{ "a%zz.com", NULL, 0 },
	{ "a<b.com", NULL, 0 },
	{ "", NULL, 0 },
	{ ".", NULL, 0 },
	{ ".example.com", NULL, 0 },
	/* addresses, all of them 192.0.2.1 */
	{ "192.0.2.1", "192.0.2.1", URL_V4 },
	{ "192.0.2.1.", "192.0.2.1", URL_V4 },
	{ "3221225985", "192.0.2.1", URL_V4 },
	{ "0xC0000201", "192.0.2.1", URL_V4 },
	{ "030000001001", "192.0.2.1", URL_V4 },
	{ "0300.0.2.1", "192.0.2.1", URL_V4 },
	{ "0xc0.0x0.0x2.0x1", "192.0.2.1", URL_V4 },
	{ "192.513", "192.0.2.1", URL_V4 },
	{ "192.0.513", "192.0.2.1", URL_V4 },
	{ "%31%39%32.0.2.1", "192.0.2.1", URL_V4 },
	{ "\xef\xbc\x91\xef\xbc\x99\xef\xbc\x92.0.2.1", "192.0.2.1", URL_V4 },
	{ "[::ffff:192.0.2.1]", "192.0.2.1", URL_V4 },
	{ "[2001:DB8:0::1]", "2001:db8::1", URL_V6 },
	{ "[fe80::1%25eth0]", "fe80::1", URL_V6 },
	/* near misses */
	{ "192.0.2.256", NULL, 0 },
	{ "256.0.2.1", NULL, 0 },
	{ "192.0.2.1.1", NULL, 0 },
	{ "4294967296", NULL, 0 },
	{ "99999999999999999999999999", NULL, 0 },
	{ "08.1.1.1", NULL, 0 }, /* no octal number */
	{ "a.1", NULL, 0 },      /* what ends in a number is an address or nothing */
	{ "1.a", "1.a", URL_NAME },
	{ "0x.com", "0x.com", URL_NAME },
	{ "[::1", NULL, 0 },
	{ "[::g]", NULL, 0 },
	{ "[]", NULL, 0 },
};

static void
test_hosts(void **state)
{
	struct url_host got;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		int rc = url_host_read(span_str(cases[i].in), &got);

		if (rc != (cases[i].out != NULL) || (rc && strcmp(got.name, cases[i].out) != 0))
			fail_msg("%s: %d %s", cases[i].in, rc, got.name);
		if (rc)
			assert_int_equal(got.kind, cases[i].kind);
	}
}

static void
test_lengths(void **state)
{
	char name[4096];
	struct url_host got;

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(url_host_read(span_make(name, HOSTNAME_MAX), &got), 1);
	assert_int_equal(strlen(got.name), HOSTNAME_MAX);
	assert_int_equal(url_host_read(span_make(name, HOSTNAME_MAX + 1), &got), 0);
	assert_int_equal(url_host_read(span_make(name, sizeof(name)), &got), 0);
	/* What is dropped does not count. */
	memset(name + HOSTNAME_MAX, '.', 100);
	assert_int_equal(url_host_read(span_make(name, HOSTNAME_MAX + 100), &got), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
