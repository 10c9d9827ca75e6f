/* reject_unverified_sender, reject_unverified_recipient. */
#include <string.h>

#include "base/text.h"
#include "rules/address.h"
#include "rules/mail_keys.h"
#include "rules/rules_private.h"
#include "rules/verify.h"

/* What the parameters of the one and the other say. */
struct manner {
	struct rule_subject subject;
	const char *enhanced; /* for 4xx; the class follows the code */
	int64_t reject_code, defer_code;
	const char *reason; /* instead of what the probe said; "": that */
	const char *tempfail_action;
};

static struct manner
manner_of(struct rule_run *run, enum subject_kind kind)
{
	const struct rule_options *o = run->o;
	int is_sender = kind == SUBJECT_SENDER;

	return (struct manner){ .subject = rule_subject(run, kind),
		.enhanced = is_sender ? "4.1.7" : "4.1.1",
		.reject_code = is_sender ? o->unverified_sender_reject_code
					 : o->unverified_recipient_reject_code,
		.defer_code = is_sender ? o->unverified_sender_defer_code
					: o->unverified_recipient_defer_code,
		.reason = is_sender ? o->unverified_sender_reject_reason
				    : o->unverified_recipient_reject_reason,
		.tempfail_action = is_sender ? o->unverified_sender_tempfail_action
					     : o->unverified_recipient_tempfail_action };
}

/* --- what goes between < and > --- */

static int
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 1;
	return 0;
}

/* As the client wrote it, since the case of a local part may matter to its host; but what lacks a
 * domain, or is rewritten, as it is understood. */
static void
write_address(
    struct rule_run *run, const struct path *p, const struct address *a, struct verify_question *q)
{
	const char *local = a->local, *written;

	q->domain = a->domain;
	if (p->local != NULL && text_case_eq(p->local, a->local))
		local = p->local;
	written = arena_printf(run->arena, "%s@%s", local, q->domain);
	q->address = arena_str(run->arena, mail_quoted(run->arena, span_str(written)));
}

/* The probe's sender: double-bounce@$myorigin; "" the null sender. */
static const char *
probe_sender(struct rule_run *run)
{
	const char *s = run->rules->verify_sender;

	return s == NULL ? "" : s;
}

/* Probes for the addresses that probes come from would go round in circles. */
static int
is_prober(struct rule_run *run, const struct address *a)
{
	const char *bounce = run->o->double_bounce_sender;

	if (text_case_eq(a->full, probe_sender(run)))
		return 1;
	return bounce != NULL && bounce[0] != '\0' &&
	       (text_case_eq(a->full, bounce) ||
		   (strchr(bounce, '@') == NULL && a->ours && text_case_eq(a->local, bounce)));
}

/* --- the answer --- */

static enum rule_result
cannot_tell(struct rule_run *run, const struct manner *m, int64_t code, const char *text)
{
	const char *whole = arena_printf(run->arena, "<%s>: %s rejected: %s", m->subject.name,
	    subject_class(m->subject.kind), text);

	if (strcmp(m->tempfail_action, "defer") == 0)
		return rule_refuse(run, code, m->enhanced, "%s", whole);
	return rule_defer_if_permit(run, code, m->enhanced, "%s", whole);
}

static enum rule_result
trouble(struct rule_run *run, const struct manner *m)
{
	rule_trouble_begin(run);
	return rule_trouble_end(
	    run, cannot_tell(run, m, m->defer_code, "address verification problem"));
}

/* The code decides how it is said and what is done, not what the probe found out: in Postfix a bad
 * address with a code of 4xx is one that could not be verified, and one of 2xx is let through. */
static enum rule_result
judge(struct rule_run *run, const struct manner *m, const struct verify_answer *a)
{
	const char *why = m->reason[0] == '\0' ? a->text : m->reason;
	int64_t code = a->status == VERIFY_BAD ? m->reject_code : m->defer_code;

	if (a->status == VERIFY_GOOD || code / 100 == 2)
		return RULE_DUNNO;
	if (code / 100 == 4) {
		enum rule_result r;

		run->trouble += a->status != VERIFY_BAD;
		r = cannot_tell(
		    run, m, code, arena_printf(run->arena, "unverified address: %.250s", why));
		run->trouble -= a->status != VERIFY_BAD;
		return r;
	}
	return rule_refuse(run, code, m->enhanced, "<%s>: %s rejected: undeliverable address: %s",
	    m->subject.name, subject_class(m->subject.kind), why);
}

/* As long as Postfix would look again and again; but it ends with the stage's time. */
static struct deadline
patience(struct rule_run *run)
{
	const struct rule_options *o = run->o;
	int64_t ms = o->address_verify_poll_count <= 1
			 ? 0
			 : (o->address_verify_poll_count - 1) * o->address_verify_poll_delay;

	return deadline_min(deadline_in_ms(ms), run->ask->deadline);
}

static void
tell_trace(struct rule_run *run, const struct verify_question *q, const struct verify_answer *a)
{
	static const char *const names[] = { "good", "bad", "deferred", "pending" };

	if (run->trace != NULL)
		trace_add(
		    run->trace, &(struct trace_event){ .kind = TRACE_VERIFY,
				    .name = q->hop[0] == '\0' ? "MX" : q->hop,
				    .key = span_str(q->address),
				    .answer = arena_printf(run->arena, "%s%s%s", names[a->status],
					a->text[0] == '\0' ? "" : ": ", a->text) });
}

static enum rule_result
check(
    struct rule_run *run, const struct path *path, const struct address *a, enum subject_kind kind)
{
	struct verify_cache *cache = run->ask->services == NULL ? NULL : run->ask->services->verify;
	struct verify_question q = { .hop = "" };
	struct manner m = manner_of(run, kind);
	struct verify_answer answer;

	if (a->broken || cache == NULL)
		return trouble(run, &m);
	if (is_prober(run, a) ||
	    rule_look_only(run, "the address is not verified: a probe might be sent"))
		return RULE_DUNNO;
	write_address(run, path, a, &q);
	if (has_control(q.address))
		return trouble(run, &m);
	/* Our own mail goes to the next hop; other people's where their domain says. */
	if (a->class != ADDR_DEFAULT && run->o->next_hop != NULL)
		q.hop = run->o->next_hop;
	q.sender = probe_sender(run);
	verify_ask(cache, &q, run->arena, patience(run), &answer);
	tell_trace(run, &q, &answer);
	return judge(run, &m, &answer);
}

static enum rule_result
check_sender(struct rule_run *run, const struct rule_op *op)
{
	const struct path *p = &run->txn->sender;

	(void)op;
	/* Nobody can be asked whether the null sender takes mail. */
	if (p->octets == NULL || p->octets[0] == '\0')
		return RULE_DUNNO;
	return check(run, p, rule_sender(run), SUBJECT_SENDER);
}

static enum rule_result
check_recipient(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	if (run->rcpt == NULL)
		return RULE_DUNNO;
	return check(run, run->rcpt, rule_recipient(run), SUBJECT_RECIPIENT);
}

const struct restriction_def restrictions_verify[] = {
	{ .name = "reject_unverified_sender",
	    .args = ARG_NONE,
	    .stages = AT_ANY,
	    .needs = NEED_SENDER,
	    .check = check_sender,
	    .text =
		"Rejects a sender whose mail server does not take mail for him: it is asked, and "
		"the answer remembered." },
	{ .name = "reject_unverified_recipient",
	    .args = ARG_NONE,
	    .stages = AT_ANY,
	    .needs = NEED_RCPT,
	    .check = check_recipient,
	    .text =
		"Rejects a recipient for whom the next hop, or his domain's mail server, does not "
		"take mail: it is asked, and the answer remembered." },
	{ .name = NULL },
};
