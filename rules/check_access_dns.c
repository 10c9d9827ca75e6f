/* check_*_mx_access, check_*_ns_access, check_*_a_access: the hosts behind a name are looked up in
 * a table.  The order, and what counts as "no hosts", are Postfix's (POSTFIX.md, "Lookup keys"). */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "mail/hostname.h"
#include "net/route.h"
#include "rules/access_lookup.h"
#include "rules/rules_private.h"

#define HOSTS_MAX 100 /* of a name; Postfix's too, from 3.9 on */

enum { BEHIND_MX, BEHIND_NS, BEHIND_A };

static enum dns_type
type_of(const struct rule_op *op)
{
	return op->def->variant % 3 == BEHIND_MX   ? DNS_MX
	       : op->def->variant % 3 == BEHIND_NS ? DNS_NS
						   : DNS_A;
}

static enum subject_kind
subject_of(const struct rule_op *op)
{
	return (enum subject_kind)(op->def->variant / 3);
}

#define VARIANT(subject, behind) ((int)(subject)*3 + (behind))

/* The name that is looked behind; NULL: there is none to look at. */
static const char *
name_of(struct rule_run *run, enum subject_kind kind)
{
	const char *s = NULL, *at;

	switch (kind) {
	case SUBJECT_CLIENT:
		s = run->client->name;
		break;
	case SUBJECT_REVERSE_CLIENT:
		s = run->client->reverse_name;
		break;
	case SUBJECT_HELO:
		return run->txn->has_helo ? run->client->helo : NULL;
	case SUBJECT_SENDER:
		s = run->ask->stage < RULE_MAIL ? NULL : run->txn->sender.addr;
		break;
	case SUBJECT_RECIPIENT:
		s = run->rcpt == NULL ? NULL : run->rcpt->addr;
		break;
	case SUBJECT_CCERT:
	case SUBJECT_SASL:
	case SUBJECT_DATA:
	case SUBJECT_END_OF_DATA:
	case SUBJECT_CONTENT:
		return NULL;
	}
	if (s == NULL || s[0] == '\0')
		return NULL;
	if (kind == SUBJECT_CLIENT || kind == SUBJECT_REVERSE_CLIENT)
		return strcasecmp(s, "unknown") == 0 ? NULL : s;
	at = strrchr(s, '@');
	s = at == NULL ? s : at + 1;
	at = rule_dns_name(run, s);
	return at == NULL ? s : at; /* tables are asked with the name that the DNS has */
}

/* reached[]: has this machine a route to it; NULL: no matter. */
static int
addresses_where(
    struct access_lookup *a, int family, const struct dns_result *r, const char *reached, int want)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < r->n; i++) {
		if (reached != NULL && reached[i] != want)
			continue;
		inet_ntop(family, r->rr[i].data.p, text, sizeof(text));
		if (access_lookup_addr(a, text))
			return 1;
	}
	return 0;
}

static const char *
which_are_reached(struct rule_run *run, int family, const struct dns_result *r)
{
	char *reached = r->n == 0 ? NULL : arena_alloc(run->arena, r->n);

	for (size_t i = 0; reached != NULL && i < r->n; i++)
		reached[i] = (char)route_exists(family, r->rr[i].data.p);
	return reached;
}

/* 1 a row answered.  The order is that of getaddrinfo(3), which Postfix asks (RFC 6724, rules 1 and
 * 6): IPv6 before IPv4, but what cannot be reached from here last. */
static int
addresses_in_order(
    struct access_lookup *a, const struct dns_result *v6, const struct dns_result *v4)
{
	const char *at6 = NULL, *at4 = NULL;

	if (v6->n + v4->n > 1) {
		at6 = which_are_reached(a->run, AF_INET6, v6);
		at4 = which_are_reached(a->run, AF_INET, v4);
	}
	return addresses_where(a, AF_INET6, v6, at6, 1) ||
	       addresses_where(a, AF_INET, v4, at4, 1) ||
	       (at6 != NULL && addresses_where(a, AF_INET6, v6, at6, 0)) ||
	       (at4 != NULL && addresses_where(a, AF_INET, v4, at4, 0));
}

static int
addresses(struct access_lookup *a, const char *host, int warn)
{
	static const struct dns_result none = { .outcome = DNS_NODATA };
	const struct dns_result *r[2] = { &none, &none };
	char text[INET_ADDRSTRLEN];
	enum dns_type types[2];
	struct in_addr odd;
	size_t n;

	if (hostaddr_valid(span_str(host)))
		return access_lookup_addr(a, host);
	/* "127.1" and "0x7f000001": Postfix's resolver, getaddrinfo(3), knows what that was. */
	if (inet_aton(host, &odd) != 0)
		return access_lookup_addr(a, inet_ntop(AF_INET, &odd, text, sizeof(text)));
	/* RFC 6761 6.3: not a question for the DNS; Postfix has it from /etc/hosts. */
	if (strcasecmp(host, "localhost") == 0)
		return access_lookup_addr(a, "127.0.0.1") || access_lookup_addr(a, "::1");
	rule_addrs_start(a->run, host);
	n = rule_addr_types(a->run, types);
	for (size_t i = 0; i < n; i++)
		r[types[i] == DNS_AAAA] = rule_dns(a->run, host, types[i]);
	if (r[0]->n + r[1]->n == 0 && warn)
		rule_warn(
		    a->run, "%s: host %s has no address that could be found", a->op->word, host);
	return addresses_in_order(a, r[1], r[0]);
}

static int
host(struct access_lookup *a, const char *name)
{
	return access_lookup_name(a, name) || addresses(a, name, 1);
}

static void
literal(struct access_lookup *a, const char *domain, enum dns_type type)
{
	size_t len = strlen(domain);
	struct span addr;
	const char *text;

	if (type == DNS_NS || domain[len - 1] != ']')
		return;
	addr = host_literal_addr(span_make(domain + 1, len - 2));
	text = addr.len == 0 ? NULL : arena_str(a->run->arena, addr);
	if (text != NULL)
		access_lookup_addr(a, text);
}

static void
unable(struct access_lookup *a, const char *domain, enum dns_type type, const struct dns_result *r)
{
	rule_warn(a->run, "%s: %s of %s: %s", a->op->word, dns_type_text(type), domain,
	    dns_outcome_text(r->outcome));
}

/* Whoever names thousands of hosts makes us ask for each of them, so there is an end to it
 * (PITFALLS B16). */
static void
hosts(struct access_lookup *a, const char *domain, enum dns_type type, const struct dns_result *r)
{
	size_t n = r->n < HOSTS_MAX ? r->n : HOSTS_MAX;

	for (size_t i = 0; i < n; i++)
		if (host(a, r->rr[i].name))
			return;
	if (n < r->n)
		rule_warn(a->run, "%s: %s of %s: only %d of %zu hosts are looked at", a->op->word,
		    dns_type_text(type), domain, HOSTS_MAX, r->n);
}

static int
is_name(const char *domain)
{
	return hostname_valid(span_str(domain), 0);
}

static void
mail_exchangers(struct access_lookup *a, const char *domain)
{
	const struct dns_result *r;

	if (!is_name(domain)) {
		host(a, domain);
		return;
	}
	r = rule_dns(a->run, domain, DNS_MX);
	if (dns_outcome_answer(r->outcome) == -1) {
		unable(a, domain, DNS_MX, r);
		return;
	}
	if (r->outcome != DNS_FOUND) {
		host(a, domain);
		return;
	}
	if (dns_null_mx(r))
		return;
	hosts(a, domain, DNS_MX, r);
}

static void
name_servers(struct access_lookup *a, const char *domain)
{
	static const struct dns_result none = { .outcome = DNS_NXDOMAIN };
	const struct dns_result *r = &none;
	const char *d = domain;

	for (;;) {
		r = is_name(d) ? rule_dns(a->run, d, DNS_NS) : &none;
		if (dns_outcome_answer(r->outcome) != 0)
			break;
		d = strchr(d, '.');
		if (d == NULL || d[1] == '\0') {
			unable(a, domain, DNS_NS, r);
			return;
		}
		d++;
	}
	if (r->outcome != DNS_FOUND) {
		unable(a, d, DNS_NS, r);
		return;
	}
	hosts(a, d, DNS_NS, r);
}

static enum rule_result
server_access(struct rule_run *run, const struct rule_op *op)
{
	enum subject_kind kind = subject_of(op);
	struct access_lookup a = { .run = run, .op = op, .subject = rule_subject(run, kind) };
	enum dns_type type = type_of(op);
	const char *domain = name_of(run, kind);

	if (domain == NULL || domain[0] == '\0')
		return RULE_DUNNO;
	if (domain[0] == '[')
		literal(&a, domain, type);
	else if (type == DNS_MX)
		mail_exchangers(&a, domain);
	else if (type == DNS_NS)
		name_servers(&a, domain);
	else
		addresses(&a, domain, 0);
	return access_no_ok(run, op, a.result);
}

static void
begin_server_access(struct rule_run *run, const struct rule_op *op)
{
	const char *domain = name_of(run, subject_of(op));
	enum dns_type type = type_of(op);

	if (domain == NULL || domain[0] == '[' || !is_name(domain))
		return;
	if (type == DNS_A)
		rule_addrs_start(run, domain);
	else
		rule_dns_start(run, domain, type);
}

#define ROW(restriction, subject, need, behind, what)                                              \
	{                                                                                          \
		.name = restriction, .args = ARG_TABLE, .stages = AT_ANY,                          \
		.needs = (need) | NEED_DNS, .variant = VARIANT(subject, behind),                   \
		.check = server_access, .prepare = begin_server_access, .compile = access_compile, \
		.text = what                                                                       \
	}
#define MX_TEXT(of) "Looks up the mail exchangers " of ", by name and address. OK is not allowed."
#define NS_TEXT(of) "Looks up the name servers " of ", by name and address. OK is not allowed."
#define A_TEXT(of)  "Looks up the addresses " of ". OK is not allowed."

const struct restriction_def restrictions_access_dns[] = {
	ROW("check_client_a_access", SUBJECT_CLIENT, 0, BEHIND_A, A_TEXT("of the client's name")),
	ROW("check_client_mx_access", SUBJECT_CLIENT, 0, BEHIND_MX,
	    MX_TEXT("of the client's name")),
	ROW("check_client_ns_access", SUBJECT_CLIENT, 0, BEHIND_NS,
	    NS_TEXT("of the client's name")),
	ROW("check_reverse_client_hostname_a_access", SUBJECT_REVERSE_CLIENT, 0, BEHIND_A,
	    A_TEXT("of the client's unverified name")),
	ROW("check_reverse_client_hostname_mx_access", SUBJECT_REVERSE_CLIENT, 0, BEHIND_MX,
	    MX_TEXT("of the client's unverified name")),
	ROW("check_reverse_client_hostname_ns_access", SUBJECT_REVERSE_CLIENT, 0, BEHIND_NS,
	    NS_TEXT("of the client's unverified name")),
	ROW("check_helo_a_access", SUBJECT_HELO, NEED_HELO, BEHIND_A, A_TEXT("of the HELO name")),
	ROW("check_helo_mx_access", SUBJECT_HELO, NEED_HELO, BEHIND_MX,
	    MX_TEXT("of the HELO name")),
	ROW("check_helo_ns_access", SUBJECT_HELO, NEED_HELO, BEHIND_NS,
	    NS_TEXT("of the HELO name")),
	ROW("check_sender_a_access", SUBJECT_SENDER, NEED_SENDER, BEHIND_A,
	    A_TEXT("of the sender's domain")),
	ROW("check_sender_mx_access", SUBJECT_SENDER, NEED_SENDER, BEHIND_MX,
	    MX_TEXT("of the sender's domain")),
	ROW("check_sender_ns_access", SUBJECT_SENDER, NEED_SENDER, BEHIND_NS,
	    NS_TEXT("of the sender's domain")),
	ROW("check_recipient_a_access", SUBJECT_RECIPIENT, NEED_RCPT, BEHIND_A,
	    A_TEXT("of the recipient's domain")),
	ROW("check_recipient_mx_access", SUBJECT_RECIPIENT, NEED_RCPT, BEHIND_MX,
	    MX_TEXT("of the recipient's domain")),
	ROW("check_recipient_ns_access", SUBJECT_RECIPIENT, NEED_RCPT, BEHIND_NS,
	    NS_TEXT("of the recipient's domain")),
	{ .name = NULL },
};
