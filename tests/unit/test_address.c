#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

#include "tests/lib/address_world.h"
#include "base/arena.h"
#include "base/err.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum {
	DEFAULT = ADDR_DEFAULT,
	LOCAL = ADDR_LOCAL,
	ALIAS = ADDR_VIRTUAL_ALIAS,
	MAILBOX = ADDR_VIRTUAL_MAILBOX,
	RELAY = ADDR_RELAY
};
#define MALFORMED NULL, 0, 0

/* Results of Postfix 3.7.11's rewriting and resolving services with this configuration. */
static const struct {
	const char *text, *full;
	int class, routed;
} cases[] = {
	{ "bob@local.example", "bob@local.example", LOCAL, 0 },
	{ "Bob@LOCAL.Example", "bob@local.example", LOCAL, 0 },
	{ "bob", "bob@local.example", LOCAL, 0 },
	{ "", "mailer-daemon@mx.example.test", LOCAL, 0 },
	{ "@local.example", "mailer-daemon@local.example", LOCAL, 0 },
	{ "user@host", "user@host", DEFAULT, 0 }, /* append_dot_mydomain is no */
	/* the final dot, but not two */
	{ "bob@local.example.", "bob@local.example", LOCAL, 0 },
	{ "bob@local.example..", MALFORMED },
	{ "bob@.", MALFORMED },
	{ "bob@", MALFORMED },
	{ "@", MALFORMED },
	/* percent, last one first */
	{ "x%ok.example@local.example", "x@ok.example", DEFAULT, 0 },
	{ "x%ok.example", "x@ok.example", DEFAULT, 0 },
	{ "a%b%c@local.example", "a%b@c", DEFAULT, 1 },
	{ "x%local.example@local.example", "x@local.example", LOCAL, 0 },
	{ "x%@local.example", MALFORMED },
	{ "a%b@ok.example", "a%b@ok.example", DEFAULT, 1 }, /* others might follow it */
	/* bang, first one first */
	{ "a!b@local.example", "b@a", DEFAULT, 0 },
	{ "a!b!c", "b!c@a", DEFAULT, 1 },
	{ "a!b%c@local.example", "b%c@a", DEFAULT, 1 },
	{ "local.example!x", "x@local.example", LOCAL, 0 },
	{ "!b", MALFORMED },
	{ "a!b@ok.example", "a!b@ok.example", DEFAULT, 1 },
	/* an @ in the local part is an operator, quoted or not */
	{ "x@y@local.example", "x@y", DEFAULT, 0 },
	{ "x@y@ok.example", "x@y@ok.example", DEFAULT, 1 },
	{ "x@relay.example@local.example", "x@relay.example", RELAY, 0 },
	{ "x@@local.example", MALFORMED },
	{ "a@[127.0.0.1]@local.example", "a@[127.0.0.1]", LOCAL, 0 },
	/* quotes that are needed hide nothing */
	{ "a b@local.example", "a b@local.example", LOCAL, 0 },
	{ "a b%ok.example@local.example", "a b@ok.example", DEFAULT, 0 },
	{ "a b!c@local.example", MALFORMED }, /* c@"a b" */
	{ ".x@local.example", ".x@local.example", LOCAL, 0 },
	{ "x..y@local.example", "x..y@local.example", LOCAL, 0 },
	/* classes */
	{ "x@valias.example", "x@valias.example", ALIAS, 0 },
	{ "x@vmbox.example", "x@vmbox.example", MAILBOX, 0 },
	{ "x@relay.example", "x@relay.example", RELAY, 0 },
	{ "x@sub.relay.example", "x@sub.relay.example", RELAY, 0 },     /* a list of domains, */
	{ "x@sub.valias.example", "x@sub.valias.example", DEFAULT, 0 }, /* and of strings */
	/* literals */
	{ "x@[127.0.0.1]", "x@[127.0.0.1]", LOCAL, 0 },
	{ "x%y@[127.0.0.1]", "x@y", DEFAULT, 0 },
	{ "x@[192.0.2.1]", "x@[192.0.2.1]", DEFAULT, 0 },
	{ "x@[IPv6:::1]", "x@[ipv6:::1]", DEFAULT, 0 }, /* inet_protocols = ipv4 */
	{ "x@[::1]", MALFORMED },
	{ "x@[1.2.3]", MALFORMED },
	{ "x@[]", MALFORMED },
	{ "x@127.0.0.1", MALFORMED },
	/* names of hosts */
	{ "x@-bad-.example", MALFORMED },
	{ "x@a_b.example", "x@a_b.example", DEFAULT, 0 },
	{ "x@a..b", MALFORMED },
	{ "x@1.2", MALFORMED }, /* all digits */
	{ "x@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", MALFORMED },
	{ "-x@ok.example", MALFORMED }, /* allow_min_user */
	{ "-x@local.example", MALFORMED },
};

static void
test_resolve(void **state)
{
	struct address_world w;

	(void)state;
	address_world_open(&w);
	for (size_t i = 0; i < N(cases); i++) {
		const struct address *a = address_world_resolve(&w, cases[i].text);

		print_message("%s\n", cases[i].text);
		assert_string_equal(a->text, cases[i].text);
		assert_int_equal(a->broken, 0);
		assert_int_equal(a->malformed, cases[i].full == NULL);
		assert_string_equal(a->full, cases[i].full == NULL ? "" : cases[i].full);
		assert_int_equal(a->class, cases[i].class);
		assert_int_equal(a->routed, cases[i].routed);
	}
	address_world_close(&w);
}

/* A parameter that is not as usual, and what it changes. */
static void
hack_off(struct rule_options *o)
{
	o->allow_percent_hack = 0;
}

static void
bang_off(struct rule_options *o)
{
	o->swap_bangpath = 0;
}

static void
dequote_off(struct rule_options *o)
{
	o->resolve_dequoted_address = 0;
}

static void
dot_domain(struct rule_options *o)
{
	o->append_dot_mydomain = 1;
}

static void
numeric(struct rule_options *o)
{
	o->resolve_numeric_domain = 1;
}

static void
null_domain(struct rule_options *o)
{
	o->resolve_null_domain = 1;
}

static void
min_user(struct rule_options *o)
{
	o->allow_min_user = 1;
}

static void
proxy(struct rule_options *o)
{
	o->proxy_interfaces = "198.51.100.7";
}

static void
alias_maps(struct rule_options *o)
{
	o->virtual_alias_domains = NULL;
	o->virtual_alias_maps = "inline:{ va.example=x, a@b.example=x }";
}

static void
no_parents(struct rule_options *o)
{
	o->parent_domain_matches_subdomains = "";
}

static void
no_hostname(struct rule_options *o)
{
	o->myhostname = "";
	o->resolve_null_domain = 1;
}

static const struct {
	void (*set)(struct rule_options *);
	const char *text, *full;
	int class, routed;
} options[] = {
	{ hack_off, "x%ok.example@local.example", "x%ok.example@local.example", LOCAL, 1 },
	{ hack_off, "x%y", "x%y@local.example", LOCAL, 1 },
	{ bang_off, "a!b@local.example", "a!b@local.example", LOCAL, 1 },
	{ dequote_off, "x@y@local.example", "x@y@local.example", LOCAL, 1 },
	{ dequote_off, "x%y@local.example", "x@y", DEFAULT, 0 }, /* not quoted */
	{ dot_domain, "user@host", "user@host.filterd.test", DEFAULT, 0 },
	{ dot_domain, "user@[127.0.0.1]", "user@[127.0.0.1]", LOCAL, 0 },
	{ dot_domain, "bob@localhost", "bob@localhost.filterd.test", DEFAULT, 0 },
	{ numeric, "x@127.0.0.1", "x@[127.0.0.1]", LOCAL, 0 },
	{ numeric, "x@192.0.2.1", "x@[192.0.2.1]", DEFAULT, 0 },
	{ numeric, "x@1.2", MALFORMED },
	{ null_domain, "bob@", "bob@mx.example.test", LOCAL, 0 },
	{ no_hostname, "bob@", "bob@localhost", LOCAL, 0 }, /* and ends at all */
	{ min_user, "-x@ok.example", "-x@ok.example", DEFAULT, 0 },
	{ proxy, "x@[198.51.100.7]", "x@[198.51.100.7]", LOCAL, 0 },
	{ alias_maps, "x@va.example", "x@va.example", ALIAS, 0 },
	{ alias_maps, "x@sub.va.example", "x@sub.va.example", DEFAULT, 0 },
	{ no_parents, "x@sub.relay.example", "x@sub.relay.example", DEFAULT, 0 },
};

static void
test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(options); i++) {
		struct address_world w;
		const struct address *a;

		address_world_open(&w);
		options[i].set(&w.o);
		a = address_world_resolve(&w, options[i].text);
		print_message("%zu %s\n", i, options[i].text);
		assert_int_equal(a->malformed, options[i].full == NULL);
		assert_string_equal(a->full, options[i].full == NULL ? "" : options[i].full);
		assert_int_equal(a->class, options[i].class);
		assert_int_equal(a->routed, options[i].routed);
		address_world_close(&w);
	}
}

static void
test_parts(void **state)
{
	struct address_world w;
	const struct address *a;

	(void)state;
	address_world_open(&w);
	a = address_world_resolve(&w, "Bob+List@Local.Example");
	assert_string_equal(a->local, "bob+list");
	assert_string_equal(a->domain, "local.example");
	assert_string_equal(a->bare, "bob@local.example");
	assert_int_equal(a->ours, 1);
	a = address_world_resolve(&w, "bob@ok.example");
	assert_null(a->bare);
	assert_int_equal(a->ours, 0);
	a = address_world_resolve(&w, "a b+c%ok.example@local.example");
	assert_string_equal(a->full, "a b+c@ok.example");
	assert_string_equal(a->bare, "a b@ok.example");
	assert_string_equal(a->domain, "ok.example");
	address_world_close(&w);
}

/* $myorigin counts as ours where keys have no domain, though its mail may go elsewhere. */
static void
test_myorigin_elsewhere(void **state)
{
	struct address_world w;
	const struct address *a;

	(void)state;
	address_world_open(&w);
	w.o.myorigin = "ok.example";
	a = address_world_resolve(&w, "bob");
	assert_string_equal(a->full, "bob@ok.example");
	assert_int_equal(a->class, ADDR_DEFAULT);
	assert_int_equal(a->ours, 1);
	address_world_close(&w);
}

/* What could not be asked is told only where it is needed. */
static const struct {
	const char *mydestination, *virtual_alias, *relay;
	const char *text;
	int broken, class;
} failures[] = {
	{ "local.example fail:x", "v.example", "r.example", "x@local.example", 0, LOCAL },
	{ "local.example fail:x", "v.example", "r.example", "x@v.example", -1, DEFAULT },
	{ "fail:x local.example", "v.example", "r.example", "x@local.example", -1, DEFAULT },
	{ "local.example", "v.example fail:x", "r.example", "x@local.example", 0, LOCAL },
	{ "local.example", "v.example fail:x", "r.example", "x@v.example", 0, ALIAS },
	{ "local.example", "v.example fail:x", "r.example", "x@r.example", -1, DEFAULT },
	{ "local.example", "v.example", "fail:config", "x@v.example", 0, ALIAS },
	{ "local.example", "v.example", "fail:config", "x@r.example", -1, DEFAULT },
};

static void
test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(failures); i++) {
		struct address_world w;
		struct address a;
		struct err err = { .class = ERR_NONE };

		address_world_open(&w);
		w.o.mydestination = failures[i].mydestination;
		w.o.virtual_alias_domains = failures[i].virtual_alias;
		w.o.relay_domains = failures[i].relay;
		address_world_compile(&w);
		address_world_ready(&w);
		assert_int_equal(address_resolve(w.rules, &w.ask, failures[i].text, &a, &err),
		    failures[i].broken);
		assert_int_equal(a.broken, failures[i].broken);
		assert_int_equal(err.class, failures[i].broken ? ERR_RETRY : ERR_NONE);
		assert_int_equal(a.class, failures[i].class);
		address_world_close(&w);
	}
}

static void
test_domain_local(void **state)
{
	static const struct {
		const char *domain;
		int local;
	} rows[] = {
		{ "local.example", 1 },
		{ "LOCAL.example.", 1 }, /* one dot is let pass, */
		{ "local.example..", 0 },
		{ ".", 0 },
		{ "", 0 },
		{ "[127.0.0.1]", 1 },
		{ "127.0.0.1", 0 },
		{ "sub.local.example", 0 },
	};
	struct address_world w;
	struct err err;

	(void)state;
	address_world_open(&w);
	address_world_compile(&w);
	address_world_ready(&w);
	for (size_t i = 0; i < N(rows); i++)
		assert_int_equal(
		    address_domain_local(w.rules, &w.ask, rows[i].domain, &err), rows[i].local);
	address_world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_myorigin_elsewhere),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_domain_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
