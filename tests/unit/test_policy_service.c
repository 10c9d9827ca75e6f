#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "rules/policy_service.h"

static void
defaults(struct policy_check *c)
{
	*c = (struct policy_check){ .service = { .policy_context = "all",
					.timeout = 100000,
					.max_idle = 300000,
					.max_ttl = 1000000,
					.retry_delay = 1000,
					.request_limit = 0,
					.try_limit = 2 },
		.default_action = "451 4.3.5 Server configuration problem" };
}

static const struct {
	const char *text, *name, *to;
} service_cases[] = {
	{ "inet:127.0.0.1:10023", "127.0.0.1:10023", "127.0.0.1:10023" },
	{ "inet:[::1]:10023", "[::1]:10023", "[::1]:10023" },
	{ "inet:localhost:postgrey", "localhost:postgrey", "localhost:postgrey" },
	{ "unix:/run/policy", "/run/policy", "unix:/run/policy" },
	{ "unix:private/policy", "private/policy", "unix:/var/spool/q/private/policy" },
	{ "local:private/policy", "private/policy", "unix:/var/spool/q/private/policy" },
	{ "{ inet:127.0.0.1:10023 }", "127.0.0.1:10023", "127.0.0.1:10023" },
	{ "{unix:/run/policy}", "/run/policy", "unix:/run/policy" },
};

static void
test_services(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(service_cases); i++) {
		struct arena *a = arena_new();
		struct policy_check c;
		struct err err;
		char to[320];

		defaults(&c);
		assert_int_equal(
		    policy_service_parse(a, service_cases[i].text, "/var/spool/q", &c, &err), 0);
		assert_string_equal(c.service.name, service_cases[i].name);
		endpoint_format(&c.service.to, to, sizeof(to));
		assert_string_equal(to, service_cases[i].to);
		/* the rest is untouched */
		assert_int_equal(c.service.timeout, 100000);
		assert_int_equal(c.service.try_limit, 2);
		assert_string_equal(c.service.policy_context, "all");
		arena_free(a);
	}
}

/* SMTPD_POLICY_README's example, and every option. */
static void
test_options(void **state)
{
	struct arena *a = arena_new();
	struct policy_check c;
	struct err err;

	(void)state;
	defaults(&c);
	assert_int_equal(policy_service_parse(a,
			     "{ inet:host:10023,\n timeout=10s, default_action=DUNNO\n"
			     " policy_context=submission }",
			     "/q", &c, &err),
	    0);
	assert_int_equal(c.service.timeout, 10000);
	assert_string_equal(c.default_action, "DUNNO");
	assert_string_equal(c.service.policy_context, "submission");
	assert_int_equal(c.service.max_idle, 300000);

	defaults(&c);
	assert_int_equal(policy_service_parse(a,
			     "{ unix:/p, max_idle = 2m, {max_ttl = 1h}, retry_delay=1w, "
			     "request_limit=7 try_limit = 1 "
			     "{ default_action = 450 4.7.1 try, again } }",
			     "/q", &c, &err),
	    -1); /* as Postfix: blanks around = want braces */

	defaults(&c);
	assert_int_equal(policy_service_parse(a,
			     "{ unix:/p, {max_idle = 2m}, {max_ttl = 1h}, retry_delay=1w, "
			     "request_limit=7 try_limit=1 "
			     "{ default_action = 450 4.7.1 try, again } }",
			     "/q", &c, &err),
	    0);
	assert_int_equal(c.service.max_idle, 120000);
	assert_int_equal(c.service.max_ttl, 3600000);
	assert_int_equal(c.service.retry_delay, 604800000);
	assert_int_equal(c.service.request_limit, 7);
	assert_int_equal(c.service.try_limit, 1);
	assert_string_equal(c.default_action, "450 4.7.1 try, again");
	arena_free(a);
}

static const struct {
	const char *text, *err;
} wrong_cases[] = {
	{ "", ": must be inet:HOST:PORT or unix:PATH" },
	{ "127.0.0.1:10023", "127.0.0.1:10023: must be inet:HOST:PORT or unix:PATH" },
	{ "inet:127.0.0.1", "inet:127.0.0.1: must be inet:HOST:PORT" },
	{ "inet:unix:/p", "inet:unix:/p: must be inet:HOST:PORT" },
	{ "unix:", "unix: must be followed by a path" },
	{ "{ unix:/p", "missing '}' in \"{ unix:/p\"" },
	{ "{ unix:/p, timeout=0s }", "timeout = 0s: must be a time such as 10s, not 0" },
	{ "{ unix:/p, timeout=10y }", "timeout = 10y: must be a time such as 10s, not 0" },
	{ "{ unix:/p, timeout= }", "timeout = : must be a time such as 10s, not 0" },
	{ "{ unix:/p, timeout=99999999999999999999s }",
	    "timeout = 99999999999999999999s: must be a time such as 10s, not 0" },
	{ "{ unix:/p, try_limit=0 }", "try_limit = 0: must be a number, not 0" },
	{ "{ unix:/p, request_limit=-1 }", "request_limit = -1: must be a number" },
	{ "{ unix:/p, time_out=1s }", "time_out: a policy service has no such option" },
	{ "{ unix:/p, DUNNO }", "\"DUNNO\": expected NAME = VALUE" },
};

static void
test_wrong(void **state)
{
	char big[300];

	(void)state;
	for (size_t i = 0; i < nitems(wrong_cases); i++) {
		struct arena *a = arena_new();
		struct policy_check c;
		struct err err = { 0 };

		defaults(&c);
		assert_int_equal(policy_service_parse(a, wrong_cases[i].text, "/q", &c, &err), -1);
		assert_string_equal(err.text, wrong_cases[i].err);
		arena_free(a);
	}
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "unix:/", 6);
	big[sizeof(big) - 1] = '\0';
	for (int relative = 0; relative < 2; relative++) {
		struct arena *a = arena_new();
		struct policy_check c;
		struct err err;

		if (relative)
			memcpy(big, "unix:p", 6);
		defaults(&c);
		assert_int_equal(policy_service_parse(a, big, "/q", &c, &err), -1);
		assert_non_null(strstr(err.text, "too long for a socket"));
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
