/*
 * bench_idle - open connections, wait for the greeting on each, and hold them
 *
 *	bench_idle N ADDRESS:PORT | unix:PATH
 *
 * Says "held N" once all have been greeted, and waits to be ended.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench_net.h"

#define GREETING_MS 10000

static void
greeted(int fd, long i)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[512];

	if (poll(&p, 1, GREETING_MS) != 1)
		bench_die("connection %ld: no greeting", i);
	if (recv(fd, text, sizeof(text), 0) < 3 || text[0] != '2')
		bench_die("connection %ld: was not welcome", i);
}

int
main(int argc, char **argv)
{
	struct bench_addr to;
	long n;

	if (argc != 3)
		bench_die("usage: bench_idle N ADDRESS:PORT");
	n = bench_number(argv[1]);
	to = bench_address(argv[2]);
	bench_prepare();
	for (long i = 0; i < n; i++) {
		int fd = bench_connect(&to);

		if (fd == -1)
			bench_die("connection %ld: %s", i, strerror(errno));
		greeted(fd, i);
	}
	printf("held %ld\n", n);
	fflush(stdout);
	for (;;)
		pause();
}
