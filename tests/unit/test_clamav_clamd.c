/* clamd as the engine: its answers, its faults, several of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/xmem.h"
#include "plugins/clamav_clamd.h"
#include "tests/lib/fake_clamd.h"
#include "tests/lib/plugin_driver.h"

/* --- answers --- */

static const struct {
	const char *answer;
	enum clamd_word word;
	const char *detail;
} answer_cases[] = {
	{ "stream: OK", CLAMD_CLEAN, NULL },
	{ "fd[10]: OK", CLAMD_CLEAN, NULL },
	{ "stream: Win.Test.EICAR_HDB-1 FOUND", CLAMD_FOUND, "Win.Test.EICAR_HDB-1" },
	{ "fd[10]: A.B(0123:68).UNOFFICIAL FOUND", CLAMD_FOUND, "A.B(0123:68).UNOFFICIAL" },
	{ "INSTREAM size limit exceeded. ERROR", CLAMD_TOO_LARGE, NULL },
	{ "fd[10]: Can't allocate memory ERROR", CLAMD_ERROR, "Can't allocate memory" },
	{ "UNKNOWN COMMAND ERROR", CLAMD_ERROR, "UNKNOWN COMMAND ERROR" },
	/* what clamd does not say */
	{ "", CLAMD_NONSENSE, "" },
	{ "OK", CLAMD_NONSENSE, NULL },
	{ "stream: OK ", CLAMD_NONSENSE, NULL },
	{ "stream:OK", CLAMD_NONSENSE, NULL },
	{ ": OK", CLAMD_NONSENSE, NULL },
	{ "stream: ok", CLAMD_NONSENSE, NULL },
	{ "stream: OKAY", CLAMD_NONSENSE, NULL },
	{ "stream: FOUND", CLAMD_NONSENSE, NULL },
	{ "stream:  FOUND", CLAMD_NONSENSE, NULL },
	{ "stream: two words FOUND", CLAMD_NONSENSE, NULL },
	{ "stream: tab\there FOUND", CLAMD_NONSENSE, NULL },
	{ "not a stream: OK", CLAMD_NONSENSE, NULL },
	{ "PONG", CLAMD_NONSENSE, "PONG" },
	{ "220 mail.example.com ESMTP\r\n", CLAMD_NONSENSE, "220 mail.example.com ESMTP??" },
};

static void
test_answers(void **state)
{
	char detail[CLAM_NAME_MAX + 1], name[600];

	(void)state;
	for (size_t i = 0; i < nitems(answer_cases); i++) {
		const char *a = answer_cases[i].answer;

		assert_int_equal(clamd_answer_parse(a, strlen(a), detail), answer_cases[i].word);
		if (answer_cases[i].detail != NULL)
			assert_string_equal(detail, answer_cases[i].detail);
	}
	assert_int_equal(clamd_answer_parse("stream: O\0K", 11, detail), CLAMD_NONSENSE);
	/* The longest name, and one more. */
	memset(name, 'x', sizeof(name));
	memcpy(name, "stream: ", 8);
	memcpy(name + 8 + CLAM_NAME_MAX, " FOUND", 6);
	assert_int_equal(clamd_answer_parse(name, 8 + CLAM_NAME_MAX + 6, detail), CLAMD_FOUND);
	memcpy(name + 8 + CLAM_NAME_MAX, "x FOUND", 7);
	assert_int_equal(clamd_answer_parse(name, 8 + CLAM_NAME_MAX + 7, detail), CLAMD_NONSENSE);
}

/* --- configuration --- */

static const struct {
	const char *sockets, *why; /* NULL: good */
} socket_cases[] = {
	{ "unix:/run/clamav/clamd.ctl", NULL },
	{ "127.0.0.1:3310", NULL },
	{ "[::1]:3310, clamd.example.com:3310 unix:/a", NULL },
	{ "", "clamd_socket: must be set with clamav_engine = clamd" },
	{ " , ", "clamd_socket: must be set with clamav_engine = clamd" },
	{ "unix:relative", "\"unix:relative\" must be unix:/PATH or HOST:PORT" },
	{ "/run/clamav/clamd.ctl", "must be unix:/PATH or HOST:PORT" },
	{ "127.0.0.1", "must be unix:/PATH or HOST:PORT" },
	{ "127.0.0.1:", "must be unix:/PATH or HOST:PORT" },
	{ "127.0.0.1:0", "must be unix:/PATH or HOST:PORT" },
	{ "127.0.0.1:65536", "must be unix:/PATH or HOST:PORT" },
	{ "127.0.0.1:33x", "must be unix:/PATH or HOST:PORT" },
	{ "::1:3310", "must be unix:/PATH or HOST:PORT" },
	{ "[::1:3310", "must be unix:/PATH or HOST:PORT" },
	{ ":3310", "must be unix:/PATH or HOST:PORT" },
	{ "a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11 a:12 a:13 a:14 a:15 a:16", NULL },
	{ "a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11 a:12 a:13 a:14 a:15 a:16 a:17",
	    "clamd_socket: must be at most 16" },
};

static void
test_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(socket_cases); i++) {
		struct driver *d = driver_new("clamav");
		int rc;

		driver_set(d, "clamav_engine", "clamd");
		driver_set(d, "clamd_socket", socket_cases[i].sockets);
		rc = driver_open(d);
		assert_int_equal(rc, socket_cases[i].why == NULL ? 0 : -1);
		if (rc == -1 && strstr(driver_why(d), socket_cases[i].why) == NULL)
			fail_msg("row %zu: \"%s\"", i, driver_why(d));
		driver_free(d);
	}
}

/* --- one server --- */

struct world {
	struct fake_clamd *a, *b;
	struct driver *d;
	char path[64];
};

static const char body[] = "Subject: things\r\n\r\nand words\r\n";
static const char whole[] = "Received: from test by driver\r\nSubject: things\r\n\r\nand words\r\n";

static int
setup(void **state)
{
	struct world *t = xcalloc(1, sizeof(*t));

	snprintf(t->path, sizeof(t->path), "/tmp/fake_clamd.%d", (int)getpid());
	unlink(t->path);
	t->a = fake_clamd_new(t->path);
	t->b = fake_clamd_new(NULL);
	t->d = driver_new("clamav");
	driver_set(t->d, "clamav_engine", "clamd");
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct world *t = *state;

	driver_free(t->d);
	if (t->a != NULL)
		fake_clamd_free(t->a);
	fake_clamd_free(t->b);
	free(t);
	return 0;
}

static void
use(struct world *t, const char *sockets)
{
	driver_set(t->d, "clamd_socket", sockets);
	if (driver_open(t->d) == -1)
		fail_msg("%s", driver_why(t->d));
}

static void
use_both(struct world *t)
{
	char *both = xasprintf("%s, %s", fake_clamd_socket(t->a), fake_clamd_socket(t->b));

	use(t, both);
	free(both);
}

static const struct driver_said *
ask(struct world *t)
{
	driver_message(t->d, body, sizeof(body) - 1);
	return driver_check(t->d, "reject_virus");
}

static void
assert_clean(const struct driver_said *s)
{
	assert_null(s->failed);
	assert_int_equal(s->result, RULE_DUNNO);
	assert_true(driver_said_fact(s, "clamav=clean"));
	assert_true(driver_said_count(s, "clamav_scanned=1"));
}

static void
assert_failed(const struct driver_said *s, const char *why, const char *fact)
{
	if (s->failed == NULL || strstr(s->failed, why) == NULL)
		fail_msg("\"%s\", not \"%s\"", s->failed == NULL ? "" : s->failed, why);
	assert_true(driver_said_fact(s, fact));
	assert_int_equal(s->nfacts, 1);
	assert_true(driver_said_count(s, "clamav_failed=1"));
}

static void
assert_given(struct fake_clamd *f, const char *command)
{
	char got[200], word[32];

	fake_clamd_command(f, word);
	assert_string_equal(word, command);
	assert_int_equal(fake_clamd_message(f, got, sizeof(got)), sizeof(whole) - 1);
	assert_memory_equal(got, whole, sizeof(whole) - 1);
}

static void
test_ways_of_giving(void **state)
{
	struct world *t = *state;

	use(t, fake_clamd_socket(t->a));
	assert_clean(ask(t));
	assert_given(t->a, "zFILDES");
	driver_set(t->d, "clamd_pass_descriptors", "no");
	use(t, fake_clamd_socket(t->a));
	assert_clean(ask(t));
	assert_given(t->a, "zINSTREAM");
	use(t, fake_clamd_socket(t->b));
	assert_clean(ask(t));
	assert_given(t->b, "zINSTREAM");
}

/* A name for a host is looked up. */
static void
test_name(void **state)
{
	struct world *t = *state;
	char *named = xasprintf("clamd.example.com:%d", fake_clamd_port(t->b));

	use(t, named);
	assert_failed(ask(t), "its name is not known", "clamav=error");
	driver_host(t->d, "clamd.example.com", "127.0.0.1");
	use(t, named);
	assert_clean(ask(t));
	free(named);
}

static const struct {
	enum fake_clamd_way way;
	const char *answer;
	const char *fact, *refused, *failed;
} way_cases[] = {
	{ FAKE_ANSWERS, "stream: Win.Evil-1 FOUND", "virus=Win.Evil-1",
	    "554 5.7.1 message contains malware: Win.Evil-1", NULL },
	{ FAKE_IN_PIECES, "stream: Win.Evil-1 FOUND", "virus=Win.Evil-1",
	    "554 5.7.1 message contains malware: Win.Evil-1", NULL },
	{ FAKE_ANSWERS, "stream: Heuristics.Limits.Exceeded.MaxFiles FOUND",
	    "clamav=limit:MaxFiles", NULL, "MaxFiles" },
	{ FAKE_ANSWERS, "stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND", "clamav=timeout",
	    NULL, "out of time" },
	{ FAKE_ANSWERS, "stream: Heuristics.Encrypted.Zip FOUND", "clamav=encrypted:Zip", NULL,
	    NULL },
	{ FAKE_TOO_LARGE, NULL, "clamav=limit:StreamMaxLength", NULL, "StreamMaxLength" },
	{ FAKE_ANSWERS, "stream: Can't open file ERROR", "clamav=error", NULL, "Can't open file" },
	{ FAKE_ANSWERS, "220 smtp.example.com ESMTP", "clamav=error", NULL,
	    "no answer of clamd: 220 smtp" },
	{ FAKE_ANSWERS, "", "clamav=error", NULL, "no answer of clamd" },
	{ FAKE_NO_END, "stream: OK", "clamav=error", NULL, "without a whole answer" },
	{ FAKE_HANGS_UP, NULL, "clamav=error", NULL, "without a whole answer" },
	{ FAKE_NEVER_ENDS, NULL, "clamav=error", NULL, "without a whole answer" },
};

static void
test_ways(void **state)
{
	struct world *t = *state;

	driver_set(t->d, "clamd_pass_descriptors", "no");
	for (size_t i = 0; i < nitems(way_cases); i++) {
		const struct driver_said *s;

		fake_clamd_will(t->b, way_cases[i].way, way_cases[i].answer);
		use(t, fake_clamd_socket(t->b));
		s = ask(t);
		if (!driver_said_fact(s, way_cases[i].fact))
			fail_msg("row %zu: %s", i, s->nfacts > 0 ? s->facts[0] : "no fact");
		if (way_cases[i].refused != NULL)
			assert_string_equal(s->refused, way_cases[i].refused);
		if ((s->failed != NULL) != (way_cases[i].failed != NULL) ||
		    (s->failed != NULL && strstr(s->failed, way_cases[i].failed) == NULL))
			fail_msg("row %zu: failed: %s", i, s->failed == NULL ? "" : s->failed);
	}
}

/* Once a message, however many ask. */
static void
test_once(void **state)
{
	struct world *t = *state;

	fake_clamd_will(t->b, FAKE_ANSWERS, "stream: Win.Evil-1 FOUND");
	use(t, fake_clamd_socket(t->b));
	assert_non_null(ask(t)->refused);
	assert_string_equal(driver_check(t->d, "hold_virus")->held, "virus Win.Evil-1");
	assert_non_null(driver_check(t->d, "reject_virus")->refused);
	assert_int_equal(fake_clamd_asked(t->b), 1);
	ask(t);
	assert_int_equal(fake_clamd_asked(t->b), 2);
}

#define EVIL      "stream: Win.Evil-1 FOUND"
#define FILES     "stream: Heuristics.Limits.Exceeded.MaxFiles FOUND"
#define SCAN_TIME "stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND"
#define ZIP       "stream: Heuristics.Encrypted.Zip FOUND"
#define OK        "stream: OK"

static const struct {
	const char *answers[3]; /* about the message, and the parts on which readers may differ */
	const char *encrypted_action, *limit_action;
	unsigned asked;
	const char *refused, *failed; /* parts of them */
	const char *facts[3];
} part_cases[] = {
	/* That not all could be seen is no reason to look at no more. */
	{ { ZIP, EVIL, OK }, "accept", "fail", 2, "malware: Win.Evil-1", NULL,
	    { "clamav=encrypted:Zip", "virus=Win.Evil-1" } },
	{ { FILES, OK, EVIL }, "accept", "accept", 3, "malware: Win.Evil-1", NULL,
	    { "clamav=limit:MaxFiles", "virus=Win.Evil-1" } },
	{ { OK, ZIP, EVIL }, "accept", "fail", 3, "malware: Win.Evil-1", NULL,
	    { "clamav=encrypted:Zip", "virus=Win.Evil-1" } },
	/* Each name is kept, and told once. */
	{ { ZIP, FILES, OK }, "accept", "fail", 3, NULL, "MaxFiles",
	    { "clamav=encrypted:Zip", "clamav=limit:MaxFiles" } },
	{ { FILES, ZIP, FILES }, "virus", "accept", 3, "malware: Heuristics.Encrypted.Zip", NULL,
	    { "clamav=limit:MaxFiles", "clamav=encrypted:Zip" } },
	{ { ZIP, ZIP, OK }, "accept", "fail", 3, NULL, NULL, { "clamav=encrypted:Zip" } },
	/* These are. */
	{ { OK, EVIL, ZIP }, "accept", "fail", 2, "malware: Win.Evil-1", NULL,
	    { "virus=Win.Evil-1" } },
	{ { OK, SCAN_TIME, EVIL }, "accept", "accept", 2, NULL, "out of time",
	    { "clamav=timeout" } },
	{ { ZIP, "nonsense", EVIL }, "accept", "fail", 2, NULL, "no answer of clamd",
	    { "clamav=encrypted:Zip", "clamav=error" } },
	{ { OK, OK, OK }, "accept", "fail", 3, NULL, NULL, { "clamav=clean" } },
};

static void
assert_part(const char *text, const char *wanted, size_t row)
{
	if ((text == NULL) != (wanted == NULL) || (text != NULL && strstr(text, wanted) == NULL))
		fail_msg("row %zu: \"%s\", not \"%s\"", row, text == NULL ? "" : text,
		    wanted == NULL ? "" : wanted);
}

static void
give_odd_parts(struct world *t, size_t n)
{
	driver_message(t->d, body, sizeof(body) - 1);
	for (size_t i = 0; i < n; i++) {
		driver_part(t->d, "application/octet-stream", "octets", 6);
		driver_odd_part(t->d);
	}
}

static void
test_parts(void **state)
{
	struct world *t = *state;

	for (size_t i = 0; i < nitems(part_cases); i++) {
		unsigned before = fake_clamd_asked(t->b);
		const struct driver_said *s;
		size_t n = 0;

		driver_set(t->d, "clamav_encrypted_action", part_cases[i].encrypted_action);
		driver_set(t->d, "clamav_limit_action", part_cases[i].limit_action);
		use(t, fake_clamd_socket(t->b));
		fake_clamd_will(t->b, FAKE_ANSWERS, part_cases[i].answers[0]);
		fake_clamd_then(t->b, part_cases[i].answers[1]);
		fake_clamd_then(t->b, part_cases[i].answers[2]);
		give_odd_parts(t, 2);
		s = driver_check(t->d, "reject_virus");
		assert_part(s->refused, part_cases[i].refused, i);
		assert_part(s->failed, part_cases[i].failed, i);
		for (; n < nitems(part_cases[i].facts) && part_cases[i].facts[n] != NULL; n++)
			if (!driver_said_fact(s, part_cases[i].facts[n]))
				fail_msg("row %zu: no fact %s", i, part_cases[i].facts[n]);
		if (part_cases[i].failed == NULL)
			assert_int_equal(s->nfacts, n);
		assert_int_equal(fake_clamd_asked(t->b) - before, part_cases[i].asked);
	}
}

/* More names than are kept: there may be more, and that is told too. */
static void
test_many_names(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;
	char *answer;

	driver_set(t->d, "clamav_limit_action", "accept");
	use(t, fake_clamd_socket(t->b));
	for (int i = 0; i < 20; i++) {
		answer = xasprintf("stream: Heuristics.Encrypted.Kind%d FOUND", i);
		fake_clamd_then(t->b, answer);
		free(answer);
	}
	give_odd_parts(t, 20);
	s = driver_check(t->d, "reject_virus");
	assert_true(driver_said_fact(s, "clamav=encrypted:Kind0"));
	assert_true(driver_said_fact(s, "clamav=limit:Parts"));
	assert_false(driver_said_fact(s, "clamav=clean"));
	assert_null(s->failed);
	driver_set(t->d, "clamav_limit_action", "fail");
	use(t, fake_clamd_socket(t->b));
	assert_part(driver_check(t->d, "reject_virus")->failed, "Parts", 0);
}

static void
test_look_only(void **state)
{
	struct world *t = *state;

	use(t, fake_clamd_socket(t->b));
	driver_look_only(t->d, 1);
	assert_int_equal(ask(t)->result, RULE_DUNNO);
	assert_int_equal(fake_clamd_asked(t->b), 0);
}

/* The message's time is the bound, not the parameter. */
static void
test_hangs(void **state)
{
	struct world *t = *state;

	fake_clamd_will(t->b, FAKE_HANGS, NULL);
	use(t, fake_clamd_socket(t->b));
	driver_time_left(t->d, 1000);
	assert_failed(ask(t), "no answer in time", "clamav=timeout");
	/* The second time in a row it is a server that hangs. */
	assert_failed(ask(t), "no answer in time", "clamav=timeout");
	assert_int_equal(fake_clamd_asked(t->b), 2);
	assert_failed(ask(t), "every clamd is left alone", "clamav=error");
	assert_int_equal(fake_clamd_asked(t->b), 2);
}

static void
test_no_time(void **state)
{
	struct world *t = *state;

	use(t, fake_clamd_socket(t->b));
	driver_time_left(t->d, 0);
	assert_failed(ask(t), "no time is left", "clamav=timeout");
	assert_int_equal(fake_clamd_asked(t->b), 0);
	/* And one that has no end. */
	driver_time_left(t->d, INT64_MAX);
	assert_clean(ask(t));
}

/* A server that reads nothing of a large message. */
static void
test_deaf(void **state)
{
	struct world *t = *state;
	const size_t n = 8 << 20;
	char *big = xcalloc(1, n);

	fake_clamd_will(t->b, FAKE_DEAF, NULL);
	use(t, fake_clamd_socket(t->b));
	driver_time_left(t->d, 1000);
	driver_message(t->d, big, n);
	assert_failed(driver_check(t->d, "reject_virus"), "no answer in time", "clamav=timeout");
	free(big);
}

static void
test_down(void **state)
{
	struct world *t = *state;

	use(t, "unix:/nowhere/clamd.ctl");
	assert_failed(
	    ask(t), "clamd unix:/nowhere/clamd.ctl: No such file or directory", "clamav=error");
	assert_failed(ask(t), "every clamd is left alone", "clamav=error");
}

/* --- several --- */

static void
test_fail_over(void **state)
{
	static const struct {
		enum fake_clamd_way way;
		const char *answer;
	} faults[] = { { FAKE_HANGS_UP, NULL }, { FAKE_ANSWERS, "nonsense" },
		{ FAKE_ANSWERS, "stream: no memory ERROR" } };
	struct world *t = *state;

	for (size_t i = 0; i < nitems(faults); i++) {
		use_both(t);
		fake_clamd_will(t->a, faults[i].way, faults[i].answer);
		assert_clean(ask(t));
		assert_int_equal(fake_clamd_asked(t->a), i + 1);
		assert_int_equal(fake_clamd_asked(t->b), i + 1);
	}
	/* What cannot be scanned there is no reason to leave a server alone. */
	fake_clamd_will(t->a, FAKE_ANSWERS, "stream: OK");
	assert_clean(ask(t));
	assert_int_equal(fake_clamd_asked(t->a), nitems(faults) + 1);
	assert_int_equal(fake_clamd_asked(t->b), nitems(faults));
}

/* The first hangs, and there is time left for the second. */
static void
test_share_of_time(void **state)
{
	struct world *t = *state;

	use_both(t);
	fake_clamd_will(t->a, FAKE_HANGS, NULL);
	driver_time_left(t->d, 3000);
	assert_clean(ask(t));
	assert_int_equal(fake_clamd_asked(t->a), 1);
	assert_clean(ask(t));
	/* Twice in a row: now it is left alone. */
	assert_clean(ask(t));
	assert_int_equal(fake_clamd_asked(t->a), 2);
	assert_int_equal(fake_clamd_asked(t->b), 3);
}

/* A server that was left alone is tried again, and is in use when it answers. */
static void
test_comes_back(void **state)
{
	struct world *t = *state;
	unsigned before;

	driver_set(t->d, "clamd_retry_time", "1s");
	fake_clamd_will(t->a, FAKE_HANGS_UP, NULL);
	use_both(t);
	assert_clean(ask(t));
	assert_int_equal(fake_clamd_asked(t->a), 1);
	fake_clamd_will(t->a, FAKE_ANSWERS, "stream: OK");
	while (fake_clamd_asked(t->a) == 1) {
		usleep(50000);
		assert_clean(ask(t));
	}
	before = fake_clamd_asked(t->b);
	assert_clean(ask(t));
	assert_int_equal(fake_clamd_asked(t->a), 3);
	assert_int_equal(fake_clamd_asked(t->b), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test_setup_teardown(test_ways_of_giving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_look_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share_of_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
