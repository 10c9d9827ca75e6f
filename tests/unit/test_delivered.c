#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/delivered.h"
#include "base/blocking.h"
#include "base/err.h"

#define HOUR ((int64_t)3600 * 1000)

static char dir[64], path[80];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_delivered.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/delivered", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* nothing else may be left */
}

static struct delivered_key
key(int n)
{
	struct delivered_digest digest;
	struct delivered_key k;
	char rcpt[32];

	snprintf(rcpt, sizeof(rcpt), "r%d@x.example", n);
	delivered_digest(&digest, span_str("message"));
	delivered_key(&k, "s@x.example", rcpt, "smtp:[127.0.0.1]:10026", &digest);
	return k;
}

/* The clock the memory looks at (ld --wrap), so that a busy machine forgets no sooner. */
static int64_t later_us;

/* Whoever asks for it next stays in there until it may leave. */
static sem_t stay, inside, leave;

int64_t __real_clock_wall_us(void);
int64_t __wrap_clock_wall_us(void);

int64_t
__wrap_clock_wall_us(void)
{
	struct timespec give_up = { 0 };

	if (sem_trywait(&stay) == 0) { /* with the lock held */
		sem_post(&inside);
		give_up.tv_sec = time(NULL) + 5;
		sem_timedwait(&leave, &give_up);
	}
	return __real_clock_wall_us() + later_us;
}

static struct delivered *
must_open(int64_t keep_ms)
{
	struct err err;
	struct delivered *d = delivered_open(path, keep_ms, &err);

	if (d == NULL)
		fail_msg("%s", err.text);
	return d;
}

static long
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (long)st.st_size;
}

static void
test_remember(void **state)
{
	struct delivered *d = must_open(HOUR);
	struct delivered_key k[3] = { key(0), key(1), key(2) };
	struct err err;

	(void)state;
	assert_false(delivered_any(d));
	assert_false(delivered_has(d, &k[0]));
	assert_int_equal(delivered_add(d, k, 2, &err), 0);
	for (int again = 0; again < 2; again++) {
		assert_true(delivered_any(d));
		assert_true(delivered_has(d, &k[0]));
		assert_true(delivered_has(d, &k[1]));
		assert_false(delivered_has(d, &k[2]));
		delivered_close(d); /* the second round reads the file */
		d = must_open(HOUR);
	}
	delivered_close(d);
}

/* The parts of a key do not run into each other. */
static void
test_key(void **state)
{
	struct delivered_digest m, other;
	struct delivered_key a, b;

	(void)state;
	delivered_digest(&m, span_str("message"));
	delivered_digest(&other, span_str("messagf"));
	delivered_key(&a, "ab", "c", "d", &m);
	delivered_key(&b, "a", "bc", "d", &m);
	assert_memory_not_equal(&a, &b, sizeof(a));
	delivered_key(&b, "ab", "c", "d", &other);
	assert_memory_not_equal(&a, &b, sizeof(a));
	delivered_key(&b, "ab", "c", "d", &m);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void
test_forget(void **state)
{
	struct delivered *d = must_open(HOUR);
	struct delivered_key k = key(1);
	struct err err;

	(void)state;
	assert_int_equal(delivered_add(d, &k, 1, &err), 0);
	assert_true(delivered_has(d, &k));
	later_us += (HOUR + 1) * 1000;
	assert_false(delivered_has(d, &k));
	assert_false(delivered_any(d));
	/* 0: nothing is remembered, and nothing written */
	delivered_set_keep(d, 0);
	assert_int_equal(delivered_add(d, &k, 1, &err), 0);
	assert_false(delivered_has(d, &k));
	delivered_close(d);
}

/* The file does not grow for ever. */
static void
test_compact(void **state)
{
	struct delivered *d = must_open(HOUR);
	struct err err;
	long largest = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct delivered_key k = key(i);

		assert_int_equal(delivered_add(d, &k, 1, &err), 0);
		largest = file_size() > largest ? file_size() : largest;
		if (i % 20 == 0)
			later_us += (HOUR + 1) * 1000;
	}
	assert_true(largest < 48 * 300);
	delivered_close(d);
	later_us += (HOUR + 1) * 1000;
	d = must_open(HOUR); /* at the start what is old goes at once */
	assert_int_equal(file_size(), 20);
	delivered_close(d);
}

/* A crash while writing: cut at every octet, what was whole before stays. */
static void
test_torn(void **state)
{
	struct delivered *d = must_open(HOUR);
	struct delivered_key k[3] = { key(0), key(1), key(2) };
	uint8_t file[256];
	struct err err;
	ssize_t whole;
	int fd;

	(void)state;
	assert_int_equal(delivered_add(d, k, 3, &err), 0);
	delivered_close(d);
	fd = open(path, O_RDONLY);
	whole = read(fd, file, sizeof(file));
	close(fd);
	assert_int_equal(whole, 20 + 3 * 48);
	for (ssize_t cut = 0; cut <= whole; cut++) {
		fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, file, (size_t)cut), cut);
		close(fd);
		d = must_open(HOUR);
		for (int i = 0; i < 3; i++)
			assert_int_equal(delivered_has(d, &k[i]), cut >= 20 + 48 * (i + 1));
		assert_int_equal(delivered_add(d, &k[0], 1, &err), 0);
		delivered_close(d);
	}
	/* an octet turned: that record and those behind it are not believed */
	file[20 + 48 + 9] ^= 1;
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, file, (size_t)whole), whole);
	close(fd);
	d = must_open(HOUR);
	assert_true(delivered_has(d, &k[0]));
	assert_false(delivered_has(d, &k[1]));
	assert_false(delivered_has(d, &k[2]));
	delivered_close(d);
}

/* A worker that drains and its successor: neither hides from the other what it remembers, and none
 * writes the file anew under the other's hands. */
static void
test_two_processes(void **state)
{
	struct delivered *old = must_open(HOUR), *new;
	struct delivered_key k[300];
	struct err err;

	(void)state;
	for (int i = 0; i < 300; i++)
		k[i] = key(i);
	assert_int_equal(delivered_add(old, &k[0], 1, &err), 0);
	new = must_open(HOUR);
	assert_true(delivered_has(new, &k[0]));
	assert_int_equal(delivered_add(old, &k[1], 1, &err), 0);
	assert_int_equal(delivered_add(new, &k[2], 1, &err), 0);
	assert_int_equal(delivered_add(old, &k[3], 1, &err), 0);
	for (int i = 0; i < 4; i++) {
		assert_true(delivered_has(old, &k[i]));
		assert_true(delivered_has(new, &k[i]));
	}
	/* All are forgotten, so the file would be written anew; but they are two. */
	later_us += 2 * HOUR * 1000;
	for (int i = 0; i < 300; i++)
		assert_int_equal(delivered_add(i % 2 ? old : new, &k[i], 1, &err), 0);
	assert_int_equal(file_size(), 20 + (4 + 300) * 48);
	for (int i = 0; i < 300; i++) {
		assert_true(delivered_has(old, &k[i]));
		assert_true(delivered_has(new, &k[i]));
	}
	delivered_close(old);
	later_us += 2 * HOUR * 1000;
	assert_int_equal(delivered_add(new, &k[7], 1, &err), 0);
	assert_int_equal(file_size(), 20 + 48);
	assert_true(delivered_has(new, &k[7]));
	assert_false(delivered_has(new, &k[8]));
	delivered_close(new);
	later_us = 0;
}

/* Nothing was remembered when the other one began to. */
static void
test_any_sees_another_process(void **state)
{
	struct delivered *a = must_open(HOUR), *b = must_open(HOUR);
	struct delivered_key k = key(1);
	struct err err;

	(void)state;
	assert_false(delivered_any(b));
	assert_int_equal(delivered_add(a, &k, 1, &err), 0);
	for (int ms = 0; ms < 1000 && !delivered_any(b); ms += 10)
		usleep(10000);
	assert_true(delivered_any(b));
	assert_true(delivered_has(b, &k));
	delivered_close(a);
	delivered_close(b);
}

static void
test_no_folder(void **state)
{
	struct err err;

	(void)state;
	assert_null(delivered_open("/nonexistent/delivered", HOUR, &err));
	assert_int_equal(err.class, ERR_SYSTEM);
}

static void
count_up(void *arg)
{
	(*(int *)arg)++;
}

#define MOST  65536
#define BATCH 5000

/* Of keys 0 .. n-1, added in this order, the last MOST are there and no others. */
static void
check_many(struct delivered *d, int n)
{
	for (int i = 0; i < n + BATCH; i++) {
		struct delivered_key k = key(i);

		if (delivered_has(d, &k) != (i >= n - MOST && i < n))
			fail_msg("key %d of %d", i, n);
	}
}

/* Beyond the limit the oldest go, whatever becomes of the file meanwhile. */
static void
test_many(void **state)
{
	static struct delivered_key keys[BATCH];
	struct delivered *d = must_open(HOUR);
	struct err err;
	long size = 0;
	int n = 0, shrunk = 0;

	(void)state;
	while (n < 3 * MOST) {
		for (int i = 0; i < BATCH; i++)
			keys[i] = key(n++);
		assert_int_equal(delivered_add(d, keys, BATCH, &err), 0);
		shrunk += file_size() < size;
		size = file_size();
		if (n == MOST + BATCH - MOST % BATCH || n == 30 * BATCH)
			check_many(d, n);
	}
	assert_true(shrunk > 0);
	check_many(d, n);
	delivered_close(d);
	d = must_open(HOUR);
	check_many(d, n);
	delivered_close(d);
}

static void
count_down(void *arg)
{
	(*(int *)arg) += 100;
}

/* Another thread does this one's work while the disk is waited for. */
static void
test_blocking(void **state)
{
	int n = 0;
	const struct blocking_hook hook = { count_up, count_down, &n };
	struct delivered *d = must_open(HOUR);
	struct delivered_key k = key(0);
	struct err err;

	(void)state;
	blocking_set(&hook);
	assert_int_equal(delivered_add(d, &k, 1, &err), 0);
	blocking_set(NULL);
	assert_int_equal(n, 101);
	delivered_close(d);
}

static void *
ask(void *d)
{
	struct delivered_key k = key(0);

	delivered_has(d, &k);
	return NULL;
}

static void
let_leave(void *n)
{
	count_up(n);
	sem_post(&leave);
}

/* And so it does while somebody else who has the memory waits for the disk. */
static void
test_blocking_to_ask(void **state)
{
	int n = 0;
	const struct blocking_hook hook = { let_leave, count_down, &n };
	struct delivered *d = must_open(HOUR);
	struct delivered_key k = key(0);
	pthread_t t;

	(void)state;
	blocking_set(&hook);
	delivered_has(d, &k);
	assert_int_equal(n, 0); /* not when nobody has it */
	sem_post(&stay);
	assert_int_equal(pthread_create(&t, NULL, ask, d), 0);
	sem_wait(&inside);
	delivered_has(d, &k);
	blocking_set(NULL);
	assert_int_equal(n, 101);
	pthread_join(t, NULL);
	delivered_close(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_remember, setup, teardown),
		cmocka_unit_test(test_key),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compact, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocking_to_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_sees_another_process, setup, teardown),
		cmocka_unit_test(test_no_folder),
	};

	sem_init(&stay, 0, 0);
	sem_init(&inside, 0, 0);
	sem_init(&leave, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
