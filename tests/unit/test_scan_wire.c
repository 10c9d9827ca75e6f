#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "proc/scan_wire.h"

#define BYTES(s) span_make(s, sizeof(s) - 1)
#define FIXED(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)s, sizeof(s) - 1                                                  \
	}

/* --- questions --- */

static void
test_job(void **state)
{
	struct scan_job job = { .lead = 40, .size = 4000 }, got;
	struct scan_question q;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(scan_question_set(&job.question, "clamav", "virus"), 0);
	job.question.time_ms = 30000;
	scan_job_format(&job, &b);
	assert_int_equal(scan_job_parse(buf_span(&b), &got), 0);
	assert_int_equal(got.lead, 40);
	assert_int_equal(got.size, 4000);
	assert_int_equal(got.question.time_ms, 30000);
	assert_string_equal(got.question.plugin, "clamav");
	assert_string_equal(got.question.scan, "virus");
	/* Cut anywhere, or with more behind it, it is none. */
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(scan_job_parse(span_make(b.p, n), &got), -1);
	assert_int_equal(scan_question_parse(buf_span(&b), &q), -1);
	buf_addc(&b, '\0');
	assert_int_equal(scan_job_parse(buf_span(&b), &got), -1);
	buf_fini(&b);
}

static void
test_names_too_long(void **state)
{
	struct scan_question q;
	char name[SCAN_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[SCAN_NAME_MAX + 1] = '\0';
	assert_int_equal(scan_question_set(&q, name, "virus"), -1);
	assert_int_equal(scan_question_set(&q, "clamav", name), -1);
	name[SCAN_NAME_MAX] = '\0';
	assert_int_equal(scan_question_set(&q, name, name), 0);
}

/* --- what a scanner says --- */

#define HEAD    "FSA1"
#define NO_TEXT "-\0"
#define ZERO    "\0\0\0\0\0\0\0\0"
#define KEY(k)  "\1+" k "\0" NO_TEXT NO_TEXT ZERO
#define FACT(v) "\0+virus\0+" v "\0" NO_TEXT ZERO
#define ROW(s)                                                                                     \
	{                                                                                          \
		FIXED(s), 0                                                                        \
	}
#define WRONG(s)                                                                                   \
	{                                                                                          \
		FIXED(s), -1                                                                       \
	}

static const struct {
	struct span text;
	int rc;
} sayings[] = {
	ROW("FST1\0\0\0\1"),
	WRONG("FST1\0\0\0\0"),   /* no process has this number */
	WRONG("FST1\xff\0\0\0"), /* nor this */
	WRONG("FST1\0\0\0\1x"),  /* more behind it */
	ROW(HEAD),               /* nothing found */
	ROW(HEAD KEY("a") FACT("b")),
	ROW(HEAD KEY("")),
	WRONG("FSA2" KEY("a")),
	WRONG("FSJ1" KEY("a")),                    /* what only a worker says */
	WRONG(HEAD "\4+a\0" NO_TEXT NO_TEXT ZERO), /* no such kind */
	WRONG(HEAD KEY("a\n")),                    /* a line of somebody else's log */
	WRONG(HEAD KEY("a\x7f")),
	ROW(HEAD KEY("\xc3\xa4")),
	WRONG(HEAD "\1-x\0" NO_TEXT NO_TEXT ZERO),               /* not there, but something */
	WRONG(HEAD "\1" NO_TEXT NO_TEXT NO_TEXT ZERO),           /* a key that is not there */
	WRONG(HEAD "\1+a\0+b\0" NO_TEXT ZERO),                   /* a key with a value */
	WRONG(HEAD "\0+virus\0" NO_TEXT NO_TEXT ZERO),           /* a fact without */
	WRONG(HEAD "\1+a\0" NO_TEXT NO_TEXT "\0\0\0\0\0\0\0\1"), /* a key with a number */
	WRONG(HEAD "\1+a\0" NO_TEXT NO_TEXT "\0\0"),             /* cut */
	WRONG(HEAD "\1+a"),                                      /* unended */
	WRONG(""),
	WRONG("FS"),
};

static void
test_sayings(void **state)
{
	struct arena *arena = arena_new();
	struct scan_saying said;

	(void)state;
	for (size_t i = 0; i < nitems(sayings); i++)
		if (scan_saying_parse(sayings[i].text, arena, &said) != sayings[i].rc)
			fail_msg("row %zu", i);
	arena_free(arena);
}

static void
test_answer(void **state)
{
	struct arena *arena = arena_new();
	struct scan_answer a;
	struct scan_saying said;

	(void)state;
	scan_answer_init(&a);
	scan_answer_add(
	    &a, &(struct scan_record){ .kind = SCAN_FACT, .a = "virus", .b = "Eicar\n", .c = "" });
	scan_answer_add(&a, &(struct scan_record){ .kind = SCAN_KEY, .a = "Eicar" });
	scan_answer_add(&a, &(struct scan_record){ .kind = SCAN_COUNT, .a = "n", .n = UINT64_MAX });
	scan_answer_add(&a, &(struct scan_record){ .kind = SCAN_FAILED, .a = "half of it" });
	assert_int_equal(scan_saying_parse(scan_answer_end(&a), arena, &said), 0);
	assert_int_equal(said.n, 4);
	assert_string_equal(said.records[0].b, "Eicar?");
	assert_string_equal(said.records[0].c, ""); /* empty is not absent */
	assert_string_equal(said.records[1].a, "Eicar");
	assert_null(said.records[1].b);
	assert_true(said.records[2].n == UINT64_MAX);
	assert_string_equal(said.records[3].a, "half of it");
	scan_answer_fini(&a);
	arena_free(arena);
}

/* However much a plugin tells: what arrives is an answer, and says that it is not whole. */
static void
too_much(const char *text, size_t at_most)
{
	struct arena *arena = arena_new();
	struct scan_answer a;
	struct scan_saying said;

	scan_answer_init(&a);
	for (int i = 0; i < 2 * SCAN_RECORDS_MAX; i++)
		scan_answer_add(&a, &(struct scan_record){ .kind = SCAN_KEY, .a = text });
	assert_true(scan_answer_end(&a).len <= SCAN_DATAGRAM_MAX);
	assert_int_equal(scan_saying_parse(scan_answer_end(&a), arena, &said), 0);
	assert_true(said.n > 2 && said.n <= at_most);
	assert_int_equal(said.records[said.n - 1].kind, SCAN_FAILED);
	assert_true(strlen(said.records[0].a) <= SCAN_TEXT_MAX);
	scan_answer_fini(&a);
	arena_free(arena);
}

static void
test_too_much(void **state)
{
	char *text = malloc(5000);

	(void)state;
	memset(text, 'k', 4999);
	text[4999] = '\0';
	too_much("k", SCAN_RECORDS_MAX);
	too_much(text, SCAN_DATAGRAM_MAX / SCAN_TEXT_MAX + 1);
	free(text);
}

/* One more record than there may be, from somebody who does not use our functions. */
static void
test_too_many_records(void **state)
{
	static const char one[] = KEY("k");
	struct arena *arena = arena_new();
	struct scan_saying said;
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, HEAD);
	for (int i = 0; i < SCAN_RECORDS_MAX; i++)
		buf_add(&b, one, sizeof(one) - 1);
	assert_int_equal(scan_saying_parse(buf_span(&b), arena, &said), 0);
	assert_int_equal(said.n, SCAN_RECORDS_MAX);
	buf_add(&b, one, sizeof(one) - 1);
	assert_int_equal(scan_saying_parse(buf_span(&b), arena, &said), -1);
	buf_fini(&b);
	arena_free(arena);
}

/* --- descriptors --- */

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
test_memfd(void **state)
{
	struct err err;
	int fd = scan_memfd(BYTES("Received: x\r\n"), BYTES("a\0b"), &err);
	char text[32], c = 'x';

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(scan_memfd_check(fd, 16), 0);
	assert_int_equal(scan_memfd_check(fd, 15), -1);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 16);
	assert_memory_equal(text, "Received: x\r\na\0b", 16);
	/* Nobody changes it any more, not even we. */
	assert_int_equal(pwrite(fd, &c, 1, 0), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), -1);
	assert_true(mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	close(fd);
}

static void
test_memfd_unsealed(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), pair[2];

	(void)state;
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(scan_memfd_check(fd, 3), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	assert_int_equal(scan_memfd_check(fd, 3), -1); /* it can grow */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	assert_int_equal(scan_memfd_check(fd, 3), 0);
	close(fd);
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(scan_memfd_check(pair[0], 0), -1); /* no file at all */
	close(pair[0]);
	close(pair[1]);
}

static void
test_descriptors(void **state)
{
	int pair[2], before, fds[2] = { 0, 1 }, got[2];
	char room[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	before = count_fds();
	assert_int_equal(scan_send(pair[0], BYTES("text"), fds, 2), 0);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), got, 2, 0), 4);
	assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	close(got[0]);
	close(got[1]);
	/* Less than wanted, none wanted, and none sent: nothing stays open. */
	assert_int_equal(scan_send(pair[0], BYTES("text"), fds, 1), 0);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), got, 2, 0), -EBADMSG);
	assert_int_equal(scan_send(pair[0], BYTES("text"), fds, 2), 0);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), NULL, 0, 0), 4);
	assert_int_equal(scan_send(pair[0], BYTES("text"), NULL, 0), 0);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), got, 2, 0), -EBADMSG);
	/* Bigger than the room, with descriptors. */
	assert_int_equal(scan_send(pair[0], BYTES("nine octets"), fds, 2), 0);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), got, 2, 0), -EMSGSIZE);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), NULL, 0, 0), -EAGAIN);
	assert_int_equal(count_fds(), before);
	close(pair[0]);
	assert_int_equal(scan_receive(pair[1], room, sizeof(room), NULL, 0, 1), 0);
	assert_int_equal(scan_send(pair[1], BYTES("x"), NULL, 0), -EPIPE);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_names_too_long),
		cmocka_unit_test(test_sayings),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_memfd_unsealed),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
