/*
 * bench_content - what it costs to look for the patterns of a table in a body
 *
 *	bench_content TABLE BODY ROUNDS MESSAGES
 *
 * check_body: content_restrictions with that one restriction, a message of its own each time.
 * table: a look-up a line, and nothing else.  bare: Vectorscan and PCRE2 as their manuals have them
 * used, a scan a line and a match for each pattern that it names.  TABLE has lines `/PATTERN/
 * RESULT` alone, of which none is in BODY.  Each round prints a line of microseconds of CPU a
 * message, the contenders taking turns.  Exit status 1: something else came out than "not there".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs.h>
#include <pcre2.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "core/message.h"
#include "core/transaction.h"
#include "rules/rules.h"
#include "table/table.h"
#include "tests/lib/rule_setup.h"

struct bench {
	struct counters counters;
	struct table_registry *tables;
	struct rule_options o;
	struct rule_services services;
	struct rules *rules;
	struct client client;
	struct arena *arena;
	struct message *message;
	char *name; /* pcre:TABLE */
	struct span *lines;
	size_t nlines;
	/* bare */
	hs_database_t *db;
	hs_scratch_t *scratch;
	pcre2_code **codes;
	pcre2_match_data *matches;
	unsigned *candidates;
	size_t ncandidates;
};

static void
die(const char *what)
{
	fprintf(stderr, "bench_content: %s\n", what);
	exit(2);
}

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		die(path);
	while ((n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0)
		out->len += n;
	fclose(f);
	buf_addc(out, '\0');
	out->len--;
}

/* --- what all share --- */

static void
add_line(struct bench *b, char *line, size_t len)
{
	struct err err = { 0 };
	uint8_t *p = message_reserve(b->message, len + 2, &err);

	if (p == NULL)
		die(err.text);
	memcpy(p, line, len);
	memcpy(p + len, "\r\n", 2);
	message_commit(b->message, len + 2);
	if (len > 0) /* Postfix and filterd pass over empty ones */
		b->lines[b->nlines++] = span_make(line, len);
}

static void
read_body(struct bench *b, const char *path)
{
	static const struct message_options o = { .memory_limit = (size_t)1 << 28,
		.spool_directory = "/nonexistent" };
	static char head[] = "From: a@example.com", nothing[1];
	struct buf text = { 0 };

	read_file(path, &text);
	b->message = message_new(&o);
	b->lines = xcalloc(text.len + 2, sizeof(*b->lines));
	add_line(b, head, strlen(head));
	b->nlines = 0;
	add_line(b, nothing, 0);
	for (char *p = text.p, *end; *p != '\0'; p = end + 1) {
		if ((end = strchr(p, '\n')) == NULL)
			die("the last line has no end");
		add_line(b, p, (size_t)(end - p));
	}
}

static void
tell(void *arg, const struct rule_finding *f)
{
	(void)arg;
	if (f->is_error)
		die(f->text);
}

static void
note_patterns(void *arg, const struct table_status *s)
{
	snprintf(arg, 200, "%s", s->patterns);
}

/* Compiled in the background, as a worker does it. */
static void
compile_rules(struct bench *b)
{
	char status[200];

	if (rule_setup("local_recipient_maps =\nalias_maps =\nsmtpd_relay_restrictions = reject\n",
		&b->o) == NULL)
		exit(2);
	b->o.lists[LIST_CONTENT] = arena_printf(b->arena, "check_body %s", b->name);
	b->tables = table_registry_new(&b->counters);
	b->rules = rules_compile(&b->o, b->tables, tell, NULL);
	if (b->rules == NULL)
		die("content_restrictions cannot be compiled");
	table_registry_prefilter(b->tables, NULL);
	do {
		usleep(10000);
		table_registry_each(b->tables, note_patterns, status);
	} while (strstr(status, "being compiled") != NULL);
	printf("%s\n", status);
}

/* --- bare --- */

/* Of each line what stands between the first two slashes that are not escaped. */
static size_t
read_patterns(const char *path, char ***out)
{
	struct buf text = { 0 };
	size_t n = 0;
	char **v, *p, *end;

	read_file(path, &text);
	v = xcalloc(text.len + 1, sizeof(*v));
	for (p = text.p; *p == '/'; p = strchr(end + 1, '\n') + 1) {
		for (end = ++p; *end != '/'; end++)
			end += *end == '\\';
		*end = '\0';
		v[n++] = p;
	}
	*out = v;
	return n;
}

static void
compile_bare(struct bench *b, const char *path)
{
	char **patterns;
	size_t n = read_patterns(path, &patterns), at;
	unsigned *flags = xcalloc(n, sizeof(*flags)), *ids = xcalloc(n, sizeof(*ids));
	hs_compile_error_t *error;
	int code;

	b->codes = xcalloc(n, sizeof(pcre2_code *));
	b->candidates = xcalloc(n, sizeof(*b->candidates));
	b->matches = pcre2_match_data_create(1, NULL);
	for (size_t i = 0; i < n; i++) {
		flags[i] =
		    HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_CASELESS | HS_FLAG_DOTALL;
		ids[i] = (unsigned)i;
		b->codes[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED,
		    PCRE2_CASELESS | PCRE2_DOTALL, &code, &at, NULL);
		if (b->codes[i] == NULL || pcre2_jit_compile(b->codes[i], PCRE2_JIT_COMPLETE) != 0)
			die(patterns[i]);
	}
	if (hs_compile_multi((const char *const *)patterns, flags, ids, (unsigned)n, HS_MODE_BLOCK,
		NULL, &b->db, &error) != HS_SUCCESS)
		die(error->message);
	if (hs_alloc_scratch(b->db, &b->scratch) != HS_SUCCESS)
		die("no scratch");
	free(flags);
	free(ids);
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *bench)
{
	struct bench *b = bench;

	b->candidates[b->ncandidates++] = id;
	return 0;
}

static int
bare_line(struct bench *b, const uint8_t *p, size_t len)
{
	b->ncandidates = 0;
	if (hs_scan(b->db, (const char *)p, (unsigned)len, 0, b->scratch, on_match, b) !=
	    HS_SUCCESS)
		return -1;
	for (size_t k = 0; k < b->ncandidates; k++)
		if (pcre2_jit_match(b->codes[b->candidates[k]], p, len, 0, 0, b->matches, NULL) >=
		    0)
			return -1;
	return 0;
}

/* It has to find the lines of the same octets, too. */
static int
bare(struct bench *b)
{
	struct span m = message_view(b->message);
	const uint8_t *p = m.p, *end = m.p + m.len, *cr;
	int head = 1;

	for (; p < end && (cr = memchr(p, '\r', (size_t)(end - p))) != NULL; p = cr + 2) {
		if (!head && cr > p && bare_line(b, p, (size_t)(cr - p)) == -1)
			return -1;
		head = head && cr > p;
	}
	return 0;
}

/* --- ours --- */

static int
by_table(struct bench *b)
{
	struct table_set *set = table_set_take(b->tables);
	struct table_hit hit;
	struct err err;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->nlines; i++)
		rc = table_get(table_set_get(set, 0), b->lines[i], b->arena, &hit, &err);
	table_set_release(set);
	return rc;
}

static int
by_check_body(struct bench *b)
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
	t.message = b->message;
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
	table_set_release(t.tables);
	return v.outcome == OUTCOME_DUNNO ? 0 : -1;
}

static double
measure(struct bench *b, int (*f)(struct bench *), int messages)
{
	double began = cpu_us();

	for (int i = 0; i < messages; i++)
		if (f(b) != 0) {
			fprintf(stderr,
			    "bench_content: a pattern was found, or could not be looked for\n");
			exit(1);
		}
	return (cpu_us() - began) / messages;
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	int rounds, messages;

	if (argc != 5 || (rounds = atoi(argv[3])) < 1 || (messages = atoi(argv[4])) < 1)
		die("usage: bench_content TABLE BODY ROUNDS MESSAGES");
	b.arena = arena_new();
	b.name = xasprintf("pcre:%s", argv[1]);
	client_init(&b.client);
	b.services.counters = &b.counters;
	read_body(&b, argv[2]);
	compile_rules(&b);
	compile_bare(&b, argv[1]);
	/* Arenas of their own: one keeps what the rules' options point to. */
	b.arena = arena_new();
	for (int i = 0; i <= rounds; i++) {
		double check = measure(&b, by_check_body, messages);
		double table = measure(&b, by_table, messages);
		double alone = measure(&b, bare, messages);

		if (i > 0) /* the first warms up */
			printf(
			    "check_body_us=%.2f table_us=%.2f bare_us=%.2f\n", check, table, alone);
	}
	return 0;
}
