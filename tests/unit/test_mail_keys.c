#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

#include "tests/lib/address_world.h"
#include "base/arena.h"
#include "rules/mail_keys.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { ACCESS = KEYS_ACCESS, FIND = KEYS_FIND, TRANSPORT = KEYS_TRANSPORT, NAME = 100, NETWORK };

/* Keys, "|" between them, * behind those that pattern tables do not get.  Postfix 3.7.11 was asked
 * with tables that have one of the keys each. */
static const struct {
	int kind, parents;
	const char *what, *keys;
} cases[] = {
	{ ACCESS, 1, "User+Ext@a.ok.example",
	    "user+ext@a.ok.example|user@a.ok.example*|a.ok.example*|ok.example*|example*|"
	    "user+ext@*|user@*" },
	{ ACCESS, 0, "user@a.ok.example",
	    "user@a.ok.example|a.ok.example*|.ok.example*|.example*|user@*" },
	{ ACCESS, 1, "bob", "bob@local.example|local.example*|example*|bob@*" },
	/* quoted first, then plain */
	{ ACCESS, 1, "a b@example", "\"a b\"@example|a b@example|example*|\"a b\"@*|a b@*" },
	{ ACCESS, 1, "a b+c@example",
	    "\"a b+c\"@example|a b+c@example|\"a b\"@example*|a b@example*|example*|"
	    "\"a b+c\"@*|a b+c@*|\"a b\"@*|a b@*" },
	{ ACCESS, 1, "a\"b@example",
	    "\"a\\\"b\"@example|a\"b@example|example*|\"a\\\"b\"@*|a\"b@*" },
	{ ACCESS, 1, "x@[192.0.2.1]", "x@[192.0.2.1]|[192.0.2.1]*|0.2.1]*|2.1]*|1]*|x@*" },
	{ FIND, 0, "bob+x@local.example",
	    "bob+x@local.example|bob@local.example*|bob+x*|bob*|@local.example*" },
	{ FIND, 0, "bob+x@ok.example", "bob+x@ok.example|bob@ok.example*|@ok.example*" },
	{ FIND, 0, "a b@local.example",
	    "\"a b\"@local.example|a b@local.example|\"a b\"*|a b*|@local.example*" },
	{ FIND, 0, "postmaster+x@local.example",
	    "postmaster+x@local.example|postmaster@local.example*|postmaster+x*|postmaster*|"
	    "@local.example*" },
	{ FIND, 0, "x@[127.0.0.1]", "x@[127.0.0.1]|x*|@[127.0.0.1]*" },
	{ TRANSPORT, 0, "u+x@a.ok.example",
	    "u+x@a.ok.example|u@a.ok.example*|a.ok.example*|.ok.example*|.example*" },
	{ NAME, 1, "mail.Good.example", "mail.Good.example|Good.example*|example*" },
	{ NAME, 0, "mail.good.example", "mail.good.example|.good.example*|.example*" },
	{ NAME, 1, "localhost", "localhost" },
	{ NAME, 1, "ok.example.", "ok.example.|example.*" }, /* HELO may have a final dot */
	{ NAME, 0, "ok.example.", "ok.example.|.example.*|.*" },
	{ NAME, 1, "192.0.2.10", "192.0.2.10" }, /* an address has no parents, */
	{ NAME, 1, "2001:db8::1.2.3.4", "2001:db8::1.2.3.4" },
	{ NAME, 1, "x.1.2.3.4", "x.1.2.3.4|1.2.3.4*|2.3.4*|3.4*|4*" }, /* but may be one */
	{ NAME, 1, "[192.0.2.1]", "[192.0.2.1]|0.2.1]*|2.1]*|1]*" },
	{ NAME, 1, "", "" },
	{ NAME, 1, ".", "." },
	{ NAME, 0, "..", "..|.*" },
	{ NETWORK, 0, "192.0.2.10", "192.0.2.10|192.0.2*|192.0*|192*" },
	/* each colon counts: 2001:db8:1:2: is a key, 2001:db8:: is not */
	{ NETWORK, 0, "2001:db8:1:2::5",
	    "2001:db8:1:2::5|2001:db8:1:2:*|2001:db8:1:2*|2001:db8:1*|2001:db8*|2001*" },
	{ NETWORK, 0, "::1", "::1|:*" },
	{ NETWORK, 0, "unknown", "unknown" },
	{ NETWORK, 0, "", "" },
};

static void
list(struct mail_keys *k, struct buf *out)
{
	struct span key;

	while (mail_keys_next(k, &key)) {
		assert_int_not_equal(key.len, 0);
		buf_printf(out, "%s%.*s%s", out->len == 0 ? "" : "|", (int)key.len,
		    (const char *)key.p, k->partial ? "*" : "");
	}
}

static void
test_keys(void **state)
{
	struct address_world w;

	(void)state;
	address_world_open(&w);
	for (size_t i = 0; i < N(cases); i++) {
		struct mail_keys k;
		struct buf out = { .len = 0 };

		if (cases[i].kind == NAME)
			mail_keys_name(&k, cases[i].what, cases[i].parents);
		else if (cases[i].kind == NETWORK)
			mail_keys_network(&k, cases[i].what);
		else
			mail_keys_address(&k, w.arena, address_world_resolve(&w, cases[i].what),
			    (enum mail_keys_kind)cases[i].kind, cases[i].parents);
		list(&k, &out);
		assert_string_equal(buf_cstr(&out), cases[i].keys);
		buf_fini(&out);
	}
	address_world_close(&w);
}

static const struct {
	const char *local, *delimiters;
	size_t n;
} splits[] = {
	{ "user+ext", "+", 4 },
	{ "user+ext", "", 8 },
	{ "user+ext", NULL, 8 },
	{ "user-a+b", "+-", 4 }, /* the first of any */
	{ "user+", "+", 4 },
	{ "+ext", "+", 4 }, /* nothing would be left */
	{ "user", "+-", 4 },
	{ "Postmaster", "s", 10 },
	{ "MAILER-DAEMON", "-", 13 },
	{ "mailer-daemon+x", "+", 13 },
	{ "double-bounce", "-", 13 },
	{ "double-bounce+x", "+", 13 },
	{ "owner-list", "-", 10 },
	{ "OWNER-list+x", "+-", 12 },
	{ "owner-list+x", "+", 10 }, /* only where - is a delimiter */
	{ "list-request", "-", 12 },
	{ "-request", "-", 8 },
	{ "a-request", "-", 9 },
	{ "a+b-request", "+-", 11 },
	{ "list-requests", "-", 4 },
	{ "", "+", 0 },
};

static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(splits); i++)
		assert_int_equal(mail_split_extension(span_str(splits[i].local),
				     splits[i].delimiters, "double-bounce"),
		    splits[i].n);
	assert_int_equal(mail_split_extension(span_str("my-bounce"), "-", "my-bounce"), 9);
	assert_int_equal(mail_split_extension(span_str("my-bounce"), "-", NULL), 2);
}

static void
test_dot_string(void **state)
{
	static const struct {
		const char *local;
		int is;
	} rows[] = {
		{ "a", 1 },
		{ "a.b", 1 },
		{ "a!b%c+d=/?", 1 },
		{ "\xc3\xbc", 1 },
		{ "", 0 },
		{ ".a", 0 },
		{ "a.", 0 },
		{ "a..b", 0 },
		{ "a b", 0 },
		{ "a\tb", 0 },
		{ "a@b", 0 },
		{ "a\\b", 0 },
		{ "a\x7f", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		assert_int_equal(mail_is_dot_string(span_str(rows[i].local)), rows[i].is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_dot_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
