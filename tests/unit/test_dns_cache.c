/* What the resolver keeps.  The time is the test's. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/dns_cache.h"
#include "net/dns_packet.h"
#include "net/dns_waiter.h"

struct world {
	struct dns_cache *c;
	struct dns_waiters pool;
	struct dns_waiter *w;
};

#define NOW ((int64_t)1000000)

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->c = dns_cache_new((size_t)1 << 20);
	dns_waiters_init(&w->pool);
	w->w = dns_waiter_get(&w->pool);
	*state = w;
	return w->w == NULL;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	dns_waiter_unref(w->w);
	dns_cache_free(w->c);
	dns_waiters_fini(&w->pool);
	free(w);
	return 0;
}

static struct dns_key
key_of(struct world *w, const char *name, enum dns_type type)
{
	struct dns_key k;

	assert_int_equal(dns_cache_key(w->c, span_str(name), type, &k), 0);
	return k;
}

static void
answer(struct world *w, struct dns_entry *e, enum dns_outcome outcome, unsigned ttl)
{
	struct dns_result r = { .outcome = outcome, .ttl = ttl };
	size_t size;
	struct dns_result *packed = dns_result_pack(&r, &size);

	dns_cache_answer(w->c, e, packed, size, ttl, NOW);
}

/* Ask for it and answer, as the resolver does.  The waiter is told. */
static void
fill(struct world *w, const char *name, enum dns_outcome outcome, unsigned ttl)
{
	struct dns_key k = key_of(w, name, DNS_A);
	struct dns_entry *e;
	int made;

	e = dns_cache_join(w->c, &k, NOW, w->w, &made);
	assert_int_equal(made, 1);
	answer(w, e, outcome, ttl);
	assert_int_equal(dns_waiter_left(w->w), 0);
	dns_entry_unref(e);
}

/* The outcome kept, or -1. */
static int
known(struct world *w, const char *name, enum dns_type type, int64_t now)
{
	struct dns_key k = key_of(w, name, type);
	struct dns_entry *e = dns_cache_find(w->c, &k, now);
	int outcome = e == NULL ? -1 : (int)atomic_load(&e->answer)->outcome;

	dns_entry_unref(e);
	return outcome;
}

static uint64_t
entries(struct world *w)
{
	uint64_t n, bytes, evicted;

	dns_cache_stats(w->c, &n, &bytes, &evicted);
	return n;
}

static void
test_ttl(void **state)
{
	struct world *w = *state;

	fill(w, "a.test", DNS_FOUND, 60);
	fill(w, "no.test", DNS_NXDOMAIN, 5);
	fill(w, "once.test", DNS_FOUND, 0);
	assert_int_equal(entries(w), 2);
	assert_int_equal(known(w, "a.test", DNS_A, NOW), DNS_FOUND);
	assert_int_equal(known(w, "A.TEST.", DNS_A, NOW), DNS_FOUND);
	assert_int_equal(known(w, "a.test", DNS_MX, NOW), -1);
	assert_int_equal(known(w, "once.test", DNS_A, NOW), -1);
	assert_int_equal(known(w, "no.test", DNS_A, NOW + 4999), DNS_NXDOMAIN);
	assert_int_equal(known(w, "no.test", DNS_A, NOW + 5000), -1);
	assert_int_equal(known(w, "a.test", DNS_A, NOW + 59999), DNS_FOUND);
	assert_int_equal(known(w, "a.test", DNS_A, NOW + 60000), -1);
	assert_int_equal(entries(w), 0);
}

/* Who asks for what is being asked joins in, and all are told. */
static void
test_join(void **state)
{
	struct world *w = *state;
	struct dns_waiter *other = dns_waiter_get(&w->pool);
	struct dns_key k = key_of(w, "a.test", DNS_A);
	struct dns_entry *first, *second;
	int made;

	first = dns_cache_join(w->c, &k, NOW, w->w, &made);
	assert_int_equal(made, 1);
	assert_null(dns_cache_find(w->c, &k, NOW));
	second = dns_cache_join(w->c, &k, NOW, other, &made);
	assert_int_equal(made, 0);
	assert_ptr_equal(first, second);
	assert_int_equal(dns_waiter_left(other), 1);
	assert_int_equal(dns_waiter_wait(other, 0, deadline_in_ms(0)), 0);
	answer(w, first, DNS_FOUND, 60);
	assert_int_equal(dns_waiter_wait(other, 0, deadline_never()), 1);
	assert_int_equal(dns_waiter_left(w->w), 0);
	dns_entry_unref(first);
	dns_entry_unref(second);
	/* and who comes too late to ask gets it at once */
	first = dns_cache_join(w->c, &k, NOW, other, &made);
	assert_int_equal(made, 0);
	assert_non_null(atomic_load(&first->answer));
	assert_int_equal(dns_waiter_left(other), 0);
	dns_entry_unref(first);
	dns_waiter_unref(other);
}

/* Who has gone is not told, and what he asked for is kept. */
static void
test_leave(void **state)
{
	struct world *w = *state;
	struct dns_key k = key_of(w, "a.test", DNS_A);
	struct dns_entry *e, *asking;
	int made;

	e = dns_cache_join(w->c, &k, NOW, w->w, &made);
	asking = dns_entry_ref(e);
	dns_cache_leave(w->c, e, w->w);
	dns_cache_leave(w->c, e, w->w); /* nothing to leave any more */
	dns_entry_unref(e);
	assert_int_equal(atomic_load(&w->w->refs), 1);
	answer(w, asking, DNS_FOUND, 60);
	dns_entry_unref(asking);
	assert_int_equal(dns_waiter_left(w->w), 1);
	assert_int_equal(known(w, "a.test", DNS_A, NOW), DNS_FOUND);
}

static void
test_cap(void **state)
{
	struct world *w = *state;
	uint64_t n, bytes, evicted;
	char name[40];

	fill(w, "used.test", DNS_FOUND, 60);
	fill(w, "unused.test", DNS_FOUND, 60);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		fill(w, name, DNS_NXDOMAIN, 60);
		assert_int_equal(known(w, "used.test", DNS_A, NOW), DNS_FOUND);
	}
	assert_int_equal(known(w, "unused.test", DNS_A, NOW), -1);
	assert_int_equal(known(w, name, DNS_A, NOW), DNS_NXDOMAIN);
	dns_cache_stats(w->c, &n, &bytes, &evicted);
	assert_true(bytes <= 1 << 20 && bytes > 1 << 19);
	assert_int_equal(n + evicted, 10002);
}

/* What is bigger than the cache goes at once; who waits has it. */
static void
test_too_big(void **state)
{
	struct world *w = *state;
	struct dns_key k = key_of(w, "big.test", DNS_A);
	struct dns_result *big = calloc(1, (size_t)1 << 20);
	struct dns_entry *e;
	int made;

	e = dns_cache_join(w->c, &k, NOW, w->w, &made);
	dns_cache_answer(w->c, e, big, (size_t)1 << 20, 60, NOW);
	assert_ptr_equal(atomic_load(&e->answer), big);
	dns_entry_unref(e);
	assert_int_equal(entries(w), 0);
	assert_int_equal(known(w, "big.test", DNS_A, NOW), -1);
}

static int
readable(struct dns_waiter *w)
{
	struct pollfd p = { .fd = w->watch.fd, .events = POLLIN };

	return poll(&p, 1, 0);
}

/* The descriptor stands at 0 whenever nobody waits, whoever came first. */
static void
test_waiter(void **state)
{
	struct world *w = *state;
	struct dns_waiter *x = w->w;

	for (int i = 0; i < 3; i++)
		dns_waiter_expect(x);
	assert_int_equal(dns_waiter_wait(x, 2, deadline_in_ms(0)), 0);
	dns_waiter_done(x); /* nobody waits: no call of the kernel's */
	assert_int_equal(readable(x), 0);
	assert_int_equal(dns_waiter_wait(x, 2, deadline_never()), 1);
	assert_int_equal(dns_waiter_wait(x, 0, deadline_in_ms(5)), 0);
	dns_waiter_done(x);
	dns_waiter_done(x);
	assert_int_equal(readable(x), 0);
	assert_int_equal(dns_waiter_wait(x, 0, deadline_in_ms(0)), 1);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_ttl),
		WORLD(test_join),
		WORLD(test_leave),
		WORLD(test_cap),
		WORLD(test_too_big),
		WORLD(test_waiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
