/* What a refusal is: an answer and a line in the log; or, where none can be given, something kept
 * for the next event that can be answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/footer.h"
#include "base/xmem.h"
#include "engine/refusal_log.h"
#include "front/milter_session_private.h"
#include "mail/reply.h"

int
milter_can_refuse(const struct milter_session *s, enum milter_command c)
{
	if (s->simulated && c == MILTER_RCPT)
		return 0;
	return milter_session_is_answered(s, c);
}

/* For `filterctl explain ID`. */
static void
trace(struct milter_session *s, int code)
{
	struct buf wire = { 0 };

	if (s->txn.trace == NULL)
		return;
	reply_format(&wire, code, s->enhanced, buf_cstr(&s->text));
	engine_replied(&s->txn, buf_span(&wire));
	buf_fini(&wire);
}

void
milter_say(struct milter_session *s, const struct milter_words *w, const struct recipient *r,
    struct milter_answer *out)
{
	const struct params *p = s->listener->params;
	struct footer_values v = { .decision_id = milter_session_id(s),
		.client = &s->client,
		.server_name = p->myhostname,
		.sender = s->txn.sender.addr,
		.recipient = r == NULL ? NULL : r->path.octets };
	int code = p->soft_bounce && w->code >= 500 ? w->code - 100 : w->code;
	struct buf end = { 0 };

	snprintf(s->enhanced, sizeof(s->enhanced), "%s", w->enhanced == NULL ? "" : w->enhanced);
	if (s->enhanced[0] != '\0')
		enhanced_fit(s->enhanced, code);
	footer_expand(p->smtpd_reject_footer, &v, &end);
	buf_reset(&s->text);
	reply_join_footer(&s->text, w->text == NULL ? "" : w->text, buf_cstr(&end));
	buf_fini(&end);
	trace(s, code);
	*out = (struct milter_answer){ .what = MILTER_REPLY,
		.code = code,
		.enhanced = s->enhanced,
		.text = buf_cstr(&s->text) };
}

void
milter_log_refusal(const struct transaction *t, const char *verb, const struct recipient *r,
    const struct verdict *v)
{
	const struct refusal no = { .stage = verb,
		.recipient = r == NULL ? NULL : r->path.octets,
		.code = v->code,
		.enhanced = v->enhanced,
		.text = v->text,
		.origin = &v->origin };

	refusal_log(t, &no);
}

int
milter_refuse(struct milter_session *s, struct transaction *t, const struct milter_where *at,
    const struct verdict *v, struct milter_answer *out)
{
	struct milter_words words = { v->code, v->enhanced, v->text };
	int said = milter_can_refuse(s, at->command);

	milter_log_refusal(t, at->verb, NULL, v);
	/* What the client is it remains, should the MTA go on with it. */
	if (!said || at->scope == KEPT_CLIENT)
		milter_keep(s, at->scope, v);
	if (said)
		milter_say(s, &words, NULL, out);
	return said;
}

void
milter_keep(struct milter_session *s, enum milter_scope scope, const struct verdict *v)
{
	struct milter_kept *k = &s->kept[scope];
	char rule[400];

	if (k->code != 0) /* the first one stays */
		return;
	origin_format(&v->origin, rule, sizeof(rule));
	k->code = v->code;
	memcpy(k->enhanced, v->enhanced, sizeof(k->enhanced));
	k->text = xstrdup(v->text == NULL ? "" : v->text);
	k->rule = xstrdup(rule);
}

void
milter_kept_drop(struct milter_session *s, enum milter_scope scope)
{
	struct milter_kept *k = &s->kept[scope];

	free(k->text);
	free(k->rule);
	*k = (struct milter_kept){ 0 };
}

const struct milter_kept *
milter_kept_first(const struct milter_session *s)
{
	for (size_t i = 0; i < KEPT_SCOPES; i++)
		if (s->kept[i].code != 0)
			return &s->kept[i];
	return NULL;
}

int
milter_say_kept(struct milter_session *s, enum milter_command c, struct milter_answer *out)
{
	const struct milter_kept *k = milter_kept_first(s);

	if (k == NULL || !milter_can_refuse(s, c))
		return 0;
	milter_say(s, &(struct milter_words){ k->code, k->enhanced, k->text }, NULL, out);
	return 1;
}
