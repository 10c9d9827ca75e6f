#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/hosts.h"
#include "tests/lib/tmpdir.h"

static const char text[] = "# 192.0.2.9 comment.example\n"
			   "127.0.0.1\tlocalhost localhost.localdomain\n"
			   "::1 localhost ip6-localhost\n"
			   "\n"
			   "  192.0.2.1   one.example one # the first\n"
			   "192.0.2.1 second.example\n"
			   "192.0.2.2 two.example\n"
			   "192.0.2.3 two.example\n"
			   "192.0.2.4\n"
			   "not.an.address name.example\n"
			   "1922.0.2.1 name.example\n"
			   "2001:db8::1 six.example\n"
			   "192.0.2.5 last.example"; /* no line end */

struct world {
	char *dir, *path;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	FILE *f;

	w->dir = tmpdir_make();
	w->path = malloc(strlen(w->dir) + 10);
	sprintf(w->path, "%s/hosts", w->dir);
	f = fopen(w->path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	tmpdir_remove(w->dir);
	free(w->path);
	free(w);
	return 0;
}

static struct sockaddr_storage
address(const char *text_form)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;

	if (inet_pton(AF_INET, text_form, &v4->sin_addr) == 1)
		sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text_form, &v6->sin6_addr) == 1)
		sa.ss_family = AF_INET6;
	else
		sa.ss_family = AF_UNIX;
	return sa;
}

static const struct {
	const char *addr, *name; /* NULL: not there */
} names[] = {
	{ "127.0.0.1", "localhost" },
	{ "::1", "localhost" },
	{ "192.0.2.1", "one.example" },
	{ "::ffff:192.0.2.1", "one.example" }, /* the same host on a socket of both families */
	{ "192.0.2.4", NULL },                 /* an address without a name */
	{ "192.0.2.9", NULL },
	{ "192.0.2.5", "last.example" },
	{ "2001:db8::1", "six.example" },
	{ "unix", NULL },
};

static void
test_names(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < nitems(names); i++) {
		struct sockaddr_storage sa = address(names[i].addr);
		char out[64] = "";

		assert_int_equal(hosts_name(w->path, &sa, out, sizeof(out)), names[i].name != NULL);
		assert_string_equal(out, names[i].name == NULL ? "" : names[i].name);
	}
}

static void
test_name_too_long(void **state)
{
	struct world *w = *state;
	struct sockaddr_storage sa = address("192.0.2.2");
	char out[11] = "";

	/* "two.example" does not fit: as if it were not there. */
	assert_int_equal(hosts_name(w->path, &sa, out, sizeof(out)), 0);
}

static const struct {
	const char *name, *addr;
	enum hosts_answer answer;
} addresses[] = {
	{ "one.example", "192.0.2.1", HOSTS_SAME },
	{ "ONE", "192.0.2.1", HOSTS_SAME },
	{ "one.example", "192.0.2.2", HOSTS_OTHER },
	{ "two.example", "192.0.2.3", HOSTS_SAME }, /* its second line */
	{ "two.example", "192.0.2.4", HOSTS_OTHER },
	{ "six.example", "192.0.2.1", HOSTS_UNKNOWN }, /* only of the other family */
	{ "localhost", "::1", HOSTS_SAME },
	{ "comment.example", "192.0.2.9", HOSTS_UNKNOWN },
	{ "the", "192.0.2.1", HOSTS_UNKNOWN },
	{ "name.example", "192.0.2.1", HOSTS_UNKNOWN },
	{ "localhost", "unix", HOSTS_UNKNOWN },
};

static void
test_addresses(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < nitems(addresses); i++) {
		struct sockaddr_storage sa = address(addresses[i].addr);

		assert_int_equal(
		    hosts_address(w->path, addresses[i].name, &sa), addresses[i].answer);
	}
}

static void
test_all_addresses(void **state)
{
	char out[2][HOSTS_ADDR_SIZE];
	struct world *w = *state;

	assert_int_equal(hosts_addresses(w->path, "LOCALHOST", out, 1), 1);
	assert_string_equal(out[0], "127.0.0.1");
	assert_int_equal(hosts_addresses(w->path, "localhost", out, 2), 2);
	assert_string_equal(out[0], "127.0.0.1");
	assert_string_equal(out[1], "::1");
	assert_int_equal(hosts_addresses(w->path, "nobody.example", out, 2), 0);
	assert_int_equal(hosts_addresses("/nonexistent", "localhost", out, 2), 0);
}

static void
test_no_file(void **state)
{
	struct sockaddr_storage sa = address("127.0.0.1");
	char out[64];

	(void)state;
	assert_int_equal(hosts_name("/nonexistent", &sa, out, sizeof(out)), 0);
	assert_int_equal(hosts_address("/nonexistent", "localhost", &sa), HOSTS_UNKNOWN);
}

/* A line of more than there is room for says nothing, and the next one is read again. */
static void
test_long_line(void **state)
{
	struct world *w = *state;
	struct sockaddr_storage sa = address("192.0.2.7"), other = address("192.0.2.8");
	FILE *f = fopen(w->path, "w");
	char out[64] = "";

	assert_non_null(f);
	fprintf(f, "192.0.2.7 a.example");
	for (int i = 0; i < 2000; i++)
		fprintf(f, " name%d", i);
	fprintf(f, " 192.0.2.7 b.example\n192.0.2.8 c.example\n");
	assert_int_equal(fclose(f), 0);
	assert_int_equal(hosts_name(w->path, &sa, out, sizeof(out)), 0);
	assert_int_equal(hosts_name(w->path, &other, out, sizeof(out)), 1);
	assert_string_equal(out, "c.example");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
