/* What parameters change about policy servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "client/policy_pool.h"
#include "tests/lib/fake_policy.h"
#include "tests/lib/option_pair.h"

#define REFUSED "554 5.7.1 " PAIR_RCPT("no")
#define DEFAULT "451 4.3.5 " PAIR_RCPT("Server configuration problem")
#define DUNNO   "action=DUNNO\n\n"
#define REJECT  "action=REJECT no\n\n"

/* The server of the row at hand. */
static struct fake_policy *server;

static void
has_pool(struct rule_world *w)
{
	w->services.policy = policy_pool_new();
}

static void
pool_gone(struct rule_world *w)
{
	policy_pool_free(w->services.policy);
}

static void
with(struct rule_world *w, const char *const *answers, size_t n)
{
	has_pool(w);
	fake_policy_answers(server, answers, n);
}

static void
rejects(struct rule_world *w)
{
	static const char *const answers[] = { REJECT };

	with(w, answers, nitems(answers));
}

static void
knows_nothing(struct rule_world *w)
{
	static const char *const answers[] = { DUNNO };

	with(w, answers, nitems(answers));
}

static void
breaks_then_rejects(struct rule_world *w)
{
	static const char *const answers[] = { POLICY_BREAK, REJECT };

	with(w, answers, nitems(answers));
	w->deadline_ms = 3000;
}

static void
hangs_then_rejects(struct rule_world *w)
{
	static const char *const answers[] = { POLICY_HANG, REJECT };

	with(w, answers, nitems(answers));
	w->deadline_ms = 3000;
}

/* --- answers --- */

/* How many connections two requests take, 50 ms apart. */
static const char *
connections(struct rule_world *w)
{
	size_t before = fake_policy_connections(server);

	assert_string_equal(rule_world_ask(w, RULE_RCPT), "dunno");
	usleep(50 * 1000);
	assert_string_equal(rule_world_ask(w, RULE_RCPT), "dunno");
	return fake_policy_connections(server) - before == 1 ? "one" : "two";
}

static const char *
context(struct rule_world *w)
{
	const char *line;

	assert_string_equal(rule_world_ask(w, RULE_RCPT), "dunno");
	line = strstr(fake_policy_last(server), "\npolicy_context=");
	assert_non_null(line);
	return strncmp(line, "\npolicy_context=\n", 17) == 0      ? "none"
	       : strncmp(line, "\npolicy_context=ctx\n", 20) == 0 ? "ctx"
								  : line;
}

/* What comes of it when the question's time is over is not the matter. */
static const char *
in_time(struct rule_world *w)
{
	return strcmp(rule_world_ask(w, RULE_RCPT), REFUSED) == 0 ? REFUSED : "too late";
}

static const struct option_case cases[] = {
	{ .option = { "smtpd_policy_service_policy_context", "", "ctx" },
	    .want = { "none", "ctx" },
	    .prepare = knows_nothing,
	    .ask = context },
	{ .option = { "smtpd_policy_service_request_limit", "0", "1" },
	    .want = { "one", "two" },
	    .prepare = knows_nothing,
	    .ask = connections },
	{ .option = { "smtpd_policy_service_max_idle", "60000", "10" },
	    .want = { "one", "two" },
	    .prepare = knows_nothing,
	    .ask = connections },
	{ .option = { "smtpd_policy_service_max_ttl", "60000", "10" },
	    .want = { "one", "two" },
	    .prepare = knows_nothing,
	    .ask = connections },
	{ .option = { "smtpd_policy_service_try_limit", "1", "2" },
	    .want = { DEFAULT, REFUSED },
	    .more = { { "smtpd_policy_service_retry_delay", "10" } },
	    .prepare = breaks_then_rejects },
	{ .option = { "smtpd_policy_service_retry_delay", "10", "60000" },
	    .want = { REFUSED, "too late" },
	    .prepare = breaks_then_rejects,
	    .ask = in_time },
	{ .option = { "smtpd_policy_service_timeout", "100", "60000" },
	    .want = { REFUSED, "too late" },
	    .more = { { "smtpd_policy_service_retry_delay", "10" } },
	    .prepare = hangs_then_rejects,
	    .ask = in_time },
};

static void
test_policy(void **state)
{
	char list[400];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		static const char *const any[] = { DUNNO };
		struct option_case c = cases[i];

		server = fake_policy_new(any, 1);
		snprintf(list, sizeof(list), "check_policy_service ");
		endpoint_format(
		    fake_policy_endpoint(server), list + strlen(list), sizeof(list) - strlen(list));
		c.list = list;
		c.end = pool_gone;
		option_pairs(&c, 1);
		fake_policy_free(server);
	}
}

/* Nobody can be asked. */
static void
test_default_action(void **state)
{
	static const struct option_case c[] = {
		{ .option = { "smtpd_policy_service_default_action",
		      "451 4.3.5 Server configuration problem", "DUNNO" },
		    .list = "check_policy_service unix:/nowhere",
		    .want = { DEFAULT, "dunno" } },
	};

	(void)state;
	option_pairs(c, nitems(c));
}

/* Where a relative path begins. */
static void
test_queue_directory(void **state)
{
	static const char *const any[] = { DUNNO };
	char text[400], list[400], *name;
	struct option_case c = { .prepare = rejects,
		.end = pool_gone,
		.want = { DEFAULT, REFUSED },
		.more = { { "smtpd_policy_service_try_limit", "1" } } };

	(void)state;
	server = fake_policy_new(any, 1);
	endpoint_format(fake_policy_endpoint(server), text, sizeof(text));
	assert_memory_equal(text, "unix:/", 6);
	name = strrchr(text, '/');
	*name++ = '\0';
	snprintf(list, sizeof(list), "check_policy_service unix:%s", name);
	c.list = list;
	c.option.name = "queue_directory";
	c.option.a = "/nowhere";
	c.option.b = text + 5;
	option_pairs(&c, 1);
	fake_policy_free(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_default_action),
		cmocka_unit_test(test_queue_directory),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
