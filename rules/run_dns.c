/* Look-ups of one transaction: each asked once, many begun together. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/hostname.h"
#include "mail/idna.h"
#include "rules/rules_private.h"

#define CHAINS_MIN 16
#define HASHED     255 /* octets of a name that count; longer ones are no names */

static size_t
chain_of(const struct rule_run *run, const char *name)
{
	char folded[HASHED + 1];

	span_copy(span_str(name), folded, sizeof(folded));
	return keyhash(&run->rules->row_hash, text_lower(folded), strlen(folded)) &
	       (run->kept->dns_chains - 1);
}

static struct kept_dns *
find(struct rule_run *run, const char *name, enum dns_type type)
{
	if (run->kept->dns_chains == 0)
		return NULL;
	for (struct kept_dns *k = run->kept->dns[chain_of(run, name)]; k != NULL; k = k->next)
		if (k->type == type && strcasecmp(k->name, name) == 0)
			return k;
	return NULL;
}

static void
put(struct rule_run *run, struct kept_dns *k)
{
	struct kept_dns **chain = &run->kept->dns[chain_of(run, k->name)];

	k->next = *chain;
	*chain = k;
}

/* Twice the chains.  The old array is left to the arena: all of them are no more than the new. */
static void
grow(struct rule_run *run)
{
	struct rule_txn *t = run->kept;
	struct kept_dns **old = t->dns, *k, *next;
	size_t n = t->dns_chains;

	t->dns_chains = n == 0 ? CHAINS_MIN : 2 * n;
	t->dns = arena_calloc(run->arena, t->dns_chains * sizeof(struct kept_dns *));
	for (size_t i = 0; i < n; i++)
		for (k = old[i]; k != NULL; k = next) {
			next = k->next;
			put(run, k);
		}
}

static struct kept_dns *
keep(struct rule_run *run, const char *name, enum dns_type type)
{
	struct kept_dns *k = arena_calloc(run->arena, sizeof(*k));

	k->name = arena_strdup(run->arena, name);
	k->type = type;
	if (run->kept->ndns++ == run->kept->dns_chains)
		grow(run);
	put(run, k);
	return k;
}

const char *
rule_dns_name(struct rule_run *run, const char *name)
{
	const char *ascii = idna_ascii(run->arena, name);

	return ascii != NULL && hostname_valid(span_str(ascii), 0) ? ascii : NULL;
}

static struct kept_dns *
start(struct rule_run *run, const char *name, enum dns_type type)
{
	struct kept_dns *k = find(run, name, type);

	if (k == NULL)
		k = keep(run, name, type);
	if (k->result != NULL || k->query != NULL || run->ask->services == NULL ||
	    run->ask->services->dns == NULL)
		return k;
	if (run->kept->batch == NULL)
		run->kept->batch = dns_batch_new(run->ask->services->dns, run->arena);
	k->query = dns_start(run->kept->batch, span_str(k->name), type);
	k->asked = run->kept->asked;
	run->kept->asked = k;
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
	const struct rule_op *before = run->op;

	if (l->ops[i].together < 2)
		return;
	for (size_t k = i; k < end; k++) {
		run->op = &l->ops[k]; /* a plugin's state is asked for by it */
		if (run->op->def->prepare != NULL && rule_plugin_ready(run, run->op) &&
		    !rule_is_elsewhere(run, run->op))
			run->op->def->prepare(run, run->op);
	}
	run->op = before;
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
	for (struct kept_dns *k = run->kept->asked; k != NULL; k = k->asked)
		k->query = NULL;
	run->kept->asked = NULL;
}
