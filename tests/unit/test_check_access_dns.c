/* check_*_{a,mx,ns}_access: the hosts behind a name, by name and address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/attr.h"
#include "net/route.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/rule_world.h"

#define CONFIG "451 4.3.5 Server configuration error"

static const char zone[] = "good.test A 192.0.2.1\n"
			   "good.test AAAA 2001:db8::1\n"
			   "good.test MX 20 mx2.test\n"
			   "good.test MX 10 mx1.test\n"
			   "good.test NS ns1.test\n"
			   "mx1.test A 192.0.2.11\n"
			   "mx2.test A 192.0.2.12\n"
			   "ns1.test A 192.0.2.53\n"
			   "sub.good.test A 192.0.2.2\n" /* no MX, no NS of its own */
			   "null.test MX 0 .\n"
			   "null.test A 192.0.2.3\n"
			   "trouble.test * SERVFAIL\n";

enum about { CLIENT, REVERSE, HELO, SENDER, RCPT, ABOUTS };

static const struct {
	const char *restriction, *class;
} abouts[] = {
	[CLIENT] = { "check_client", "Client host" },
	[REVERSE] = { "check_reverse_client_hostname", "Unverified Client host" },
	[HELO] = { "check_helo", "Helo command" },
	[SENDER] = { "check_sender", "Sender address" },
	[RCPT] = { "check_recipient", "Recipient address" },
};

/* For each kind of name; the answer of OK is forbidden everywhere. */
static const struct {
	const char *behind, *name, *table;
	const char *want; /* "" refused, else the whole answer */
} cases[] = {
	{ "a", "good.test", "192.0.2.1=REJECT", "" },
	{ "a", "good.test", "192.0=REJECT", "" },
	{ "a", "good.test", "2001:db8::1=REJECT", "" },
	{ "a", "good.test", "192.0.2.11=REJECT", "ok" },
	{ "a", "good.test", "good.test=REJECT", "ok" }, /* addresses only */
	{ "a", "good.test", "192.0.2.1=OK", CONFIG },
	{ "a", "0x7f.1", "127.0.0.1=REJECT", "" }, /* an old way to write an address */
	{ "a", "0x7f.test", "127=REJECT", "ok" },
	{ "mx", "0x7f.1", "127.0.0.1=REJECT", "" },
	{ "a", "nx.test", "192=REJECT", "ok" },
	{ "a", "trouble.test", "192=REJECT", "ok" },
	{ "mx", "good.test", "mx1.test=REJECT", "" },
	{ "mx", "good.test", "mx2.test=REJECT", "" },
	{ "mx", "good.test", "192.0.2.12=REJECT", "" },
	{ "mx", "good.test", "test=REJECT", "" },
	{ "mx", "good.test", "good.test=REJECT", "ok" },
	{ "mx", "good.test", "mx1.test=OK", CONFIG },
	{ "mx", "sub.good.test", "sub.good.test=REJECT", "" }, /* its own MX host */
	{ "mx", "sub.good.test", "192.0.2.2=REJECT", "" },
	{ "mx", "nx.test", "nx.test=REJECT", "" },
	{ "mx", "null.test", "192=REJECT", "ok" },
	{ "mx", "trouble.test", "test=REJECT", "ok" },
	{ "ns", "good.test", "ns1.test=REJECT", "" },
	{ "ns", "good.test", "192.0.2.53=REJECT", "" },
	{ "ns", "good.test", "mx1.test=REJECT", "ok" },
	{ "ns", "good.test", "ns1.test=OK", CONFIG },
	{ "ns", "sub.good.test", "ns1.test=REJECT", "" }, /* its parent's */
	{ "ns", "trouble.test", "test=REJECT", "ok" },
};

/* What the reply calls it. */
static void
set_name(struct rule_world *w, enum about about, const char *name, char *shown, size_t size)
{
	char address[300];

	snprintf(address, sizeof(address), "u@%s", name);
	rule_world_client(w, about == CLIENT ? name : "other.test", "198.51.100.1");
	if (about == REVERSE)
		snprintf(w->client.reverse_name, sizeof(w->client.reverse_name), "%s", name);
	if (about == HELO)
		rule_world_helo(w, name);
	if (about == SENDER)
		rule_world_sender(w, address);
	if (about == RCPT)
		rule_world_rcpt(w, address);
	if (about == CLIENT)
		snprintf(shown, size, "%s[198.51.100.1]", name);
	else /* REVERSE too is without the address, as in Postfix */
		snprintf(shown, size, "%s", about == SENDER || about == RCPT ? address : name);
}

static void
try(size_t i, enum about about)
{
	char list[300], want[600], shown[400];
	struct rule_world w;

	snprintf(list, sizeof(list), "%s_%s_access inline:{ %s }, permit",
	    abouts[about].restriction, cases[i].behind, cases[i].table);
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = list;
	rule_world_zone(&w, zone);
	assert_int_equal(rule_world_compile(&w), 0);
	set_name(&w, about, cases[i].name, shown, sizeof(shown));
	snprintf(want, sizeof(want), "554 5.7.1 <%s>: %s rejected: Access denied", shown,
	    abouts[about].class);
	assert_string_equal(
	    rule_world_ask(&w, RULE_RCPT), cases[i].want[0] == '\0' ? want : cases[i].want);
	rule_world_fini(&w);
}

static void
test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		for (enum about about = 0; about < ABOUTS; about++)
			try(i, about);
}

static const struct {
	const char *list, *sender, *helo, *want;
} odd_cases[] = {
	/* an address in brackets is its own host, and has no name servers */
	{ "check_sender_mx_access inline:{192.0.2.9=REJECT}", "u@[192.0.2.9]", "h", "refused" },
	{ "check_sender_a_access inline:{192.0.2.9=REJECT}", "u@[192.0.2.9]", "h", "refused" },
	{ "check_sender_ns_access static:REJECT", "u@[192.0.2.9]", "h", "dunno" },
	/* nobody to ask about */
	{ "check_sender_mx_access static:REJECT", "", "h", "dunno" },
	{ "check_helo_mx_access static:REJECT", "u@good.test", NULL, "dunno" },
	/* DISCARD is no permission */
	{ "check_sender_mx_access static:DISCARD, reject", "u@good.test", "h", "ok" },
};

static void
test_odd(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(odd_cases); i++) {
		const char *want = odd_cases[i].want;
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_RECIPIENT] = odd_cases[i].list;
		rule_world_zone(&w, zone);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_sender(&w, odd_cases[i].sender);
		rule_world_helo(&w, odd_cases[i].helo);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT),
		    strcmp(want, "refused") == 0
			? "554 5.7.1 <u@[192.0.2.9]>: Sender address rejected: Access denied"
			: want);
		rule_world_fini(&w);
	}
}

/* Several rows fit, and the first address that has one decides: IPv6 before IPv4, as in RFC 6724,
 * unless there is no way to send to it from here (fe80::, which of no interface it is said). */
static void
test_order_of_addresses(void **state)
{
	static const char both[] = "both.test A 127.0.0.1\n"
				   "both.test AAAA ::1\n"
				   "far.test A 127.0.0.1\n"
				   "far.test AAAA fe80::1\n"
				   "farther.test AAAA fe80::1\n"
				   "farther.test AAAA fe80::2\n";
	static const struct {
		const char *sender, *want;
	} order[] = {
		{ "u@both.test", "554 5.7.1 <u@both.test>: Sender address rejected: here6" },
		{ "u@far.test", "554 5.7.1 <u@far.test>: Sender address rejected: here4" },
		{ "u@farther.test", "554 5.7.1 <u@farther.test>: Sender address rejected: far" },
	};
	struct in6_addr here = IN6ADDR_LOOPBACK_INIT;
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] =
	    "check_sender_a_access inline:{ { ::1 = REJECT here6 }, "
	    "{ 127.0.0.1 = REJECT here4 }, { fe80::1 = REJECT far } }, permit";
	rule_world_zone(&w, both);
	assert_int_equal(rule_world_compile(&w), 0);
	for (size_t i = 0; i < nitems(order); i++) {
		if (i == 0 && !route_exists(AF_INET6, &here))
			continue; /* a machine without IPv6: the second case has what it does */
		rule_world_sender(&w, order[i].sender);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), order[i].want);
	}
	rule_world_fini(&w);
}

#define RCPTS   12000
#define SAMPLED 1500

static double
seconds_of(struct rule_world *w, int from, int to)
{
	clock_t began = clock();
	char address[64];

	for (int i = from; i < to; i++) {
		snprintf(address, sizeof(address), "r@d%d.elsewhere.example", i);
		rule_world_rcpt(w, address);
		(void)rule_world_ask(w, RULE_RCPT);
	}
	return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* What was looked up for earlier recipients is not gone through for each further one. */
static void
test_thousands_of_recipients_of_as_many_domains(void **state)
{
	struct rule_world w;
	double first, last;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] = "reject_unknown_recipient_domain";
	assert_int_equal(rule_world_compile(&w), 0);
	first = seconds_of(&w, 0, SAMPLED);
	(void)seconds_of(&w, SAMPLED, RCPTS - SAMPLED);
	last = seconds_of(&w, RCPTS - SAMPLED, RCPTS);
	assert_true(last < 4 * first + 0.05);
	/* and it is still known */
	rule_world_rcpt(&w, "r@D7.Elsewhere.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "450 4.1.2 <r@D7.Elsewhere.example>: Recipient address rejected: Domain not found");
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_order_of_addresses),
		cmocka_unit_test(test_thousands_of_recipients_of_as_many_domains),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
