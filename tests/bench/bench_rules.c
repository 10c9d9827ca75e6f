/*
 * bench_rules - what restriction lists cost, with the bounds that must hold
 *
 * One thread, one list of 30 restrictions with 5 texthash tables of 10,000 keys, DNS answers known;
 * each evaluation is for a message of its own.  Besides: a texthash look-up against a bare probe of
 * a hash table in the same run, 20 DNS lists that take 20 ms each, and what 200,000 keys cost to
 * load and keep.  Exit status 1 names the bound that does not hold.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "core/transaction.h"
#include "engine/decision_log.h"
#include "net/dns.h"
#include "rules/dnsbl.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "table/table.h"
#include "tests/bench/bench_heap.h"
#include "tests/lib/dns_answers.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/rule_setup.h"

#define EVALUATIONS 200000
#define ROUNDS      5
#define KEYS        10000
#define KEPT        50000
#define KEPT_BURST  500
#define TABLES      5
#define BIG_KEYS    200000
#define LISTS       20
#define PROBES      2000000

static int failures;

static void
bound(const char *what, double value, double limit, int at_least)
{
	int holds = at_least ? value >= limit : value <= limit;

	printf("%-58s %12.2f  %s %g%s\n", what, value, at_least ? "at least" : "at most", limit,
	    holds ? "" : "  DOES NOT HOLD");
	failures += !holds;
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void
tell(void *arg, const struct rule_finding *f)
{
	(void)arg;
	if (f->is_error)
		fprintf(stderr, "bench_rules: %s\n", f->text);
}

/* --- what all share --- */

struct bench {
	char dir[64];
	struct counters counters;
	struct table_registry *tables;
	struct rule_options o;
	struct rule_services services;
	struct arena *arena;
	struct decision_log *log; /* where decisions are kept, or NULL */
	size_t trace_octets;
	uint64_t of_records; /* heap allocations of keeping them */
};

static size_t
write_table(const struct bench *b, const char *name, const char *value, size_t n)
{
	char path[128];
	FILE *f;
	long size;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	f = fopen(path, "w");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		fprintf(f, "user%zu@domain%zu.example %s\n", i, i % 997, value);
	size = ftell(f);
	fclose(f);
	return (size_t)size;
}

static const char site[] = "myhostname = mx.bench.example\n"
			   "mynetworks = 127.0.0.0/8, 10.0.0.0/8\n"
			   "inet_interfaces = 127.0.0.1\n"
			   "mydestination = local.example, $myhostname\n"
			   "relay_domains = relay.example\n"
			   "local_recipient_maps =\n"
			   "alias_maps =\n"
			   "smtpd_sasl_auth_enable = yes\n"
			   "smtpd_relay_restrictions =\n";

/* --- the list of 30 --- */

static struct rules *
compile(struct bench *b, const char *fmt)
{
	struct rules *r;
	char *list = arena_strdup(b->arena, fmt), *at;

	/* Each %s is the folder. */
	while ((at = strstr(list, "%s")) != NULL)
		list = arena_printf(b->arena, "%.*s%s%s", (int)(at - list), list, b->dir, at + 2);
	b->o.lists[LIST_RECIPIENT] = list;
	r = rules_compile(&b->o, b->tables, tell, NULL);
	if (r == NULL)
		exit(1);
	return r;
}

struct message { /* one that passes all of it */
	struct client client;
	struct path sender, rcpt;
};

static void
client_address(struct client *c, unsigned n)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&c->sa;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(0xc0000200u + n);
	snprintf(c->addr, sizeof(c->addr), "192.0.2.%u", n);
}

static void
message_init(struct message *m)
{
	client_init(&m->client);
	client_address(&m->client, 10);
	strcpy(m->client.name, "mail.good.example");
	strcpy(m->client.reverse_name, "mail.good.example");
	strcpy(m->client.helo, "mail.good.example");
	strcpy(m->client.proto, "ESMTP");
	m->sender = (struct path){ .octets = "s@good.example",
		.local = "s",
		.domain = "good.example",
		.addr = "s@good.example",
		.params = "" };
	m->rcpt = (struct path){ .octets = "r+x@local.example",
		.local = "r+x",
		.domain = "local.example",
		.addr = "r+x@local.example",
		.params = "" };
}

static enum outcome
evaluate(struct bench *b, const struct rules *r, const struct message *m, struct arena *arena)
{
	uint64_t allocated;
	struct transaction t;
	struct verdict v;
	enum outcome o;

	arena_reset(arena);
	transaction_init(&t, arena);
	t.client = &m->client;
	t.service = "bench";
	t.has_helo = 1;
	t.sender = m->sender;
	t.tables = table_set_take(b->tables);
	verdict_init(&v, arena);
	if (b->log != NULL) {
		decision_id_make(t.id, sizeof(t.id));
		t.trace = decision_log_trace(b->log, arena);
	}
	rules_ask(r,
	    &(struct rule_ask){ .txn = &t,
		.stage = RULE_RCPT,
		.rcpt = &m->rcpt,
		.services = &b->services,
		.deadline = deadline_in_ms(10000),
		.trace = t.trace },
	    &v);
	if (b->log != NULL) {
		b->trace_octets = t.trace->len;
		allocated = bench_heap_count();
		decision_log_put(b->log, &t);
		b->of_records += bench_heap_count() - allocated;
		decision_log_trace_end(b->log, t.trace);
	}
	o = v.outcome;
	if (o != OUTCOME_OK && o != OUTCOME_DUNNO)
		fprintf(stderr, "bench_rules: %d %s %s\n", v.code, v.enhanced, v.text);
	table_set_release(t.tables);
	return o;
}

static const char thirty[] =
    "permit_mynetworks, permit_sasl_authenticated, reject_non_fqdn_recipient, "
    "reject_unauth_destination, reject_unknown_recipient_domain, reject_unlisted_recipient, "
    "check_client_access texthash:%s/t0, check_helo_access texthash:%s/t1, "
    "check_sender_access texthash:%s/t2, check_recipient_access texthash:%s/t3, "
    "check_reverse_client_hostname_access texthash:%s/t4, reject_invalid_helo_hostname, "
    "reject_non_fqdn_helo_hostname, reject_unknown_helo_hostname, reject_non_fqdn_sender, "
    "reject_unknown_sender_domain, reject_unknown_client_hostname, "
    "reject_unknown_reverse_client_hostname, reject_unlisted_sender, "
    "reject_multi_recipient_bounce, reject_sender_login_mismatch, reject_rbl_client r1.test, "
    "reject_rbl_client r2.test, reject_rbl_client r3.test, reject_rhsbl_sender h1.test, "
    "reject_rhsbl_helo h1.test, reject_rhsbl_client h1.test, permit_dnswl_client w1.test, "
    "reject_unauth_pipelining, permit_auth_destination";

static const char zone[] = "good.example MX 10 mail.good.example\n"
			   "good.example A 192.0.2.10\n"
			   "mail.good.example A 192.0.2.10\n"
			   "x.r1.test A 127.0.0.2\nx.r2.test A 127.0.0.2\nx.r3.test A 127.0.0.2\n"
			   "x.h1.test A 127.0.0.2\nx.w1.test A 127.0.0.2\n";

static double
rate_of(struct bench *b, const struct rules *r, const struct message *m, struct arena *arena)
{
	double rate[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double began = cpu_s();

		for (int k = 0; k < EVALUATIONS; k++)
			(void)evaluate(b, r, m, arena);
		rate[i] = EVALUATIONS / (cpu_s() - began);
	}
	return median(rate, ROUNDS);
}

static double
process_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the thread that writes has nothing more to do: what it costs is measured by itself. */
static void
until_written(struct bench *b, int64_t n)
{
	const struct timespec nap = { .tv_nsec = 2000000 };

	while (
	    counter_get(&b->counters, decisions_kept) + counter_get(&b->counters, decisions_lost) <
	    n)
		nanosleep(&nap, NULL);
}

/* Seconds an evaluation, some in a row. */
static double
burst(struct bench *b, const struct rules *r, const struct message *m, struct arena *arena)
{
	double began = cpu_s();

	for (int k = 0; k < KEPT_BURST; k++)
		(void)evaluate(b, r, m, arena);
	return (cpu_s() - began) / KEPT_BURST;
}

/* The same with all of it kept for filterctl explain. */
static void
bench_decisions(
    struct bench *b, const struct rules *r, const struct message *m, struct arena *arena)
{
	char path[128];
	uint64_t allocated;
	struct decision_log *log;
	double cost[KEPT / KEPT_BURST], writer;

	snprintf(path, sizeof(path), "%s/decisions", b->dir);
	b->log = log = decision_log_new(path, &(struct decision_limits){ .days = 1 }, &b->counters);
	(void)evaluate(b, r, m, arena);
	until_written(b, 1);
	b->of_records = 0;
	allocated = bench_heap_count();
	writer = process_cpu_s() - cpu_s();
	/* With and without in turn, for the machine has other things to do. */
	for (int i = 0; i < KEPT / KEPT_BURST; i++) {
		cost[i] = burst(b, r, m, arena);
		until_written(b, 1 + (i + 1) * KEPT_BURST);
		b->log = NULL;
		cost[i] -= burst(b, r, m, arena);
		b->log = log;
	}
	writer = process_cpu_s() - cpu_s() - writer;
	allocated = bench_heap_count() - allocated - b->of_records;
	bound("microseconds to keep a decision", 1e6 * median(cost, nitems(cost)), 5, 0);
	bound("heap allocations in these evaluations", (double)allocated, 0, 0);
	printf("  %zu octets of trace, %lld of %d decisions written, %.2f microseconds each\n",
	    b->trace_octets, (long long)counter_get(&b->counters, decisions_kept) - 1, KEPT,
	    1e6 * writer / KEPT);
	b->log = NULL;
	decision_log_free(log);
}

static void
bench_list(struct bench *b)
{
	const struct dns_options o = { 0 };
	struct dns_options d = o;
	struct dns_zone *z = dns_zone_start(zone);
	struct arena *arena = arena_new();
	struct message m;
	double rate;
	struct rules *r;
	struct err err;
	uint64_t allocated;

	d.servers = dns_zone_at(z);
	b->services.dns = dns_new(&d, &err);
	b->services.zones = dnsbl_zones_new();
	for (int i = 0; i < TABLES; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%d", i);
		write_table(b, name, "REJECT", KEYS);
	}
	r = compile(b, thirty);
	message_init(&m);
	if (evaluate(b, r, &m, arena) != OUTCOME_OK) {
		fprintf(stderr, "bench_rules: the message does not pass\n");
		exit(1);
	}
	allocated = bench_heap_count();
	rate = rate_of(b, r, &m, arena);
	allocated = bench_heap_count() - allocated;
	bound("RCPT evaluations a second and thread, 30 restrictions", rate, 100000, 1);
	bound("heap allocations in all of them", (double)allocated, 0, 0);
	bench_decisions(b, r, &m, arena);
	rules_free(r);
	arena_free(arena);
	dns_free(b->services.dns);
	dnsbl_zones_free(b->services.zones);
	dns_zone_stop(z);
}

/* --- one look-up --- */

struct probe {
	const char **slot;
	size_t mask;
};

static size_t
fnv(const char *s)
{
	size_t h = 1469598103934665603u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

static const char **
probe_find(const struct probe *p, const char *key)
{
	size_t i = fnv(key) & p->mask;

	while (p->slot[i] != NULL && strcmp(p->slot[i], key) != 0)
		i = (i + 1) & p->mask;
	return &p->slot[i];
}

static void
bench_lookup(struct bench *b)
{
	static char keys[KEYS][48];
	struct probe p = { .slot = xcalloc(32768, sizeof(char *)), .mask = 32767 };
	struct arena *arena = arena_new();
	double ours[ROUNDS], bare[ROUNDS];
	size_t found = 0;
	char name[128];
	struct err err;
	struct table *t;

	snprintf(name, sizeof(name), "texthash:%s/t0", b->dir);
	t = table_open(name, NULL, NULL, &err);
	if (t == NULL)
		exit(1);
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "user%zu@domain%zu.example", i, i % 997);
		*probe_find(&p, keys[i]) = keys[i];
	}
	for (int i = 0; i < ROUNDS; i++) {
		struct table_hit hit;
		double began = cpu_s();

		for (size_t k = 0; k < PROBES; k++)
			found += *probe_find(&p, keys[k * 7919 % KEYS]) != NULL;
		bare[i] = cpu_s() - began;
		began = cpu_s();
		for (size_t k = 0; k < PROBES; k++)
			found +=
			    table_get(t, span_str(keys[k * 7919 % KEYS]), arena, &hit, &err) == 1;
		ours[i] = cpu_s() - began;
	}
	if (found != 2ul * PROBES * ROUNDS) {
		fprintf(stderr, "bench_rules: keys were not found\n");
		exit(1);
	}
	printf("%-58s %12.2f\n", "a texthash look-up, ns", median(ours, ROUNDS) / PROBES * 1e9);
	bound("a texthash look-up against a bare probe",
	    median(ours, ROUNDS) / median(bare, ROUNDS), 3, 0);
	table_close(t);
	arena_free(arena);
	free(p.slot);
}

/* --- many DNS lists --- */

static void
bench_dnsbl(struct bench *b)
{
	struct dns_answers *s = dns_answers_start();
	const struct dns_options o = { .servers = dns_answers_at(s) };
	struct arena *arena = arena_new();
	double took[ROUNDS * 4];
	struct message m;
	struct rules *r;
	struct err err;
	char *list = arena_strdup(b->arena, "reject_unauth_destination");

	b->services.dns = dns_new(&o, &err);
	b->services.zones = dnsbl_zones_new();
	for (int i = 0; i < LISTS; i++)
		list = arena_printf(b->arena, "%s, reject_rbl_client slownx%d.test", list, i);
	r = compile(b, list);
	message_init(&m);
	for (int i = 0; i < ROUNDS * 4; i++) {
		int64_t began = clock_us();

		client_address(&m.client, (unsigned)i + 1);
		(void)evaluate(b, r, &m, arena);
		took[i] = (double)(clock_us() - began) / 1000;
	}
	bound("20 DNS lists of 20 ms each, ms", median(took, ROUNDS * 4), 30, 0);
	rules_free(r);
	arena_free(arena);
	dns_free(b->services.dns);
	dnsbl_zones_free(b->services.zones);
	dns_answers_stop(s);
}

/* --- loading --- */

static void
bench_load(struct bench *b)
{
	size_t text = write_table(b, "big", "REJECT go away", BIG_KEYS), before;
	struct table_registry *tables = table_registry_new(&b->counters);
	char name[128];
	int64_t began;
	struct err err;
	double used;

	snprintf(name, sizeof(name), "texthash:%s/big", b->dir);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	began = clock_us();
	if (table_registry_add(tables, name, 0, NULL, NULL, &err) == -1)
		exit(1);
	bound("load 200,000 texthash keys, s", (double)(clock_us() - began) / 1e6, 1, 0);
	used = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before);
	bound("octets a key beside the text", (used - (double)text) / BIG_KEYS, 100, 0);
	table_registry_free(tables);
}

static void
remove_all(const struct bench *b)
{
	static const char *const names[] = { "t0", "t1", "t2", "t3", "t4", "big" };
	char path[128];

	for (size_t i = 0; i < nitems(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	rmdir(b->dir);
}

int
main(void)
{
	struct conf *conf;
	struct bench b = { .dir = "/tmp/bench_rules.XXXXXX" };

	if (mkdtemp(b.dir) == NULL) {
		perror(b.dir);
		return 1;
	}
	b.tables = table_registry_new(&b.counters);
	b.arena = arena_new();
	conf = rule_setup(site, &b.o);
	if (conf == NULL)
		return 1;
	bench_list(&b);
	bench_lookup(&b);
	bench_dnsbl(&b);
	bench_load(&b);
	table_registry_free(b.tables);
	arena_free(b.arena);
	conf_free(conf);
	remove_all(&b);
	printf(failures == 0 ? "All bounds hold\n" : "%d bounds do not hold\n", failures);
	return failures != 0;
}
