/* DNS lists that refuse to answer, list everything, and come back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "net/dns.h"
#include "rules/dnsbl.h"

static const struct dnsbl_limits limits = { .refused_limit = 3, .probe_interval = 1000 };

static const uint8_t listed_a[4] = { 127, 0, 0, 2 }, refused_a[4] = { 127, 255, 255, 254 },
		     one_a[4] = { 127, 0, 0, 1 }, sold_a[4] = { 192, 0, 2, 1 },
		     good_a[4] = { 127, 0, 10, 0 };
#define ONE(a)   (&(const struct dns_rr){ .data = { (a), 4 } })
#define FOUND(a) (&(const struct dns_result){ .outcome = DNS_FOUND, .rr = ONE(a), .n = 1 })
static const struct dns_result absent = { .outcome = DNS_NXDOMAIN };
static const struct dns_result nodata = { .outcome = DNS_NODATA };
static const struct dns_result timeout = { .outcome = DNS_TIMEOUT };

static char logged[4000];

static void
note(enum log_level level, const char *line)
{
	(void)level;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static int
up(void **state)
{
	logged[0] = '\0';
	log_set_hook(note);
	*state = dnsbl_zones_new();
	return 0;
}

static int
down(void **state)
{
	log_set_hook(NULL);
	dnsbl_zones_free(*state);
	return 0;
}

static void
test_zones(void **state)
{
	struct dnsbl_zones *zs = *state;
	struct dnsbl_zone *a = dnsbl_zone(zs, RBL_ADDRESSES, "rbl.test");

	assert_non_null(a);
	assert_ptr_equal(dnsbl_zone(zs, RBL_ADDRESSES, "RBL.test"), a);
	assert_ptr_not_equal(dnsbl_zone(zs, RBL_NAMES, "rbl.test"), a);
	assert_null(dnsbl_zone(NULL, RBL_ADDRESSES, "rbl.test"));
	/* What no state is kept for is on. */
	assert_int_equal(dnsbl_turn(NULL, &limits, 0), DNSBL_ASK);
	assert_int_equal(dnsbl_turn_peek(NULL, 0), DNSBL_ASK);
	assert_int_equal(dnsbl_doubted(NULL, 0), 0);
	dnsbl_answered(NULL, &limits, RBL_REFUSED, "127.0.0.1", 0);
	for (int i = 0; i < DNSBL_ZONES_MAX + 10; i++) {
		char name[20];

		snprintf(name, sizeof(name), "z%d.test", i);
		dnsbl_zone(zs, RBL_ADDRESSES, name);
	}
	assert_null(dnsbl_zone(zs, RBL_ADDRESSES, "one.more.test"));
	assert_ptr_equal(dnsbl_zone(zs, RBL_ADDRESSES, "rbl.test"), a);
}

static void
test_points(void **state)
{
	struct dnsbl_points p;

	(void)state;
	dnsbl_points(RBL_ADDRESSES, "rbl.test", &p);
	assert_string_equal(p.listed, "2.0.0.127.rbl.test");
	assert_string_equal(p.not_listed, "1.0.0.127.rbl.test");
	dnsbl_points(RBL_NAMES, "rhs.test", &p);
	assert_string_equal(p.listed, "TEST.rhs.test");
	assert_string_equal(p.not_listed, "INVALID.rhs.test");
}

static struct dnsbl_zone *
switched_off(struct dnsbl_zones *zs, int64_t now)
{
	struct dnsbl_zone *z = dnsbl_zone(zs, RBL_ADDRESSES, "rbl.test");

	for (int i = 0; i < 3; i++)
		dnsbl_answered(z, &limits, RBL_REFUSED, "127.255.255.254", now);
	return z;
}

static void
test_off(void **state)
{
	struct dnsbl_zone *z = switched_off(*state, 5000);

	assert_non_null(strstr(logged, "rbl.test: switched off: 3 questions refused in a row, the "
				       "last with 127.255.255.254"));
	assert_int_equal(dnsbl_turn(z, &limits, 5999), DNSBL_OFF);
	assert_int_equal(dnsbl_turn_peek(z, 6000), DNSBL_PROBE);
	/* One of those who come now probes. */
	assert_int_equal(dnsbl_turn(z, &limits, 6000), DNSBL_PROBE);
	assert_int_equal(dnsbl_turn(z, &limits, 6000), DNSBL_OFF);
	assert_int_equal(dnsbl_probed(z, FOUND(refused_a), FOUND(refused_a)), 0);
	assert_int_equal(dnsbl_turn(z, &limits, 6999), DNSBL_OFF);
	assert_int_equal(dnsbl_turn(z, &limits, 7000), DNSBL_PROBE);
	assert_int_equal(dnsbl_probed(z, FOUND(listed_a), &absent), 1);
	assert_int_equal(dnsbl_turn(z, &limits, 7000), DNSBL_ASK);
	assert_non_null(strstr(logged, "switched on again"));
	/* The count begins anew. */
	dnsbl_answered(z, &limits, RBL_REFUSED, "x", 7001);
	dnsbl_answered(z, &limits, RBL_REFUSED, "x", 7001);
	assert_int_equal(dnsbl_turn(z, &limits, 7002), DNSBL_ASK);
}

static void
test_in_a_row(void **state)
{
	static const enum rbl_reading between[] = { RBL_LISTED, RBL_NOT_LISTED };
	struct dnsbl_zone *z = dnsbl_zone(*state, RBL_ADDRESSES, "rbl.test");

	for (size_t i = 0; i < nitems(between); i++) {
		for (int k = 0; k < 5; k++) {
			dnsbl_answered(z, &limits, RBL_REFUSED, "x", 0);
			dnsbl_answered(z, &limits, RBL_REFUSED, "x", 0);
			dnsbl_answered(z, &limits, between[i], "", 0);
		}
		assert_int_equal(dnsbl_turn(z, &limits, 0), DNSBL_ASK);
	}
	/* A server that is down neither refuses nor answers. */
	dnsbl_answered(z, &limits, RBL_REFUSED, "x", 0);
	dnsbl_answered(z, &limits, RBL_TROUBLE, "", 0);
	dnsbl_answered(z, &limits, RBL_REFUSED, "x", 0);
	dnsbl_answered(z, &limits, RBL_TROUBLE, "", 0);
	assert_int_equal(dnsbl_turn(z, &limits, 0), DNSBL_ASK);
	dnsbl_answered(z, &limits, RBL_REFUSED, "x", 0);
	assert_int_equal(dnsbl_turn(z, &limits, 0), DNSBL_OFF);
}

static void
test_probe(void **state)
{
	const struct {
		const struct dns_result *listed, *not_listed;
		int on;
	} probes[] = {
		{ FOUND(listed_a), &absent, 1 },
		{ FOUND(good_a), &nodata, 1 }, /* a list of good senders */
		{ FOUND(one_a), &absent, 0 },
		{ FOUND(refused_a), &absent, 0 },
		{ FOUND(sold_a), &absent, 0 },
		{ &absent, &absent, 0 }, /* the list is empty, or gone */
		{ FOUND(listed_a), FOUND(listed_a), 0 },
		{ FOUND(listed_a), FOUND(refused_a), 0 },
		{ FOUND(listed_a), FOUND(sold_a), 0 },
		{ FOUND(listed_a), &timeout, 0 },
		{ &timeout, &absent, 0 },
		{ &timeout, &timeout, 0 },
	};
	int64_t now = 0;

	for (size_t i = 0; i < nitems(probes); i++) {
		struct dnsbl_zone *z = switched_off(*state, now);

		now += 1000;
		assert_int_equal(dnsbl_turn(z, &limits, now), DNSBL_PROBE);
		assert_int_equal(
		    dnsbl_probed(z, probes[i].listed, probes[i].not_listed), probes[i].on);
		assert_int_equal(dnsbl_turn(z, &limits, now), probes[i].on ? DNSBL_ASK : DNSBL_OFF);
	}
}

static void
test_wildcard(void **state)
{
	struct dnsbl_zone *z = dnsbl_zone(*state, RBL_NAMES, "rhs.test");

	assert_int_equal(dnsbl_doubted(z, 100), 1);
	assert_int_equal(dnsbl_confirmed(z, &limits, &absent, 100), 1);
	assert_int_equal(dnsbl_doubted(z, 1099), 0);
	assert_int_equal(dnsbl_doubted(z, 1100), 1);
	/* What cannot be told now says nothing against it. */
	assert_int_equal(dnsbl_confirmed(z, &limits, &timeout, 1100), 1);
	assert_int_equal(dnsbl_confirmed(z, &limits, FOUND(refused_a), 2100), 1);
	assert_int_equal(dnsbl_confirmed(z, &limits, FOUND(listed_a), 3100), 0);
	assert_non_null(strstr(logged, "rhs.test: switched off: it lists INVALID"));
	assert_int_equal(dnsbl_turn(z, &limits, 3100), DNSBL_OFF);
	/* Who asked at the same time does not believe it either. */
	assert_int_equal(dnsbl_confirmed(z, &limits, &absent, 3100), 0);
	assert_int_equal(dnsbl_turn(z, &limits, 4100), DNSBL_PROBE);
	assert_int_equal(dnsbl_probed(z, FOUND(listed_a), FOUND(listed_a)), 0);
	assert_int_equal(dnsbl_turn(z, &limits, 5100), DNSBL_PROBE);
	assert_int_equal(dnsbl_probed(z, FOUND(listed_a), &absent), 1);
	/* The probe has looked at the second point. */
	assert_int_equal(dnsbl_doubted(z, 5101), 0);
}

struct totals {
	int zones, off;
	uint64_t refused;
	char why[200];
};

static void
add(void *arg, const struct dnsbl_status *s)
{
	struct totals *t = arg;

	t->zones++;
	t->off += s->off;
	t->refused += s->refused;
	if (s->why[0] != '\0')
		snprintf(t->why, sizeof(t->why), "%s", s->why);
}

static void
test_status(void **state)
{
	struct totals t = { 0 };

	dnsbl_zone(*state, RBL_NAMES, "other.test");
	switched_off(*state, 0);
	dnsbl_zones_each(*state, add, &t);
	assert_int_equal(t.zones, 2);
	assert_int_equal(t.off, 1);
	assert_int_equal(t.refused, 3);
	assert_non_null(strstr(t.why, "refused in a row"));
	dnsbl_zones_each(NULL, add, &t);
}

/* Many threads, one zone: exactly one probes. */
static void *
hammer(void *arg)
{
	struct dnsbl_zones *zs = arg;
	intptr_t probes = 0;

	for (int i = 0; i < 1000; i++) {
		struct dnsbl_zone *z = dnsbl_zone(zs, RBL_ADDRESSES, "rbl.test");

		probes += dnsbl_turn(z, &limits, 1000) == DNSBL_PROBE;
		dnsbl_answered(z, &limits, RBL_NOT_LISTED, "", 1000);
	}
	return (void *)probes;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	intptr_t probes = 0;

	switched_off(*state, 0);
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
	for (size_t i = 0; i < nitems(threads); i++) {
		void *n;

		pthread_join(threads[i], &n);
		probes += (intptr_t)n;
	}
	assert_int_equal(probes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_zones, up, down),
		cmocka_unit_test(test_points),
		cmocka_unit_test_setup_teardown(test_off, up, down),
		cmocka_unit_test_setup_teardown(test_in_a_row, up, down),
		cmocka_unit_test_setup_teardown(test_probe, up, down),
		cmocka_unit_test_setup_teardown(test_wildcard, up, down),
		cmocka_unit_test_setup_teardown(test_status, up, down),
		cmocka_unit_test_setup_teardown(test_threads, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
