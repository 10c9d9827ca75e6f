/* Names, replies and results.  Hostile packets are rows: the question is always "a.", type A. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "net/dns_packet.h"
#include "tests/lib/dns_make.h"

/* --- names --- */

#define L63 "123456789012345678901234567890123456789012345678901234567890123"
#define L62 "12345678901234567890123456789012345678901234567890123456789012"

static const struct {
	const char *in;
	const char *out; /* NULL: refused */
} name_cases[] = {
	{ "example.com", "example.com" },
	{ "example.com.", "example.com" },
	{ "Example.COM", "Example.COM" }, /* as given */
	{ ".", "." },
	{ "", NULL },
	{ ".a", NULL },
	{ "a..b", NULL },
	{ "a..", NULL },
	{ "_dmarc.a-b.x_y", "_dmarc.a-b.x_y" },
	{ "*.a", "*.a" },
	{ "a\\.b.c", "a\\.b.c" },
	{ "a\\\\b", "a\\\\b" },
	{ "a\\046b", "a\\.b" },
	{ "a\\065", "aA" },
	{ "a\\256", NULL },
	{ "a\\25", NULL },
	{ "a\\", NULL },
	{ "a\\000b", NULL }, /* a C string would lose it */
	{ "a b", "a\\032b" },
	{ "b\xc3\xbc", "b\\195\\188" }, /* taken as it comes */
	{ "192.0.2.1", "192.0.2.1" },
	{ L63 ".x", L63 ".x" },
	{ L63 "4.x", NULL },
	{ L63 "." L63 "." L63 "." L62, NULL },
	{ L63 "." L63 "." L63 "."
	      "1234567890123456789012345678901234567890123456789012345678901",
	    L63 "." L63 "." L63 "."
		"1234567890123456789012345678901234567890123456789012345678901" },
};

static void
test_names(void **state)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name n;

	(void)state;
	for (size_t i = 0; i < nitems(name_cases); i++) {
		int rc = dns_name_parse(span_str(name_cases[i].in), &n);

		if (name_cases[i].out == NULL) {
			assert_int_equal(rc, -1);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(dns_name_format(&n, text), strlen(name_cases[i].out));
		assert_string_equal(text, name_cases[i].out);
	}
	assert_int_equal(dns_name_parse(span_make("a\0b", 3), &n), -1);
}

static const struct {
	const char *name, *above;
	int within;
} within_cases[] = {
	{ "a.b.c", "b.c", 1 },
	{ "a.b.c", "A.B.C", 1 },
	{ "a.b.c", ".", 1 },
	{ "b.c", "a.b.c", 0 },
	{ "ab.c", "b.c", 0 }, /* not where a label begins */
	{ "a.b.c", "b.d", 0 },
};

static void
test_within(void **state)
{
	struct dns_name n, above;

	(void)state;
	for (size_t i = 0; i < nitems(within_cases); i++) {
		assert_int_equal(dns_name_parse(span_str(within_cases[i].name), &n), 0);
		assert_int_equal(dns_name_parse(span_str(within_cases[i].above), &above), 0);
		assert_int_equal(dns_name_within(&n, &above), within_cases[i].within);
	}
}

static const struct {
	const char *address, *zone, *out;
} reverse_cases[] = {
	{ "192.0.2.1", NULL, "1.2.0.192.in-addr.arpa" },
	{ "192.0.2.1", "bl.test", "1.2.0.192.bl.test" },
	{ "::ffff:192.0.2.1", "bl.test", "1.2.0.192.bl.test" },
	{ "::ffff:192.0.2.1", NULL, "1.2.0.192.in-addr.arpa" },
	{ "2001:db8::1", NULL,
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
	{ "2001:db8::ab", "bl.test",
	    "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test" },
};

static void
address(const char *text, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (ss->ss_family == AF_INET)
		inet_pton(AF_INET, text, &((struct sockaddr_in *)ss)->sin_addr);
	else
		inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)ss)->sin6_addr);
}

static void
test_reverse(void **state)
{
	struct sockaddr_storage ss;
	char out[100];

	(void)state;
	for (size_t i = 0; i < nitems(reverse_cases); i++) {
		size_t need = strlen(reverse_cases[i].out) + 1;

		address(reverse_cases[i].address, &ss);
		assert_int_equal(dns_reverse_name(&ss, reverse_cases[i].zone, out, need), 0);
		assert_string_equal(out, reverse_cases[i].out);
		assert_int_equal(dns_reverse_name(&ss, reverse_cases[i].zone, out, need - 1), -1);
	}
	ss.ss_family = AF_UNIX;
	assert_int_equal(dns_reverse_name(&ss, NULL, out, sizeof(out)), -1);
}

/* --- packets --- */

#define OK     "\x12\x34\x81\x80"
#define ONE_Q  "\0\1"
#define AN(n)  "\0" n "\0\0\0\0"
#define Q      "\1a\0\0\1\0\1" /* from 12 to 19 */
#define NAME_Q "\300\14"
#define A_RR   "\0\1\0\1\0\0\0\74\0\4\177\0\0\2"
#define HEAD   OK ONE_Q AN("\1") Q

static const struct {
	const char *what;
	const char *p;
	size_t len;
	enum dns_outcome outcome;
} packet_cases[] = {
#define ROW(what, bytes, outcome)                                                                  \
	{                                                                                          \
		what, bytes, sizeof(bytes) - 1, outcome                                            \
	}
	ROW("an address", HEAD NAME_Q A_RR, DNS_FOUND),
	ROW("nothing at all", "", DNS_BAD_ANSWER),
	ROW("half a header", OK "\0", DNS_BAD_ANSWER),
	ROW("no question", OK ONE_Q AN("\0"), DNS_BAD_ANSWER),
	ROW("a query", "\x12\x34\x01\x00" ONE_Q AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("opcode 1", "\x12\x34\x89\x80" ONE_Q AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("truncated", "\x12\x34\x83\x80" ONE_Q AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("0 questions", OK "\0\0" AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("2 questions", OK "\0\2" AN("\1") Q Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("65535 questions", OK "\377\377" AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("65535 answers", OK ONE_Q "\377\377\0\0\0\0" Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("65535 additional", OK ONE_Q "\0\1\0\0\377\377" Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("0 answers, but one", OK ONE_Q AN("\0") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("another name", OK ONE_Q AN("\1") "\1b\0\0\1\0\1" NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("another type", OK ONE_Q AN("\1") "\1a\0\0\2\0\1" NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("another class", OK ONE_Q AN("\1") "\1a\0\0\1\0\3" NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("in upper case", OK ONE_Q AN("\1") "\1A\0\0\1\0\1" NAME_Q A_RR, DNS_FOUND),
	ROW("points to itself", HEAD "\300\23" A_RR, DNS_BAD_ANSWER),
	ROW("points forward", HEAD "\300\40" A_RR, DNS_BAD_ANSWER),
	ROW("points behind the end", HEAD "\377\377" A_RR, DNS_BAD_ANSWER),
	ROW("points round", HEAD "\1b\300\23" A_RR, DNS_BAD_ANSWER),
	ROW("points into the header", HEAD "\300\10" A_RR, DNS_NODATA), /* reads as the root */
	ROW("half a pointer", HEAD "\300", DNS_BAD_ANSWER),
	ROW("label type 01", HEAD "\101a\0" A_RR, DNS_BAD_ANSWER),
	ROW("label type 10", HEAD "\201a\0" A_RR, DNS_BAD_ANSWER),
	ROW("a label without end", HEAD "\77a\0" A_RR, DNS_BAD_ANSWER),
	ROW("data beyond the end", HEAD NAME_Q "\0\1\0\1\0\0\0\74\0\5\177\0\0\2", DNS_BAD_ANSWER),
	ROW("a lot of data", HEAD NAME_Q "\0\1\0\1\0\0\0\74\377\377\177\0\0\2", DNS_BAD_ANSWER),
	ROW("3 octets", HEAD NAME_Q "\0\1\0\1\0\0\0\74\0\3\177\0\0", DNS_BAD_ANSWER),
	ROW("5 octets", HEAD NAME_Q "\0\1\0\1\0\0\0\74\0\5\177\0\0\0\2", DNS_BAD_ANSWER),
	ROW("something behind", HEAD NAME_Q A_RR "x", DNS_BAD_ANSWER),
	ROW("class CH", HEAD NAME_Q "\0\1\0\3\0\0\0\74\0\4\177\0\0\2", DNS_NODATA),
	ROW("a type not asked for", HEAD NAME_Q "\0\20\0\1\0\0\0\74\0\1\377", DNS_NODATA),
	ROW("an alias to nowhere", HEAD NAME_Q "\0\5\0\1\0\0\0\74\0\1\1", DNS_BAD_ANSWER),
	ROW("an alias and more", HEAD NAME_Q "\0\5\0\1\0\0\0\74\0\2\0x", DNS_BAD_ANSWER),
	ROW("NXDOMAIN", "\x12\x34\x81\x83" ONE_Q AN("\0") Q, DNS_NXDOMAIN),
	ROW("NXDOMAIN and data", "\x12\x34\x81\x83" ONE_Q AN("\1") Q NAME_Q A_RR, DNS_BAD_ANSWER),
	ROW("SERVFAIL", "\x12\x34\x81\x82" ONE_Q AN("\0") Q, DNS_SERVFAIL),
	ROW("SERVFAIL and data", "\x12\x34\x81\x82" ONE_Q AN("\1") Q NAME_Q A_RR, DNS_SERVFAIL),
	ROW("REFUSED", "\x12\x34\x81\x85" ONE_Q AN("\0") Q, DNS_REFUSED),
	ROW("FORMERR", "\x12\x34\x81\x81" ONE_Q AN("\0") Q, DNS_BAD_ANSWER),
	ROW("NOTIMP", "\x12\x34\x81\x84" ONE_Q AN("\0") Q, DNS_BAD_ANSWER),
	ROW("rcode 15", "\x12\x34\x81\x8f" ONE_Q AN("\0") Q, DNS_BAD_ANSWER),
	ROW("nothing, recursive", OK ONE_Q AN("\0") Q, DNS_NODATA),
	ROW("nothing, its own", "\x12\x34\x85\x00" ONE_Q AN("\0") Q, DNS_NODATA),
	ROW("nothing, neither", "\x12\x34\x81\x00" ONE_Q AN("\0") Q, DNS_BAD_ANSWER), /* lame */
	ROW("a referral", OK ONE_Q "\0\0\0\1\0\0" Q "\0\0\2\0\1\0\0\0\74\0\1\0", DNS_BAD_ANSWER),
#undef ROW
};

static void
read_packet(const void *p, size_t len, const char *name, enum dns_type type, struct arena *a,
    struct dns_reply *out)
{
	struct dns_name asked;
	uint8_t *exact = malloc(len + (len == 0)); /* so that a sanitizer sees its end */

	if (len > 0)
		memcpy(exact, p, len);
	assert_int_equal(dns_name_parse(span_str(name), &asked), 0);
	dns_packet_read(span_make(exact, len), &asked, type, 0, a, out);
	free(exact);
}

static void
test_packets(void **state)
{
	struct arena *a = arena_new();
	struct dns_reply r;

	(void)state;
	for (size_t i = 0; i < nitems(packet_cases); i++) {
		read_packet(packet_cases[i].p, packet_cases[i].len, "a", DNS_A, a, &r);
		if (r.result.outcome != packet_cases[i].outcome)
			fail_msg(
			    "%s: %s", packet_cases[i].what, dns_outcome_text(r.result.outcome));
		assert_int_equal(r.result.n, r.result.outcome == DNS_FOUND);
	}
	arena_free(a);
}

/* Whatever is cut off or changed, it is read without harm; a part is never an answer. */
static void
test_parts(void **state)
{
	static const char good[] = HEAD NAME_Q A_RR;
	struct arena *a = arena_new();
	struct dns_reply r;
	char changed[sizeof(good)];

	(void)state;
	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		read_packet(good, len, "a", DNS_A, a, &r);
		assert_int_equal(r.result.outcome, DNS_BAD_ANSWER);
	}
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(changed, good, sizeof(good));
			changed[i] = (char)c;
			read_packet(changed, sizeof(good) - 1, "a", DNS_A, a, &r);
		}
		arena_reset(a);
	}
	arena_free(a);
}

struct world {
	struct dns_make m;
	struct arena *a;
	struct dns_reply r;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->a = arena_new();
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_free(w->a);
	free(w);
	return 0;
}

static const struct dns_result *
get(struct world *w, const char *name, enum dns_type type)
{
	read_packet(w->m.p, w->m.len, name, type, w->a, &w->r);
	return &w->r.result;
}

/* The name where the aliases led. */
static const char *
led_to(struct world *w)
{
	static char text[DNS_NAME_TEXT_SIZE];

	dns_name_format(&w->r.name, text);
	return text;
}

static void
test_alias(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	/* in no order, with what nobody asked for */
	make_a(&w->m, "other.test", 5, "192.0.2.9");
	make_a(&w->m, "c.test", 60, "192.0.2.1");
	make_of_name(&w->m, 1, "b.test", DNS_CNAME, "C.test");
	make_a(&w->m, "c.test", 50, "192.0.2.2");
	make_of_name(&w->m, 1, "W.TEST", DNS_CNAME, "b.test");
	r = get(w, "w.test", DNS_A);
	assert_int_equal(r->outcome, DNS_FOUND);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->ttl, 50);
	assert_int_equal(r->aliases, 2);
	assert_int_equal(r->rr[0].ttl, 60);
	assert_memory_equal(r->rr[1].data.p, "\xc0\0\2\2", 4);
	assert_string_equal(led_to(w), "C.test");
}

static void
test_alias_itself(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_CNAME);
	make_of_name(&w->m, 1, "w.test", DNS_CNAME, "b.test");
	r = get(w, "w.test", DNS_CNAME);
	assert_int_equal(r->outcome, DNS_FOUND);
	assert_int_equal(r->aliases, 0);
	assert_string_equal(r->rr[0].name, "b.test");
}

/* The server does not know what the alias stands for: somebody else does. */
static void
test_alias_alone(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;

	make_reply(&w->m, MAKE_AA, "w.test", DNS_A);
	make_of_name(&w->m, 1, "w.test", DNS_CNAME, "b.other");
	make_soa(&w->m, 2, "test", 60, 60); /* not the zone of b.other */
	r = get(w, "w.test", DNS_A);
	assert_int_equal(r->outcome, DNS_NODATA);
	assert_int_equal(w->r.go_on, 1);
	assert_int_equal(w->r.alias_ttl, 300);
	assert_int_equal(r->aliases, 1);
	assert_string_equal(led_to(w), "b.other");
	make_soa(&w->m, 2, "other", 60, 30);
	r = get(w, "w.test", DNS_A);
	assert_int_equal(r->outcome, DNS_NODATA);
	assert_int_equal(w->r.go_on, 0);
	assert_int_equal(r->ttl, 30);
}

static void
test_alias_circle(void **state)
{
	struct world *w = *state;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	make_of_name(&w->m, 1, "w.test", DNS_CNAME, "b.test");
	make_of_name(&w->m, 1, "b.test", DNS_CNAME, "w.test");
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_CHAIN);
	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	make_of_name(&w->m, 1, "w.test", DNS_CNAME, "w.test");
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_CHAIN);
}

static void
test_alias_limit(void **state)
{
	struct world *w = *state;
	char from[20], to[20];

	for (int n = DNS_ALIASES_MAX; n <= DNS_ALIASES_MAX + 1; n++) {
		make_reply(&w->m, MAKE_RA, "c0.test", DNS_A);
		for (int i = 0; i < n; i++) {
			snprintf(from, sizeof(from), "c%d.test", i);
			snprintf(to, sizeof(to), "c%d.test", i + 1);
			make_of_name(&w->m, 1, from, DNS_CNAME, to);
		}
		make_a(&w->m, to, 60, "192.0.2.1");
		assert_int_equal(get(w, "c0.test", DNS_A)->outcome,
		    n == DNS_ALIASES_MAX ? DNS_FOUND : DNS_CHAIN);
	}
}

static void
test_records_limit(void **state)
{
	struct world *w = *state;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	for (int i = 0; i < DNS_RECORDS_MAX; i++)
		make_a(&w->m, "w.test", 60, "192.0.2.1");
	assert_int_equal(get(w, "w.test", DNS_A)->n, DNS_RECORDS_MAX);
	make_a(&w->m, "w.test", 60, "192.0.2.1");
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_BAD_ANSWER);
	assert_int_equal(w->r.result.n, 0);
}

static void
test_negative_ttl(void **state)
{
	struct world *w = *state;

	make_reply(&w->m, MAKE_RA | 3, "w.test", DNS_A);
	make_soa(&w->m, 2, "test", 900, 300);
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_NXDOMAIN);
	assert_int_equal(w->r.result.ttl, 300);
	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	make_soa(&w->m, 2, "test", 100, 300);
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_NODATA);
	assert_int_equal(w->r.result.ttl, 100);
	/* that of another zone says nothing */
	make_reply(&w->m, MAKE_RA | 3, "w.test", DNS_A);
	make_soa(&w->m, 2, "other", 900, 300);
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_NXDOMAIN);
	assert_int_equal(w->r.result.ttl, 0);
	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	make_end(&w->m, make_rr(&w->m, 2, "test", DNS_SOA, 60)); /* empty */
	assert_int_equal(get(w, "w.test", DNS_A)->outcome, DNS_BAD_ANSWER);
}

static void
test_ttl(void **state)
{
	struct world *w = *state;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_A);
	make_a(&w->m, "w.test", 0x80000001u, "192.0.2.1");
	assert_int_equal(get(w, "w.test", DNS_A)->ttl, 0);
}

static void
test_mx(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;
	size_t rr;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_MX);
	rr = make_rr(&w->m, 1, "w.test", DNS_MX, 60);
	make_u16(&w->m, 10);
	make_u8(&w->m, 2);
	make_bytes(&w->m, "mx", 2);
	make_pointer(&w->m, 12);
	make_end(&w->m, rr);
	r = get(w, "w.test", DNS_MX);
	assert_int_equal(r->outcome, DNS_FOUND);
	assert_int_equal(r->rr[0].preference, 10);
	assert_string_equal(r->rr[0].name, "mx.w.test");
	assert_int_equal(dns_null_mx(r), 0);
	rr = make_rr(&w->m, 1, "w.test", DNS_MX, 60);
	make_u16(&w->m, 0);
	make_name(&w->m, ".");
	make_end(&w->m, rr);
	r = get(w, "w.test", DNS_MX);
	assert_int_equal(r->n, 2);
	assert_string_equal(r->rr[1].name, ".");
	assert_int_equal(dns_null_mx(r), 1);
	/* A name that goes on behind the record's end is none. */
	make_reply(&w->m, MAKE_RA, "w.test", DNS_MX);
	rr = make_rr(&w->m, 1, "w.test", DNS_MX, 60);
	make_u16(&w->m, 0);
	make_u8(&w->m, 1);
	make_end(&w->m, rr);
	make_a(&w->m, "", 0, "1.2.3.4");
	assert_int_equal(get(w, "w.test", DNS_MX)->outcome, DNS_BAD_ANSWER);
}

/* 4 labels of 63 and pointers to them: no name is longer than 255, however little it takes. */
static void
test_long_names(void **state)
{
	struct world *w = *state;
	size_t rr, at[6];

	make_reply(&w->m, MAKE_RA, "w.test", DNS_NS);
	rr = make_rr(&w->m, 1, "x.test", DNS_TXT, 60);
	for (size_t i = 0; i < nitems(at); i++) {
		at[i] = w->m.len;
		make_u8(&w->m, 63);
		make_bytes(&w->m, L63, 63);
		if (i == 0)
			make_u8(&w->m, 0);
		else
			make_pointer(&w->m, at[i - 1]);
	}
	make_end(&w->m, rr);
	rr = make_rr(&w->m, 1, "w.test", DNS_NS, 60);
	make_pointer(&w->m, at[2]);
	make_end(&w->m, rr);
	assert_int_equal(get(w, "w.test", DNS_NS)->outcome, DNS_FOUND);
	assert_int_equal(strlen(w->r.result.rr[0].name), 3 * 64 - 1);
	w->m.len = rr;
	make_pointer(&w->m, at[3]);
	make_end(&w->m, rr);
	assert_int_equal(get(w, "w.test", DNS_NS)->outcome, DNS_BAD_ANSWER);
}

static void
test_odd_octets(void **state)
{
	struct world *w = *state;
	size_t rr;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_PTR);
	rr = make_rr(&w->m, 1, "w.test", DNS_PTR, 60);
	make_bytes(&w->m, "\5a\0.\n\377\0", 7);
	make_end(&w->m, rr);
	assert_int_equal(get(w, "w.test", DNS_PTR)->outcome, DNS_FOUND);
	assert_string_equal(w->r.result.rr[0].name, "a\\000\\.\\010\\255");
}

static const struct {
	const char *rdata;
	size_t len;
	size_t n; /* strings; 0: malformed */
	const char *joined;
} txt_cases[] = {
	{ "\3abc", 4, 1, "abc" },
	{ "\3abc\3def", 8, 2, "abcdef" },
	{ "\0", 1, 1, "" },
	{ "\0\1x\0", 4, 3, "x" },
	{ "", 0, 0, NULL },
	{ "\4abc", 4, 0, NULL },
	{ "\3abc\377", 5, 0, NULL },
};

static void
test_txt(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;
	size_t rr;

	for (size_t i = 0; i < nitems(txt_cases); i++) {
		make_reply(&w->m, MAKE_RA, "w.test", DNS_TXT);
		rr = make_rr(&w->m, 1, "w.test", DNS_TXT, 60);
		make_bytes(&w->m, txt_cases[i].rdata, txt_cases[i].len);
		make_end(&w->m, rr);
		r = get(w, "w.test", DNS_TXT);
		assert_int_equal(r->outcome, txt_cases[i].n == 0 ? DNS_BAD_ANSWER : DNS_FOUND);
		if (txt_cases[i].n == 0)
			continue;
		assert_int_equal(r->rr[0].nstrings, txt_cases[i].n);
		assert_true(span_eq_str(r->rr[0].data, txt_cases[i].joined));
	}
}

/* --- keeping --- */

static void
check_full(const struct dns_result *r)
{
	assert_string_equal(r->name, "w.test");
	assert_int_equal(r->n, 2);
	assert_int_equal(r->rr[0].nstrings, 3);
	assert_true(span_eq_str(r->rr[0].data, "v=spf1 -all"));
	assert_true(span_eq_str(r->rr[0].strings[0], "v=spf1"));
	assert_true(span_eq_str(r->rr[0].strings[1], ""));
	assert_true(span_eq_str(r->rr[0].strings[2], " -all"));
	assert_true(span_eq_str(r->rr[1].strings[0], "x"));
	assert_null(r->rr[1].soa);
}

/* A copy is right when what it came from is gone. */
static void
test_copy(void **state)
{
	struct world *w = *state;
	struct dns_result *packed, *copy;
	size_t rr, size;

	make_reply(&w->m, MAKE_RA, "w.test", DNS_TXT);
	rr = make_rr(&w->m, 1, "w.test", DNS_TXT, 60);
	make_bytes(&w->m, "\6v=spf1\0\5 -all", 14);
	make_end(&w->m, rr);
	rr = make_rr(&w->m, 1, "w.test", DNS_TXT, 60);
	make_bytes(&w->m, "\1x", 2);
	make_end(&w->m, rr);
	get(w, "w.test", DNS_TXT);
	w->r.result.name = "w.test";
	packed = dns_result_pack(&w->r.result, &size);
	arena_reset(w->a);
	check_full(packed);
	copy = dns_result_copy(packed, size, w->a);
	memset(packed, 0xee, size);
	free(packed);
	check_full(copy);
}

static void
test_copy_soa(void **state)
{
	struct world *w = *state;
	struct dns_result *packed, *copy;
	size_t size;

	make_reply(&w->m, MAKE_AA, "test", DNS_SOA);
	make_soa(&w->m, 1, "test", 60, 30);
	assert_int_equal(get(w, "test", DNS_SOA)->outcome, DNS_FOUND);
	packed = dns_result_pack(&w->r.result, &size);
	arena_reset(w->a);
	copy = dns_result_copy(packed, size, w->a);
	memset(packed, 0xee, size);
	free(packed);
	assert_string_equal(copy->rr[0].name, "ns.test");
	assert_string_equal(copy->rr[0].soa->rname, "hostmaster.test");
	assert_int_equal(copy->rr[0].soa->serial, 1);
	assert_int_equal(copy->rr[0].soa->minimum, 30);
	assert_null(copy->name);
}

static void
test_words(void **state)
{
	(void)state;
	assert_int_equal(dns_type_of("mx"), DNS_MX);
	assert_int_equal(dns_type_of("TLSA"), 0);
	assert_string_equal(dns_type_text(DNS_AAAA), "AAAA");
	assert_string_equal(dns_outcome_text(DNS_NXDOMAIN), "NXDOMAIN");
	for (int o = DNS_SERVFAIL; o < DNS_OUTCOMES; o++)
		assert_int_equal(dns_outcome_answer((enum dns_outcome)o), -1);
	assert_int_equal(dns_outcome_answer(DNS_FOUND), 1);
	assert_int_equal(dns_outcome_answer(DNS_NODATA), 0);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_parts),
		WORLD(test_alias),
		WORLD(test_alias_itself),
		WORLD(test_alias_alone),
		WORLD(test_alias_circle),
		WORLD(test_alias_limit),
		WORLD(test_records_limit),
		WORLD(test_negative_ttl),
		WORLD(test_ttl),
		WORLD(test_mx),
		WORLD(test_long_names),
		WORLD(test_odd_octets),
		WORLD(test_txt),
		WORLD(test_copy),
		WORLD(test_copy_soa),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
