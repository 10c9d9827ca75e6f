/* The resolver, towards a server in a thread of the test (tests/lib/dns_answers.h). */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "net/dns.h"
#include "net/fiber.h"
#include "tests/lib/dns_answers.h"

struct world {
	struct dns_answers *server;
	struct dns *dns;
	struct arena *a;
	struct dns_batch *b;
};

static struct dns *
resolver(const struct dns_options *o)
{
	struct err err = { 0 };
	struct dns *d = dns_new(o, &err);

	if (d == NULL)
		fail_msg("%s", err.text);
	return d;
}

/* With other options. */
static void
again(struct world *w, struct dns_options o)
{
	dns_batch_end(w->b);
	dns_free(w->dns);
	if (o.servers == NULL)
		o.servers = dns_answers_at(w->server);
	w->dns = resolver(&o);
	w->b = dns_batch_new(w->dns, w->a);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->server = dns_answers_start();
	w->a = arena_new();
	again(w, (struct dns_options){ 0 });
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	dns_batch_end(w->b);
	dns_free(w->dns);
	dns_answers_stop(w->server);
	arena_free(w->a);
	free(w);
	return 0;
}

static struct dns_query *
start(struct world *w, const char *name)
{
	return dns_start(w->b, span_str(name), DNS_A);
}

static enum dns_outcome
ask(struct world *w, const char *name)
{
	struct dns_query *q = start(w, name);

	assert_int_equal(dns_wait_query(q, deadline_never()), 1);
	return dns_result(q)->outcome;
}

static struct dns_stats
stats(struct world *w)
{
	struct dns_stats s;

	dns_get_stats(w->dns, &s);
	return s;
}

static void
wait_until_asked(struct world *w, int n)
{
	for (int i = 0; i < 5000 && dns_answers_asked(w->server) < n; i++)
		usleep(1000);
	assert_int_equal(dns_answers_asked(w->server), n);
}

static const struct {
	const char *name;
	enum dns_outcome outcome;
	int asked, asked_twice; /* questions of one look-up, and of two */
} outcome_cases[] = {
	{ "a.test", DNS_FOUND, 1, 1 }, { "zero.test", DNS_FOUND, 1, 2 },
	{ "nx.test", DNS_NXDOMAIN, 1, 1 },
	{ "servfail.test", DNS_SERVFAIL, 1, 1 }, /* it said so: not asked a second time */
	{ "refused.test", DNS_REFUSED, 1, 1 }, { "silent.test", DNS_TIMEOUT, 2, 2 },
	{ "a..test", DNS_BAD_NAME, 0, 0 }, { "x.onion", DNS_NXDOMAIN, 0, 0 }, /* RFC 7686 */
};

static void
test_outcomes(void **state)
{
	struct world *w = *state;
	int before;

	again(w, (struct dns_options){ .timeout_ms = 250 });
	for (size_t i = 0; i < nitems(outcome_cases); i++) {
		before = dns_answers_asked(w->server);
		assert_int_equal(ask(w, outcome_cases[i].name), outcome_cases[i].outcome);
		assert_int_equal(dns_answers_asked(w->server) - before, outcome_cases[i].asked);
		assert_int_equal(ask(w, outcome_cases[i].name), outcome_cases[i].outcome);
		assert_int_equal(
		    dns_answers_asked(w->server) - before, outcome_cases[i].asked_twice);
	}
}

static void
test_result(void **state)
{
	struct world *w = *state;
	const struct dns_result *r;
	struct dns_query *q = start(w, "a.test");

	assert_int_equal(dns_result(q)->outcome, DNS_TIMEOUT); /* it has not even been sent */
	assert_int_equal(dns_wait(w->b, deadline_never()), 1);
	q = start(w, "A.Test."); /* known: no wait */
	r = dns_result(q);
	assert_int_equal(r->outcome, DNS_FOUND);
	assert_int_equal(r->n, 1);
	assert_memory_equal(r->rr[0].data.p, "\177\0\0\2", 4);
	assert_string_equal(r->name, "a.test");
	assert_in_range(r->ttl, 55, 60);
	assert_int_equal(stats(w).cached, 1);
	assert_int_equal(stats(w).outcomes[DNS_FOUND], 1);
	dns_batch_end(w->b);
	dns_batch_end(w->b);
	assert_ptr_equal(dns_result(q), r); /* it is the arena's */
}

static void
test_trouble_is_forgotten(void **state)
{
	struct world *w = *state;

	again(w, (struct dns_options){ .trouble_ttl = 1 });
	assert_int_equal(ask(w, "servfail.test"), DNS_SERVFAIL);
	usleep(1100000);
	assert_int_equal(ask(w, "servfail.test"), DNS_SERVFAIL);
	assert_int_equal(dns_answers_asked(w->server), 2);
}

/* Twenty that take 20 ms each take little more than one. */
static void
test_parallel(void **state)
{
	struct world *w = *state;
	struct dns_query *q[20];
	char name[40];
	int64_t began = clock_us();

	for (size_t i = 0; i < nitems(q); i++) {
		snprintf(name, sizeof(name), "slow%zu.test", i);
		q[i] = start(w, name);
	}
	assert_int_equal(dns_wait(w->b, deadline_never()), 1);
	assert_true(clock_us() - began < 300000); /* 400 ms one by one; bench_dns is exact */
	for (size_t i = 0; i < nitems(q); i++)
		assert_int_equal(dns_result(q[i])->outcome, DNS_FOUND);
	assert_int_equal(dns_answers_asked(w->server), nitems(q));
}

static void *
ask_slow(void *arg)
{
	struct world *w = arg;
	struct arena *a = arena_new();
	struct dns_batch *b = dns_batch_new(w->dns, a);
	struct dns_query *q = dns_start(b, span_str("late.test"), DNS_A);
	int ok = dns_wait(b, deadline_never()) && dns_result(q)->outcome == DNS_FOUND;

	dns_batch_end(b);
	arena_free(a);
	return ok ? w : NULL;
}

static void
test_single_flight(void **state)
{
	struct world *w = *state;
	pthread_t t[8];
	void *ok;

	for (size_t i = 0; i < nitems(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_slow, w), 0);
	for (size_t i = 0; i < nitems(t); i++) {
		pthread_join(t[i], &ok);
		assert_ptr_equal(ok, w);
	}
	assert_int_equal(dns_answers_asked(w->server), 1);
	assert_int_equal(stats(w).joined + stats(w).cached, nitems(t) - 1);
}

static void
test_same_in_a_batch(void **state)
{
	struct world *w = *state;
	struct dns_query *one = start(w, "slow.test"), *two = start(w, "SLOW.test");

	assert_int_equal(dns_wait(w->b, deadline_never()), 1);
	assert_int_equal(dns_result(one)->outcome, DNS_FOUND);
	assert_int_equal(dns_result(two)->outcome, DNS_FOUND);
	assert_int_equal(dns_answers_asked(w->server), 1);
}

/* Gone at the deadline; the answer comes all the same and is kept. */
static void
test_deadline(void **state)
{
	struct world *w = *state;
	struct dns_query *q = start(w, "late.test"), *fast = start(w, "a.test");

	assert_int_equal(dns_wait_query(fast, deadline_never()), 1);
	assert_int_equal(dns_wait(w->b, deadline_in_ms(10)), 0);
	assert_int_equal(dns_result(q)->outcome, DNS_TIMEOUT);
	assert_int_equal(dns_result(fast)->outcome, DNS_FOUND);
	dns_batch_end(w->b);
	arena_reset(w->a);
	w->b = dns_batch_new(w->dns, w->a);
	assert_int_equal(ask(w, "late.test"), DNS_FOUND);
	assert_int_equal(dns_answers_asked(w->server), 2);
}

/* The batch is over before anything has been sent; somebody else may have joined. */
static void
test_unsent(void **state)
{
	struct world *w = *state;
	struct dns_batch *other = dns_batch_new(w->dns, w->a);
	struct dns_query *q;

	start(w, "a.test");
	q = dns_start(other, span_str("a.test"), DNS_A);
	dns_batch_end(w->b);
	assert_int_equal(dns_wait(other, deadline_never()), 1);
	assert_int_equal(dns_result(q)->outcome, DNS_FOUND);
	dns_batch_end(other);
}

static void
test_busy(void **state)
{
	struct world *w = *state;
	struct dns_query *q[3];

	again(w, (struct dns_options){ .timeout_ms = 200, .max_in_flight = 1, .max_queue = 1 });
	q[0] = start(w, "silent.test");
	dns_send(w->b);
	wait_until_asked(w, 1);
	q[1] = start(w, "a1.test"); /* in the queue, which is full then */
	q[2] = start(w, "a2.test");
	assert_int_equal(dns_result(q[2])->outcome, DNS_BUSY);
	assert_int_equal(dns_wait(w->b, deadline_never()), 1);
	assert_int_equal(dns_result(q[0])->outcome, DNS_TIMEOUT);
	assert_int_equal(dns_result(q[1])->outcome, DNS_FOUND);
	assert_int_equal(ask(w, "a2.test"), DNS_FOUND); /* being busy is not remembered */
}

static const struct {
	const char *name;
	enum dns_outcome outcome;
	int asked_first; /* questions to the first server */
} server_cases[] = {
	{ "servfail.test", DNS_SERVFAIL, 1 },
	{ "a.test", DNS_FOUND, 1 },
	{ "silent.test", DNS_TIMEOUT, 2 },
};

/* The second server is asked when the first cannot tell. */
static void
test_two_servers(void **state)
{
	struct world *w = *state;
	struct dns_answers *second = dns_answers_start();
	char servers[100];
	int first_before, second_before;

	snprintf(
	    servers, sizeof(servers), "%s %s", dns_answers_at(w->server), dns_answers_at(second));
	again(w, (struct dns_options){ .servers = servers, .timeout_ms = 250 });
	for (size_t i = 0; i < nitems(server_cases); i++) {
		first_before = dns_answers_asked(w->server);
		second_before = dns_answers_asked(second);
		assert_int_equal(ask(w, server_cases[i].name), server_cases[i].outcome);
		assert_int_equal(
		    dns_answers_asked(w->server) - first_before, server_cases[i].asked_first);
		assert_int_equal(dns_answers_asked(second) - second_before,
		    server_cases[i].outcome == DNS_FOUND ? 0 : server_cases[i].asked_first);
	}
	/* A silent one is not asked first for a while: both were, so it is the first's turn. */
	assert_int_equal(ask(w, "a2.test"), DNS_FOUND);
	dns_answers_stop(second);
}

static void
test_dead_server(void **state)
{
	struct world *w = *state;
	struct dns_answers *gone = dns_answers_start();
	char servers[100], alone[50];

	snprintf(alone, sizeof(alone), "%s", dns_answers_at(gone));
	snprintf(servers, sizeof(servers), "%s, %s", alone, dns_answers_at(w->server));
	dns_answers_stop(gone);
	again(w, (struct dns_options){ .servers = servers });
	assert_int_equal(ask(w, "a.test"), DNS_FOUND);
	again(w, (struct dns_options){ .servers = alone });
	assert_int_equal(ask(w, "a.test"), DNS_UNREACHABLE);
	assert_int_equal(stats(w).entries, 0); /* it is not remembered */
}

static const struct {
	const char *servers;
	int rc;
} servers_cases[] = {
	{ "", 0 },
	{ "127.0.0.1", 0 },
	{ "127.0.0.1:5353, [::1]:5353\n[2001:db8::1]", 0 },
	{ "localhost", -1 }, /* it would have to be looked up */
	{ "127.0.0.1:0", -1 },
	{ "127.0.0.1:65536", -1 },
	{ "127.0.0.1:domain", -1 },
	{ "unix:/x", -1 },
	{ "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1", -1 },
};

static void
test_servers(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < nitems(servers_cases); i++) {
		err_clear(&err);
		assert_int_equal(
		    dns_servers_check(servers_cases[i].servers, &err), servers_cases[i].rc);
		assert_int_equal(err.class == ERR_CONFIG, servers_cases[i].rc == -1);
	}
}

static void
test_resolv_conf(void **state)
{
	struct world *w = *state;
	char path[] = "/tmp/test_dns.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd != -1);
	assert_int_equal(write(fd, "search x\nnameserver 127.0.0.1\n", 30), 30);
	again(w, (struct dns_options){ .servers = "", .resolv_conf = path });
	/* Port 53 is not ours: what it says does not matter, only that somebody was asked. */
	start(w, "a.test");
	dns_send(w->b);
	for (int i = 0; i < 5000 && stats(w).sent == 0; i++)
		usleep(1000);
	assert_true(stats(w).sent > 0);
	close(fd);
	unlink(path);
}

/* --- in a fiber --- */

struct fiber_world {
	struct world *w;
	struct net_watch *watch;
	int waits, rc;
	int over; /* the next wait ends at its deadline */
	enum dns_outcome outcome;
};

static int
on_wait(void *arg, struct net_watch *watch, int for_write, struct deadline d)
{
	struct fiber_world *x = arg;

	(void)d;
	assert_int_equal(for_write, 0);
	x->watch = watch;
	x->waits++;
	fiber_yield();
	if (!x->over)
		return 1;
	/* as the doors end a wait (net/fiber.h) */
	assert_int_equal(watch->counter, 1);
	assert_int_equal(eventfd_write(watch->fd, 1), 0);
	x->over = 0;
	return 0;
}

static int
on_stirred(void *arg, const struct net_watch *watch)
{
	(void)arg;
	(void)watch;
	return 1;
}

static void
on_pause(void *arg)
{
	(void)arg;
	fiber_yield();
}

static const struct fiber_owner owner = { on_wait, on_stirred, on_pause };

static void
in_fiber(void *arg)
{
	struct fiber_world *x = arg;
	struct dns_query *q[5];
	char name[40];

	for (size_t i = 0; i < nitems(q); i++) {
		snprintf(name, sizeof(name), "slow%zu.test", i);
		q[i] = start(x->w, name);
	}
	x->rc = dns_wait(x->w->b, deadline_never());
	x->outcome = dns_result(q[4])->outcome;
}

/* The thread goes on meanwhile; all answers together wake the fiber once. */
static void
test_fiber(void **state)
{
	struct fiber_world x = { .w = *state };
	struct fiber *f = fiber_new((size_t)256 * 1024, &owner);
	struct pollfd p = { .events = POLLIN };

	assert_non_null(f);
	fiber_start(f, in_fiber, &x);
	assert_int_equal(fiber_resume(f), 1);
	p.fd = x.watch->fd;
	assert_int_equal(fiber_resume(f), 1); /* for nothing: it waits again */
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(fiber_resume(f), 0);
	assert_int_equal(x.waits, 2);
	assert_int_equal(x.rc, 1);
	assert_int_equal(x.outcome, DNS_FOUND);
	assert_int_equal(poll(&p, 1, 0), 0); /* the descriptor is as before */
	fiber_free(f);
}

static void
in_fiber_twice(void *arg)
{
	struct fiber_world *x = arg;
	struct dns_query *q = start(x->w, "late.test");

	x->rc = dns_wait(x->w->b, deadline_in_ms(1));
	x->outcome = dns_result(q)->outcome;
	assert_int_equal(dns_wait(x->w->b, deadline_never()), 1);
	assert_int_equal(dns_result(q)->outcome, DNS_FOUND);
}

/* A wait that ended at its deadline leaves the descriptor fit for the next. */
static void
test_fiber_deadline(void **state)
{
	struct fiber_world x = { .w = *state };
	struct fiber *f = fiber_new((size_t)256 * 1024, &owner);
	struct pollfd p = { .events = POLLIN };

	assert_non_null(f);
	fiber_start(f, in_fiber_twice, &x);
	assert_int_equal(fiber_resume(f), 1);
	x.over = 1;
	assert_int_equal(fiber_resume(f), 1);
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.outcome, DNS_TIMEOUT);
	p.fd = x.watch->fd;
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(fiber_resume(f), 0);
	assert_int_equal(x.waits, 2);
	fiber_free(f);
}

/* --- all at once --- */

struct hammer {
	struct world *w;
	unsigned seed;
	int wrong;
};

static void *
hammer(void *arg)
{
	static const char *const names[] = { "a%u.test", "zero%u.test", "slow%u.test", "nx%u.test",
		"late%u.test" };
	struct hammer *h = arg;
	struct arena *a = arena_new();
	struct dns_query *q[6];
	char name[40];

	for (int round = 0; round < 60; round++) {
		struct dns_batch *b = dns_batch_new(h->w->dns, a);

		for (size_t i = 0; i < nitems(q); i++) {
			snprintf(name, sizeof(name), names[(unsigned)rand_r(&h->seed) % 5],
			    (unsigned)rand_r(&h->seed) % 8);
			q[i] = dns_start(b, span_str(name), DNS_A);
		}
		dns_wait(b, deadline_in_ms(rand_r(&h->seed) % 40));
		for (size_t i = 0; i < nitems(q); i++) {
			enum dns_outcome o = dns_result(q[i])->outcome;

			if (o != DNS_FOUND && o != DNS_NXDOMAIN && o != DNS_TIMEOUT)
				h->wrong++;
		}
		dns_batch_end(b);
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static void
test_hammer(void **state)
{
	struct world *w = *state;
	struct hammer h[4];
	pthread_t t[nitems(h)];

	again(w, (struct dns_options){ .cache_size = 32768, .max_in_flight = 10 });
	for (size_t i = 0; i < nitems(h); i++) {
		h[i] = (struct hammer){ .w = w, .seed = (unsigned)i };
		assert_int_equal(pthread_create(&t[i], NULL, hammer, &h[i]), 0);
	}
	for (size_t i = 0; i < nitems(h); i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(h[i].wrong, 0);
	}
	/* and it ends with what is on its way */
	start(w, "silent.test");
	dns_send(w->b);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_outcomes),
		WORLD(test_result),
		WORLD(test_trouble_is_forgotten),
		WORLD(test_parallel),
		WORLD(test_single_flight),
		WORLD(test_same_in_a_batch),
		WORLD(test_deadline),
		WORLD(test_unsent),
		WORLD(test_busy),
		WORLD(test_two_servers),
		WORLD(test_dead_server),
		cmocka_unit_test(test_servers),
		WORLD(test_resolv_conf),
		WORLD(test_fiber),
		WORLD(test_fiber_deadline),
		WORLD(test_hammer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
