/* DNS lists in restriction lists: who is asked about what, and what the reply says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "rules/dnsbl.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/rule_world.h"
#include "tests/lib/tmpdir.h"

static const char zone[] =
    "10.2.0.192.rbl.test A 127.0.0.2\n"
    "10.2.0.192.rbl.test TXT Listed, see http://rbl.test/q?192.0.2.10\n"
    "8.100.51.198.rbl.test A 127.0.0.5\n"
    "8.100.51.198.rbl.test TXT first reason\n"
    "8.100.51.198.rbl.test TXT second\xc3\xbc reason\n"
    "20.2.0.192.rbl.test A 127.0.0.4\n"
    "20.2.0.192.rbl.test A 127.0.0.10\n"
    "66.113.0.203.rbl.test A 127.0.0.6\n"
    "66.113.0.203.rbl.test TXT SERVFAIL\n"
    "3.2.1.10.rbl.test A 127.255.255.254\n"
    "4.2.1.10.rbl.test A 192.0.2.1\n"
    "9.100.51.198.rbl.test * SERVFAIL\n"
    "7.100.51.198.rbl.test * TIMEOUT\n"
    "d.a.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.rbl.test "
    "A 127.0.0.3\n"
    "2.0.0.127.rbl.test A 127.0.0.2\n"
    "10.2.0.192.two.test A 127.0.0.9\n"
    "10.2.0.192.all.test A 127.0.0.2\n"
    "1.0.0.127.all.test A 127.0.0.2\n"
    "10.2.0.192.wl.test A 127.0.5.1\n"
    "9.100.51.198.wl.test * SERVFAIL\n"
    "3.2.1.10.wl.test A 127.0.0.255\n"
    "ok.example.rhs.test A 127.0.0.2\n"
    "ok.example.rhs.test TXT domain listed\n"
    "fresh.example.rhs.test A 127.0.1.2\n"
    "unknown.rhs.test A 127.0.0.2\n"
    "sold.example.rhs.test A 127.0.1.255\n"
    "broken.example.rhs.test * REFUSED\n"
    "white.example.rwl.test A 127.0.0.2\n"
    "broken.example.rwl.test * SERVFAIL\n";

#define RCPT LIST_RECIPIENT

static void
world(struct rule_world *w, const char *list)
{
	rule_world_init(w);
	w->o.lists[LIST_RELAY] = "";
	w->o.lists[RCPT] = list;
	w->o.dnsbl_refused_limit = 3;
	w->o.dnsbl_probe_interval = 3600 * 1000;
	rule_world_zone(w, zone);
	w->services.zones = dnsbl_zones_new();
}

static void
world_end(struct rule_world *w)
{
	dnsbl_zones_free(w->services.zones);
	rule_world_said(w);
	rule_world_fini(w);
}

static const struct {
	const char *list, *name, *addr;
	const char *plain, *strict; /* the answer; strict NULL: the same */
} address_cases[] = {
	{ "reject_rbl_client rbl.test", "x.example", "192.0.2.10",
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test; "
	    "Listed, see http://rbl.test/q?192.0.2.10",
	    NULL },
	{ "reject_rbl_client rbl.test", "x.example", "198.51.100.8",
	    "554 5.7.1 Service unavailable; Client host [198.51.100.8] blocked using rbl.test; "
	    "first reason / second   reason",
	    NULL },
	{ "reject_rbl_client rbl.test=127.0.0.[2;4..6]", "x.example", "192.0.2.20",
	    "554 5.7.1 Service unavailable; Client host [192.0.2.20] blocked using rbl.test",
	    NULL },
	{ "reject_rbl_client rbl.test=127.0.0.[1..3]", "x.example", "192.0.2.20", "dunno", NULL },
	/* Its text cannot be had: listed all the same. */
	{ "reject_rbl_client rbl.test", "x.example", "203.0.113.66",
	    "554 5.7.1 Service unavailable; Client host [203.0.113.66] blocked using rbl.test",
	    NULL },
	{ "reject_rbl_client rbl.test", "unknown", "2001:db8::bad",
	    "554 5.7.1 Service unavailable; Client host [2001:db8::bad] blocked using rbl.test",
	    NULL },
	{ "reject_rbl_client rbl.test", "x.example", "192.0.2.99", "dunno", NULL },
	/* Refused, not listed. */
	{ "reject_rbl_client rbl.test", "x.example", "10.1.2.3", "dunno",
	    "554 5.7.1 Service unavailable; Client host [10.1.2.3] blocked using rbl.test" },
	{ "reject_rbl_client rbl.test", "x.example", "10.1.2.4", "dunno",
	    "554 5.7.1 Service unavailable; Client host [10.1.2.4] blocked using rbl.test" },
	{ "reject_rbl_client rbl.test=127.255.255.254", "x.example", "10.1.2.3", "dunno",
	    "554 5.7.1 Service unavailable; Client host [10.1.2.3] blocked using rbl.test" },
	/* Trouble is not a listing. */
	{ "reject_rbl_client rbl.test", "x.example", "198.51.100.9", "dunno", NULL },
	{ "reject_rbl_client rbl.test", "x.example", "198.51.100.7", "dunno", NULL },
	/* A list that lists everybody. */
	{ "reject_rbl_client all.test", "x.example", "192.0.2.10", "dunno",
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using all.test" },
	{ "reject_maps_rbl", "x.example", "192.0.2.10",
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using two.test",
	    NULL },
	{ "reject_rbl rbl.test", "x.example", "192.0.2.10",
	    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test; "
	    "Listed, see http://rbl.test/q?192.0.2.10",
	    NULL },
	{ "permit_dnswl_client wl.test=127.0.[0..255].[1..3], reject", "x.example", "192.0.2.10",
	    "ok", NULL },
	{ "permit_dnswl_client wl.test, reject", "x.example", "192.0.2.10",
	    "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied", "ok" },
	{ "permit_dnswl_client wl.test, reject", "x.example", "10.1.2.3",
	    "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied", "ok" },
	{ "permit_dnswl_client wl.test, reject", "x.example", "192.0.2.77",
	    "554 5.7.1 <r@local.example>: Recipient address rejected: Access denied", NULL },
	/* It might have been permitted. */
	{ "permit_dnswl_client wl.test, reject", "x.example", "198.51.100.9",
	    "450 4.7.1 <198.51.100.9>: Client host rejected: Service unavailable", NULL },
	{ "permit_dnswl_client wl.test", "x.example", "198.51.100.9", "dunno", NULL },
};

static void
ask_addresses(int strict)
{
	for (size_t i = 0; i < nitems(address_cases); i++) {
		struct rule_world w;
		const char *want = address_cases[i].plain;

		if (strict && address_cases[i].strict != NULL)
			want = address_cases[i].strict;
		world(&w, address_cases[i].list);
		w.o.dnsbl_strict_postfix = strict;
		w.o.maps_rbl_domains = "one.test, two.test three.test";
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_client(&w, address_cases[i].name, address_cases[i].addr);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
		world_end(&w);
	}
}

static void
test_addresses(void **state)
{
	(void)state;
	ask_addresses(0);
}

static void
test_addresses_strict(void **state)
{
	(void)state;
	ask_addresses(1);
}

#define LISTED(class, what)                                                                        \
	"554 5.7.1 Service unavailable; " class " [" what "] blocked using rhs.test; domain "      \
						"listed"

static const struct {
	const char *list, *name, *helo, *sender, *rcpt, *answer;
} name_cases[] = {
	{ "reject_rhsbl_client rhs.test", "ok.example", "h", "s@f.example", "r@local.example",
	    LISTED("Client host", "ok.example") },
	{ "reject_rhsbl_client rhs.test", "sub.ok.example", "h", "s@f.example", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_client rhs.test", "unknown", "h", "s@f.example", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_client rhs.test", "fresh.example", "h", "s@f.example", "r@local.example",
	    "554 5.7.1 Service unavailable; Client host [fresh.example] blocked using rhs.test" },
	{ "reject_rhsbl_client rhs.test", "sold.example", "h", "s@f.example", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_client rhs.test", "broken.example", "h", "s@f.example", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_reverse_client rhs.test", "ok.example", "h", "s@f.example",
	    "r@local.example", LISTED("Unverified Client host", "ok.example") },
	{ "reject_rhsbl_helo rhs.test", "x.example", "OK.example", "s@f.example", "r@local.example",
	    LISTED("Helo command", "OK.example") },
	{ "reject_rhsbl_helo rhs.test", "x.example", "unknown", "s@f.example", "r@local.example",
	    "554 5.7.1 Service unavailable; Helo command [unknown] blocked using rhs.test" },
	{ "reject_rhsbl_helo rhs.test", "x.example", "[192.0.2.1]", "s@f.example",
	    "r@local.example", "dunno" },
	{ "reject_rhsbl_helo rhs.test", "x.example", NULL, "s@f.example", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_sender rhs.test", "x.example", "h", "s@ok.example", "r@local.example",
	    LISTED("Sender address", "s@ok.example") },
	{ "reject_rhsbl_sender rhs.test", "x.example", "h", "", "r@local.example", "dunno" },
	{ "reject_rhsbl_sender rhs.test", "x.example", "h", "s@[192.0.2.1]", "r@local.example",
	    "dunno" },
	{ "reject_rhsbl_recipient rhs.test", "x.example", "h", "s@f.example", "\"a b\"@ok.example",
	    LISTED("Recipient address", "a b@ok.example") },
	{ "reject_rhsbl_recipient rhs.test", "x.example", "h", "s@f.example", "r@local.example",
	    "dunno" },
	{ "permit_rhswl_client rwl.test, reject", "white.example", "h", "s@f.example",
	    "r@local.example", "ok" },
	/* Names are no reason to relay. */
	{ "permit_rhswl_client rwl.test, reject", "white.example", "h", "s@f.example",
	    "r@elsewhere.example",
	    "554 5.7.1 <r@elsewhere.example>: Recipient address rejected: Access denied" },
	{ "permit_rhswl_client rwl.test, reject", "white.example", "h", "s@f.example",
	    "r@relay.example", "ok" },
	{ "permit_rhswl_client rwl.test, reject", "white.example", "h", "s@f.example",
	    "r%elsewhere.example@local.example",
	    "554 5.7.1 <r%elsewhere.example@local.example>: Recipient address rejected: Access "
	    "denied" },
	{ "permit_rhswl_client rwl.test, reject", "broken.example", "h", "s@f.example",
	    "r@local.example",
	    "450 4.7.1 <broken.example>: Client host rejected: Service unavailable" },
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(name_cases); i++) {
		struct rule_world w;

		world(&w, name_cases[i].list);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_client(&w, name_cases[i].name, "192.0.2.10");
		snprintf(
		    w.client.reverse_name, sizeof(w.client.reverse_name), "%s", name_cases[i].name);
		rule_world_helo(&w, name_cases[i].helo);
		rule_world_sender(&w, name_cases[i].sender);
		rule_world_rcpt(&w, name_cases[i].rcpt);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), name_cases[i].answer);
		world_end(&w);
	}
}

/* Who stands on no list costs no text; who does, is asked about once. */
static void
test_asked(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, "reject_rbl_client rbl.test=127.0.0.99, reject_rbl_client rbl.test");
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_client(&w, "x.example", "192.0.2.99");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_string_equal(dns_zone_asked(w.zone), "A 99.2.0.192.rbl.test");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_string_equal(dns_zone_asked(w.zone), "");
	rule_world_client(&w, "x.example", "192.0.2.10");
	rule_world_again(&w);
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "blocked using"));
	assert_string_equal(dns_zone_asked(w.zone),
	    "A 10.2.0.192.rbl.test, A 1.0.0.127.rbl.test, TXT 10.2.0.192.rbl.test");
	world_end(&w);
}

/* All lists of a row of items are asked at once. */
static void
test_together(void **state)
{
	struct rule_world w;
	const char *asked;

	(void)state;
	world(&w, "reject_rbl_client a.test, reject_rhsbl_sender b.test, reject_rbl_client "
		  "rbl.test, reject_rbl_client c.test");
	assert_int_equal(rule_world_compile(&w), 0);
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "blocked using rbl.test"));
	asked = dns_zone_asked(w.zone);
	assert_non_null(strstr(asked, "A 10.2.0.192.a.test"));
	assert_non_null(strstr(asked, "A from.example.b.test"));
	assert_non_null(strstr(asked, "A 10.2.0.192.c.test"));
	world_end(&w);
}

/* A list that refuses thrice is left alone, and nobody stands on it. */
static void
test_switched_off(void **state)
{
	struct rule_world w;
	const char *said;

	(void)state;
	world(&w, "reject_rbl_client rbl.test");
	w.o.dnsbl_probe_interval = 0;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_client(&w, "x.example", "10.1.2.3");
	for (int i = 0; i < 3; i++) {
		rule_world_again(&w);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	}
	said = rule_world_said(&w);
	assert_non_null(strstr(
	    said, "3.2.1.10.rbl.test: the DNS list rbl.test refuses to answer: 127.255.255.254"));
	assert_non_null(strstr(said, "DNS list rbl.test: switched off: 3 questions refused"));
	/* The next who comes probes: the test points are right. */
	(void)dns_zone_asked(w.zone);
	rule_world_client(&w, "x.example", "192.0.2.10");
	rule_world_again(&w);
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "blocked using rbl.test"));
	assert_non_null(
	    strstr(dns_zone_asked(w.zone), "A 2.0.0.127.rbl.test, A 1.0.0.127.rbl.test"));
	assert_non_null(strstr(rule_world_said(&w), "switched on again"));
	world_end(&w);

	/* All within the interval find it off. */
	world(&w, "reject_rbl_client rbl.test");
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_client(&w, "x.example", "10.1.2.3");
	for (int i = 0; i < 3; i++)
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	(void)dns_zone_asked(w.zone);
	rule_world_client(&w, "x.example", "192.0.2.10");
	rule_world_again(&w);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_string_equal(dns_zone_asked(w.zone), "");
	world_end(&w);
}

/* --- replies --- */

static const struct {
	const char *reply, *maps; /* default_rbl_reply, and the rows of a table */
	const char *answer, *said;
} reply_cases[] = {
	{ "$rbl_code 5.7.8 $rbl_what ($client_name/$client_address) helo=$helo_name "
	  "from=$sender to=$recipient",
	    NULL,
	    "554 5.7.8 192.0.2.10 (mail.good.example/192.0.2.10) helo=helo.example "
	    "from=s@from.example to=r@local.example",
	    NULL },
	{ "$rbl_code 4.7.1 ${rbl_class}", NULL, "554 5.7.1 Client host", NULL },
	{ "450 try later", NULL, "450 4.7.1 try later", NULL },
	{ "bad $rbl_domain", NULL, "450 4.7.1 Service unavailable",
	    "rbl response code configuration error: bad rbl.test" },
	{ "$rbl_code", NULL, "450 4.7.1 Service unavailable",
	    "rbl response code configuration error: 554" },
	{ "554 ${nosuch?x}", NULL, "554 5.7.1 Service unavailable", NULL },
	/* The whole zone=filter is the key, and nothing less. */
	{ "$rbl_code default", "rbl.test=127.0.0.2 521 5.7.9 $rbl_domain says: $rbl_reason",
	    "521 5.7.9 rbl.test says: Listed, see http://rbl.test/q?192.0.2.10", NULL },
	{ "$rbl_code default", "rbl.test 521 5.7.9 other\ntest 521 5.7.9 other",
	    "554 5.7.1 default", NULL },
	{ "$rbl_code default", "rbl.test=127.0.0.2 $rbl_code $nosuch x", "554 5.7.1 default",
	    "rbl_reply_maps: bad template for rbl.test=127.0.0.2" },
	{ "$rbl_code default", "rbl.test=127.0.0.2 nonsense", "450 4.7.1 Service unavailable",
	    "rbl response code configuration error: nonsense" },
};

/* A file with these rows, as "texthash:PATH". */
static char *
make_table(const char *dir, const char *rows)
{
	char *name = xasprintf("texthash:%s/replies", dir);
	FILE *f = fopen(strchr(name, '/'), "w");

	assert_non_null(f);
	fprintf(f, "%s\n", rows);
	fclose(f);
	return name;
}

static void
test_replies(void **state)
{
	char *dir = tmpdir_make();

	(void)state;
	for (size_t i = 0; i < nitems(reply_cases); i++) {
		char *maps =
		    make_table(dir, reply_cases[i].maps == NULL ? "" : reply_cases[i].maps);
		struct rule_world w;

		world(&w, "reject_rbl_client rbl.test=127.0.0.2");
		w.o.default_rbl_reply = reply_cases[i].reply;
		w.o.rbl_reply_maps = maps;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), reply_cases[i].answer);
		if (reply_cases[i].said != NULL)
			assert_non_null(strstr(rule_world_said(&w), reply_cases[i].said));
		world_end(&w);
		free(maps);
	}
	tmpdir_remove(dir);
}

static void
test_reply_table_fails(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, "reject_rbl_client rbl.test");
	w.o.rbl_reply_maps = "fail:x";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "451 4.3.5 Server configuration error");
	world_end(&w);
}

/* --- at load --- */

static const struct {
	const char *list, *reply;
	int rc;
	const char *finding;
} load_cases[] = {
	{ "reject_rbl_client rbl.test=127.0.0.300", "554 x", -1,
	    "rbl.test=127.0.0.300: the filter must be d.d.d.d" },
	{ "reject_rhsbl_sender ..", "554 x", -1, "must begin with the domain name of a DNS list" },
	{ "reject_rbl_client", "554 x", -1, "reject_rbl_client must be followed by" },
	{ "reject_rbl_client rbl.test", "554 $nosuch", -1, "default_rbl_reply: no such macro" },
	{ "reject_rbl_client rbl.test", "554 ${rbl_reason:$nosuch}", -1, "no such macro" },
	{ "reject_maps_rbl", "554 x", 0, "write reject_rbl_client" },
	{ "reject_rbl rbl.test", "554 x", 0, "reject_rbl is an old name of reject_rbl_client" },
	{ "permit_dnswl_client wl.test", "554 x", 0, "wl.test=127.0.[0..255].[1..3]" },
	{ "permit_dnswl_client wl.test=127.0.0.2", "554 x", 0, NULL },
	{ "reject_rbl_client rbl.test, reject_rhsbl_helo rhs.test=127.0.0.[2..9]", "554 x", 0,
	    NULL },
};

static void
test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++) {
		struct rule_world w;

		world(&w, load_cases[i].list);
		w.o.default_rbl_reply = load_cases[i].reply;
		w.o.maps_rbl_domains = "rbl.test";
		assert_int_equal(rule_world_compile(&w), load_cases[i].rc);
		if (load_cases[i].finding == NULL)
			assert_string_equal(buf_cstr(&w.findings), "");
		else
			assert_non_null(strstr(buf_cstr(&w.findings), load_cases[i].finding));
		world_end(&w);
	}
}

/* config_errors = postfix: what Postfix would say when mail comes. */
static void
test_tolerant(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, "reject_rbl_client rbl.test=127.0.0.300");
	w.o.tolerant = 1;
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "451 4.3.5 Server configuration error");
	world_end(&w);

	world(&w, "reject_rbl_client rbl.test");
	w.o.tolerant = 1;
	w.o.default_rbl_reply = "554 $nosuch";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "451 4.3.5 Server configuration error");
	rule_world_client(&w, "x.example", "192.0.2.99");
	rule_world_again(&w);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	world_end(&w);
}

/* Nothing is held against the peer, nor permitted for its sake, where it speaks for others. */
static void
test_untold(void **state)
{
	static const char *const of_client[] = { "reject_rbl_client rbl.test",
		"reject_rhsbl_client rhs.test", "reject_rhsbl_reverse_client rhs.test",
		"permit_dnswl_client wl.test=127.0.5.1", "permit_rhswl_client rwl.test" };

	(void)state;
	for (size_t i = 0; i < nitems(of_client); i++) {
		struct rule_world w;

		world(&w, of_client[i]);
		assert_int_equal(rule_world_compile(&w), 0);
		rule_world_client(&w, "ok.example", "192.0.2.10");
		fact_set(&w.txn.facts, FACT_CLIENT_UNTOLD);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
		assert_non_null(strstr(rule_world_said(&w), "the client is not known"));
		assert_string_equal(dns_zone_asked(w.zone), "");
		world_end(&w);
	}
}

static void
test_warn_if_reject(void **state)
{
	struct rule_world w;

	(void)state;
	world(&w, "warn_if_reject reject_rbl_client rbl.test");
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	assert_non_null(strstr(rule_world_said(&w),
	    "reject_warning: RCPT from mail.good.example[192.0.2.10]: 554 5.7.1 Service "
	    "unavailable; Client host [192.0.2.10] blocked using rbl.test"));
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_addresses_strict),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_reply_table_fails),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_tolerant),
		cmocka_unit_test(test_untold),
		cmocka_unit_test(test_warn_if_reject),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
