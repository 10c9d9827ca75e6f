/*
 * bench_text - what check_text costs for HTML, beside finding the ends of its lines
 *
 *	bench_text -t TABLE -F folder
 *
 * Messages are the files of the folder, each a header and a part of HTML; TABLE has patterns of
 * which none is in them.  For each number that it reads it goes so many times over the folder with
 * each contender, by turns, and prints "check_us=N memchr_us=N octets=N texts=N": CPU a message,
 *the HTML's octets, and how many texts were looked up.  check: content_restrictions with check_text
 * alone, each time on a message that nobody has looked at: the walk over it, its texts, the
 *look-ups. memchr: one call a line of the HTML.  Exit status 1: a pattern was found, or could not
 *be looked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "conf/conf.h"
#include "core/message.h"
#include "core/transaction.h"
#include "rules/rules.h"
#include "table/table.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"
#include "tests/lib/rule_setup.h"

enum { DOT_LEN = 3, NAP_US = 10000 };

struct bench {
	struct counters counters;
	struct table_registry *tables;
	struct rule_options o;
	struct rule_services services;
	struct rules *rules;
	struct client client;
	struct arena *arena;
	struct message **messages;
	struct span *bodies;
	size_t n;
};

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* --- what is there before it begins --- */

static void
tell(void *arg, const struct rule_finding *f)
{
	(void)arg;
	if (f->is_error)
		bench_die("%s", f->text);
}

static void
look(void *arg, const struct table_status *t)
{
	int *waiting = arg;

	*waiting |= strstr(t->patterns, "being compiled") != NULL;
}

static void
configure(struct bench *b, const char *table)
{
	int waiting = 1;

	if (rule_setup("local_recipient_maps =\nalias_maps =\nsmtpd_relay_restrictions = reject\n",
		&b->o) == NULL)
		exit(2);
	b->o.lists[LIST_CONTENT] = arena_printf(b->arena, "check_text pcre:%s", table);
	b->tables = table_registry_new(&b->counters);
	b->rules = rules_compile(&b->o, b->tables, tell, NULL);
	if (b->rules == NULL)
		bench_die("content_restrictions cannot be compiled");
	table_registry_prefilter(b->tables, NULL);
	while (waiting) {
		usleep(NAP_US);
		waiting = 0;
		table_registry_each(b->tables, look, &waiting);
	}
}

static void
load(struct bench *b, const char *folder)
{
	static const struct message_options opt = { .memory_limit = (size_t)1 << 30,
		.spool_directory = "/nonexistent" };
	struct bench_messages all = bench_message_load(folder);
	struct err err;

	b->n = all.n;
	b->messages = calloc(all.n, sizeof(*b->messages));
	b->bodies = calloc(all.n, sizeof(*b->bodies));
	for (size_t i = 0; i < all.n; i++) {
		size_t len = all.m[i].len - DOT_LEN;
		uint8_t *p, *body;

		b->messages[i] = message_new(&opt);
		p = message_reserve(b->messages[i], len, &err);
		if (p == NULL)
			bench_die("%s", err.text);
		memcpy(p, all.m[i].p, len);
		message_commit(b->messages[i], len);
		p = (uint8_t *)(uintptr_t)message_view(b->messages[i]).p;
		body = memmem(p, len, "\r\n\r\n", 4);
		if (body == NULL)
			bench_die("a message has no body");
		b->bodies[i] = span_make(body + 4, len - (size_t)(body + 4 - p));
	}
}

/* --- a message --- */

static int
by_check_text(struct bench *b, size_t i)
{
	struct transaction t;
	struct verdict v;

	arena_reset(b->arena);
	transaction_init(&t, b->arena);
	t.client = &b->client;
	t.service = "bench";
	t.has_helo = 1;
	t.sender =
	    (struct path){ .octets = "", .local = "", .domain = "", .addr = "", .params = "" };
	t.tables = table_set_take(b->tables);
	t.message = b->messages[i];
	transaction_add_rcpt(&t)->path = (struct path){ .octets = "r@example.net",
		.local = "r",
		.domain = "example.net",
		.addr = "r@example.net",
		.params = "" };
	verdict_init(&v, b->arena);
	rules_ask(b->rules,
	    &(struct rule_ask){ .txn = &t,
		.stage = RULE_CONTENT,
		.rcpt = &t.rcpts[0]->path,
		.recipient = t.rcpts[0],
		.services = &b->services,
		.deadline = deadline_in_ms(60000) },
	    &v);
	rules_scan_end(&t);
	table_set_release(t.tables);
	return v.outcome == OUTCOME_DUNNO ? 0 : -1;
}

static int
by_memchr(struct bench *b, size_t i)
{
	const uint8_t *p = b->bodies[i].p, *end = p + b->bodies[i].len;
	size_t lines = 0;

	for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		lines++;
	return lines > 0 ? 0 : -1;
}

static double
measure(struct bench *b, int (*f)(struct bench *, size_t), long times)
{
	double began = cpu_us();

	for (long t = 0; t < times; t++)
		for (size_t i = 0; i < b->n; i++)
			if (f(b, i) != 0) {
				fprintf(stderr,
				    "bench_text: a pattern was found, or could not be looked "
				    "for\n");
				exit(1);
			}
	return (cpu_us() - began) / (double)times / (double)b->n;
}

int
main(int argc, char **argv)
{
	const char *folder = NULL, *table = NULL;
	struct bench b = { .n = 0 };
	size_t octets = 0;
	char line[64];
	int c;

	while ((c = getopt(argc, argv, "t:F:")) != -1) {
		if (c == 't')
			table = optarg;
		else if (c == 'F')
			folder = optarg;
	}
	if (folder == NULL || table == NULL || optind != argc)
		bench_die("usage: bench_text -t TABLE -F folder");
	client_init(&b.client);
	b.services.counters = &b.counters;
	b.arena = arena_new(); /* it keeps what the rules' options point to */
	configure(&b, table);
	b.arena = arena_new();
	load(&b, folder);
	for (size_t i = 0; i < b.n; i++)
		octets += b.bodies[i].len / b.n;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		long times = strtol(line, NULL, 10);
		int64_t before = counter_get(&b.counters, content_lookups);
		double check = measure(&b, by_check_text, times);
		double texts = (double)(counter_get(&b.counters, content_lookups) - before);
		/* So quick that it has to be done more often to be measured. */
		double lines = measure(&b, by_memchr, times * 20);

		printf("check_us=%.2f memchr_us=%.2f octets=%zu texts=%.2f\n", check, lines, octets,
		    texts / (double)times / (double)b.n);
		fflush(stdout);
	}
	return 0;
}
