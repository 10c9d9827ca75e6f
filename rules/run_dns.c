/* Look-ups of one transaction: each asked once, many begun together. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "rules/rules_private.h"

static struct kept_dns *
find(struct rule_run *run, const char *name, enum dns_type type)
{
	for (struct kept_dns *k = run->kept->dns; k != NULL; k = k->next)
		if (k->type == type && strcasecmp(k->name, name) == 0)
			return k;
	return NULL;
}

static struct kept_dns *
start(struct rule_run *run, const char *name, enum dns_type type)
{
	struct kept_dns *k = find(run, name, type);

	if (k == NULL) {
		k = arena_calloc(run->arena, sizeof(*k));
		k->name = arena_strdup(run->arena, name);
		k->type = type;
		k->next = run->kept->dns;
		run->kept->dns = k;
	}
	if (k->result != NULL || k->query != NULL || run->ask->services == NULL ||
	    run->ask->services->dns == NULL)
		return k;
	if (run->kept->batch == NULL)
		run->kept->batch = dns_batch_new(run->ask->services->dns, run->arena);
	k->query = dns_start(run->kept->batch, span_str(k->name), type);
	return k;
}

void
rule_dns_start(struct rule_run *run, const char *name, enum dns_type type)
{
	(void)start(run, name, type);
}

const struct dns_result *
rule_dns(struct rule_run *run, const char *name, enum dns_type type)
{
	static const struct dns_result nobody = { .outcome = DNS_UNREACHABLE };
	struct kept_dns *k = start(run, name, type);
	int64_t began = rule_trace_clock(run);
	const struct dns_result *r;

	if (k->result != NULL) {
		rule_trace_dns(run, k, k->result, 0);
		return k->result;
	}
	if (k->query == NULL) {
		rule_trace_dns(run, k, &nobody, 0);
		return &nobody;
	}
	/* At the deadline it counts as a time-out now, but not for a later stage, which may have
	 * the answer by then. */
	if (dns_wait_query(k->query, run->ask->deadline))
		k->result = dns_result(k->query);
	r = dns_result(k->query);
	rule_trace_dns(run, k, r, rule_trace_clock(run) - began);
	return r;
}

size_t
rule_addr_types(const struct rule_run *run, enum dns_type types[2])
{
	const char *p = run->o->inet_protocols;
	size_t n = 0;

	if (p == NULL || strcasestr(p, "all") != NULL || strcasestr(p, "ipv4") != NULL)
		types[n++] = DNS_A;
	if (p == NULL || strcasestr(p, "all") != NULL || strcasestr(p, "ipv6") != NULL)
		types[n++] = DNS_AAAA;
	return n;
}

void
rule_addrs_start(struct rule_run *run, const char *host)
{
	enum dns_type types[2];
	size_t n = rule_addr_types(run, types);

	for (size_t i = 0; i < n; i++)
		rule_dns_start(run, host, types[i]);
}

void
rule_dns_begin(struct rule_run *run, const struct rule_list *l, size_t i)
{
	size_t end = i + l->ops[i].together;

	if (l->ops[i].together < 2)
		return;
	for (size_t k = i; k < end; k++)
		if (l->ops[k].def->prepare != NULL)
			l->ops[k].def->prepare(run, &l->ops[k]);
	if (run->kept->batch != NULL)
		dns_send(run->kept->batch);
}

void
rule_dns_end(struct rule_run *run)
{
	if (run->kept->batch == NULL)
		return;
	dns_batch_end(run->kept->batch);
	run->kept->batch = NULL;
	for (struct kept_dns *k = run->kept->dns; k != NULL; k = k->next)
		k->query = NULL;
}
