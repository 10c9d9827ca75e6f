/* A worker's side of scanning, with scanners that do what a test tells them by the scan's name. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "proc/scan_client.h"
#include "proc/scan_state.h"
#include "tests/lib/child.h"

#define PATIENCE_MS 60000
#define LEAD        "Received: test\r\n"

struct stage {
	int jobs[2]; /* workers write [0], scanners read [1] */
	struct scan_state *state;
	struct scan_client *client;
	_Atomic int *count; /* shared with the scanners: jobs, questions */
};
enum { JOBS, QUESTIONS, COUNTS };

/* --- a scanner --- */

struct own {
	struct stage *st;
	int session, message;
	struct scan_job job;
	char text[200];
};

static void
say(struct own *o, const struct buf *b)
{
	scan_send(o->session, buf_span(b), NULL, 0);
}

static void
say_taken(struct own *o)
{
	struct buf b = { 0 };

	scan_taken_format((int)getpid(), &b);
	say(o, &b);
	buf_fini(&b);
}

static void
say_key(struct own *o, const char *key)
{
	struct scan_answer a;

	scan_answer_init(&a);
	scan_answer_add(&a, &(struct scan_record){ .kind = SCAN_KEY, .a = key });
	scan_send(o->session, scan_answer_end(&a), NULL, 0);
	scan_answer_fini(&a);
}

static void
say_garbage(struct own *o)
{
	scan_send(o->session, span_str("FSA1 or not"), NULL, 0);
}

static void
say_huge(struct own *o)
{
	struct buf b = { 0 };

	memset(buf_reserve(&b, SCAN_DATAGRAM_MAX + 1), 'x', SCAN_DATAGRAM_MAX + 1);
	b.len = SCAN_DATAGRAM_MAX + 1;
	say(o, &b);
	buf_fini(&b);
}

static void
send_descriptors(struct own *o)
{
	struct scan_answer a;
	int fds[2] = { o->message, o->session };

	scan_answer_init(&a);
	scan_send(o->session, scan_answer_end(&a), fds, 2);
	scan_answer_fini(&a);
}

/* Returns 0 when this session is over. */
static int
obey(struct own *o, const char *scan)
{
	int first = atomic_fetch_add(&o->st->count[QUESTIONS], 1) == 0;

	if (strcmp(scan, "die") == 0 || (strcmp(scan, "die_once") == 0 && first))
		_exit(7);
	else if (strcmp(scan, "hang") == 0 || (strcmp(scan, "hang_once") == 0 && first))
		pause();
	else if (strcmp(scan, "garbage") == 0 || (strcmp(scan, "garbage_once") == 0 && first))
		say_garbage(o);
	else if (strcmp(scan, "huge") == 0)
		say_huge(o);
	else if (strcmp(scan, "taken_twice") == 0)
		say_taken(o);
	else if (strcmp(scan, "descriptors") == 0)
		send_descriptors(o);
	else if (strcmp(scan, "close") == 0)
		return say_key(o, "closed"), 0;
	else
		say_key(o, o->text);
	return 1;
}

static void
serve_session(struct own *o)
{
	struct scan_question q;
	uint8_t room[1000];
	ssize_t n;
	int on;

	if (strcmp(o->job.question.scan, "not_taken") == 0)
		_exit(7);
	say_taken(o);
	on = obey(o, o->job.question.scan);
	while (on && (n = scan_receive(o->session, room, sizeof(room), NULL, 0, 1)) > 0 &&
	       scan_question_parse(span_make(room, (size_t)n), &q) == 0)
		on = obey(o, q.scan);
}

static void
scanner(struct stage *st)
{
	uint8_t room[1000];
	int fds[2];
	ssize_t n;

	while ((n = scan_receive(st->jobs[1], room, sizeof(room), fds, 2, 1)) > 0) {
		struct own o = { .st = st, .session = fds[0], .message = fds[1] };

		atomic_fetch_add(&st->count[JOBS], 1);
		if (scan_job_parse(span_make(room, (size_t)n), &o.job) == -1 ||
		    scan_memfd_check(o.message, o.job.size) == -1 ||
		    pread(o.message, o.text, sizeof(o.text) - 1, 0) == -1)
			_exit(8);
		/* What cannot be in a key. */
		for (char *p = o.text; *p != '\0'; p++)
			if (*p == '\r' || *p == '\n')
				*p = '_';
		serve_session(&o);
		close(o.session);
		close(o.message);
	}
	_exit(0);
}

static void
scanners(struct stage *st, int n)
{
	for (int i = 0; i < n; i++)
		if (child_fork() == 0)
			scanner(st);
}

/* --- the stage --- */

static int
set_up(void **state)
{
	struct stage *st = calloc(1, sizeof(*st));
	struct scan_client_options o = { .time_limit_ms = PATIENCE_MS };
	struct err err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, st->jobs), 0);
	st->state = o.state = scan_state_map(&err);
	assert_non_null(st->state);
	o.jobs = st->jobs[0];
	st->client = scan_client_new(&o);
	st->count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(st->count != MAP_FAILED);
	*state = st;
	return 0;
}

static int
tear_down(void **state)
{
	struct stage *st = *state;

	scan_client_free(st->client);
	scan_state_unmap(st->state);
	munmap(st->count, 4096);
	close(st->jobs[0]);
	close(st->jobs[1]);
	free(st);
	return children_end(state);
}

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* One question; 0 with the first key in out, -1 with the error's text. */
static int
ask(struct scan_call *c, const char *scan, int64_t ms, char *out, size_t size)
{
	struct arena *arena = arena_new();
	struct scan_record *r;
	struct err err = { 0 };
	size_t n;
	int rc = scan_call_ask(c, "test", scan, deadline_in_ms(ms), arena, &r, &n, &err);

	snprintf(out, size, "%s",
	    rc == -1                          ? err.text
	    : n == 1 && r[0].kind == SCAN_KEY ? r[0].a
					      : "");
	arena_free(arena);
	return rc;
}

/* A message of its own. */
static int
ask_one(struct stage *st, const char *scan, int64_t ms, char *out, size_t size)
{
	struct scan_call *c = scan_call_begin(st->client, span_str(LEAD), span_str("a message\n"));
	int rc = ask(c, scan, ms, out, size);

	scan_call_end(c);
	return rc;
}

static int warnings;

static void
count_warning(enum log_level level, const char *line)
{
	(void)line;
	warnings += level <= LOG_LEVEL_WARN;
}

/* --- what is answered --- */

static void
test_answer(void **state)
{
	struct stage *st = *state;
	char text[600];
	int before = count_fds();

	scanners(st, 1);
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), 0);
	assert_string_equal(text, "Received: test__a message_");
	assert_int_equal(count_fds(), before);
}

/* The message goes over once. */
static void
test_more_questions(void **state)
{
	struct stage *st = *state;
	struct scan_call *c = scan_call_begin(st->client, span_str(LEAD), span_str("m"));
	char text[600];

	scanners(st, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(c, "text", PATIENCE_MS, text, sizeof(text)), 0);
		assert_string_equal(text, "Received: test__m");
	}
	scan_call_end(c);
	assert_int_equal(atomic_load(&st->count[JOBS]), 1);
	assert_int_equal(atomic_load(&st->count[QUESTIONS]), 3);
}

/* It waits for more questions no longer than it likes. */
static void
test_session_closed_between(void **state)
{
	struct stage *st = *state;
	struct scan_call *c = scan_call_begin(st->client, span_str(LEAD), span_str("m"));
	char text[600];

	scanners(st, 1);
	log_set_hook(count_warning);
	warnings = 0;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask(c, "close", PATIENCE_MS, text, sizeof(text)), 0);
		assert_string_equal(text, "closed");
	}
	log_set_hook(NULL);
	scan_call_end(c);
	assert_int_equal(atomic_load(&st->count[JOBS]), 4);
	assert_int_equal(warnings, 0);
}

/* --- faults --- */

static const struct {
	const char *scan;
	const char *text; /* of the error; NULL: the second attempt answers */
	int64_t time_limit_ms;
} faults[] = {
	{ "die_once", NULL, PATIENCE_MS },
	{ "die", "died", PATIENCE_MS },
	{ "not_taken", "a scanner died", PATIENCE_MS },
	{ "hang_once", NULL, 100 },
	{ "hang", "did not answer in time", 100 },
	{ "garbage_once", NULL, PATIENCE_MS },
	{ "garbage", "said what is no answer", PATIENCE_MS },
	{ "huge", "said what is no answer", PATIENCE_MS },
	{ "taken_twice", "said twice", PATIENCE_MS },
	/* The kernel closes them; the answer stands. */
	{ "descriptors", NULL, PATIENCE_MS },
};

static void
test_faults(void **state)
{
	struct stage *st = *state;
	char text[600];
	int before = count_fds();

	log_set_hook(count_warning);
	for (size_t i = 0; i < nitems(faults); i++) {
		int rc;

		scanners(st, 2);
		atomic_store(&st->count[QUESTIONS], 0);
		scan_client_set_time_limit(st->client, faults[i].time_limit_ms);
		rc = ask_one(st, faults[i].scan, PATIENCE_MS, text, sizeof(text));
		if (rc != (faults[i].text == NULL ? 0 : -1) ||
		    (rc == -1 && strstr(text, faults[i].text) == NULL))
			fail_msg("%s: %d %s", faults[i].scan, rc, text);
		assert_int_equal(count_fds(), before);
		assert_int_equal(children_end(state), 0);
	}
	log_set_hook(NULL);
}

/* Two attempts, not three. */
static void
test_two_attempts(void **state)
{
	struct stage *st = *state;
	char text[600];

	scanners(st, 3);
	log_set_hook(count_warning);
	warnings = 0;
	assert_int_equal(ask_one(st, "die", PATIENCE_MS, text, sizeof(text)), -1);
	assert_int_equal(atomic_load(&st->count[JOBS]), 2);
	assert_int_equal(warnings, 1);
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), 0);
	log_set_hook(NULL);
}

/* --- time --- */

static void
test_nobody_there(void **state)
{
	struct stage *st = *state;
	char text[600];

	assert_int_equal(ask_one(st, "text", 50, text, sizeof(text)), -1);
	assert_string_equal(text, "no scanner took it in time");
	/* What waits in the queue is an offer that was taken back. */
	scanners(st, 1);
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), 0);
}

static void
test_deadline(void **state)
{
	struct stage *st = *state;
	char text[600];

	scanners(st, 2);
	assert_int_equal(ask_one(st, "hang", 50, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "in time"));
	assert_true(atomic_load(&st->count[JOBS]) <= 1);
}

static void
test_queue_full(void **state)
{
	struct stage *st = *state;
	struct scan_call *calls[2000];
	char text[600];
	int n = 0, last = 0;

	/* Each leaves its job there, for its session is not ended. */
	while (n < (int)nitems(calls) && !last) {
		calls[n] = scan_call_begin(st->client, span_str(LEAD), span_str("m"));
		assert_int_equal(ask(calls[n++], "text", 1, text, sizeof(text)), -1);
		last = strcmp(text, "no scanner had time: the queue is full") == 0;
	}
	assert_true(last);
	/* It waits for room. */
	scanners(st, 1);
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), 0);
	for (int i = 0; i < n; i++)
		scan_call_end(calls[i]);
}

static void
test_down(void **state)
{
	struct stage *st = *state;
	char text[600];

	scan_state_set_down(st->state, "no engine");
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), -1);
	assert_string_equal(text, "no scanner: no engine");
	scan_state_set_down(st->state, NULL);
	scanners(st, 1);
	assert_int_equal(ask_one(st, "text", PATIENCE_MS, text, sizeof(text)), 0);
}

/* --- many at a time --- */

#define THREADS  8
#define MESSAGES 50

struct one_thread {
	struct stage *st;
	int number, bad;
};

static void *
many(void *arg)
{
	struct one_thread *t = arg;
	char text[600], message[40], expected[80];

	for (int i = 0; i < MESSAGES; i++) {
		struct scan_call *c;

		snprintf(message, sizeof(message), "%d of %d", i, t->number);
		snprintf(expected, sizeof(expected), "Received: test__%s", message);
		c = scan_call_begin(t->st->client, span_str(LEAD), span_str(message));
		for (int k = 0; k <= i % 2; k++)
			t->bad += ask(c, "text", PATIENCE_MS, text, sizeof(text)) != 0 ||
				  strcmp(text, expected) != 0;
		scan_call_end(c);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct stage *st = *state;
	struct one_thread t[THREADS];
	pthread_t ids[THREADS];
	int before = count_fds();

	scanners(st, 3);
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct one_thread){ .st = st, .number = i };
		assert_int_equal(pthread_create(&ids[i], NULL, many, &t[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		assert_int_equal(t[i].bad, 0);
	}
	assert_int_equal(atomic_load(&st->count[JOBS]), THREADS * MESSAGES);
	assert_int_equal(count_fds(), before);
}

static void
test_names(void **state)
{
	struct stage *st = *state;
	char name[SCAN_NAME_MAX + 2], text[600];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ask_one(st, name, PATIENCE_MS, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "too long"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answer),
		TEST(test_more_questions),
		TEST(test_session_closed_between),
		TEST(test_faults),
		TEST(test_two_attempts),
		TEST(test_nobody_there),
		TEST(test_deadline),
		TEST(test_queue_full),
		TEST(test_down),
		TEST(test_threads),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
