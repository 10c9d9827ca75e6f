#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/address_world.h"
#include "rules/own_networks.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct sockaddr_storage
sa_of(const char *text)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		sa.ss_family = AF_INET6;
	return sa;
}

static struct own_interface
interface(const char *addr, const char *mask, int loopback)
{
	return (
	    struct own_interface){ .addr = sa_of(addr), .mask = sa_of(mask), .loopback = loopback };
}

/* The results are what postconf prints for mynetworks, on a machine with these interfaces; 172.16.x
 * and 203.0.113.x by the classes' definition. */
static const struct {
	const char *inet_interfaces, *protocols, *style, *mynetworks;
} rows[] = {
	{ "all", "all", "host", "127.0.0.1/32 192.0.2.2/32 172.16.5.1/32 [::1]/128 [fd00::2]/128" },
	{ "all", "all", NULL, "127.0.0.1/32 192.0.2.2/32 172.16.5.1/32 [::1]/128 [fd00::2]/128" },
	{ "all", "all", "subnet", "127.0.0.0/8 192.0.2.0/25 172.16.4.0/22 [::1]/128 [fd00::]/64" },
	{ "all", "all", "class", "127.0.0.0/8 192.0.2.0/24 172.16.0.0/16 [::1]/128 [fd00::]/64" },
	{ "all", "ipv4", "host", "127.0.0.1/32 192.0.2.2/32 172.16.5.1/32" },
	{ "all", "ipv6", "host", "[::1]/128 [fd00::2]/128" },
	{ "all", "ipv4, ipv6", "class",
	    "127.0.0.0/8 192.0.2.0/24 172.16.0.0/16 [::1]/128 [fd00::]/64" },
	{ "loopback-only", "all", "subnet", "127.0.0.0/8 [::1]/128" },
	{ "127.0.0.1, [::1]", "all", "host", "127.0.0.1/32 [::1]/128" },
	{ "127.0.0.1 127.0.0.1", "all", "host", "127.0.0.1/32" },
	{ "192.0.2.2", "all", "subnet", "192.0.2.0/25" },
	{ "", "all", "host", "" },
};

static struct own_networks *
compile(struct address_world *w)
{
	const struct own_interface ifs[] = {
		interface("127.0.0.1", "255.0.0.0", 1),
		interface("192.0.2.2", "255.255.255.128", 0),
		interface("172.16.5.1", "255.255.252.0", 0),
		interface("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1),
		interface("fd00::2", "ffff:ffff:ffff:ffff::", 0),
	};

	return own_networks_compile_on(&w->load, &w->o, ifs, N(ifs));
}

static void
test_mynetworks(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct address_world w;

		address_world_open(&w);
		w.o.inet_interfaces = rows[i].inet_interfaces;
		w.o.inet_protocols = rows[i].protocols;
		w.o.mynetworks_style = rows[i].style;
		assert_string_equal(own_networks_default(compile(&w)), rows[i].mynetworks);
		assert_string_equal(buf_cstr(&w.told), "");
		address_world_close(&w);
	}
}

static void
test_mine(void **state)
{
	static const struct {
		const char *addr;
		int mine, interface;
	} asked[] = {
		{ "192.0.2.2", 1, 1 },
		{ "::ffff:192.0.2.2", 1, 1 }, /* the same host */
		{ "192.0.2.3", 0, 0 },
		{ "198.51.100.9", 1, 0 }, /* the proxy's */
		{ "fd00::2", 1, 1 },
		{ "fd00::3", 0, 0 },
		{ "127.0.0.1", 1, 1 },
		{ "not an address", 0, 0 },
	};
	struct address_world w;
	struct own_networks *own;

	(void)state;
	address_world_open(&w);
	w.o.inet_interfaces = "all";
	w.o.inet_protocols = "all";
	w.o.proxy_interfaces = "198.51.100.9";
	own = compile(&w);
	assert_string_equal(buf_cstr(&w.told), ""); /* the proxy's is on no interface of ours */
	for (size_t i = 0; i < N(asked); i++) {
		struct sockaddr_storage sa = sa_of(asked[i].addr);

		assert_int_equal(own_networks_has(own, &sa), asked[i].mine);
		assert_int_equal(own_networks_interface(own, &sa), asked[i].interface);
		if (strncmp(asked[i].addr, "::ffff:", 7) != 0)
			assert_int_equal(own_networks_has_text(own, asked[i].addr), asked[i].mine);
	}
	address_world_close(&w);
}

static void
test_findings(void **state)
{
	static const struct {
		const char *inet_interfaces, *proxy, *protocols, *style, *finding;
	} wrong[] = {
		{ "10.77.0.1", NULL, "all", "host", "warning inet_interfaces -:0: 10.77.0.1: no" },
		{ "[not.an.address]", NULL, "all", "host",
		    "error inet_interfaces -:0: [not.an.address]: " },
		{ "all", "[x]", "all", "host", "error proxy_interfaces -:0: [x]: " },
		{ "all", NULL, "ipv5", "host", "error inet_protocols -:0: ipv5: must be" },
		{ "all", NULL, "all", "net", "error mynetworks_style -:0: net: must be" },
	};

	(void)state;
	for (size_t i = 0; i < N(wrong); i++) {
		struct address_world w;

		address_world_open(&w);
		w.o.inet_interfaces = wrong[i].inet_interfaces;
		w.o.proxy_interfaces = wrong[i].proxy;
		w.o.inet_protocols = wrong[i].protocols;
		w.o.mynetworks_style = wrong[i].style;
		(void)!compile(&w);
		print_message("%s", buf_cstr(&w.told));
		assert_int_equal(
		    strncmp(buf_cstr(&w.told), wrong[i].finding, strlen(wrong[i].finding)), 0);
		address_world_close(&w);
	}
}

/* Every machine has this one. */
static void
test_this_machine(void **state)
{
	struct address_world w;
	struct sockaddr_storage sa = sa_of("127.0.0.1");

	(void)state;
	address_world_open(&w);
	w.o.inet_interfaces = "loopback-only";
	assert_int_equal(own_networks_interface(own_networks_compile(&w.load, &w.o), &sa), 1);
	address_world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mynetworks),
		cmocka_unit_test(test_mine),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
