#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/fiber.h"
#include "net/stream.h"

/* Sessions as front/ has them, without a kernel's events: the test says what has come. */
struct world {
	struct stream *s;
	int other; /* the peer's end */
	struct net_watch *watch;
	int waits, pauses;
	int for_write;
	int left_behind; /* octets that were there, unread, when a wait to read began */
	int stirred;
	int passed; /* the next wait ends at its deadline */
	int step;   /* what the fiber's function has come to */
	const char *got;
};

static int
on_wait(void *arg, struct net_watch *w, int for_write, struct deadline d)
{
	struct world *x = arg;
	int there = 0;

	(void)d;
	x->waits++;
	x->watch = w;
	x->for_write = for_write;
	ioctl(w->fd, FIONREAD, &there);
	if (!for_write)
		x->left_behind += there;
	fiber_yield();
	return x->passed ? 0 : 1;
}

static int
on_stirred(void *arg, const struct net_watch *w)
{
	(void)w;
	return ((struct world *)arg)->stirred;
}

static void
on_pause(void *arg)
{
	((struct world *)arg)->pauses++;
	fiber_yield();
}

static const struct fiber_owner owner = { on_wait, on_stirred, on_pause };

static struct fiber *
begin(struct world *x, void (*f)(void *))
{
	struct fiber *fiber = fiber_new((size_t)256 * 1024, &owner);
	int fd[2];

	assert_non_null(fiber);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	memset(x, 0, sizeof(*x));
	x->s = stream_new(fd[0]);
	x->other = fd[1];
	fiber_start(fiber, f, x);
	return fiber;
}

static void
end(struct world *x, struct fiber *fiber)
{
	stream_free(x->s);
	close(x->other);
	fiber_free(fiber);
}

static void
put(const struct world *x, const char *s, size_t n)
{
	assert_int_equal(write(x->other, s, n), (ssize_t)n);
}
#define PUT(x, text) put(x, text, sizeof(text) - 1)

static void
read_two_lines(void *arg)
{
	struct world *x = arg;
	struct span line;
	struct err err;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    stream_line(x->s, 100, deadline_in_ms(60000), &line, &err), i == 0 ? 1 : -1);
		x->step++;
	}
	assert_int_equal(err.class, ERR_RETRY);
}

static void
test_waits(void **state)
{
	struct world x;
	struct fiber *f = begin(&x, read_two_lines);

	(void)state;
	assert_int_equal(fiber_resume(f), 1);
	assert_int_equal(x.waits, 1);
	assert_int_equal(x.watch->fd, stream_fd(x.s));
	assert_int_equal(fiber_resume(f), 1); /* woken for nothing */
	assert_int_equal(x.waits, 2);
	PUT(&x, "one\r\ntw");
	assert_int_equal(fiber_resume(f), 1);
	assert_int_equal(x.step, 1);
	assert_int_equal(x.waits, 3);
	x.passed = 1;
	assert_int_equal(fiber_resume(f), 0);
	assert_int_equal(x.step, 2);
	assert_int_equal(x.left_behind, 0);
	end(&x, f);
}

/* A question, then its answer: much came before it was asked. */
static void
ask_with_more_there(void *arg)
{
	struct world *x = arg;
	size_t got = 0;
	struct err err;

	while (got < 50000) {
		assert_int_equal(stream_fill(x->s, deadline_in_ms(60000), &err), 1);
		got += stream_peek(x->s).len;
		stream_consume(x->s, stream_peek(x->s).len);
		stream_queue(x->s, "?", 1);
		assert_int_equal(stream_flush(x->s, deadline_in_ms(60000), &err), 0);
	}
	assert_int_equal(got, 50000);
	assert_int_equal(stream_fill(x->s, deadline_in_ms(60000), &err), 1);
}

/* Events tell of changes: what is there already is read without waiting for one. */
static void
test_reads_before_it_waits(void **state)
{
	static const char much[50000];
	struct world x;
	struct fiber *f = begin(&x, ask_with_more_there);

	(void)state;
	put(&x, much, sizeof(much));
	assert_int_equal(fiber_resume(f), 1);
	assert_int_equal(x.waits, 1);
	assert_int_equal(x.left_behind, 0);
	PUT(&x, "!");
	assert_int_equal(fiber_resume(f), 0);
	end(&x, f);
}

static void
read_to_the_end(void *arg)
{
	struct world *x = arg;
	struct err err;

	assert_int_equal(stream_fill(x->s, deadline_in_ms(60000), &err), 1);
	assert_int_equal(stream_undrained(x->s), 1);
	stream_consume(x->s, stream_peek(x->s).len);
	stream_queue(x->s, "?", 1);
	assert_int_equal(stream_flush(x->s, deadline_in_ms(60000), &err), 0);
	assert_int_equal(stream_fill(x->s, deadline_in_ms(60000), &err), 0);
}

/* One event for the last octets and the end behind them. */
static void
test_end_behind_octets(void **state)
{
	struct world x;
	struct fiber *f = begin(&x, read_to_the_end);

	(void)state;
	assert_int_equal(fiber_resume(f), 1);
	PUT(&x, "bye");
	shutdown(x.other, SHUT_WR);
	x.watch->hung_up = 1;
	assert_int_equal(fiber_resume(f), 0);
	assert_int_equal(x.waits, 1);
	end(&x, f);
}

static void
look_for_peer(void *arg)
{
	struct world *x = arg;

	x->got = stream_peer_gone(x->s) ? "gone" : "there";
}

static void
test_peer_gone(void **state)
{
	(void)state;
	for (int stirred = 0; stirred < 2; stirred++) {
		struct world x;
		struct fiber *f = begin(&x, look_for_peer);

		shutdown(x.other, SHUT_RDWR);
		x.stirred = stirred; /* 0: no event has told of it yet */
		assert_int_equal(fiber_resume(f), 0);
		assert_string_equal(x.got, stirred ? "gone" : "there");
		end(&x, f);
	}
}

#define MB    ((size_t)1024 * 1024)
#define TURNS 5
#define PIECE ((size_t)64 * 1024)

/* A peer that is always ready. */
static void *
pour(void *arg)
{
	char *much = calloc(1, TURNS * MB);
	size_t done = 0;

	while (done < TURNS * MB) {
		ssize_t n = write(*(int *)arg, much + done, TURNS * MB - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	free(much);
	return NULL;
}

static void
take_all(void *arg)
{
	struct world *x = arg;
	char *to = malloc(PIECE);
	size_t got = 0;
	struct err err;

	while (got < TURNS * MB) {
		ssize_t n = stream_recv(x->s, to, PIECE, deadline_in_ms(60000), &err);

		assert_true(n > 0);
		got += (size_t)n;
	}
	free(to);
}

/* Sent without a wait, because the peer takes it all. */
static void
give_all(void *arg)
{
	struct world *x = arg;
	char *much = calloc(1, MB);
	struct err err;

	/* One call may take all that it is given, however much, if the peer is quick. */
	for (int i = 0; i < TURNS; i++) {
		struct iovec v = { .iov_base = much, .iov_len = MB };

		assert_int_equal(stream_writev(x->s, &v, 1, deadline_in_ms(60000), &err), 0);
	}
	free(much);
}

static void *
drain(void *arg)
{
	char *to = malloc(MB);

	while (read(*(int *)arg, to, MB) > 0)
		;
	free(to);
	return NULL;
}

/* Between two waits or pauses at most a megabyte goes, and what an event brings besides. */
static void
test_turns(void **state)
{
	(void)state;
	for (int out = 0; out < 2; out++) {
		struct world x;
		struct fiber *f = begin(&x, out ? give_all : take_all);
		pthread_t t;
		int n = 0;

		assert_int_equal(pthread_create(&t, NULL, out ? drain : pour, &x.other), 0);
		while (fiber_resume(f)) {
			n++;
			usleep(1000); /* an event's time: the peer gets on */
		}
		assert_int_equal(n, x.waits + x.pauses);
		assert_true(n >= TURNS - 1);
		stream_free(x.s);
		pthread_join(t, NULL);
		close(x.other);
		fiber_free(f);
	}
}

static void
test_without_fiber(void **state)
{
	struct net_watch w = { .fd = -1 };

	(void)state;
	assert_int_equal(fiber_inside(), 0);
	assert_int_equal(net_stirred(&w), 1);
	net_pause();
	assert_int_equal(net_wait(&w, 0, deadline_in_ms(0)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_reads_before_it_waits),
		cmocka_unit_test(test_end_behind_octets),
		cmocka_unit_test(test_peer_gone),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_without_fiber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
