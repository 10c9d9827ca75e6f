/* Restrictions that ask whether mail for this recipient is ours to take. */
#include <string.h>

#include "base/err.h"
#include "rules/address.h"
#include "rules/check_dns.h"
#include "rules/map_list.h"
#include "rules/match_list.h"
#include "rules/mx_backup.h"
#include "rules/rules_private.h"

enum { DEST_PERMIT, DEST_REJECT, DEST_DEFER };

int
relay_authorised(struct rule_run *run, const struct address *a)
{
	if (a->malformed || (a->routed && !run->o->allow_untrusted_routing))
		return 0;
	return a->class != ADDR_DEFAULT;
}

static enum rule_result
check_destination(struct rule_run *run, const struct rule_op *op)
{
	struct rule_subject s;
	const struct address *a;
	int64_t code = run->o->relay_domains_reject_code;

	if (run->rcpt == NULL)
		return RULE_DUNNO;
	s = rule_subject(run, SUBJECT_RECIPIENT);
	a = rule_recipient(run);
	if (a->broken)
		return check_address_broken(run, s);
	if (op->def->variant == DEST_PERMIT)
		return relay_authorised(run, a) ? RULE_OK : RULE_DUNNO;
	if (relay_authorised(run, a))
		return RULE_DUNNO;
	if (op->def->variant == DEST_DEFER)
		return rule_refuse(run, code - 100, "4.7.1", "<%s>: Relay access denied", s.name);
	return rule_refuse(run, code, "5.7.1", "<%s>: Relay access denied", s.name);
}

static int
compile_relay_domains(struct rule_compile *c, struct rule_op *op)
{
	rule_compile_warning(c,
	    "%s permits clients by their name alone: use reject_unauth_destination", op->def->name);
	return 0;
}

static enum rule_result
check_relay_domains(struct rule_run *run, const struct rule_op *op)
{
	struct rule_subject s;
	const struct address *a;
	struct map_ask ask = rule_map_ask(run);
	struct err err = { 0 };

	(void)op;
	if (run->rcpt == NULL)
		return RULE_DUNNO;
	/* A list that cannot be asked permits nobody, as in Postfix. */
	if (match_list_domain(run->rules->relay_domains, &ask, run->client->name, &err) == 1)
		return RULE_OK;
	s = rule_subject(run, SUBJECT_RECIPIENT);
	a = rule_recipient(run);
	if (a->broken)
		return check_address_broken(run, s);
	if (relay_authorised(run, a))
		return RULE_OK;
	return rule_reject(
	    run, s, run->o->relay_domains_reject_code, "5.7.1", "Relay access denied");
}

const struct restriction_def restrictions_relay[] = {
	{ .name = "permit_auth_destination",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | CAN_PERMIT,
	    .variant = DEST_PERMIT,
	    .check = check_destination,
	    .text = "Permits mail whose recipient is in a domain of ours: mydestination, "
		    "virtual_alias_domains, virtual_mailbox_domains, relay_domains." },
	{ .name = "reject_unauth_destination",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | STOPS_RELAY,
	    .variant = DEST_REJECT,
	    .check = check_destination,
	    .text = "Rejects mail whose recipient is in no domain of ours, with "
		    "relay_domains_reject_code." },
	{ .name = "defer_unauth_destination",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | STOPS_RELAY,
	    .variant = DEST_DEFER,
	    .check = check_destination,
	    .text = "Defers mail whose recipient is in no domain of ours, with "
		    "relay_domains_reject_code less 100." },
	{ .name = "check_relay_domains",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | CAN_PERMIT | STOPS_RELAY | ENDS_LIST,
	    .check = check_relay_domains,
	    .compile = compile_relay_domains,
	    .text = "Permits clients whose name is in relay_domains and recipients in domains of "
		    "ours, rejects all others. Of Postfix 2; reject_unauth_destination is what to "
		    "use." },
	{ .name = "permit_mx_backup",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | NEED_DNS | CAN_PERMIT,
	    .check = check_mx_backup,
	    .prepare = prepare_mx_backup,
	    .text = "Permits mail for domains of ours, and for those that name this machine as MX "
		    "but not among the best; permit_mx_backup_networks says where the best may "
		    "be." },
	{ .name = NULL },
};
