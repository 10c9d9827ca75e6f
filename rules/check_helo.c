/* Restrictions that look at the name the client gave in HELO. */
#include <string.h>

#include "mail/hostname.h"
#include "rules/check_dns.h"
#include "rules/rules_private.h"

enum { HELO_INVALID, HELO_NON_FQDN, HELO_UNKNOWN };

static enum rule_result
refuse_address(struct rule_run *run)
{
	return rule_reject(run, rule_subject(run, SUBJECT_HELO),
	    run->o->invalid_hostname_reject_code, "5.5.2", "invalid ip address");
}

static enum rule_result
check_literal(struct rule_run *run, struct span helo)
{
	if (host_is_literal(helo) && host_literal_addr(span_make(helo.p + 1, helo.len - 2)).len > 0)
		return RULE_DUNNO;
	return refuse_address(run);
}

/* Addresses without brackets were taken by Postfix since ever. */
static enum rule_result
check_syntax(struct rule_run *run, struct span helo)
{
	struct span name = hostname_undotted(helo);

	if (hostname_valid(name, 0) || hostaddr_valid(name))
		return RULE_DUNNO;
	return rule_reject(run, rule_subject(run, SUBJECT_HELO),
	    run->o->invalid_hostname_reject_code, "5.5.2", "Invalid name");
}

static enum rule_result
check_qualified(struct rule_run *run, struct span helo)
{
	if (hostname_qualified(helo, run->txn->smtputf8))
		return RULE_DUNNO;
	return rule_reject(run, rule_subject(run, SUBJECT_HELO), run->o->non_fqdn_reject_code,
	    "5.5.2", "need fully-qualified hostname");
}

static enum rule_result
check_known(struct rule_run *run, const char *helo)
{
	struct rule_subject s = rule_subject(run, SUBJECT_HELO);

	switch (check_host_known(run, helo)) {
	case 1:
		return RULE_DUNNO;
	case 0:
		return rule_reject(
		    run, s, run->o->unknown_hostname_reject_code, "4.7.1", "Host not found");
	}
	return check_tempfail(
	    run, run->o->unknown_helo_hostname_tempfail_action, s, "4.7.1", "Host not found");
}

static enum rule_result
check_helo(struct rule_run *run, const struct rule_op *op)
{
	const char *helo = run->client->helo;

	if (!run->txn->has_helo)
		return RULE_DUNNO;
	if (helo[0] == '[')
		return check_literal(run, span_str(helo));
	if (op->def->variant == HELO_INVALID)
		return check_syntax(run, span_str(helo));
	if (op->def->variant == HELO_NON_FQDN)
		return check_qualified(run, span_str(helo));
	return check_known(run, helo);
}

static void
prepare_helo(struct rule_run *run, const struct rule_op *op)
{
	const char *name = run->txn->has_helo ? rule_dns_name(run, run->client->helo) : NULL;

	(void)op;
	if (name != NULL)
		rule_dns_start(run, name, DNS_A);
}

static int
compile_naked(struct rule_compile *c, struct rule_op *op)
{
	rule_compile_warning(c,
	    "%s lets anybody in who knows how to say HELO: use permit_mynetworks or "
	    "permit_sasl_authenticated",
	    op->def->name);
	return 0;
}

/* A bare IPv4 address as HELO name. */
static enum rule_result
check_naked(struct rule_run *run, const struct rule_op *op)
{
	const char *helo = run->client->helo;

	(void)op;
	if (!run->txn->has_helo || helo[strspn(helo, "0123456789.:")] != '\0')
		return RULE_DUNNO;
	if (host_literal_addr(span_str(helo)).len > 0)
		return RULE_OK;
	return refuse_address(run);
}

static const char *const older_invalid[] = { "reject_invalid_hostname", NULL };
static const char *const older_non_fqdn[] = { "reject_non_fqdn_hostname", NULL };
static const char *const older_unknown[] = { "reject_unknown_hostname", NULL };

const struct restriction_def restrictions_helo[] = {
	{ .name = "reject_invalid_helo_hostname",
	    .older = older_invalid,
	    .stages = AT_ANY,
	    .needs = NEED_HELO,
	    .variant = HELO_INVALID,
	    .check = check_helo,
	    .text = "Rejects a HELO name that is no host name and no address, with "
		    "invalid_hostname_reject_code." },
	{ .name = "reject_non_fqdn_helo_hostname",
	    .older = older_non_fqdn,
	    .stages = AT_ANY,
	    .needs = NEED_HELO,
	    .variant = HELO_NON_FQDN,
	    .check = check_helo,
	    .text = "Rejects a HELO name that is neither a whole domain name nor an address in "
		    "brackets, with non_fqdn_reject_code." },
	{ .name = "reject_unknown_helo_hostname",
	    .older = older_unknown,
	    .stages = AT_ANY,
	    .needs = NEED_HELO | NEED_DNS,
	    .variant = HELO_UNKNOWN,
	    .check = check_helo,
	    .prepare = prepare_helo,
	    .text = "Rejects a HELO name that has neither A, AAAA nor MX record, with "
		    "unknown_hostname_reject_code." },
	{ .name = "permit_naked_ip_address",
	    .stages = AT_ANY,
	    .needs = NEED_HELO | CAN_PERMIT,
	    .check = check_naked,
	    .compile = compile_naked,
	    .text = "Permits a client that says its address in HELO, without brackets. Of Postfix "
		    "2. Anybody can say that." },
	{ .name = NULL },
};
