/*
 * bench_dns - what look-ups cost: known ones, new ones, many at once
 *
 * The server is another process, so that the processor time is the resolver's and the caller's.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/dns.h"
#include "tests/lib/dns_answers.h"

#define KNOWN   1000000
#define NEW     50000
#define AT_ONCE 20
#define ROUNDS  50

static int64_t
cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec +
	       r.ru_stime.tv_usec;
}

static pid_t
serve(char *at, size_t size)
{
	struct dns_answers *s;
	int fd[2];
	pid_t pid;
	ssize_t n;

	if (pipe(fd) == -1 || (pid = fork()) == -1) {
		perror("bench_dns");
		exit(1);
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		s = dns_answers_start();
		n = write(fd[1], dns_answers_at(s), strlen(dns_answers_at(s)) + 1);
		for (;;)
			pause();
	}
	n = read(fd[0], at, size);
	if (n <= 0)
		exit(1);
	return pid;
}

static struct dns_query *
ask(struct dns_batch *b, const char *what, int n)
{
	char name[60];

	snprintf(name, sizeof(name), "%s%d.example.test", what, n);
	return dns_start(b, span_str(name), DNS_A);
}

static void
known(struct dns *dns, struct arena *a)
{
	static const char name[] = "a.example.test";
	struct dns_batch *b = dns_batch_new(dns, a);
	int64_t began;

	dns_start(b, span_str(name), DNS_A);
	dns_wait(b, deadline_never());
	dns_batch_end(b);
	began = clock_us();
	for (int i = 0; i < KNOWN; i += 100) {
		arena_reset(a);
		b = dns_batch_new(dns, a);
		for (int k = 0; k < 100; k++)
			dns_result(dns_start(b, span_make(name, sizeof(name) - 1), DNS_A));
		dns_wait(b, deadline_never());
		dns_batch_end(b);
	}
	printf("known: %.3f us a look-up\n", (double)(clock_us() - began) / KNOWN);
}

static void new (struct dns *dns, struct arena *a, int at_once, const char *what)
{
	struct dns_batch *b;
	int64_t began = clock_us(), cpu = cpu_us(), missing = 0;
	struct dns_query *q[200];

	for (int i = 0; i < NEW; i += at_once) {
		arena_reset(a);
		b = dns_batch_new(dns, a);
		for (int k = 0; k < at_once; k++)
			q[k] = ask(b, what, i + k);
		dns_wait(b, deadline_never());
		for (int k = 0; k < at_once; k++)
			missing += dns_result(q[k])->outcome != DNS_FOUND;
		dns_batch_end(b);
	}
	printf("new, %d at once: %.2f us of processor a look-up, %.2f us by the clock, %d not "
	       "answered\n",
	    at_once, (double)(cpu_us() - cpu) / NEW, (double)(clock_us() - began) / NEW,
	    (int)missing);
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
slow(struct dns *dns, struct arena *a)
{
	struct dns_batch *b;
	int64_t took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		arena_reset(a);
		b = dns_batch_new(dns, a);
		took[i] = clock_us();
		for (int k = 0; k < AT_ONCE; k++)
			ask(b, "slow", i * AT_ONCE + k);
		dns_wait(b, deadline_never());
		took[i] = clock_us() - took[i];
		dns_batch_end(b);
	}
	qsort(took, ROUNDS, sizeof(*took), by_number);
	printf("%d of 20 ms each at once: %.1f ms, at worst %.1f ms\n", AT_ONCE,
	    (double)took[ROUNDS / 2] / 1000, (double)took[ROUNDS - 1] / 1000);
}

int
main(void)
{
	char at[40];
	pid_t server = serve(at, sizeof(at));
	const struct dns_options o = { .servers = at };
	struct arena *a = arena_new();
	struct err err;
	struct dns *dns = dns_new(&o, &err);

	if (dns == NULL) {
		fprintf(stderr, "bench_dns: %s\n", err.text);
		return 1;
	}
	known(dns, a);
	new (dns, a, 1, "a1-");
	new (dns, a, 20, "a20-");
	new (dns, a, 100, "a100-");
	slow(dns, a);
	dns_free(dns);
	arena_free(a);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return 0;
}
