#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/policy_client.h"
#include "client/policy_pool.h"
#include "mail/policy_syntax.h"
#include "tests/lib/fake_policy.h"

#define DUNNO "action=DUNNO\n\n"

struct world {
	struct fake_policy *f;
	struct policy_pool *pool;
	struct policy_service service;
	struct arena *arena;
	struct err err;
	const char *action;
};

static void
world_open(struct world *w, const char *const *answers, size_t n)
{
	memset(w, 0, sizeof(*w));
	w->f = fake_policy_new(answers, n);
	w->pool = policy_pool_new();
	w->arena = arena_new();
	w->service = (struct policy_service){ .name = "private/policy",
		.to = *fake_policy_endpoint(w->f),
		.policy_context = "ctx",
		.timeout = 300,
		.max_idle = 60000,
		.max_ttl = 60000,
		.retry_delay = 20,
		.try_limit = 2 };
}

static void
world_close(struct world *w)
{
	policy_pool_free(w->pool);
	fake_policy_free(w->f);
	arena_free(w->arena);
}

static int
ask_for(struct world *w, int64_t ms)
{
	struct policy_request r;

	policy_request_init(&r);
	r.protocol_state = "RCPT";
	r.recipient = "you@example.org";
	r.policy_context = "not this one";
	w->action = NULL;
	return policy_ask(
	    w->pool, &w->service, &r, w->arena, deadline_in_ms(ms), &w->action, &w->err);
}

static int
ask(struct world *w)
{
	return ask_for(w, 10000);
}

/* One connection for all requests, and what goes over it. */
static void
test_kept(void **state)
{
	static const char *const answers[] = { "action=REJECT not you\n\n", DUNNO };
	struct world w;

	(void)state;
	world_open(&w, answers, nitems(answers));
	assert_int_equal(ask(&w), 1);
	assert_string_equal(w.action, "REJECT not you");
	assert_non_null(strstr(fake_policy_last(w.f), "\nrecipient=you@example.org\n"));
	assert_non_null(strstr(fake_policy_last(w.f), "\npolicy_context=ctx\n\n"));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(&w), 1);
		assert_string_equal(w.action, "DUNNO");
	}
	assert_int_equal(fake_policy_connections(w.f), 1);
	assert_int_equal(fake_policy_requests(w.f), 6);
	world_close(&w);
}

static void
test_request_limit(void **state)
{
	static const char *const answers[] = { DUNNO };
	struct world w;

	(void)state;
	world_open(&w, answers, 1);
	w.service.request_limit = 2;
	for (int i = 0; i < 6; i++)
		assert_int_equal(ask(&w), 1);
	assert_int_equal(fake_policy_connections(w.f), 3);
	world_close(&w);
}

/* Unused for max_idle, or max_ttl old: closed by the tidy call, and not lent before it comes. */
static void
test_old(void **state)
{
	static const char *const answers[] = { DUNNO };

	(void)state;
	for (int ttl = 0; ttl < 2; ttl++) {
		struct world w;

		world_open(&w, answers, 1);
		*(ttl ? &w.service.max_ttl : &w.service.max_idle) = 50;
		assert_int_equal(ask(&w), 1);
		usleep(80 * 1000);
		assert_int_equal(ask(&w), 1);
		assert_int_equal(fake_policy_connections(w.f), 2);
		policy_pool_tidy(w.pool);
		fake_policy_settle(w.f, 1);
		assert_int_equal(fake_policy_open(w.f), 1);
		usleep(80 * 1000);
		policy_pool_tidy(w.pool);
		fake_policy_settle(w.f, 0);
		assert_int_equal(fake_policy_open(w.f), 0);
		world_close(&w);
	}
}

/* What the first try meets; the second gets DUNNO. */
static const struct {
	const char *first;
	int64_t try_limit;
	int rc;
	const char *err;
} fault_cases[] = {
	{ POLICY_BREAK, 2, 1, NULL },
	{ POLICY_BREAK, 1, -1, "connection closed before a reply came" },
	{ "action=REJ\n", 1, -1, "timeout" }, /* not complete */
	{ "reply=OK\n\n", 2, 1, NULL },
	{ "reply=OK\n\n", 1, -1, "malformed reply: no action: \"\"" },
	{ "500 what?\n\n", 1, -1, "malformed reply: not NAME=VALUE: \"500 what?\"" },
	{ POLICY_HANG, 2, 1, NULL }, { POLICY_HANG, 1, -1, "timeout" },
	{ POLICY_THEN "action=OK\n", 1, -1, "connection closed before a reply came" },
	{ POLICY_THEN DUNNO, 1, 1, NULL }, /* an answer is one, however rude */
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(fault_cases); i++) {
		const char *const answers[] = { fault_cases[i].first, DUNNO };
		char want[200];
		struct world w;

		world_open(&w, answers, 2);
		w.service.try_limit = fault_cases[i].try_limit;
		assert_int_equal(ask(&w), fault_cases[i].rc);
		if (fault_cases[i].rc == 1) {
			assert_string_equal(w.action, "DUNNO");
			assert_int_equal(
			    fake_policy_connections(w.f), (size_t)fault_cases[i].try_limit);
		} else {
			snprintf(want, sizeof(want), "problem talking to server private/policy: %s",
			    fault_cases[i].err);
			assert_string_equal(w.err.text, want);
		}
		world_close(&w);
	}
}

/* A server that was restarted has closed what is kept: that costs a try and no delay. */
static void
test_stale(void **state)
{
	static const char *const answers[] = { DUNNO, POLICY_BREAK, DUNNO };
	int64_t began;
	struct world w;

	(void)state;
	world_open(&w, answers, nitems(answers));
	w.service.retry_delay = 5000;
	assert_int_equal(ask(&w), 1);
	began = clock_ms();
	assert_int_equal(ask(&w), 1);
	assert_true(clock_ms() - began < 2500);
	assert_int_equal(fake_policy_requests(w.f), 3);
	assert_int_equal(fake_policy_connections(w.f), 2);
	world_close(&w);
}

/* A kept connection on which the server has hung up is not even tried. */
static void
test_hung_up(void **state)
{
	static const char *const answers[] = { POLICY_THEN DUNNO, DUNNO };
	struct world w;

	(void)state;
	world_open(&w, answers, nitems(answers));
	w.service.try_limit = 1;
	assert_int_equal(ask(&w), 1);
	fake_policy_settle(w.f, 0);
	assert_int_equal(ask(&w), 1);
	assert_int_equal(fake_policy_connections(w.f), 2);
	world_close(&w);
}

static void
test_delay(void **state)
{
	static const char *const answers[] = { POLICY_BREAK, POLICY_BREAK, DUNNO };
	int64_t began = clock_ms();
	struct world w;

	(void)state;
	world_open(&w, answers, nitems(answers));
	w.service.try_limit = 3;
	w.service.retry_delay = 150;
	assert_int_equal(ask(&w), 1);
	assert_true(clock_ms() - began >= 295); /* clock_ms() is good to some milliseconds */
	world_close(&w);
}

/* The caller's deadline ends it, whatever the service would still try. */
static void
test_deadline(void **state)
{
	static const char *const hang[] = { POLICY_HANG }, *const brk[] = { POLICY_BREAK };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t began = clock_ms();
		struct world w;

		world_open(&w, i == 0 ? hang : brk, 1);
		w.service.timeout = 60000;
		w.service.retry_delay = 60000;
		w.service.try_limit = 1000;
		assert_int_equal(ask_for(&w, 200), -1);
		assert_true(clock_ms() - began < 5000);
		world_close(&w);
	}
}

static void
test_nobody(void **state)
{
	static const char *const answers[] = { DUNNO };
	struct world w;

	(void)state;
	world_open(&w, answers, 1);
	strcat(w.service.to.path, ".not");
	assert_int_equal(ask(&w), -1);
	assert_string_equal(w.err.text,
	    "problem talking to server private/policy: cannot connect: No such file or directory");
	world_close(&w);
}

struct crowd {
	struct world *w;
	int answered;
};

static void *
crowd_member(void *arg)
{
	struct crowd *c = arg;
	struct policy_request r;

	policy_request_init(&r);
	for (int i = 0; i < 50; i++) {
		struct arena *a = arena_new();
		const char *action = NULL;
		struct err err;

		if (policy_ask(c->w->pool, &c->w->service, &r, a, deadline_in_ms(10000), &action,
			&err) == 1 &&
		    strcmp(action, "DUNNO") == 0)
			c->answered++;
		arena_free(a);
	}
	return NULL;
}

/* No connection is lent to two at a time. */
static void
test_threads(void **state)
{
	static const char *const answers[] = { DUNNO };
	struct crowd crowd[8] = { 0 };
	pthread_t t[8];
	struct world w;

	(void)state;
	world_open(&w, answers, 1);
	for (size_t i = 0; i < nitems(t); i++) {
		crowd[i].w = &w;
		assert_int_equal(pthread_create(&t[i], NULL, crowd_member, &crowd[i]), 0);
	}
	for (size_t i = 0; i < nitems(t); i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(crowd[i].answered, 50);
	}
	assert_true(fake_policy_connections(w.f) <= 8);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_request_limit),
		cmocka_unit_test(test_old),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_hung_up),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
