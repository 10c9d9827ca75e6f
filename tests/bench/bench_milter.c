/*
 * bench_milter - bring messages to a mail filter as Postfix does, and say how fast that went
 *
 *	bench_milter [-s sessions] [-m messages] [-D n] [-b] [-l octets | -F folder] ADDRESS
 *	bench_milter -i connections ADDRESS
 *
 *	-s  sessions at one time, a thread each (1)	-m  messages in all (1)
 *	-D  messages a connection (1)	-b  sessions wait for each other before each end of message
 *	-l  octets a message, which has 15 header fields (4096)
 *	-F  the files of a folder in turn
 *	-i  open so many connections up to HELO, say "held N", and hold them
 *
 * ADDRESS is HOST:PORT or unix:PATH.  Prints one line.  A message's time is from MAIL to its
 * answer, that of its end from the end to the answer.  fields and octets are what the filter was
 * told, so that what it counted can be held against it.  Exit status 0: every message got an
 * answer, whatever it was.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xmem.h"
#include "tests/bench/milter_mta.h"

/* Message and end, in seconds. */
struct took {
	double message, end;
};

static struct {
	long sessions, messages, per_connection, octets, idle;
	int barrier;
	const char *folder;
	struct bench_addr to;
} opt = { .sessions = 1, .messages = 1, .per_connection = 1, .octets = 4096 };

static struct {
	struct mta_messages messages;
	struct took *took;
	pthread_barrier_t together;
	atomic_long begun, connections, changes, fields;
	atomic_long ok, deferred, refused, lost;
	atomic_llong octets;
} run;

static void
count(int answer)
{
	switch (answer) {
	case MILTER_R_CONTINUE:
	case MILTER_R_ACCEPT:
	case MILTER_R_DISCARD:
		run.ok++;
		break;
	case MILTER_R_TEMPFAIL:
		run.deferred++;
		break;
	case 0:
		run.lost++;
		break;
	default:
		run.refused++;
		break;
	}
}

/* 0: the connection is of no more use. */
static int
send_message(struct mta *m, long number)
{
	const struct mta_message *message = &run.messages.m[(size_t)number % run.messages.n];
	double began = bench_now(), end;
	char id[32];
	int c;

	snprintf(id, sizeof(id), "%010lX", number + 0x10000);
	c = mta_begin(m, message, id);
	if (opt.barrier)
		pthread_barrier_wait(&run.together);
	end = bench_now();
	if (c == MILTER_R_CONTINUE) {
		c = mta_end(m);
		run.fields += (long)message->nfields;
		run.octets += (long long)message->body_len;
	}
	run.took[number].message = bench_now() - began;
	run.took[number].end = bench_now() - end;
	count(c);
	if (c == 0)
		return 0;
	mta_abort(m);
	return 1;
}

static void *
session(void *arg)
{
	struct mta m;

	while (run.begun < opt.messages) {
		int good = mta_open(&m, &opt.to) == MILTER_R_CONTINUE;

		if (!good)
			bench_die("the filter does not take connections");
		run.connections++;
		for (long i = 0; i < opt.per_connection && good; i++) {
			long number = run.begun++;

			if (number >= opt.messages)
				break;
			good = send_message(&m, number);
		}
		run.changes += m.changes;
		mta_close(&m);
	}
	return arg;
}

static void
hold(void)
{
	/* Of an idle one no more is wanted than its descriptor. */
	for (long i = 0; i < opt.idle; i++) {
		struct mta m;

		if (mta_open(&m, &opt.to) != MILTER_R_CONTINUE)
			bench_die("connection %ld: was not welcome", i);
		buf_fini(&m.out);
	}
	printf("held %ld\n", opt.idle);
	fflush(stdout);
	for (;;)
		pause();
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
print(double seconds)
{
	size_t n = (size_t)opt.messages, at99 = (size_t)((double)(n - 1) * .99);
	double *message = xcalloc(n, sizeof(*message)), end_max = 0;

	for (size_t i = 0; i < n; i++) {
		message[i] = run.took[i].message;
		if (run.took[i].end > end_max)
			end_max = run.took[i].end;
	}
	qsort(message, n, sizeof(*message), by_value);
	printf("msgs=%zu ok=%ld tmp=%ld perm=%ld err=%ld conns=%ld mods=%ld fields=%ld octets=%lld "
	       "sec=%.3f msg_s=%.1f src_us=%.1f p50_ms=%.3f p99_ms=%.3f end_max_ms=%.1f\n",
	    n, run.ok, run.deferred, run.refused, run.lost, run.connections, run.changes,
	    run.fields, run.octets, seconds, (double)n / seconds, bench_cpu() * 1e6 / (double)n,
	    message[n / 2] * 1e3, message[at99] * 1e3, end_max * 1e3);
	free(message);
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:m:D:bl:F:i:")) != -1) {
		switch (c) {
		case 's':
			opt.sessions = bench_number(optarg);
			break;
		case 'm':
			opt.messages = bench_number(optarg);
			break;
		case 'D':
			opt.per_connection = bench_number(optarg);
			break;
		case 'b':
			opt.barrier = 1;
			break;
		case 'l':
			opt.octets = bench_number(optarg);
			break;
		case 'F':
			opt.folder = optarg;
			break;
		case 'i':
			opt.idle = bench_number(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc)
		bench_die("usage: bench_milter [options] ADDRESS");
	if (opt.barrier && opt.messages % opt.sessions != 0)
		bench_die("-b: each session must have as many messages");
	opt.to = bench_address(argv[optind]);
}

int
main(int argc, char **argv)
{
	pthread_t *threads;
	double began;

	options(argc, argv);
	bench_prepare();
	if (opt.idle > 0)
		hold();
	run.messages = opt.folder != NULL ? mta_message_load(opt.folder)
					  : mta_message_make((size_t)opt.octets);
	run.took = xcalloc((size_t)(opt.messages + opt.sessions), sizeof(*run.took));
	pthread_barrier_init(&run.together, NULL, (unsigned)opt.sessions);
	threads = xcalloc((size_t)opt.sessions, sizeof(*threads));
	began = bench_now();
	for (long i = 0; i < opt.sessions; i++)
		if (pthread_create(&threads[i], NULL, session, NULL) != 0)
			bench_die("session %ld: no thread", i);
	for (long i = 0; i < opt.sessions; i++)
		pthread_join(threads[i], NULL);
	print(bench_now() - began);
	free(threads);
	return run.lost != 0;
}
