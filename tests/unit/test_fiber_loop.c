/* Many jobs on one thread: they wait in turn, and end with the loop. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/fiber.h"
#include "net/fiber_loop.h"

#define JOBS 50

struct job {
	int fd[2];
	int64_t wait_ms; /* -1: no limit */
	atomic_int paused;
	atomic_int rc; /* of net_wait(); 2: not there yet */
	atomic_int done;
};

static void
work(void *arg)
{
	struct job *j = arg;
	struct net_watch w = { .fd = j->fd[0] };
	struct deadline d = j->wait_ms < 0 ? deadline_never() : deadline_in_ms(j->wait_ms);
	char c;

	for (int i = 0; i < 3; i++, j->paused++)
		net_pause();
	j->rc = net_wait(&w, 0, d);
	if (j->rc == 1 && read(j->fd[0], &c, 1) != 1)
		j->rc = 3;
	j->done = 1;
}

static struct fiber_loop *
loop_new(size_t max, size_t queue)
{
	const struct fiber_loop_options o = {
		.name = "test", .stack_size = 64 * 1024, .max = max, .queue = queue
	};
	struct err err;
	struct fiber_loop *l = fiber_loop_new(&o, &err);

	assert_non_null(l);
	return l;
}

static void
jobs_init(struct job *jobs, size_t n, int64_t wait_ms)
{
	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct job){ .wait_ms = wait_ms, .rc = 2 };
		assert_int_equal(pipe(jobs[i].fd), 0);
	}
}

static void
jobs_fini(struct job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		close(jobs[i].fd[0]);
		close(jobs[i].fd[1]);
	}
}

static void
await(atomic_int *flag)
{
	for (int i = 0; !*flag; i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
}

/* More jobs than fibers: each is told what it waits for, in an order of its own. */
static void
test_many(void **state)
{
	struct fiber_loop *l = loop_new(8, JOBS);
	struct job jobs[JOBS];

	(void)state;
	jobs_init(jobs, JOBS, 20000);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(fiber_loop_add(l, work, &jobs[i]), 0);
	for (size_t i = JOBS; i-- > 0;)
		assert_int_equal(write(jobs[i].fd[1], "x", 1), 1);
	for (size_t i = 0; i < JOBS; i++) {
		await(&jobs[i].done);
		assert_int_equal(jobs[i].rc, 1);
		assert_int_equal(jobs[i].paused, 3);
	}
	fiber_loop_free(l);
	jobs_fini(jobs, JOBS);
}

static void
test_deadline(void **state)
{
	struct fiber_loop *l = loop_new(2, 2);
	int64_t began = clock_ms();
	struct job jobs[2];

	(void)state;
	jobs_init(jobs, 2, 50);
	jobs[1].wait_ms = 20000;
	assert_int_equal(fiber_loop_add(l, work, &jobs[0]), 0);
	assert_int_equal(fiber_loop_add(l, work, &jobs[1]), 0);
	await(&jobs[0].done);
	assert_int_equal(jobs[0].rc, 0);
	assert_true(clock_ms() - began >= 45);
	assert_false(jobs[1].done);
	/* A peer that hangs up is news as well. */
	close(jobs[1].fd[1]);
	await(&jobs[1].done);
	assert_int_equal(jobs[1].rc, 3);
	jobs[1].fd[1] = dup(jobs[0].fd[1]);
	fiber_loop_free(l);
	jobs_fini(jobs, 2);
}

static void
test_full(void **state)
{
	struct fiber_loop *l = loop_new(1, 2);
	struct job jobs[4];

	(void)state;
	jobs_init(jobs, 4, -1);
	assert_int_equal(fiber_loop_add(l, work, &jobs[0]), 0);
	for (int i = 0; jobs[0].paused < 3; i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
	assert_int_equal(fiber_loop_add(l, work, &jobs[1]), 0);
	assert_int_equal(fiber_loop_add(l, work, &jobs[2]), 0);
	assert_int_equal(fiber_loop_add(l, work, &jobs[3]), -1);
	/* At the end all that was taken has run, without what it waits for. */
	fiber_loop_free(l);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(jobs[i].done, 1);
		assert_int_equal(jobs[i].rc, 0);
	}
	assert_int_equal(jobs[3].done, 0);
	jobs_fini(jobs, 4);
}

static void
test_empty(void **state)
{
	(void)state;
	fiber_loop_free(loop_new(3, 3));
	fiber_loop_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
