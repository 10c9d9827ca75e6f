/* Restrictions that look at the sender's address. */
#include <string.h>

#include "base/err.h"
#include "rules/address.h"
#include "rules/check_dns.h"
#include "rules/check_listed.h"
#include "rules/login_maps.h"
#include "rules/map_list.h"
#include "rules/rules_private.h"
#include "table/table.h"

/* Nothing is held against the null sender. */
static int
has_sender(struct rule_run *run)
{
	return run->txn->sender.addr != NULL && run->txn->sender.addr[0] != '\0';
}

static enum rule_result
check_non_fqdn(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (!has_sender(run))
		return RULE_DUNNO;
	return check_path_qualified(run, &run->txn->sender, rule_subject(run, SUBJECT_SENDER));
}

static enum rule_result
check_unknown(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (!has_sender(run))
		return RULE_DUNNO;
	return check_address_domain(run, rule_sender(run), rule_subject(run, SUBJECT_SENDER));
}

static void
prepare_unknown(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (has_sender(run))
		prepare_address_domain(run, rule_sender(run));
}

static enum rule_result
check_unlisted(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	/* Written or implied, it has one turn at each stage; a warning is none. */
	if (!has_sender(run) || run->kept->sender_listed)
		return RULE_DUNNO;
	run->kept->sender_listed = run->warn_depth == 0 && run->score == NULL;
	return check_listed(run, rule_sender(run), rule_subject(run, SUBJECT_SENDER));
}

/* --- who may use which address --- */

#define LOGIN_AUTHENTICATED   1 /* a client that has logged in must own the address */
#define LOGIN_UNAUTHENTICATED 2 /* an address that somebody owns wants a login */
#define LOGIN_KNOWN           4 /* an address that nobody owns is free */

static enum rule_result
check_login(struct rule_run *run, const struct rule_op *op)
{
	struct rule_subject s = rule_subject(run, SUBJECT_SENDER);
	const char *login = run->client->login;
	int wants = op->def->variant, found;
	struct map_ask ask = rule_map_ask(run);
	struct err err = { 0 };
	struct table_hit hit;
	const struct address *a;

	if (!run->o->smtpd_sasl_auth_enable || !has_sender(run) ||
	    (wants & (login[0] == '\0' ? LOGIN_UNAUTHENTICATED : LOGIN_AUTHENTICATED)) == 0)
		return RULE_DUNNO;
	a = rule_sender(run);
	if (a->broken)
		return check_address_broken(run, s);
	found = login_maps_owners(run->rules->logins, &ask, a, &hit, &err);
	if (found == -1)
		return err.class == ERR_CONFIG ? rule_broken(run, "%s", err.text)
					       : rule_table_failed(run, s, &err);
	if (login[0] == '\0')
		return found ? rule_reject(run, s, 553, "5.7.1", "not logged in") : RULE_DUNNO;
	if (found ? login_maps_is_owner(hit.value, login) : wants & LOGIN_KNOWN)
		return RULE_DUNNO;
	return rule_reject(run, s, 553, "5.7.1", "not owned by user %s", login);
}

static int
compile_login(struct rule_compile *c, struct rule_op *op)
{
	if (!rule_compile_options(c)->smtpd_sasl_auth_enable)
		rule_compile_warning(
		    c, "%s does nothing: smtpd_sasl_auth_enable is no", op->def->name);
	return 0;
}

static const char *const older_unknown[] = { "reject_unknown_address", NULL };

const struct restriction_def restrictions_sender[] = {
	{ .name = "reject_non_fqdn_sender",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .check = check_non_fqdn,
	    .text = "Rejects a sender whose domain is not a whole one, with "
		    "non_fqdn_reject_code." },
	{ .name = "reject_unknown_sender_domain",
	    .older = older_unknown,
	    .stages = AT_ANY,
	    .needs = NEED_SENDER | NEED_DNS,
	    .check = check_unknown,
	    .prepare = prepare_unknown,
	    .text = "Rejects a sender whose domain has neither MX, A nor AAAA record, with "
		    "unknown_address_reject_code, or says that it takes no mail (550). Domains "
		    "whose mail ends here are not looked up." },
	{ .name = "reject_unlisted_sender",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .check = check_unlisted,
	    .text = "Rejects a sender of a domain of ours that is not in the tables of that "
		    "domain." },
	{ .name = "reject_sender_login_mismatch",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER | CASE_COUNTS,
	    .variant = LOGIN_AUTHENTICATED | LOGIN_UNAUTHENTICATED,
	    .check = check_login,
	    .compile = compile_login,
	    .text = "Rejects a sender that does not belong to the client's login by "
		    "smtpd_sender_login_maps, and one that belongs to somebody while the client "
		    "has not logged in." },
	{ .name = "reject_authenticated_sender_login_mismatch",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .variant = LOGIN_AUTHENTICATED,
	    .check = check_login,
	    .compile = compile_login,
	    .text = "Rejects a sender that does not belong to the client's login; clients that "
		    "have not logged in pass." },
	{ .name = "reject_unauthenticated_sender_login_mismatch",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .variant = LOGIN_UNAUTHENTICATED,
	    .check = check_login,
	    .compile = compile_login,
	    .text = "Rejects a sender that belongs to somebody while the client has not logged "
		    "in." },
	{ .name = "reject_known_sender_login_mismatch",
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .variant = LOGIN_AUTHENTICATED | LOGIN_UNAUTHENTICATED | LOGIN_KNOWN,
	    .check = check_login,
	    .compile = compile_login,
	    .text = "Rejects a sender that belongs to another than the client's login, or to "
		    "somebody while the client has not logged in; what belongs to nobody passes." },
	{ .name = NULL },
};
