#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "base/text.h"

static void
test_span_reader(void **state)
{
	static const uint8_t bytes[] = { 1, 0, 2, 0, 0, 0, 3, 'a', 'b', 0, 'c' };
	struct rd r;

	(void)state;
	rd_init(&r, span_make(bytes, sizeof(bytes)));
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 2);
	assert_int_equal(rd_u32(&r), 3);
	assert_true(span_eq_str(rd_cstr(&r), "ab"));
	assert_int_equal(rd_left(&r), 1);
	assert_int_equal(rd_cstr(&r).len, 0); /* no NUL any more */
	assert_int_equal(r.bad, 1);
	assert_int_equal(rd_u8(&r), 0); /* sticky, although a byte is left */
	rd_init(&r, span_make(NULL, 0));
	assert_int_equal(rd_bytes(&r, 0).len, 0);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(r.bad, 0);
}

static const struct {
	const char *in;
	uint64_t max, out;
	int rc;
} number_cases[] = {
	{ "0", 10, 0, 0 }, { "10", 10, 10, 0 }, { "11", 10, 0, -1 }, { "", 10, 0, -1 },
	{ "-1", 10, 0, -1 }, { "1 ", 10, 0, -1 },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, 0 },
	{ "18446744073709551616", UINT64_MAX, 0, -1 }, /* one too many must not wrap */
};

static void
test_span_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(number_cases); i++) {
		uint64_t v = 0;

		assert_int_equal(span_u64(span_str(number_cases[i].in), number_cases[i].max, &v),
		    number_cases[i].rc);
		assert_int_equal(v, number_cases[i].out);
	}
}

static void
test_span_cut(void **state)
{
	struct span head, rest;

	(void)state;
	assert_int_equal(span_cut(span_str("a=b=c"), '=', &head, &rest), 1);
	assert_true(span_eq_str(head, "a") && span_eq_str(rest, "b=c"));
	assert_int_equal(span_cut(span_str("abc"), '=', &head, &rest), 0);
	assert_true(span_eq_str(head, "abc") && rest.len == 0);
	/* An empty one may stand nowhere, and nothing is counted from there. */
	assert_int_equal(span_cut(span_make(NULL, 0), '=', &head, &rest), 0);
	assert_true(head.len == 0 && rest.len == 0 && rest.p == NULL);
	assert_true(span_eq_str(span_trim(span_str(" \t x y\r\n")), "x y"));
	assert_true(span_case_starts(span_str("IPv6:1"), "IPV6:"));
}

static void
test_arena(void **state)
{
	struct arena *a = arena_new();
	char *big;

	(void)state;
	assert_null(arena_str(a, span_make("a\0b", 3))); /* a NUL never becomes a C string */
	assert_string_equal(arena_str(a, span_make("abc", 2)), "ab");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(atoi(arena_printf(a, "%d-%s", i, "x")), i);
	big = arena_calloc(a, 100000);
	assert_int_equal(big[99999], 0);
	memset(big, 1, 100000);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_int_equal((uintptr_t)arena_alloc(a, 3) % _Alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)arena_alloc(a, 3) % _Alignof(max_align_t), 0);
	arena_free(a);
	arena_free(NULL);
}

static void
test_arena_rewind(void **state)
{
	struct arena *a = arena_new();
	struct arena_mark none = arena_mark(a), some;
	const char *kept;
	size_t used;

	(void)state;
	kept = arena_strdup(a, "kept");
	some = arena_mark(a);
	used = arena_used(a);
	for (size_t size = 1; size < 20000; size *= 3) {
		for (int i = 0; i < 5; i++)
			memset(arena_alloc(a, size), 'x', size);
		arena_rewind(a, &some);
		assert_int_equal(arena_used(a), used);
		assert_string_equal(kept, "kept");
	}
	/* What is handed out next lies where the first of these did. */
	assert_ptr_equal(arena_strdup(a, "y"), kept + (used > 16 ? used : 16));
	assert_string_equal(kept, "kept");
	arena_rewind(a, &none);
	assert_int_equal(arena_used(a), 0);
	assert_string_equal(arena_strdup(a, "anew"), "anew");
	arena_free(a);
}

static void
test_buf(void **state)
{
	struct buf b = { 0 };
	char *taken;

	(void)state;
	assert_non_null(buf_span(&b).p);
	assert_int_equal(buf_span(&b).len, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_adds(&b, "hello ");
	buf_printf(&b, "%d", 42);
	buf_addc(&b, '!');
	assert_string_equal(buf_cstr(&b), "hello 42!");
	buf_shift(&b, 6);
	assert_string_equal(buf_cstr(&b), "42!");
	taken = buf_take(&b);
	assert_string_equal(taken, "42!");
	assert_null(b.p);
	free(taken);
}

/* Up to the last octet of what it has, and one more. */
static void
test_buf_fills(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(b.len, i);
		if (i % 3 == 0)
			buf_adds(&b, i % 2 == 0 ? "0" : "1");
		else
			buf_addc(&b, (char)('0' + i % 2));
		assert_true(b.len < b.cap);
		assert_int_equal(b.p[b.len], '\0');
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(b.p[i], '0' + i % 2);
	buf_fini(&b);
}

static const struct {
	const char *in, *out;
} quote_cases[] = {
	{ "plain", "plain" }, { "a\nb\rc", "a\\x0ab\\x0dc" }, /* no second line out of one */
	{ "\x1b[2J", "\\x1b[2J" }, { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "\xc3", "\\xc3" },                   /* cut UTF-8 */
	{ "\xc0\xaf", "\\xc0\\xaf" },          /* long form of '/' */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* surrogate */
	{ "\xc2\x9b"
	  "2J",
	    "\\xc2\\x9b2J" },                           /* C1 control sequence introducer */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
};

static void
test_log_quote(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(quote_cases); i++) {
		buf_reset(&b);
		log_quote(&b, span_str(quote_cases[i].in), 100);
		assert_string_equal(buf_cstr(&b), quote_cases[i].out);
	}
	buf_reset(&b);
	log_quote(&b, span_str("abcdef"), 3);
	assert_string_equal(buf_cstr(&b), "abc...");
	buf_fini(&b);
}

/* Eight octets are looked at in one go: each one at each place among them, and behind them. */
static void
test_log_quote_places(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 19; at++) {
			char text[] = "abcdefghijk~ mnopqr", want[64];
			struct buf b = { 0 };
			int plain = c >= 0x20 && c < 0x7f;

			text[at] = (char)c;
			snprintf(want, sizeof(want), plain ? "%.*s%c%s" : "%.*s\\x%02x%s", (int)at,
			    text, c, &text[at + 1]);
			log_quote(&b, span_make(text, 19), 100);
			assert_string_equal(buf_cstr(&b), want);
			buf_fini(&b);
		}
	}
}

static char last_line[4096];

static void catch (enum log_level level, const char *line)
{
	(void)level;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static void
test_log_json(void **state)
{
	const struct log_options json = {
		.target = LOG_TO_FILE, .path = "/dev/null", .json = 1, .level = LOG_LEVEL_INFO
	};
	const struct log_options text = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_INFO
	};
	const struct log_field fields[] = { LOG_STR("sender", "a\"b\\c\n"), LOG_NUM("bytes", 7),
		LOG_STR("none", (const char *)NULL) };

	(void)state;
	log_set_hook(catch);
	assert_int_equal(log_open(&json, NULL), 0);
	log_event(
	    LOG_LEVEL_INFO, "lmtp", "ID1", "message", fields, nitems(fields), "from %s", "x\ty");
	assert_non_null(strstr(last_line, "\"program\":\"filterd/lmtp\""));
	assert_non_null(strstr(last_line, "\"id\":\"ID1\",\"event\":\"message\""));
	assert_non_null(strstr(last_line, "\"text\":\"from x\\\\x09y\""));
	assert_non_null(
	    strstr(last_line, "\"sender\":\"a\\\"b\\\\c\\\\x0a\",\"bytes\":7,\"none\":\"\"}"));
	assert_int_equal(log_open(&text, NULL), 0);
	log_warn("smtp", "ID2", "bad %s", "thing\n");
	assert_non_null(strstr(last_line, "filterd/smtp["));
	assert_non_null(strstr(last_line, "]: ID2: warning: bad thing\\x0a\n"));
	last_line[0] = '\0';
	log_debug(NULL, NULL, "not at this level");
	assert_string_equal(last_line, "");
	log_set_hook(NULL);
}

static off_t
file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

struct gatherer {
	const char *path;
	pthread_barrier_t barrier;
};

/* A thread that has gathered a line and is busy then; the line's session goes on in another one. */
static void *
gather(void *arg)
{
	struct gatherer *g = arg;

	log_batch_start();
	log_event_last(LOG_LEVEL_INFO, NULL, "ID", "message", NULL, 0, "fate");
	assert_int_equal(file_size(g->path), 0);
	pthread_barrier_wait(&g->barrier);
	pthread_barrier_wait(&g->barrier);
	log_batch_end();
	return NULL;
}

static void
test_log_gathered_elsewhere(void **state)
{
	char path[] = "/tmp/test_base.XXXXXX";
	int fd = mkstemp(path);
	const struct log_options o = {
		.target = LOG_TO_FILE, .path = path, .level = LOG_LEVEL_INFO
	};
	struct gatherer g = { .path = path };
	pthread_t t;

	(void)state;
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(log_open(&o, NULL), 0);
	assert_int_equal(log_batch_pending(), 0);
	pthread_barrier_init(&g.barrier, NULL, 2);
	assert_int_equal(pthread_create(&t, NULL, gather, &g), 0);
	pthread_barrier_wait(&g.barrier);
	assert_int_equal(log_batch_pending(), 1);
	log_batch_flush();
	assert_int_equal(log_batch_pending(), 0);
	assert_true(file_size(path) > 0);
	pthread_barrier_wait(&g.barrier);
	pthread_join(t, NULL);
	pthread_barrier_destroy(&g.barrier);
	unlink(path);
}

static const struct {
	const char *in, *port, *out; /* out NULL: refused */
} endpoint_cases[] = {
	{ "127.0.0.1:25", NULL, "127.0.0.1:25" },
	{ "inet:127.0.0.1:25", NULL, "127.0.0.1:25" },
	{ "[::1]:25", NULL, "[::1]:25" },
	{ "[IPv6:::1]:25", NULL, "[::1]:25" },
	{ "[mail.example]:10026", NULL, "[mail.example]:10026" },
	{ "mail.example", "24", "mail.example:24" },
	{ "mail.example", NULL, NULL }, /* a listener must say its port */
	{ "::1:25", NULL, NULL },
	{ "[::1", NULL, NULL },
	{ "host:", NULL, NULL },
	{ ":25", NULL, NULL },
	{ "unix:/run/x", NULL, "unix:/run/x" },
	{ "unix:run/x", NULL, NULL },
	{ "a b:25", NULL, NULL },
	{ "", "24", NULL },
};

static void
test_endpoint(void **state)
{
	struct endpoint e;
	struct err err;
	char out[400];

	(void)state;
	for (size_t i = 0; i < nitems(endpoint_cases); i++) {
		int rc = endpoint_parse(endpoint_cases[i].in, endpoint_cases[i].port, &e, &err);

		if (endpoint_cases[i].out == NULL) {
			assert_int_equal(rc, -1);
			assert_int_equal(err.class, ERR_CONFIG);
			continue;
		}
		assert_int_equal(rc, 0);
		endpoint_format(&e, out, sizeof(out));
		assert_string_equal(out, endpoint_cases[i].out);
	}
}

#define NO_MX "MX look-up is not available in this version; write "

static const struct {
	const char *in, *error; /* error NULL: good */
} next_hop_cases[] = {
	/* a name without brackets: in Postfix its MX, which may be another host */
	{ "smtp:example.com", NO_MX "smtp:[example.com]:25 for the host itself" },
	{ "smtp:example.com:2525", NO_MX "smtp:[example.com]:2525 for the host itself" },
	{ "smtp:localhost:10026", NO_MX "smtp:[localhost]:10026 for the host itself" },
	{ "smtp:inet:localhost:10026", NO_MX "smtp:[localhost]:10026 for the host itself" },
	{ "smtp:[example.com]", NULL },
	{ "smtp:127.0.0.1:10026", NULL }, /* has no MX */
	{ "smtp:unix:/run/x", NULL },
	{ "lmtp:example.com", NULL }, /* LMTP knows no MX */
	{ "uucp:x", "must begin with smtp: or lmtp:, as in smtp:[127.0.0.1]:10026" },
	{ "[127.0.0.1]:25", "must begin with smtp: or lmtp:, as in smtp:[127.0.0.1]:10026" },
	{ "smtp:", "must be HOST:PORT, [ADDRESS]:PORT or unix:/PATH" },
	{ "smtp:[127.0.0.1", "']' is missing" },
};

static void
test_next_hop(void **state)
{
	struct next_hop h;
	struct err err;

	(void)state;
	assert_int_equal(next_hop_parse("smtp:[127.0.0.1]:10026", &h, &err), 0);
	assert_int_equal(h.protocol, HOP_SMTP);
	assert_string_equal(h.text, "smtp:[127.0.0.1]:10026");
	assert_int_equal(next_hop_parse("lmtp:inet:localhost", &h, &err), 0);
	assert_string_equal(h.to.port, "24");
	assert_int_equal(next_hop_parse("lmtp:unix:/var/run/lmtp", &h, &err), 0);
	assert_int_equal(h.to.kind, ENDPOINT_UNIX);
	assert_int_equal(next_hop_parse("uucp:x", &h, &err), -1);
	for (size_t i = 0; i < nitems(next_hop_cases); i++) {
		const char *want = next_hop_cases[i].error;

		assert_int_equal(
		    next_hop_parse(next_hop_cases[i].in, &h, &err), want == NULL ? 0 : -1);
		if (want == NULL)
			continue;
		assert_int_equal(err.class, ERR_CONFIG);
		assert_string_equal(err.text, want);
	}
}

static void
test_nearest(void **state)
{
	static const char *const names[] = { "header_checks", "body_checks", "next_hop" };

	(void)state;
	assert_string_equal(text_nearest("heder_check", names, 3), "header_checks");
	assert_string_equal(text_nearest("NEXTHOP", names, 3), "next_hop");
	assert_null(text_nearest("zzzzzz", names, 3));
	assert_true(text_case_eq("ABc", "abC"));
	assert_false(text_case_eq("ab", "abc"));
}

static void
test_deadline(void **state)
{
	struct deadline past = deadline_in_ms(-5), far = deadline_in_ms(100000);

	(void)state;
	assert_true(deadline_passed(past));
	assert_int_equal(deadline_poll_ms(past), 0);
	assert_false(deadline_passed(far));
	assert_true(deadline_poll_ms(far) > 90000);
	assert_int_equal(deadline_poll_ms(deadline_never()), -1);
	assert_int_equal(deadline_in_ms(INT64_MAX).at_ms, DEADLINE_NEVER); /* no overflow */
	assert_int_equal(deadline_min(past, far).at_ms, past.at_ms);
}

/* --- counters with names --- */

#define NAMERS 6
#define NAMES  COUNTERS_NAMED

static void *
count_names(void *arg)
{
	char name[COUNTER_NAME];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "probe_%d", i);
		assert_int_equal(counters_named_add(arg, name, i), 0);
	}
	return NULL;
}

static void
add_seen(void *arg, const char *name, int64_t value, const char *text)
{
	int *seen = arg;
	int i = atoi(name + strlen("probe_"));

	assert_string_equal(text, i == 0 ? "the first" : "");
	assert_int_equal(value, NAMERS * i);
	seen[i]++;
}

/* Each name has one place, whoever comes first with it; what has no place left is not counted as
 * something else. */
static void
test_named_counters(void **state)
{
	struct counters *c = calloc(1, sizeof(*c));
	pthread_t t[NAMERS];
	char name[2 * COUNTER_NAME];
	int seen[NAMES] = { 0 };

	(void)state;
	assert_int_equal(counters_name(c, "probe_0", "the first"), 0);
	for (size_t i = 0; i < NAMERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count_names, c), 0);
	for (size_t i = 0; i < NAMERS; i++)
		pthread_join(t[i], NULL);
	counters_named_each(c, add_seen, seen);
	for (size_t i = 0; i < NAMES; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(counters_named_add(c, "one_too_many", 1), -1);
	counters_reset(c);
	assert_int_equal(counters_named_add(c, "probe_5", 3), 0);
	for (size_t i = 0; i < NAMES; i++)
		assert_int_equal(c->named[i].n, strcmp(c->named[i].name, "probe_5") == 0 ? 3 : 0);
	memset(c, 0, sizeof(*c));
	/* cut, and found again */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(counters_named_add(c, name, 1), 0);
	assert_int_equal(counters_named_add(c, name, 1), 0);
	assert_int_equal(strlen(c->named[0].name), COUNTER_NAME - 1);
	assert_int_equal(c->named[0].n, 2);
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_reader),
		cmocka_unit_test(test_span_number),
		cmocka_unit_test(test_span_cut),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_rewind),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_fills),
		cmocka_unit_test(test_log_quote),
		cmocka_unit_test(test_log_quote_places),
		cmocka_unit_test(test_log_json),
		cmocka_unit_test(test_log_gathered_elsewhere),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_next_hop),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_named_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
