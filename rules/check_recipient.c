/* Restrictions that look at the recipient's address, and what the sender's share with them. */
#include <string.h>

#include "base/err.h"
#include "rules/address.h"
#include "rules/check_dns.h"
#include "rules/check_listed.h"
#include "rules/listed.h"
#include "rules/map_list.h"
#include "rules/rules_private.h"

/* At DATA and later there is one only when the transaction has one. */
static int
has_recipient(struct rule_run *run)
{
	return run->rcpt != NULL && run->rcpt->addr[0] != '\0';
}

static enum rule_result
check_non_fqdn(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (!has_recipient(run))
		return RULE_DUNNO;
	return check_path_qualified(run, run->rcpt, rule_subject(run, SUBJECT_RECIPIENT));
}

static enum rule_result
check_unknown(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (!has_recipient(run))
		return RULE_DUNNO;
	return check_address_domain(run, rule_recipient(run), rule_subject(run, SUBJECT_RECIPIENT));
}

static void
prepare_unknown(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (has_recipient(run))
		prepare_address_domain(run, rule_recipient(run));
}

enum rule_result
check_listed(struct rule_run *run, const struct address *a, struct rule_subject s)
{
	struct map_ask ask = rule_map_ask(run);
	struct origin before = run->hit;
	struct listed_reply reply;
	struct err err = { 0 };
	enum rule_result r;

	if (a->broken)
		return check_address_broken(run, s);
	switch (listed_check(run->rules->listed, &ask, a, s.kind == SUBJECT_SENDER, &reply, &err)) {
	case LISTED_KNOWN:
		return RULE_DUNNO;
	case LISTED_CANNOT_TELL:
		/* An empty answer is a mistake in the table, not a look-up that failed. */
		return err.class == ERR_CONFIG ? rule_broken(run, "%s", err.text)
					       : rule_table_failed(run, s, &err);
	case LISTED_UNKNOWN:
		break;
	}
	if (reply.file != NULL) {
		run->hit.file = reply.file;
		run->hit.line = reply.line;
	}
	r = rule_reject(run, s, reply.code, reply.enhanced, "%s", reply.text);
	run->hit = before;
	return r;
}

static enum rule_result
check_unlisted(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	/* Written or implied, it has one turn for each recipient; a warning is none. */
	if (!has_recipient(run) || run->kept->recipient_listed)
		return RULE_DUNNO;
	run->kept->recipient_listed = run->warn_depth == 0 && run->score == NULL;
	return check_listed(run, rule_recipient(run), rule_subject(run, SUBJECT_RECIPIENT));
}

static const char *const older_unlisted[] = { "check_recipient_maps", NULL };

const struct restriction_def restrictions_recipient[] = {
	{ .name = "reject_non_fqdn_recipient",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT,
	    .check = check_non_fqdn,
	    .text = "Rejects a recipient whose domain is not a whole one, with "
		    "non_fqdn_reject_code." },
	{ .name = "reject_unknown_recipient_domain",
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | NEED_DNS,
	    .check = check_unknown,
	    .prepare = prepare_unknown,
	    .text = "Rejects a recipient whose domain has neither MX, A nor AAAA record, with "
		    "unknown_address_reject_code, or says that it takes no mail (556). Domains "
		    "whose mail ends here are not looked up." },
	{ .name = "reject_unlisted_recipient",
	    .older = older_unlisted,
	    .stages = AT_ANY,
	    .needs = NEED_RCPT,
	    .check = check_unlisted,
	    .text = "Rejects a recipient of a domain of ours that is not in the tables of that "
		    "domain." },
	{ .name = NULL },
};
