/*
 * bench_recipients - what content_restrictions cost for one recipient, and for many
 *
 *	bench_recipients -c CONFIG -p CACHE -F folder [-r recipients]
 *
 * Messages are the files of the folder; recipient K of 100 (-r) is <rK@example.net>.  For each
 * number that it reads it goes so many times over the messages, with the first recipient alone and
 * with all of them, by turns, and prints "one_us=N all_us=N refused=N": CPU a message, and how many
 * of all recipients' copies were refused.  What is measured is the engine alone, on one thread: no
 * door, no next hop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "core/client.h"
#include "core/message.h"
#include "core/transaction.h"
#include "engine/rule_params.h"
#include "rules/rules.h"
#include "table/table.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"

#define DOT_LEN        3
#define PREFILTER_NAPS 500

struct bench {
	struct conf *conf;
	struct counters counters;
	struct table_registry *tables;
	struct rules *rules;
	struct client client;
	struct message **messages;
	size_t n;
	long recipients;
	struct arena *arena;
	long refused;
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
found(void *arg, const struct conf_finding *f)
{
	(void)arg;
	if (f->severity == CONF_ERROR)
		fprintf(stderr, "bench_recipients: line %d: %s\n", f->line, f->text);
}

static void
tell(void *arg, const struct rule_finding *f)
{
	(void)arg;
	fprintf(stderr, "bench_recipients: %s:%d: %s\n", f->file == NULL ? "" : f->file, f->line,
	    f->text);
}

static void
configure(struct bench *b, const char *path)
{
	struct rule_source source = { .arena = arena_new() }; /* the rules' texts stay */
	struct rule_options o = { 0 };

	b->conf = conf_load(path, found, NULL);
	if (b->conf == NULL)
		bench_die("%s cannot be used", path);
	source.conf = b->conf;
	source.listener = conf_listener(b->conf, 0);
	rule_params_listener(&source, &o);
	b->tables = table_registry_new(&b->counters);
	b->rules = rules_compile(&o, b->tables, tell, NULL);
	if (b->rules == NULL || !rules_any(b->rules, LIST_CONTENT))
		bench_die("%s: content_restrictions cannot be used", path);
}

static void
look(void *arg, const struct table_status *t)
{
	int *waiting = arg;

	*waiting |= t->patterns[0] != '\0' && strstr(t->patterns, "in one pass") == NULL;
}

/* As the worker has them once it has been up for a while. */
static void
prefilter(struct bench *b, const char *cache)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	int waiting = 1;

	table_registry_prefilter(b->tables, cache);
	for (int i = 0; i < PREFILTER_NAPS && waiting; i++) {
		waiting = 0;
		table_registry_each(b->tables, look, &waiting);
		if (waiting)
			nanosleep(&nap, NULL);
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
	b->messages = xreallocarray(NULL, all.n, sizeof(*b->messages));
	for (size_t i = 0; i < all.n; i++) {
		size_t len = all.m[i].len - DOT_LEN;

		b->messages[i] = message_new(&opt);
		uint8_t *p = message_reserve(b->messages[i], len, &err);
		if (p == NULL)
			bench_die("%s", err.text);
		memcpy(p, all.m[i].p, len);
		message_commit(b->messages[i], len);
	}
}

/* --- a message --- */

static struct path
address(const char *addr, const char *local, const char *domain)
{
	return (struct path){
		.octets = addr, .addr = addr, .local = local, .domain = domain, .params = ""
	};
}

static void
begin(struct bench *b, struct transaction *t, struct message *m, long recipients)
{
	arena_reset(b->arena);
	transaction_init(t, b->arena);
	t->client = &b->client;
	t->service = "bench";
	t->has_helo = 1;
	t->sender = address("s@example.org", "s", "example.org");
	t->message = m;
	t->tables = table_set_take(b->tables);
	for (long i = 0; i < recipients; i++) {
		const char *local = arena_printf(b->arena, "r%ld", i);

		transaction_add_rcpt(t)->path =
		    address(arena_printf(b->arena, "%s@example.net", local), local, "example.net");
	}
}

static void
evaluate(struct bench *b, struct message *m, long recipients)
{
	static const struct rule_services none;
	struct transaction t;

	begin(b, &t, m, recipients);
	for (size_t i = 0; i < t.nrcpts; i++) {
		struct recipient *r = t.rcpts[i];

		rules_ask(b->rules,
		    &(struct rule_ask){ .txn = &t,
			.stage = RULE_CONTENT,
			.rcpt = &r->path,
			.recipient = r,
			.services = &none,
			.deadline = deadline_in_ms(60000) },
		    &r->verdict);
		b->refused += r->verdict.code != 0;
	}
	rules_scan_end(&t);
	table_set_release(t.tables);
}

static double
measure(struct bench *b, long times, long recipients)
{
	double before = cpu_us();

	b->refused = 0;
	for (long i = 0; i < times; i++)
		for (size_t k = 0; k < b->n; k++)
			evaluate(b, b->messages[k], recipients);
	return (cpu_us() - before) / (double)times / (double)b->n;
}

int
main(int argc, char **argv)
{
	const char *folder = NULL, *conf = NULL, *cache = NULL;
	struct bench b = { .recipients = 100 };
	char line[64];
	int c;

	while ((c = getopt(argc, argv, "c:p:F:r:")) != -1) {
		if (c == 'c')
			conf = optarg;
		else if (c == 'p')
			cache = optarg;
		else if (c == 'F')
			folder = optarg;
		else if (c == 'r')
			b.recipients = strtol(optarg, NULL, 10);
	}
	if (folder == NULL || conf == NULL || cache == NULL || b.recipients < 1 || optind != argc)
		bench_die("usage: bench_recipients -c CONFIG -p CACHE -F folder [-r recipients]");
	client_init(&b.client);
	b.arena = arena_new();
	configure(&b, conf);
	prefilter(&b, cache);
	load(&b, folder);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		long times = strtol(line, NULL, 10);
		double one = measure(&b, times, 1), all = measure(&b, times, b.recipients);

		printf("one_us=%.1f all_us=%.1f refused=%ld\n", one, all, b.refused);
		fflush(stdout);
	}
	return 0;
}
