/* Restrictions that look at nothing, or at how the session goes: permit, reject, defer, sleep, ...
 */
#include "net/nap.h"
#include "rules/rules_private.h"

static enum rule_result
check_permit(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_OK;
}

static enum rule_result
check_reject(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return rule_reject(run, run->subject, run->o->reject_code, "5.7.1", "Access denied");
}

static enum rule_result
check_defer(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return rule_reject(run, run->subject, run->o->defer_code, "4.3.2", "Try again later");
}

static enum rule_result
check_defer_if_permit(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return rule_defer_if_permit(run, 450, "4.7.0",
	    "<%s>: %s rejected: defer_if_permit requested", run->subject.name,
	    subject_class(run->subject.kind));
}

static enum rule_result
check_defer_if_reject(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return rule_defer_if_reject(run, 450, "4.7.0",
	    "<%s>: %s rejected: defer_if_reject requested", run->subject.name,
	    subject_class(run->subject.kind));
}

/* Never reached: the evaluation takes it as part of the item that follows. */
static enum rule_result
check_next(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_DUNNO;
}

#define SLEEP_MAX 86400 /* no stage lasts that long */

static enum rule_result
check_sleep(struct rule_run *run, const struct rule_op *op)
{
	int64_t seconds = op->number < SLEEP_MAX ? op->number : SLEEP_MAX;

	if (rule_look_only(run, "no sleep"))
		return RULE_DUNNO;
	net_nap(seconds * 1000, run->ask->deadline);
	return RULE_DUNNO;
}

static enum rule_result
check_plaintext(struct rule_run *run, const struct rule_op *op)
{
	const struct client_tls *tls = run->client->tls;

	(void)op;
	if (tls != NULL && tls->protocol[0] != '\0')
		return RULE_DUNNO;
	return rule_refuse(
	    run, run->o->plaintext_reject_code, "4.7.1", "Session encryption is required");
}

static enum rule_result
check_pipelining(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (!run->txn->pipelined)
		return RULE_DUNNO;
	return rule_reject(
	    run, run->subject, 503, "5.5.0", "Improper use of SMTP command pipelining");
}

/* The recipient that RCPT is about is not among those of the transaction yet. */
static enum rule_result
check_bounce(struct rule_run *run, const struct rule_op *op)
{
	size_t others = run->ask->stage <= RULE_RCPT ? 0 : 1;

	(void)op;
	if (run->txn->sender.addr == NULL || run->txn->sender.addr[0] != '\0' ||
	    run->txn->nrcpts <= others)
		return RULE_DUNNO;
	return rule_reject(run, run->subject, run->o->multi_recipient_bounce_reject_code, "5.5.3",
	    "Multi-recipient bounce");
}

const struct restriction_def restrictions_generic[] = {
	{ .name = "permit",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT | ENDS_LIST,
	    .check = check_permit,
	    .text = "Permits; what stands behind it is not tried." },
	{ .name = "reject",
	    .stages = AT_ANY,
	    .needs = STOPS_RELAY | ENDS_LIST,
	    .check = check_reject,
	    .text = "Rejects with reject_code." },
	{ .name = "defer",
	    .stages = AT_ANY,
	    .needs = STOPS_RELAY | ENDS_LIST,
	    .check = check_defer,
	    .text = "Defers with defer_code." },
	{ .name = "defer_if_permit",
	    .stages = AT_ANY,
	    .needs = STOPS_RELAY,
	    .check = check_defer_if_permit,
	    .text = "Defers what would be permitted in the end." },
	{ .name = "defer_if_reject",
	    .stages = AT_ANY,
	    .check = check_defer_if_reject,
	    .text = "Defers what a later restriction of this stage would reject." },
	{ .name = "warn_if_reject",
	    .args = ARG_NEXT,
	    .stages = AT_ANY,
	    .check = check_next,
	    .text = "Makes the refusal of the item behind it a line in the log." },
	{ .name = "sleep",
	    .args = ARG_SECONDS,
	    .stages = AT_ANY,
	    .check = check_sleep,
	    .text = "Waits so many seconds, and goes on." },
	{ .name = "reject_plaintext_session",
	    .stages = AT_ANY,
	    .check = check_plaintext,
	    .text = "Rejects with plaintext_reject_code when the client's connection is not "
		    "encrypted, or nobody told that it is." },
	{ .name = "reject_unauth_pipelining",
	    .stages = AT_ANY,
	    .check = check_pipelining,
	    .text = "Rejects when the client sent commands ahead of their turn." },
	{ .name = "reject_multi_recipient_bounce",
	    .stages = AT_RELAY | AT_RCPT | AT_DATA | AT_END_OF_DATA | AT_END,
	    .needs = NEED_SENDER,
	    .check = check_bounce,
	    .text = "Rejects mail from the null sender to more than one recipient, with "
		    "multi_recipient_bounce_reject_code. At RCPT it refuses the second and those "
		    "that come after it." },
	{ .name = NULL },
};
