#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "client/pool.h"
#include "tests/lib/fake_hop.h"

#define SOON deadline_in_ms(20000)

/* The clock the pool looks at (ld --wrap): a busy machine must not make a connection too old. */
static _Atomic int64_t later_ms;

int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);

int64_t
__wrap_clock_ms(void)
{
	return __real_clock_ms() + atomic_load(&later_ms);
}

static const struct hop_options options = { .helo_name = "filter.example",
	.connect_timeout_ms = 5000,
	.helo_timeout_ms = 5000,
	.idle_limit_ms = 60000,
	.max_idle = 10,
	.max_reuse = 100 };

/* One message; the connection goes back.  0 when it was taken. */
static int
one_message(struct hop_pool *p, const struct next_hop *to)
{
	struct hop_rcpt rcpt = { .path = "a@x.example", .params = "" };
	struct hop_envelope e = { .mail_path = "", .mail_params = "", .rcpts = &rcpt, .nrcpts = 1 };
	struct err err;
	struct hop *h = pool_get(p, to, 0, SOON, &err);
	int rc = -1;

	if (h == NULL)
		return -1;
	e.arena = arena_new();
	if (hop_begin(h, &e, 1, SOON, &err) == 0 && e.data.code == 354 &&
	    hop_content(h, span_str("x: y\r\n\r\n"), SOON, &err) == 0 &&
	    hop_dot(h, SOON, &err) == 0 && hop_final(h, &e, SOON, &err) == 0 &&
	    rcpt.final.code == 250)
		rc = 0;
	arena_free(e.arena);
	pool_put(p, h);
	return rc;
}

static void
test_reuse(void **state)
{
	struct fake_hop *f = fake_hop_new(HOP_SMTP, NULL, 0);
	struct hop_options o = options;
	struct counters counters = { 0 };
	struct hop_pool *p;

	(void)state;
	o.max_reuse = 3;
	p = pool_new(&o, &counters);
	for (int i = 0; i < 7; i++)
		assert_int_equal(one_message(p, fake_hop_target(f)), 0);
	pool_free(p);
	fake_hop_settle(f);
	assert_int_equal(fake_hop_connections(f), 3);
	assert_int_equal(counter_get(&counters, hop_connections), 3);
	assert_int_equal(counter_get(&counters, hop_failures), 0);
	for (size_t i = 0; i < 3; i++) /* an orderly goodbye each time */
		assert_non_null(strstr(fake_hop_read(f, i), "\r\nQUIT\r\n"));
	fake_hop_free(f);
}

/* smtp_connection_reuse_count_limit = 0 once meant a new connection for each message. */
static void
test_reuse_without_limit(void **state)
{
	struct fake_hop *f = fake_hop_new(HOP_SMTP, NULL, 0);
	struct hop_options o = options;
	struct hop_pool *p;

	(void)state;
	o.max_reuse = 0;
	p = pool_new(&o, NULL);
	for (int i = 0; i < 7; i++)
		assert_int_equal(one_message(p, fake_hop_target(f)), 0);
	pool_free(p);
	fake_hop_settle(f);
	assert_int_equal(fake_hop_connections(f), 1);
	fake_hop_free(f);
}

/* What the peer did to a kept connection while nobody looked. */
static void
test_stale(void **state)
{
	static const struct fake_rule quit[] = { { "RSET", NULL, FAKE_BREAK } };
	static const struct fake_rule bye[] = { { "RSET", NULL,
	    "250 2.0.0 Ok\r\n421 4.4.2 idle too long\r\n" } };
	struct hop_pool *p = pool_new(&options, NULL);
	struct hop_rcpt rcpt = { .path = "a", .params = "" };
	struct hop_envelope e = { .mail_path = "", .mail_params = "", .rcpts = &rcpt, .nrcpts = 1 };
	struct fake_hop *f;
	struct hop *h;
	struct err err;

	(void)state;
	e.arena = arena_new();
	/* an unasked 421 behind the last reply */
	f = fake_hop_new(HOP_SMTP, bye, 1);
	h = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_non_null(h);
	assert_false(hop_reused(h));
	assert_int_equal(hop_mail(h, &e, SOON, &err), 0);
	assert_int_equal(hop_rset(h, SOON, &err), 0);
	pool_put(p, h);
	assert_int_equal(one_message(p, fake_hop_target(f)), 0);
	assert_int_equal(fake_hop_connections(f), 2);
	/* the one that works is used again */
	h = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_true(hop_reused(h));
	pool_put(p, h);
	/* unless a new one is asked for */
	h = pool_get(p, fake_hop_target(f), 1, SOON, &err);
	assert_false(hop_reused(h));
	assert_int_equal(fake_hop_connections(f), 3);
	/* given back in the middle of a transaction: broken off */
	assert_int_equal(hop_mail(h, &e, SOON, &err), 0);
	pool_put(p, h);
	/* the peer closes */
	fake_hop_rules(f, quit, 1);
	h = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_true(hop_reused(h));
	assert_int_equal(hop_mail(h, &e, SOON, &err), 0);
	assert_int_equal(hop_rset(h, SOON, &err), -1);
	pool_put(p, h);
	h = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_non_null(h);
	assert_false(hop_reused(h));
	pool_put(p, h);
	pool_free(p);
	arena_free(e.arena);
	fake_hop_free(f);
}

static void
test_caps(void **state)
{
	struct fake_hop *f = fake_hop_new(HOP_SMTP, NULL, 0);
	struct hop_pool *p = pool_new(&options, NULL);
	struct hop_caps caps;
	struct next_hop nobody = *fake_hop_target(f);
	struct err err;
	struct hop *h;

	(void)state;
	assert_int_equal(pool_caps(p, fake_hop_target(f), &caps), 0);
	assert_int_equal(pool_learn(p, fake_hop_target(f), &caps, SOON, &err), 0);
	assert_true(caps.bits & CAP_DSN);
	assert_int_equal(caps.size, 1000000);
	assert_int_equal(pool_learn(p, fake_hop_target(f), &caps, SOON, &err), 0);
	assert_int_equal(fake_hop_connections(f), 1);
	/* a new connection hears of a change */
	fake_hop_ehlo(f, "250 8BITMIME\r\n");
	h = pool_get(p, fake_hop_target(f), 1, SOON, &err);
	pool_put(p, h);
	assert_int_equal(pool_caps(p, fake_hop_target(f), &caps), 1);
	assert_int_equal(caps.bits, CAP_8BITMIME);
	strcpy(nobody.to.path, "/nonexistent/socket");
	strcpy(nobody.text, "smtp:unix:/nonexistent/socket");
	assert_int_equal(pool_learn(p, &nobody, &caps, SOON, &err), -1);
	assert_int_equal(err.class, ERR_RETRY);
	assert_int_equal(pool_caps(p, &nobody, &caps), 0);
	pool_free(p);
	fake_hop_free(f);
}

/* A next hop of this name, all of them the same in truth. */
static struct next_hop
named(const struct fake_hop *f, int n)
{
	struct next_hop h = *fake_hop_target(f);

	snprintf(h.text, sizeof(h.text), "smtp:[%d.x.example]:25", n);
	return h;
}

/* Names out of messages do not fill the memory, nor the table of descriptors. */
static void
test_many_names(void **state)
{
	struct fake_hop *f = fake_hop_new(HOP_SMTP, NULL, 0);
	struct hop_pool *p = pool_new(&options, NULL);
	struct next_hop first = named(f, 0), to;
	struct hop_caps caps;
	struct err err;
	size_t quit = 0, n = POOL_PEERS_MAX + 50;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		to = named(f, (int)i);
		pool_put(p, pool_get(p, &to, 0, SOON, &err));
		assert_int_equal(pool_caps(p, &to, &caps), 1);
		assert_int_equal(pool_caps(p, &first, &caps), 1); /* what is in use stays */
	}
	for (size_t i = 0; i < n; i++) {
		to = named(f, (int)i);
		assert_int_equal(pool_caps(p, &to, &caps), i == 0 || i > 50);
	}
	assert_int_equal(one_message(p, &first), 0);
	assert_int_equal(fake_hop_connections(f), n); /* on the one it had */
	to = named(f, 1);
	assert_int_equal(one_message(p, &to), 0); /* learnt anew */
	assert_int_equal(fake_hop_connections(f), n + 1);
	pool_free(p);
	fake_hop_settle(f);
	for (size_t i = 0; i <= n; i++)
		quit += strstr(fake_hop_read(f, i), "QUIT") != NULL;
	assert_int_equal(quit, n + 1);
	fake_hop_free(f);
}

static void
test_tidy(void **state)
{
	struct fake_hop *f = fake_hop_new(HOP_SMTP, NULL, 0);
	struct hop_options o = options;
	struct hop_pool *p;
	struct hop *h[4];
	struct err err;

	(void)state;
	o.idle_limit_ms = 150000;
	o.max_idle = 3;
	p = pool_new(&o, NULL);
	for (int i = 0; i < 4; i++)
		assert_non_null(h[i] = pool_get(p, fake_hop_target(f), 0, SOON, &err));
	for (int i = 0; i < 4; i++) /* the fourth is one too many */
		pool_put(p, h[i]);
	pool_tidy(p);
	atomic_fetch_add(&later_ms, 100000);
	h[0] = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_true(hop_reused(h[0]));
	pool_put(p, h[0]);
	atomic_fetch_add(&later_ms, 100000);
	pool_tidy(p); /* two are too old, the one just used is not */
	h[0] = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	h[1] = pool_get(p, fake_hop_target(f), 0, SOON, &err);
	assert_true(hop_reused(h[0]));
	assert_false(hop_reused(h[1]));
	pool_put(p, h[0]);
	pool_put(p, h[1]);
	atomic_fetch_add(&later_ms, 200000);
	pool_tidy(p);
	fake_hop_settle(f); /* all have gone */
	assert_int_equal(fake_hop_connections(f), 5);
	pool_free(p);
	fake_hop_free(f);
}

struct load {
	struct hop_pool *pool;
	struct fake_hop *fakes[2];
	_Atomic int failed;
};

static void *
load_thread(void *arg)
{
	struct load *l = arg;

	for (int i = 0; i < 100; i++)
		if (one_message(l->pool, fake_hop_target(l->fakes[i % 2])) == -1)
			l->failed++;
	return NULL;
}

/* Many threads, two next hops, options changing and connections being tidied away meanwhile. */
static void
test_threads(void **state)
{
	struct hop_options o = options;
	struct load l = { 0 };
	pthread_t threads[8];

	(void)state;
	o.max_idle = 4;
	o.max_reuse = 13;
	l.pool = pool_new(&o, NULL);
	for (int i = 0; i < 2; i++)
		l.fakes[i] = fake_hop_new(HOP_SMTP, NULL, 0);
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_thread, &l), 0);
	for (int i = 0; i < 20; i++) {
		struct hop_caps caps;

		usleep(2000);
		o.idle_limit_ms = i % 2 ? 0 : 60000;
		pool_set_options(l.pool, &o);
		pool_tidy(l.pool);
		(void)pool_caps(l.pool, fake_hop_target(l.fakes[0]), &caps);
	}
	for (size_t i = 0; i < nitems(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(l.failed, 0);
	assert_int_equal(fake_hop_messages(l.fakes[0]), 400);
	assert_int_equal(fake_hop_messages(l.fakes[1]), 400);
	pool_free(l.pool);
	fake_hop_free(l.fakes[0]);
	fake_hop_free(l.fakes[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_reuse_without_limit),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
