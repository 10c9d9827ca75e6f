/* Address verification: probes at a next hop, what is remembered of them and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "net/dns.h"
#include "rules/verify.h"
#include "rules/verify_store.h"
#include "tests/lib/fake_hop.h"
#include "tests/lib/tmpdir.h"

#define DAY ((int64_t)24 * 3600 * 1000)

static const struct fake_rule rules[] = {
	{ "RCPT", "bad@", "550 5.1.1 no such user\r\n" },
	{ "RCPT", "twolines@", "550-5.1.1 first\r\n550 5.1.1 second\r\n" },
	{ "RCPT", "later@", "450 4.2.0 come again\r\n" },
	{ "RCPT", "bare@", "551 without enhanced code\r\n" },
	{ "RCPT", "hang@", FAKE_HANG },
	{ "RCPT", "slow@", FAKE_SLOW "250 2.1.5 ok\r\n" },
	{ "RCPT", "bye@", "421 4.3.2 going down\r\n" },
	{ "RCPT", "break@", FAKE_BREAK },
	{ "MAIL", "refused@", "550 5.7.1 not you\r\n" },
};

struct world {
	char *dir;
	struct dns *dns;
	struct fake_hop *hop;
	struct verify_options o;
	struct verify_cache *cache;
	struct arena *arena;
};

static void
no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void
open_cache(struct world *w)
{
	struct err err;

	w->cache = verify_cache_new(&w->o, &err);
	assert_non_null(w->cache);
}

static int
up(void **state)
{
	static struct world w;
	struct dns_options d = { .servers = "127.0.0.1:9", .timeout_ms = 100, .tries = 1 };
	struct err err;

	memset(&w, 0, sizeof(w));
	log_set_hook(no_log);
	w.dir = tmpdir_make();
	w.dns = dns_new(&d, &err);
	assert_non_null(w.dns);
	w.hop = fake_hop_new(HOP_SMTP, rules, nitems(rules));
	w.arena = arena_new();
	w.o = (struct verify_options){ .directory = w.dir,
		.dns = w.dns,
		.helo_name = "mx.example",
		.connect_ms = 5000,
		.helo_ms = 5000,
		.probe_ms = 5000,
		.max_entries = 100,
		.positive_expire_ms = 31 * DAY,
		.positive_refresh_ms = 7 * DAY,
		.negative_expire_ms = 3 * DAY,
		.negative_refresh_ms = 3 * 3600 * 1000,
		.negative_cache = 1 };
	open_cache(&w);
	*state = &w;
	return 0;
}

static int
down(void **state)
{
	struct world *w = *state;

	verify_cache_free(w->cache);
	fake_hop_free(w->hop);
	dns_free(w->dns);
	arena_free(w->arena);
	tmpdir_remove(w->dir);
	log_set_hook(NULL);
	return 0;
}

static struct verify_answer
ask_from(struct world *w, const char *address, const char *sender, int64_t wait_ms)
{
	struct verify_question q = { .address = address,
		.domain = strchr(address, '@') + 1,
		.hop = fake_hop_target(w->hop)->text,
		.sender = sender };
	struct verify_answer a;

	verify_ask(w->cache, &q, w->arena, deadline_in_ms(wait_ms), &a);
	return a;
}

static struct verify_answer
ask(struct world *w, const char *address, int64_t wait_ms)
{
	return ask_from(w, address, "double-bounce@here.example", wait_ms);
}

static uint64_t
probes(struct world *w)
{
	struct verify_stats s;

	verify_get_stats(w->cache, &s);
	return s.probes;
}

/* Until no probe is under way. */
static void
settle(struct world *w)
{
	struct verify_stats s;

	for (int i = 0; i < 10000; i++) {
		verify_get_stats(w->cache, &s);
		if (s.under_way == 0)
			return;
		usleep(1000);
	}
	fail();
}

static const struct {
	const char *address;
	enum verify_status status;
	const char *text; /* a piece of it */
} cases[] = {
	{ "good@there.example", VERIFY_GOOD, "" },
	{ "bad@there.example", VERIFY_BAD,
	    "] said: 550 5.1.1 no such user (in reply to RCPT TO command)" },
	{ "twolines@there.example", VERIFY_BAD,
	    "said: 550-5.1.1 first 550 5.1.1 second (in reply" },
	{ "bare@there.example", VERIFY_BAD, "said: 551 without enhanced code (in reply" },
	{ "later@there.example", VERIFY_DEFERRED,
	    "] said: 450 4.2.0 come again (in reply to RCPT TO command)" },
	{ "bye@there.example", VERIFY_DEFERRED, "said: 421 4.3.2 going down (in reply to RCPT TO" },
	{ "break@there.example", VERIFY_DEFERRED, "lost connection with " },
	{ "\"a b\"@there.example", VERIFY_GOOD, "" },
	{ "b\xc3\xbc"
	  "cher@there.example",
	    VERIFY_BAD, "SMTPUTF8 is required" },
};

static void
test_probe(void **state)
{
	struct world *w = *state;

	fake_hop_ehlo(w->hop, "250-PIPELINING\r\n250 SIZE\r\n");
	for (size_t i = 0; i < nitems(cases); i++) {
		struct verify_answer a = ask(w, cases[i].address, 5000);

		assert_int_equal(a.status, cases[i].status);
		assert_non_null(strstr(a.text, cases[i].text));
	}
	assert_int_equal(
	    ask_from(w, "x@there.example", "refused@here.example", 5000).status, VERIFY_BAD);
	assert_non_null(strstr(ask(w, "x@there.example", 0).text, "in reply to MAIL FROM command"));
}

/* What the next hop sees. */
static void
test_dialogue(void **state)
{
	struct world *w = *state;
	const char *said;

	assert_int_equal(ask(w, "\"a b\"@There.example", 5000).status, VERIFY_GOOD);
	assert_int_equal(ask_from(w, "x@there.example", "", 5000).status, VERIFY_GOOD);
	fake_hop_settle(w->hop);
	said = fake_hop_read(w->hop, 0);
	assert_non_null(strstr(said, "EHLO mx.example\r\n"));
	assert_non_null(strstr(said, "MAIL FROM:<double-bounce@here.example>\r\n"));
	assert_non_null(strstr(said, "RCPT TO:<\"a b\"@There.example>\r\n"));
	assert_non_null(strstr(said, "QUIT\r\n"));
	assert_null(strstr(said, "DATA"));
	assert_non_null(strstr(fake_hop_read(w->hop, 1), "MAIL FROM:<>\r\n"));
	assert_int_equal(fake_hop_messages(w->hop), 0);
}

/* Once asked, it is known; case does not count. */
static void
test_known(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
		assert_int_equal(ask(w, "GOOD@there.EXAMPLE", 0).status, VERIFY_GOOD);
		assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
		assert_int_equal(ask(w, "later@there.example", 5000).status, VERIFY_DEFERRED);
	}
	assert_int_equal(probes(w), 3);
}

/* Who does not wait long enough is told so; the probe goes on. */
static void
test_pending(void **state)
{
	struct world *w = *state;
	struct verify_answer a = ask(w, "slow@there.example", 0);

	assert_int_equal(a.status, VERIFY_PENDING);
	assert_string_equal(a.text, "Address verification in progress");
	assert_int_equal(ask(w, "slow@there.example", 20).status, VERIFY_PENDING);
	assert_int_equal(ask(w, "slow@there.example", 5000).status, VERIFY_GOOD);
	assert_int_equal(probes(w), 1);
}

/* A host that says nothing costs a probe its time, and others nothing. */
static void
test_hanging(void **state)
{
	struct world *w = *state;

	w->o.probe_ms = 300;
	verify_cache_set_options(w->cache, &w->o);
	assert_int_equal(ask(w, "hang@there.example", 20).status, VERIFY_PENDING);
	assert_int_equal(ask(w, "good@there.example", 200).status, VERIFY_GOOD);
	assert_int_equal(ask(w, "hang@there.example", 5000).status, VERIFY_DEFERRED);
}

static void
test_nobody_there(void **state)
{
	struct world *w = *state;
	struct verify_question q = { .address = "x@there.example",
		.domain = "there.example",
		.hop = "smtp:[127.0.0.1]:1",
		.sender = "" };
	struct verify_answer a;

	verify_ask(w->cache, &q, w->arena, deadline_in_ms(5000), &a);
	assert_int_equal(a.status, VERIFY_DEFERRED);
	assert_non_null(strstr(a.text, "connect to 127.0.0.1[127.0.0.1]:1: "));
	/* Without a next hop, and no DNS. */
	q.hop = "";
	verify_ask(w->cache, &q, w->arena, deadline_in_ms(5000), &a);
	assert_int_equal(a.status, VERIFY_DEFERRED);
	assert_non_null(strstr(a.text, "name=there.example type=MX: Host not found, try again"));
	q.domain = q.address = "[nonsense]";
	verify_ask(w->cache, &q, w->arena, deadline_in_ms(5000), &a);
	assert_int_not_equal(a.status, VERIFY_GOOD);
}

/* --- age --- */

static void
test_good_stays(void **state)
{
	static const struct fake_rule no[] = { { "RCPT", NULL, "550 5.1.1 gone\r\n" } };
	struct world *w = *state;

	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
	w->o.positive_refresh_ms = 0;
	verify_cache_set_options(w->cache, &w->o);
	fake_hop_settle(w->hop);
	fake_hop_rules(w->hop, no, nitems(no));
	/* Probed again in the background; what was good stays so until it expires. */
	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
	settle(w);
	assert_int_equal(probes(w), 2);
	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
	settle(w);
	w->o.positive_expire_ms = 0;
	verify_cache_set_options(w->cache, &w->o);
	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_BAD);
}

static void
test_bad_turns_good(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
	w->o.negative_refresh_ms = 0;
	verify_cache_set_options(w->cache, &w->o);
	fake_hop_settle(w->hop);
	fake_hop_rules(w->hop, NULL, 0);
	/* He who asks first gets what is known. */
	assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
	settle(w);
	assert_int_equal(ask(w, "bad@there.example", 0).status, VERIFY_GOOD);
}

static void
test_negative_expires(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
	w->o.negative_expire_ms = 0;
	verify_cache_set_options(w->cache, &w->o);
	assert_int_equal(ask(w, "bad@there.example", 0).status, VERIFY_PENDING);
	assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
}

/* address_verify_negative_cache = no: who waits hears it, nobody remembers. */
static void
test_no_negative_cache(void **state)
{
	struct world *w = *state;

	w->o.negative_cache = 0;
	verify_cache_set_options(w->cache, &w->o);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(w, "bad@there.example", 5000).status, VERIFY_BAD);
	assert_int_equal(probes(w), 3);
	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
	assert_int_equal(ask(w, "good@there.example", 0).status, VERIFY_GOOD);
}

/* --- limits and restarts --- */

static void
test_limit(void **state)
{
	struct world *w = *state;
	struct verify_stats s;

	w->o.max_entries = 10;
	verify_cache_set_options(w->cache, &w->o);
	for (int i = 0; i < 30; i++) {
		char address[40];

		snprintf(address, sizeof(address), "u%d@there.example", i);
		assert_int_equal(ask(w, address, 5000).status, VERIFY_GOOD);
		/* Asked for all the time, so it stays. */
		assert_int_equal(ask(w, "u0@there.example", 0).status, VERIFY_GOOD);
	}
	verify_get_stats(w->cache, &s);
	assert_int_equal(s.entries, 10);
	assert_int_equal(ask(w, "u29@there.example", 0).status, VERIFY_GOOD);
	assert_int_equal(ask(w, "u1@there.example", 0).status, VERIFY_PENDING);
}

static void
restart(struct world *w)
{
	verify_cache_free(w->cache);
	open_cache(w);
}

static void
test_restart(void **state)
{
	struct world *w = *state;

	ask(w, "good@there.example", 5000);
	ask(w, "bad@there.example", 5000);
	settle(w);
	restart(w);
	assert_int_equal(ask(w, "good@there.example", 0).status, VERIFY_GOOD);
	assert_int_equal(ask(w, "bad@there.example", 0).status, VERIFY_BAD);
	assert_non_null(strstr(ask(w, "bad@there.example", 0).text, "no such user"));
	assert_int_equal(probes(w), 0);
	/* A smaller cache keeps the newest. */
	w->o.max_entries = 1;
	restart(w);
	assert_int_equal(ask(w, "bad@there.example", 0).status, VERIFY_BAD);
	assert_int_equal(ask(w, "good@there.example", 0).status, VERIFY_PENDING);
}

/* A probe that the end of the process cuts off tells nothing. */
static void
test_cut_off(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "hang@there.example", 0).status, VERIFY_PENDING);
	restart(w);
	assert_int_equal(ask(w, "hang@there.example", 0).status, VERIFY_PENDING);
	assert_int_equal(probes(w), 1);
}

static void
test_broken_store(void **state)
{
	struct world *w = *state;
	char *path = NULL;
	FILE *f;

	ask(w, "good@there.example", 5000);
	settle(w);
	verify_cache_free(w->cache);
	assert_true(asprintf(&path, "%s/verify.sqlite", w->dir) > 0);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	open_cache(w);
	assert_int_equal(ask(w, "good@there.example", 0).status, VERIFY_PENDING);
	settle(w);
	restart(w);
	assert_int_equal(ask(w, "good@there.example", 0).status, VERIFY_GOOD);
	/* A folder that is not there: the cache works all the same. */
	w->o.directory = "/nonexistent";
	restart(w);
	assert_int_equal(ask(w, "good@there.example", 5000).status, VERIFY_GOOD);
	free(path);
}

static void
count_row(void *arg, const struct verify_row *r)
{
	(void)r;
	++*(size_t *)arg;
}

/* The file does not grow without end. */
static void
test_store_prunes(void **state)
{
	struct world *w = *state;
	struct verify_store *s;
	struct err err;
	size_t n = 0;

	s = verify_store_open(w->dir, &err);
	assert_non_null(s);
	assert_int_equal(verify_store_load(s, 100, count_row, &n, &err), 0);
	for (int i = 0; i < 2000; i++) {
		char key[40];
		struct verify_row r = {
			.key = key, .status = VERIFY_GOOD, .told = i, .probed = i, .text = ""
		};

		snprintf(key, sizeof(key), " u%d@there.example", i);
		assert_int_equal(verify_store_put(s, &r, &err), 0);
	}
	n = 0;
	assert_int_equal(verify_store_load(s, 5000, count_row, &n, &err), 0);
	assert_int_equal(n, 100);
	verify_store_close(s);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
		TEST(test_probe),
		TEST(test_dialogue),
		TEST(test_known),
		TEST(test_pending),
		TEST(test_hanging),
		TEST(test_nobody_there),
		TEST(test_good_stays),
		TEST(test_bad_turns_good),
		TEST(test_negative_expires),
		TEST(test_no_negative_cache),
		TEST(test_limit),
		TEST(test_restart),
		TEST(test_cut_off),
		TEST(test_broken_store),
		TEST(test_store_prunes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
