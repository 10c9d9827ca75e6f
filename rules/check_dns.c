#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "mail/hostname.h"
#include "rules/address.h"
#include "rules/check_dns.h"
#include "rules/rules_private.h"

/* The first type with records ends it: 1; none has: 0; else trouble with one: -1. */
static int
any_of(
    struct rule_run *run, const char *name, const enum dns_type types[3], int stop_null, int *null)
{
	int trouble = 0;

	name = rule_dns_name(run, name);
	if (name == NULL)
		return 0;
	for (int i = 0; i < 3; i++) {
		const struct dns_result *r = rule_dns(run, name, types[i]);
		int known = dns_outcome_answer(r->outcome);

		if (known == 1 && types[i] == DNS_MX && stop_null && dns_null_mx(r)) {
			*null = 1;
			return 0;
		}
		if (known == 1)
			return 1;
		trouble |= known == -1;
	}
	return trouble ? -1 : 0;
}

int
check_host_known(struct rule_run *run, const char *name)
{
	static const enum dns_type types[3] = { DNS_A, DNS_AAAA, DNS_MX };

	return any_of(run, name, types, 0, NULL);
}

int
check_domain_known(struct rule_run *run, const char *domain, int *null)
{
	static const enum dns_type types[3] = { DNS_MX, DNS_A, DNS_AAAA };

	*null = 0;
	return any_of(run, domain, types, 1, null);
}

enum rule_result
check_tempfail(struct rule_run *run, const char *action, struct rule_subject s,
    const char *enhanced, const char *text)
{
	enum rule_result r;

	rule_trouble_begin(run);
	if (action != NULL && strcasecmp(action, "defer") == 0)
		r = rule_reject(run, s, 450, enhanced, "%s", text);
	else
		r = rule_defer_if_permit(run, 450, enhanced, "<%s>: %s rejected: %s", s.name,
		    subject_class(s.kind), text);
	return rule_trouble_end(run, r);
}

enum rule_result
check_path_qualified(struct rule_run *run, const struct path *p, struct rule_subject s)
{
	struct span domain = span_str(p->domain);

	if (host_is_literal(domain) || hostname_qualified(domain, run->txn->smtputf8))
		return RULE_DUNNO;
	return rule_reject(
	    run, s, run->o->non_fqdn_reject_code, "5.5.2", "need fully-qualified address");
}

enum rule_result
check_address_broken(struct rule_run *run, struct rule_subject s)
{
	struct err err;

	err_set(
	    &err, ERR_RETRY, "<%s>: a table that says what domain this is cannot be asked", s.name);
	return rule_table_failed(run, s, &err);
}

/* Domains whose mail ends here need not be in the DNS. */
static int
has_dns_domain(const struct address *a)
{
	return !a->broken && !a->malformed && a->domain[0] != '\0' &&
	       (a->class == ADDR_DEFAULT || a->class == ADDR_RELAY) &&
	       !host_is_literal(span_str(a->domain));
}

enum rule_result
check_address_domain(struct rule_run *run, const struct address *a, struct rule_subject s)
{
	int sender = s.kind == SUBJECT_SENDER, null;
	const char *enhanced = sender ? "4.1.8" : "4.1.2";

	if (a->broken)
		return check_address_broken(run, s);
	if (!has_dns_domain(a))
		return RULE_DUNNO;
	switch (check_domain_known(run, a->domain, &null)) {
	case 1:
		return RULE_DUNNO;
	case 0:
		if (null) /* 5.1.10 (RFC 7505) is not fitted to the subject */
			return rule_refuse(run, sender ? 550 : 556, sender ? "5.7.27" : "5.1.10",
			    "<%s>: %s rejected: Domain %s does not accept mail (nullMX)", s.name,
			    subject_class(s.kind), a->domain);
		return rule_reject(
		    run, s, run->o->unknown_address_reject_code, enhanced, "Domain not found");
	}
	return check_tempfail(
	    run, run->o->unknown_address_tempfail_action, s, enhanced, "Domain not found");
}

void
prepare_address_domain(struct rule_run *run, const struct address *a)
{
	const char *name = has_dns_domain(a) ? rule_dns_name(run, a->domain) : NULL;

	if (name != NULL)
		rule_dns_start(run, name, DNS_MX);
}
