#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/address_world.h"
#include "base/err.h"
#include "rules/match_list.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	enum match_kind kind;
	int parents;
	const char *list, *name;
	int rc;
} names[] = {
	{ MATCH_STRING, 0, "a.example, b.example", "b.example", 1 },
	{ MATCH_STRING, 0, "a.example\tB.Example\r\n", "b.EXAMPLE", 1 },
	{ MATCH_STRING, 1, "b.example", "x.b.example", 0 }, { MATCH_STRING, 0, "", "b.example", 0 },
	{ MATCH_STRING, 0, "!b.example b.example", "b.example", 0 }, /* the first decides */
	{ MATCH_STRING, 0, "!!b.example", "b.example", 1 },
	{ MATCH_STRING, 0, "inline:{ b.example=x }", "b.example", 1 },
	{ MATCH_STRING, 1, "inline:{ b.example=x }", "a.b.example", 0 },
	{ MATCH_STRING, 0, "!inline:{ b.example=x } b.example", "b.example", 0 },
	{ MATCH_STRING, 0, "[192.0.2.1]", "[192.0.2.1]", 1 }, /* no table */
	{ MATCH_DOMAIN, 1, "b.example", "x.y.b.example", 1 },
	{ MATCH_DOMAIN, 1, "b.example", "xb.example", 0 },
	{ MATCH_DOMAIN, 1, ".b.example", "x.b.example", 0 },
	{ MATCH_DOMAIN, 0, "b.example", "x.b.example", 0 },
	{ MATCH_DOMAIN, 0, ".b.example", "x.b.example", 1 },
	{ MATCH_DOMAIN, 0, ".b.example", "b.example", 0 },
	{ MATCH_DOMAIN, 1, "!x.b.example b.example", "y.x.b.example", 0 },
	{ MATCH_DOMAIN, 1, "inline:{ b.example=x }", "x.y.b.example", 1 },
	{ MATCH_DOMAIN, 1, "inline:{ example=x }", "b.example", 1 },
	{ MATCH_DOMAIN, 1, "inline:{ {.b.example=x} }", "x.b.example", 0 },
	{ MATCH_DOMAIN, 0, "inline:{ {.b.example=x} }", "x.y.b.example", 1 },
	{ MATCH_DOMAIN, 0, "inline:{ b.example=x }", "x.b.example", 0 },
	{ MATCH_DOMAIN, 1, "fail:x", "x.b.example", -1 },
	{ MATCH_DOMAIN, 1, "b.example fail:x", "x.b.example", 1 }, /* never got there */
	{ MATCH_DOMAIN, 1, "!fail:config", "x.b.example", -1 },
	{ MATCH_DOMAIN, 1, "static:x", "", 0 }, /* there is no empty key */
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		struct address_world w;
		struct match_list *l;
		struct err err = { .class = ERR_NONE };

		address_world_open(&w);
		l = match_list_compile(
		    &w.load, "relay_domains", names[i].list, names[i].kind, names[i].parents);
		address_world_ready(&w);
		print_message("%s: %s\n", names[i].list, names[i].name);
		assert_int_equal(match_list_domain(l, &w.ask, names[i].name, &err), names[i].rc);
		assert_int_equal(err.class, names[i].rc == -1 ? ERR_RETRY : ERR_NONE);
		assert_int_equal(match_list_empty(l), names[i].list[0] == '\0');
		assert_string_equal(buf_cstr(&w.told), "");
		address_world_close(&w);
	}
}

/* Measured with permit_mynetworks, config_errors as Postfix has them. */
static const struct {
	const char *list, *name, *addr;
	int rc;
	const char *finding; /* a word of it, or NULL */
} hosts[] = {
	{ "10.0.0.0/8", "x.example", "10.1.2.3", 1, NULL },
	{ "10.0.0.0/8", "x.example", "11.1.2.3", 0, NULL },
	{ "0.0.0.0/0", "x.example", "192.0.2.1", 1, NULL },
	{ "0.0.0.0/0", "x.example", "2001:db8::1", 0, NULL },
	{ "192.0.2.128/25", NULL, "192.0.2.127", 0, NULL },
	{ "192.0.2.128/25", NULL, "192.0.2.129", 1, NULL },
	{ "!10.1.2.4 10.1.0.0/16", NULL, "10.1.2.4", 0, NULL },
	{ "!10.1.2.4 10.1.0.0/16", NULL, "10.1.2.5", 1, NULL },
	{ "[2001:db8:1::]/48", NULL, "2001:db8:1:2::5", 1, NULL },
	{ "[2001:db8:1::]/48", NULL, "2001:db8:2::5", 0, NULL },
	{ "[2001:DB8:0:0::1]", NULL, "2001:db8::1", 1, NULL }, /* another spelling */
	{ "192.0.2.1", NULL, "192.0.2.1", 1, NULL },
	{ "example", "x.example", "192.0.2.1", 1, NULL },
	{ ".example", "x.example", "192.0.2.1", 0, NULL },
	{ "unknown", "unknown", "unknown", 1, NULL }, /* no address is known */
	{ "10.0.0.0/8", "unknown", "unknown", 0, NULL },
	{ "inline:{ 192.0.2.1=x }", "x.example", "192.0.2.1", 1, NULL },
	{ "inline:{ x.example=x }", "x.example", "192.0.2.1", 1, NULL },
	{ "inline:{ 192.0.2=x }", "x.example", "192.0.2.1", 0, NULL }, /* no prefixes here */
	{ "cidr:{ {192.0.2.0/24 x} }", "x.example", "192.0.2.9", 1, NULL },
	{ "fail:x 192.0.2.1", "x.example", "192.0.2.1", -1, NULL },
	/* what is wrong fails for the addresses of its family that get that far */
	{ "10.0.0.1/8 127.0.0.0/8", NULL, "127.0.0.1", -1, "must be 10.0.0.0/8" },
	{ "10.0.0.1/8 [2001:db8::]/32", NULL, "2001:db8::1", 1, "non-null host address bits" },
	{ "[2001:db8::1]/32 127.0.0.0/8", NULL, "127.0.0.1", 1, "must be [2001:db8::]/32" },
	{ "[2001:db8::1]/32 127.0.0.0/8", NULL, "2001:db8::1", -1, "non-null host address bits" },
	{ "10.0.0.0/8 127.0.0.0/33", NULL, "10.1.1.1", 1, "0 to 32" },
	{ "10.0.0.0/8 127.0.0.0/33", NULL, "127.0.0.1", -1, "0 to 32" },
	{ "[2001:db8::]/129", NULL, "2001:db8::1", -1, "0 to 128" },
	{ "[2001:db8::1", NULL, "2001:db8::1", -1, "] is missing" },
	{ "10.0.0/8", NULL, "10.1.1.1", -1, "must be an address or NET/BITS" },
	{ "10.0.0.0/255.0.0.0", NULL, "10.1.1.1", -1, "0 to 32" },
	/* Postfix takes these for names */
	{ "garbage/x 10.0.0.0/8", NULL, "10.1.1.1", 1, NULL },
	{ "[2001:db8::1]x", NULL, "2001:db8::1", 0, "never matches" },
	{ "[192.0.2.1]", NULL, "192.0.2.1", 1, NULL },
	{ "[192.0.2.0/24]", NULL, "192.0.2.1", 1, NULL }, /* the length may stand inside */
	{ "[2001:db8::/32]", NULL, "2001:db8::1", 1, NULL },
	{ "10.0.0.0/8 # all", NULL, "192.0.2.1", 0, "a line of its own" },
	{ "10.0.0.0/8 !", NULL, "10.1.1.1", 1, "must follow" },
};

static void
test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		struct address_world w;
		struct match_list *l;
		struct err err = { .class = ERR_NONE };

		address_world_open(&w);
		w.load.tolerant = 1;
		l = match_list_compile(&w.load, "mynetworks", hosts[i].list, MATCH_HOST, 1);
		address_world_ready(&w);
		print_message("%s: %s\n", hosts[i].list, hosts[i].addr);
		assert_int_equal(
		    match_list_host(l, &w.ask, hosts[i].name, hosts[i].addr, &err), hosts[i].rc);
		assert_int_equal(err.class, hosts[i].rc == -1 ? ERR_RETRY : ERR_NONE);
		if (hosts[i].finding == NULL)
			assert_string_equal(buf_cstr(&w.told), "");
		else
			assert_non_null(strstr(buf_cstr(&w.told), hosts[i].finding));
		assert_int_equal(w.load.errors, 0);
		address_world_close(&w);
	}
}

/* Not tolerant: an error, counted, with the name of the parameter. */
static void
test_errors(void **state)
{
	static const char *const lists[] = { "10.0.0.1/8", "nosuch:x", "texthash:/nonexistent/t",
		"/nonexistent/f", "!" };

	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		struct address_world w;

		address_world_open(&w);
		(void)!match_list_compile(&w.load, "mynetworks", lists[i], MATCH_HOST, 1);
		print_message("%s", buf_cstr(&w.told));
		assert_int_equal(w.load.errors, 1);
		assert_int_equal(strncmp(buf_cstr(&w.told), "error mynetworks -:0: ", 22), 0);
		address_world_close(&w);
	}
}

static void
test_broken_items(void **state)
{
	static const char *const lists[] = { "texthash:/nonexistent/t", "/nonexistent/f",
		"!/nonexistent/f" };

	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		struct address_world w;
		struct match_list *l;
		struct err err;

		address_world_open(&w);
		w.load.tolerant = 1;
		l = match_list_compile(&w.load, "relay_domains", lists[i], MATCH_DOMAIN, 1);
		address_world_ready(&w);
		assert_int_equal(match_list_domain(l, &w.ask, "x.example", &err), -1);
		assert_non_null(strstr(err.text, "/nonexistent/"));
		address_world_close(&w);
	}
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_files(void **state)
{
	struct address_world w;
	struct match_list *l;
	struct err err;
	char path[] = "/tmp/test_match_list.XXXXXX", text[200];
	int fd = mkstemp(path);

	(void)state;
	assert_int_not_equal(fd, -1);
	close(fd);
	write_file(path, "# a comment\na.example, !b.example\n10.0.0.1/8\n\nc.example");
	address_world_open(&w);
	w.load.tolerant = 1;
	snprintf(text, sizeof(text), "x.example %s z.example", path);
	l = match_list_compile(&w.load, "mynetworks", text, MATCH_HOST, 0);
	snprintf(text, sizeof(text), "warning mynetworks %s:3: ", path);
	assert_int_equal(strncmp(buf_cstr(&w.told), text, strlen(text)), 0);
	address_world_ready(&w);
	assert_int_equal(match_list_host(l, &w.ask, "a.example", "2001:db8::1", &err), 1);
	assert_int_equal(match_list_host(l, &w.ask, "b.example", "2001:db8::1", &err), 0);
	assert_int_equal(match_list_host(l, &w.ask, "c.example", "2001:db8::1", &err), 1);
	assert_int_equal(match_list_host(l, &w.ask, "z.example", "2001:db8::1", &err), 1);

	/* ! before a file turns what is in it round. */
	snprintf(text, sizeof(text), "!%s", path);
	l = match_list_compile(&w.load, "relay_domains", text, MATCH_DOMAIN, 0);
	assert_int_equal(match_list_domain(l, &w.ask, "a.example", &err), 0);
	assert_int_equal(match_list_domain(l, &w.ask, "b.example", &err), 1);

	/* A file that names itself ends. */
	write_file(path, path);
	buf_reset(&w.told);
	l = match_list_compile(&w.load, "relay_domains", path, MATCH_DOMAIN, 0);
	assert_non_null(strstr(buf_cstr(&w.told), "too deep"));
	assert_int_equal(match_list_domain(l, &w.ask, "a.example", &err), -1);
	address_world_close(&w);
	unlink(path);
}

static void
test_parents(void **state)
{
	static const struct {
		const char *value;
		int rc, errors;
	} rows[] = {
		{ "mynetworks, relay_domains", 1, 0 },
		{ "mynetworks", 0, 0 },
		{ "", 0, 0 },
		{ NULL, 0, 0 },
		{ "!relay_domains static:x", 0, 0 },
		{ "static:x", 1, 0 },
		{ "fail:x", 0, 1 },
	};
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct address_world w;

		address_world_open(&w);
		assert_int_equal(
		    match_list_parents(&w.load, rows[i].value, "relay_domains"), rows[i].rc);
		assert_int_equal(w.load.errors, rows[i].errors);
		address_world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_broken_items),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
