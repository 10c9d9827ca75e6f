/*
 * bench_clamav - what a virus scan costs with nothing around it
 *
 *	bench_clamav -d DATABASE -F folder	raw: cl_scanmap_callback() in a loop
 *	bench_clamav -c unix:PATH -s sessions -m messages -F folder	clamd: INSTREAM, each
 *		message over a connection of its own
 *
 * Messages are the files of a folder in turn, with a line "Received:" in front.  Raw says "loaded
 * signatures=N engine_kb=N" and then, for each number that it reads, scans so many messages and
 * prints a line.  Nothing is remembered of clean files: all contenders do the work each time.  Exit
 * status 0: all was scanned, and nothing found.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <clamav.h>

#include "base/xmem.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"

#define LEAD                                                                                       \
	"Received: from bench (bench [127.0.0.1]) by bench with SMTP; Sat, 21 Nov 2026 10:00:00 "  \
	"+0000\r\n"
#define DOT_LEN 3 /* the final dot's line, which is no part of the message */

static struct {
	const char *database, *folder;
	long sessions, messages;
	struct bench_addr to;
	int is_client;
} opt = { .sessions = 1, .messages = 1 };

static struct bench_messages messages;
static atomic_long begun;

/* --- messages --- */

/* With LEAD in front and without the final dot. */
static void
render(void)
{
	messages = bench_message_load(opt.folder);
	for (size_t i = 0; i < messages.n; i++) {
		struct bench_message *m = &messages.m[i];
		size_t len = sizeof(LEAD) - 1 + m->len - DOT_LEN;
		char *p = xmalloc(len);

		memcpy(p, LEAD, sizeof(LEAD) - 1);
		memcpy(p + sizeof(LEAD) - 1, m->p, m->len - DOT_LEN);
		free(m->p);
		*m = (struct bench_message){ .p = p, .len = len };
	}
}

/* --- raw --- */

static long
resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, resident = 0;

	if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
		bench_die("/proc/self/statm cannot be read");
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct cl_engine *
load(void)
{
	unsigned signatures = 0;
	struct cl_engine *e;
	cl_error_t rc;
	long before;

	if (cl_init(CL_INIT_DEFAULT) != CL_SUCCESS || (e = cl_engine_new()) == NULL)
		bench_die("libclamav cannot be made ready");
	before = resident_kb();
	cl_engine_set_num(e, CL_ENGINE_DISABLE_CACHE, 1);
	rc = cl_load(opt.database, e, &signatures, CL_DB_STDOPT);
	if (rc != CL_SUCCESS || (rc = cl_engine_compile(e)) != CL_SUCCESS)
		bench_die("%s: %s", opt.database, cl_strerror(rc));
	printf("loaded signatures=%u engine_kb=%ld\n", signatures, resident_kb() - before);
	fflush(stdout);
	return e;
}

static void
scan(struct cl_engine *e, const struct bench_message *m)
{
	struct cl_scan_options options = { .general = CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0u,
		.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
			     CL_SCAN_HEURISTIC_ENCRYPTED_DOC };
	cl_fmap_t *map = cl_fmap_open_memory(m->p, m->len);
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_error_t rc;

	if (map == NULL)
		bench_die("no map");
	rc = cl_scanmap_callback(map, NULL, &name, &scanned, e, &options, NULL);
	if (rc != CL_CLEAN)
		bench_die("a scan gave %s, %s", cl_strerror(rc), name == NULL ? "-" : name);
	cl_fmap_close(map);
}

static void
tell(long n, double elapsed, double cpu)
{
	printf("msgs=%ld ok=%ld msg_s=%.1f cpu_us=%.1f us=%.1f\n", n, n, (double)n / elapsed,
	    cpu * 1e6 / (double)n, elapsed * 1e6 / (double)n);
	fflush(stdout);
}

static void
run_raw(void)
{
	struct cl_engine *e = load();
	char line[32];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		long n = bench_number(strtok(line, "\n"));
		double began = bench_now(), cpu = bench_cpu();

		for (long i = 0; i < n; i++)
			scan(e, &messages.m[(size_t)i % messages.n]);
		tell(n, bench_now() - began, bench_cpu() - cpu);
	}
	cl_engine_free(e);
}

/* --- clamd --- */

static void
all_written(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(fd, v, n);

		if (done == -1)
			bench_die("clamd takes nothing");
		for (; n > 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
}

static void
ask(const struct bench_message *m)
{
	int fd = socket(opt.to.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t len = htonl((uint32_t)m->len), end = 0;
	char command[] = "zINSTREAM", answer[200];
	struct iovec v[] = { { command, sizeof(command) }, { &len, sizeof(len) }, { m->p, m->len },
		{ &end, sizeof(end) } };
	size_t got = 0;
	ssize_t n;

	if (fd == -1 || connect(fd, (struct sockaddr *)&opt.to.sa, opt.to.len) == -1)
		bench_die("clamd cannot be reached");
	all_written(fd, v, 4);
	while (
	    got < sizeof(answer) - 1 && (n = read(fd, answer + got, sizeof(answer) - 1 - got)) > 0)
		got += (size_t)n;
	answer[got] = '\0';
	if (strcmp(answer, "stream: OK") != 0)
		bench_die("clamd said \"%s\"", answer);
	close(fd);
}

static void *
session(void *arg)
{
	long i;

	while ((i = atomic_fetch_add(&begun, 1)) < opt.messages)
		ask(&messages.m[(size_t)i % messages.n]);
	return arg;
}

static void
run_client(void)
{
	pthread_t *threads = xcalloc((size_t)opt.sessions, sizeof(*threads));
	double began = bench_now(), cpu = bench_cpu();

	for (long i = 0; i < opt.sessions; i++)
		if (pthread_create(&threads[i], NULL, session, NULL) != 0)
			bench_die("no thread");
	for (long i = 0; i < opt.sessions; i++)
		pthread_join(threads[i], NULL);
	tell(opt.messages, bench_now() - began, bench_cpu() - cpu);
	free(threads);
}

int
main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "d:c:s:m:F:")) != -1) {
		switch (c) {
		case 'd':
			opt.database = optarg;
			break;
		case 'c':
			opt.to = bench_address(optarg);
			opt.is_client = 1;
			break;
		case 's':
			opt.sessions = bench_number(optarg);
			break;
		case 'm':
			opt.messages = bench_number(optarg);
			break;
		case 'F':
			opt.folder = optarg;
			break;
		default:
			bench_die("see the beginning of bench_clamav.c");
		}
	}
	if (optind != argc || opt.folder == NULL || (opt.database != NULL) == opt.is_client)
		bench_die("see the beginning of bench_clamav.c");
	bench_prepare();
	render();
	if (opt.is_client)
		run_client();
	else
		run_raw();
	return 0;
}
