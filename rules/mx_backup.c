#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "mail/hostname.h"
#include "rules/address.h"
#include "rules/check_dns.h"
#include "rules/map_list.h"
#include "rules/match_list.h"
#include "rules/mx_backup.h"
#include "rules/own_networks.h"
#include "rules/rules_private.h"

/* What getaddrinfo(3) says, which Postfix asks for addresses of exchangers. */
static const char *
host_text(enum dns_outcome o)
{
	switch (dns_outcome_answer(o)) {
	case 0:
		return o == DNS_NODATA ? "No address associated with hostname"
				       : "Name or service not known";
	default:
		return "Temporary failure in name resolution";
	}
}

/* And what the resolver library says of records. */
static const char *
record_text(enum dns_outcome o)
{
	switch (dns_outcome_answer(o)) {
	case 0:
		return o == DNS_NODATA ? "Host found but no data record of requested type"
				       : "Host not found";
	default:
		return "Host not found, try again";
	}
}

static void
trouble(struct rule_run *run, const char *what, const char *host, const char *why)
{
	struct rule_subject s = rule_subject(run, SUBJECT_RECIPIENT);

	(void)rule_defer_if_reject(run, 450, "4.4.4", "<%s>: %s rejected: Unable to %s%s%s%s",
	    s.name, subject_class(s.kind), what, host, why[0] == '\0' ? "" : ": ", why);
}

static void
rr_text(const struct dns_rr *rr, char out[INET6_ADDRSTRLEN])
{
	int family = rr->data.len == 4 ? AF_INET : AF_INET6;

	if (inet_ntop(family, rr->data.p, out, INET6_ADDRSTRLEN) == NULL)
		out[0] = '\0';
}

struct found { /* what the DNS has for a host */
	const struct dns_result *r[2];
	size_t n;
	int any;                /* there is an address */
	enum dns_outcome worst; /* else what to tell of */
};

static struct found
host_addresses(struct rule_run *run, const char *host)
{
	struct found f = { .worst = DNS_NODATA };
	enum dns_type types[2];

	f.n = rule_addr_types(run, types);
	rule_addrs_start(run, host);
	for (size_t i = 0; i < f.n; i++) {
		f.r[i] = rule_dns(run, host, types[i]);
		f.any |= dns_outcome_answer(f.r[i]->outcome) == 1;
		if (i == 0 || dns_outcome_answer(f.r[i]->outcome) == -1)
			f.worst = f.r[i]->outcome;
	}
	return f;
}

static int
is_mine(struct rule_run *run, const char *host)
{
	const struct own_networks *own = run->rules->own;
	char text[INET6_ADDRSTRLEN];
	struct found f;

	if (hostaddr_valid(span_str(host)))
		return own_networks_has_text(own, host);
	/* Not in the DNS, but in every hosts(5). */
	if (strcasecmp(host, "localhost") == 0)
		return own_networks_has_text(own, "127.0.0.1") || own_networks_has_text(own, "::1");
	f = host_addresses(run, host);
	if (!f.any) {
		trouble(run, "look up mail exchanger host ", host, host_text(f.worst));
		return 0;
	}
	for (size_t i = 0; i < f.n; i++)
		for (size_t k = 0; k < f.r[i]->n; k++) {
			rr_text(&f.r[i]->rr[k], text);
			if (own_networks_has_text(own, text))
				return 1;
		}
	return 0;
}

/* The exchangers with this preference, or, `others`, with any but this. */
static int
wanted(const struct dns_rr *mx, unsigned best, int others)
{
	return others ? mx->preference != best : mx->preference == best;
}

/* Names cost nothing, so all are looked at before any address is. */
static int
am_i_among(struct rule_run *run, const struct dns_result *mx, unsigned best, int others)
{
	struct map_ask ask = rule_map_ask(run);
	struct err err = { 0 };

	for (size_t i = 0; i < mx->n; i++)
		if (wanted(&mx->rr[i], best, others) &&
		    address_domain_local(run->rules->addresses, &ask, mx->rr[i].name, &err) == 1)
			return 1;
	for (size_t i = 0; i < mx->n; i++)
		if (wanted(&mx->rr[i], best, others) && is_mine(run, mx->rr[i].name))
			return 1;
	return 0;
}

/* Are all addresses of the host in permit_mx_backup_networks? */
static int
is_authorised_host(struct rule_run *run, const char *host)
{
	struct map_ask ask = rule_map_ask(run);
	struct found f = host_addresses(run, host);
	struct err err = { 0 };
	char text[INET6_ADDRSTRLEN];

	if (!f.any) {
		trouble(run, "look up host ",
		    arena_printf(run->arena, "%s as mail exchanger", host), record_text(f.worst));
		return 0;
	}
	for (size_t i = 0; i < f.n; i++)
		for (size_t k = 0; k < f.r[i]->n; k++) {
			int in;

			rr_text(&f.r[i]->rr[k], text);
			in =
			    match_list_host(run->rules->mx_backup_networks, &ask, host, text, &err);
			if (in == -1)
				trouble(run, "verify host ",
				    arena_printf(run->arena, "%s as mail exchanger", host), "");
			if (in != 1)
				return 0;
		}
	return 1;
}

static int
are_best_authorised(struct rule_run *run, const struct dns_result *mx, unsigned best)
{
	if (match_list_empty(run->rules->mx_backup_networks))
		return 1;
	for (size_t i = 0; i < mx->n; i++)
		if (wanted(&mx->rr[i], best, 0) && !is_authorised_host(run, mx->rr[i].name))
			return 0;
	return 1;
}

static int
has_backups(const struct dns_result *mx, unsigned *best)
{
	int differs = 0;

	*best = mx->rr[0].preference;
	for (size_t i = 1; i < mx->n; i++) {
		differs |= mx->rr[i].preference != *best;
		if (mx->rr[i].preference < *best)
			*best = mx->rr[i].preference;
	}
	return differs;
}

/* A domain that is not ours by name and may have exchangers. */
static int
may_have_mx(struct rule_run *run, const struct address *a)
{
	return !a->broken && !a->malformed && a->class == ADDR_DEFAULT &&
	       (!a->routed || run->o->allow_untrusted_routing) &&
	       !host_is_literal(span_str(a->domain)) && rule_dns_name(run, a->domain) != NULL;
}

enum rule_result
check_mx_backup(struct rule_run *run, const struct rule_op *op)
{
	const struct address *a;
	const struct dns_result *mx;
	unsigned best;
	int backups;

	(void)op;
	if (run->rcpt == NULL)
		return RULE_DUNNO;
	a = rule_recipient(run);
	if (a->broken)
		return check_address_broken(run, rule_subject(run, SUBJECT_RECIPIENT));
	if (relay_authorised(run, a))
		return RULE_OK;
	if (!may_have_mx(run, a))
		return RULE_DUNNO;
	mx = rule_dns(run, rule_dns_name(run, a->domain), DNS_MX);
	if (dns_outcome_answer(mx->outcome) == -1)
		trouble(run, "look up mail exchanger information", "", record_text(mx->outcome));
	if (dns_outcome_answer(mx->outcome) != 1 || dns_null_mx(mx))
		return RULE_DUNNO;
	backups = has_backups(mx, &best);
	/* Who is the best exchanger should know the domain for his own. */
	if (am_i_among(run, mx, best, 0) || !backups || !am_i_among(run, mx, best, 1) ||
	    !are_best_authorised(run, mx, best))
		return RULE_DUNNO;
	return RULE_OK;
}

void
prepare_mx_backup(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (run->rcpt != NULL && may_have_mx(run, rule_recipient(run)))
		rule_dns_start(run, rule_dns_name(run, rule_recipient(run)->domain), DNS_MX);
}
