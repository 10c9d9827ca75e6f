/* Names DNS lists are asked with, the filter behind a zone, and what answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/dns.h"
#include "rules/rbl_name.h"
#include "rules/rbl_spec.h"

/* --- names --- */

static const struct {
	const char *address, *name;
} address_cases[] = {
	{ "192.168.254.31", "31.254.168.192.nospam.example.com" },
	{ "10.0.0.1", "1.0.0.10.nospam.example.com" }, /* private addresses too, as Postfix */
	{ "::ffff:192.0.2.10", "10.2.0.192.nospam.example.com" },
	{ "2001:db8::bad",
	    "d.a.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.nospam.example.com" },
	{ "::1",
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.nospam.example.com" },
	{ "unknown", NULL },
};

static void
test_address(void **state)
{
	char name[300];

	(void)state;
	for (size_t i = 0; i < nitems(address_cases); i++) {
		struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
		const char *text = address_cases[i].address, *want = address_cases[i].name;

		if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&sa)->sin_addr) == 1)
			sa.ss_family = AF_INET;
		else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&sa)->sin6_addr) == 1)
			sa.ss_family = AF_INET6;
		assert_int_equal(rbl_name_of_address(&sa, "nospam.example.com", name, sizeof(name)),
		    want != NULL);
		if (want != NULL)
			assert_string_equal(name, want);
	}
}

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static const struct {
	const char *what, *name; /* NULL: not asked */
} domain_cases[] = {
	{ "ok.example", "ok.example.rhs.test" },
	{ "user@ok.example", "ok.example.rhs.test" },
	{ "x@y@OK.example", "OK.example.rhs.test" },
	{ "@relay.example:x@ok.example", "ok.example.rhs.test" },
	{ "under_score.example", "under_score.example.rhs.test" },
	{ "localhost", "localhost.rhs.test" },
	{ "a-b.example", "a-b.example.rhs.test" },
	{ "1.2.3.example", "1.2.3.example.rhs.test" },
	{ LABEL63 ".example", LABEL63 ".example.rhs.test" },
	{ "x@unknown", "unknown.rhs.test" },
	{ "[192.0.2.1]", NULL },
	{ "user@[192.0.2.1]", NULL },
	{ "[IPv6:2001:db8::1]", NULL },
	{ "192.0.2.1", NULL },
	{ "host.1", NULL }, /* a last label of digits is no top-level domain */
	{ "7", NULL },
	{ "ok.example.", NULL },
	{ "x..y.example", NULL },
	{ ".example", NULL },
	{ "-bad.example", NULL },
	{ "bad-.example", NULL },
	{ "a b.example", NULL },
	{ "b\xc3\xbc"
	  "cher.example",
	    NULL }, /* no IDNA here */
	{ "x" LABEL63 ".example", NULL },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, NULL }, /* does not fit before the zone */
	{ "", NULL },
	{ "user@", NULL },
};

static void
test_domain(void **state)
{
	char name[600];

	(void)state;
	for (size_t i = 0; i < nitems(domain_cases); i++) {
		const char *want = domain_cases[i].name;

		assert_int_equal(
		    rbl_name_of_domain(domain_cases[i].what, "rhs.test", name, sizeof(name)),
		    want != NULL);
		if (want != NULL)
			assert_string_equal(name, want);
	}
}

/* --- zone=filter --- */

static const struct {
	const char *text, *zone;
	int has_filter;
} spec_cases[] = {
	{ "rbl.test", "rbl.test", 0 },
	{ "rbl.test.", "rbl.test", 0 },
	{ "key.zen.dq.example.net", "key.zen.dq.example.net", 0 },
	{ "rbl.test=127.0.0.2", "rbl.test", 1 },
	{ "rbl.test=127.0.0.[2;4..6]", "rbl.test", 1 },
	{ "rbl.test=127.[0..255].[0;1].5", "rbl.test", 1 },
	{ "rbl.test=[127].[0;0..3;7].[1].[009]", "rbl.test", 1 },
};

static const char *const bad_specs[] = {
	"",
	".",
	"=127.0.0.2",
	"rbl..test",
	"rbl.test=",
	"rbl.test=127.0.0",
	"rbl.test=127.0.0.2.3",
	"rbl.test=127.0.0.256",
	"rbl.test=127.0.0.2 ",
	"rbl.test=127.0.0.x",
	"rbl.test=127.0.0.",
	"rbl.test=127.0.0.2..4", /* a range stands in [] */
	"rbl.test=127.0.0.[]",
	"rbl.test=127.0.0.[2",
	"rbl.test=127.0.0.[2;]",
	"rbl.test=127.0.0.[;2]",
	"rbl.test=127.0.0.[4..2]",
	"rbl.test=127.0.0.[2..]",
	"rbl.test=127.0.0.[2...4]",
	"rbl.test=127.0.0.[2-4]",
	"rbl.test=127.0.0.[2]5",
	"rbl.test=127.0.0.2=127.0.0.3",
	LABEL63 "x.test",
};

static void
test_spec(void **state)
{
	struct rbl_spec s;
	struct err err;

	(void)state;
	for (size_t i = 0; i < nitems(spec_cases); i++) {
		assert_int_equal(rbl_spec_parse(spec_cases[i].text, &s, &err), 0);
		assert_string_equal(s.zone, spec_cases[i].zone);
		assert_string_equal(s.text, spec_cases[i].text);
		assert_int_equal(s.has_filter, spec_cases[i].has_filter);
	}
	for (size_t i = 0; i < nitems(bad_specs); i++) {
		assert_int_equal(rbl_spec_parse(bad_specs[i], &s, &err), -1);
		assert_int_equal(err.class, ERR_CONFIG);
		assert_non_null(strstr(err.text, bad_specs[i]));
	}
}

/* --- answers --- */

enum { N = RBL_NOT_LISTED, L = RBL_LISTED, R = RBL_REFUSED };

static const struct {
	const char *spec;
	const char *answers[3];
	int addresses, names, strict;
} read_cases[] = {
	{ "z.test", { "127.0.0.2" }, L, L, L },
	{ "z.test", { "127.0.0.254" }, L, L, L },
	{ "z.test", { "127.0.0.10" }, L, L, L },
	{ "z.test", { "127.0.1.2" }, R, L, L },
	{ "z.test", { "127.0.1.254" }, R, L, L },
	{ "z.test", { "127.0.2.99" }, R, L, L },
	/* How lists say that they do not answer us. */
	{ "z.test", { "127.0.0.1" }, R, R, L },
	{ "z.test", { "127.0.0.255" }, R, R, L },
	{ "z.test", { "127.0.0.0" }, R, R, L },
	{ "z.test", { "127.0.1.255" }, R, R, L },
	{ "z.test", { "127.0.1.1" }, R, R, L },
	{ "z.test", { "127.0.3.2" }, R, R, L },
	{ "z.test", { "127.255.255.252" }, R, R, L },
	{ "z.test", { "127.255.255.254" }, R, R, L },
	{ "z.test", { "127.1.0.2" }, R, R, L },
	/* Whoever sells names that there are not. */
	{ "z.test", { "192.0.2.1" }, R, R, L },
	{ "z.test", { "0.0.0.0" }, R, R, L },
	/* One listing among them is one. */
	{ "z.test", { "127.0.0.1", "127.0.0.4" }, L, L, L },
	{ "z.test", { NULL }, N, N, N },
	/* The site knows better, except for what no list means. */
	{ "z.test=127.0.5.[1..3]", { "127.0.5.2" }, L, L, L },
	{ "z.test=127.0.5.[1..3]", { "127.0.5.4" }, N, N, N },
	{ "z.test=127.0.0.2", { "127.0.0.4", "127.0.0.2" }, L, L, L },
	{ "z.test=127.0.0.1", { "127.0.0.1" }, L, L, L },
	{ "z.test=127.[0..255].[0..255].[0..255]", { "127.255.255.254" }, R, R, L },
	{ "z.test=[0..255].0.[0..255].[0..255]", { "192.0.2.1" }, R, R, L },
	{ "z.test=127.0.0.2", { "192.0.2.1" }, R, R, N },
	{ "z.test=127.0.[0..255].[1..3]", { "127.0.0.255" }, N, N, N },
};

static void
test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(read_cases); i++) {
		struct in_addr a[3];
		struct dns_rr rr[3];
		struct dns_result r = { .outcome = DNS_FOUND, .rr = rr };
		struct rbl_spec s;
		struct err err;
		char odd[16];

		for (size_t k = 0; k < 3 && read_cases[i].answers[k] != NULL; k++) {
			assert_int_equal(inet_pton(AF_INET, read_cases[i].answers[k], &a[k]), 1);
			rr[k] = (struct dns_rr){ .data = { (const uint8_t *)&a[k], 4 } };
			r.n++;
		}
		assert_int_equal(rbl_spec_parse(read_cases[i].spec, &s, &err), 0);
		assert_int_equal(rbl_spec_read(&s, RBL_NAMES, 0, &r, odd), read_cases[i].names);
		assert_int_equal(
		    rbl_spec_read(&s, RBL_ADDRESSES, 1, &r, odd), read_cases[i].strict);
		assert_int_equal(
		    rbl_spec_read(&s, RBL_ADDRESSES, 0, &r, odd), read_cases[i].addresses);
		if (read_cases[i].addresses == R)
			assert_string_equal(odd, read_cases[i].answers[0]);
		else
			assert_string_equal(odd, "");
	}
}

static void
test_read_outcomes(void **state)
{
	struct rbl_spec s;
	struct err err;
	char odd[16];

	(void)state;
	assert_int_equal(rbl_spec_parse("z.test", &s, &err), 0);
	for (int o = 0; o < DNS_OUTCOMES; o++) {
		struct dns_result r = { .outcome = (enum dns_outcome)o };
		int cannot_tell = dns_outcome_answer(r.outcome) == -1;

		for (int strict = 0; strict < 2; strict++)
			assert_int_equal(rbl_spec_read(&s, RBL_ADDRESSES, strict, &r, odd),
			    cannot_tell ? RBL_TROUBLE : RBL_NOT_LISTED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
