/* What a door of the listener's kind would answer to a verdict. */
#include <stdio.h>
#include <string.h>

#include "action/footer.h"
#include "base/arena.h"
#include "base/buf.h"
#include "ctl/explain_impl.h"
#include "front/policy_answer.h"
#include "front/policy_session.h"
#include "mail/reply.h"

const char *
explain_smtp_reply(
    struct explain *x, const struct recipient *r, int code, const char *enhanced, const char *text)
{
	const struct params *p = x->listener->params;
	struct footer_values values = { .decision_id = x->txn.id,
		.client = &x->client,
		.server_name = p->myhostname,
		.sender = x->txn.sender.addr,
		.recipient = r == NULL ? NULL : r->path.octets };
	struct buf end = { 0 }, wire = { 0 };
	char fitted[12], *out, *to;

	if (p->soft_bounce && code >= 500)
		code -= 100;
	snprintf(fitted, sizeof(fitted), "%s", enhanced);
	enhanced_fit(fitted, code);
	footer_expand(p->smtpd_reject_footer, &values, &end);
	reply_format_footer(&wire, code, fitted, text, buf_cstr(&end));
	out = to = arena_strdup(x->arena, buf_cstr(&wire));
	for (const char *from = out; *from != '\0'; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = '\0';
	if (to > out && to[-1] == '\n')
		to[-1] = '\0';
	buf_fini(&end);
	buf_fini(&wire);
	return out;
}

/* Whom Postfix will name in front of the reply's text. */
static const char *
policy_name(struct explain *x, const struct policy_stage *stage, const struct recipient *r)
{
	char label[400];

	switch (stage->stage) {
	case STAGE_CONNECT:
		client_label(&x->client, label, sizeof(label));
		return arena_strdup(x->arena, label);
	case STAGE_HELO:
		return x->client.helo;
	case STAGE_MAIL:
		return x->txn.sender.octets;
	case STAGE_RCPT:
		return r->path.octets;
	case STAGE_NONE:
	case STAGE_DATA:
	case STAGE_END:
		break;
	}
	return stage->name;
}

const char *
explain_policy_reply(
    struct explain *x, const char *state, const struct recipient *r, const struct verdict *v)
{
	const struct policy_stage *stage = policy_stage_find(state);
	const struct policy_question q = { .txn = &x->txn,
		.stage = state,
		.recipient = r == NULL ? "" : r->path.octets,
		.subject = policy_name(x, stage, r),
		.rejects = stage->rejects,
		.permit_action = x->listener->params->policy_permit_action };
	struct policy_answer a;

	policy_answer_make(&q, v, &a);
	return arena_printf(x->arena, "action=%s", a.action);
}
