#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/hostname.h"

#define X10 "xxxxxxxxxx"
#define X49 X10 X10 X10 X10 "xxxxxxxxx"
#define X63 X49 X10 "xxxx"
#define X50 X49 "x"

/* Without utf8 all rows were put to Postfix 3.7.11, as HELO names: valid is what
 * reject_invalid_helo_hostname takes and is no address, qualified what
 * reject_non_fqdn_helo_hostname takes. */
static const struct {
	const char *in;
	int valid, qualified;
} name_cases[] = {
	{ "a", 1, 0 }, { "a.b", 1, 1 },
	{ "a.b.", 0, 1 }, /* the dot is looked away by those who ask */
	{ "a.", 0, 0 }, { "a.b..", 0, 0 }, { "a..b", 0, 0 }, { ".a.b", 0, 0 }, { ".a", 0, 0 },
	{ ".", 0, 0 }, { "", 0, 0 }, { "1.2.3.4", 0, 0 }, { "1.2.3", 0, 0 }, { "1", 0, 0 },
	{ "1-2", 1, 0 }, { "1_2", 1, 0 }, { "1.2a", 1, 1 }, { "1.2.3.4a", 1, 1 }, { "-a.b", 0, 0 },
	{ "a-.b", 0, 0 }, { "a.b-", 0, 0 }, { "a.-b", 0, 0 }, { "a--b.c", 1, 1 }, { "_a._b", 1, 1 },
	{ "a*b.c", 0, 0 }, { "*.b", 0, 0 }, { "a b.c", 0, 0 }, { "bad!host.example", 0, 0 },
	{ X63 ".a", 1, 1 }, { X63 "x.a", 0, 0 },
	{ X49 "." X49 "." X49 "." X49 "." X49 ".aaaaa", 1, 1 },  /* 255 */
	{ X49 "." X49 "." X49 "." X49 "." X49 ".aaaaaa", 0, 0 }, /* 256 */
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(name_cases); i++) {
		assert_int_equal(
		    hostname_valid(span_str(name_cases[i].in), 0), name_cases[i].valid);
		assert_int_equal(
		    hostname_qualified(span_str(name_cases[i].in), 0), name_cases[i].qualified);
	}
	assert_false(hostname_valid(span_str("b\303\274cher.example"), 0));
	assert_true(hostname_valid(span_str("b\303\274cher.example"), 1));
	assert_false(hostname_valid(span_make("a\0b", 3), 1));
	assert_true(span_eq_str(hostname_undotted(span_str("a.")), "a"));
	assert_true(span_eq_str(hostname_undotted(span_str("a..")), "a.."));
	assert_true(span_eq_str(hostname_undotted(span_str(".")), "."));
}

/* As HELO names without brackets, too. */
static const struct {
	const char *in;
	int v4, v6;
} addr_cases[] = {
	{ "1.2.3.4", 1, 0 },
	{ "01.2.3.4", 1, 0 },
	{ "001.2.3.4", 1, 0 },
	{ "1.2.3.0004", 1, 0 },
	{ "0.0.0.0", 1, 0 },
	{ "0.1.2.3", 0, 0 },
	{ "1.2.3.256", 0, 0 },
	{ "1.2.3", 0, 0 },
	{ "1.2.3.4.5", 0, 0 },
	{ "1.2.3.", 0, 0 },
	{ ".1.2.3", 0, 0 },
	{ "1..2.3", 0, 0 },
	{ "1.2.3.4a", 0, 0 },
	{ "1.2.3.4:5", 0, 0 },
	{ "", 0, 0 },
	{ "1", 0, 0 },
	{ "2001:db8::1", 0, 1 },
	{ "2001:DB8::A", 0, 1 },
	{ "::", 0, 1 },
	{ "::1", 0, 1 },
	{ "1::", 0, 1 },
	{ "1::2", 0, 1 },
	{ "1:2:3:4:5:6:7:8", 0, 1 },
	{ "1:2:3", 0, 1 }, /* too few, but Postfix counts no fields */
	{ "1:2", 0, 0 },
	{ "1:", 0, 0 },
	{ ":1", 0, 0 },
	{ ":1:2", 0, 0 },
	{ ":", 0, 0 },
	{ ":::", 0, 0 },
	{ "1:::2", 0, 0 },
	{ "1::2::3", 0, 0 },
	{ "1::3:4:5:6:7:8", 0, 1 },
	{ "1::2:3:4:5:6:7:8", 0, 0 },
	{ "1:2:3:4:5:6:7::", 0, 0 }, /* eight colons, though the standard has this form */
	{ "::2:3:4:5:6:7:8", 0, 0 },
	{ "1:2:3:4:5:6:7:", 0, 0 },
	{ "1:2:3:4:5:6:7:8:9", 0, 0 },
	{ "12345::1", 0, 0 },
	{ "00001::1", 0, 0 },
	{ "::g", 0, 0 },
	{ "fe80::1%lo", 0, 0 },
	{ "::1.2.3.4", 0, 1 },
	{ "::ffff:1.2.3.4", 0, 1 },
	{ "::0.2.3.4", 0, 0 },
	{ "1:2:3:4:5:6:1.2.3.4", 0, 1 },
	{ "1:2:3:4:5:1.2.3.4", 0, 1 },
	{ "1:2:3:4:5:6:7:1.2.3.4", 0, 0 },
	{ "1:1.2.3.4", 0, 0 },
};

static void
test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(addr_cases); i++) {
		struct span s = span_str(addr_cases[i].in);

		assert_int_equal(hostaddr_v4_valid(s), addr_cases[i].v4);
		assert_int_equal(hostaddr_v6_valid(s), addr_cases[i].v6);
		assert_int_equal(hostaddr_valid(s), addr_cases[i].v4 | addr_cases[i].v6);
	}
}

static const struct {
	const char *in, *addr;
} literal_cases[] = {
	{ "1.2.3.4", "1.2.3.4" },
	{ "IPv6:::1", "::1" },
	{ "ipv6:1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "IPv6:1.2.3.4", "" },
	{ "IPv6:", "" },
	{ "::1", "" },
	{ "", "" },
	{ "x", "" },
	{ "300.1.1.1", "" },
};

static void
test_literals(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(literal_cases); i++)
		assert_true(span_eq_str(
		    host_literal_addr(span_str(literal_cases[i].in)), literal_cases[i].addr));
	assert_true(host_is_literal(span_str("[]")));
	assert_true(host_is_literal(span_str("[1.2.3.4]")));
	assert_false(host_is_literal(span_str("[")));
	assert_false(host_is_literal(span_str("[1.2.3.4")));
	assert_false(host_is_literal(span_str("1.2.3.4]")));
	assert_false(host_is_literal(span_str("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
