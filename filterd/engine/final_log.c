#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/message.h"
#include "core/transaction.h"
#include "engine/final_log.h"

static const char *
fate_verb(enum rcpt_fate f)
{
	switch (f) {
	case FATE_NONE:
		return "lost";
	case FATE_DELIVERED:
		return "deliver";
	case FATE_HELD:
		return "hold";
	case FATE_DISCARDED:
		return "discard";
	case FATE_REJECTED:
		return "reject";
	case FATE_DEFERRED:
		return "defer";
	}
	return "unknown";
}

void
verdict_word(const struct verdict *v, struct buf *b)
{
	if (v->outcome == OUTCOME_REJECT)
		buf_adds(b, "reject");
	else if (v->outcome == OUTCOME_DEFER)
		buf_adds(b, "defer");
	else if (v->discard)
		buf_adds(b, "discard");
	else if (v->hold)
		buf_adds(b, "hold");
	else if (v->tags.n > 0)
		buf_adds(b, "tag");
	else
		buf_adds(b, "pass");
}

static void
word(struct buf *b, const char *name, const char *arg)
{
	if (b->len > 0)
		buf_addc(b, ' ');
	buf_adds(b, name);
	if (arg != NULL)
		buf_printf(b, "=%s", arg);
}

static void
effects(const struct verdict *v, struct buf *b)
{
	if (v->discard)
		word(b, "discard", NULL);
	if (v->hold)
		word(b, "hold", NULL);
	if (v->filter.arg != NULL)
		word(b, "filter", v->filter.arg);
	if (v->redirect.arg != NULL)
		word(b, "redirect", v->redirect.arg);
	for (size_t i = 0; i < v->bcc.n; i++)
		word(b, "bcc", v->bcc.v[i].arg);
	if (v->tags.n > 0)
		word(b, "tag", NULL);
	if (v->prepends.n > 0)
		word(b, "prepend", NULL);
	if (v->edits.n > 0)
		word(b, "edit", NULL);
}

/* The rule that had the last word. */
static const struct origin *
deciding(const struct verdict *v)
{
	if (v->outcome == OUTCOME_REJECT || v->outcome == OUTCOME_DEFER)
		return &v->origin;
	if (v->discard)
		return &v->discard_origin;
	if (v->hold)
		return &v->hold_origin;
	if (v->redirect.arg != NULL)
		return &v->redirect.origin;
	if (v->filter.arg != NULL)
		return &v->filter.origin;
	if (v->tags.n > 0)
		return &v->tags.v[0].origin;
	if (v->bcc.n > 0)
		return &v->bcc.v[0].origin;
	if (v->prepends.n > 0)
		return &v->prepends.v[0].origin;
	return &v->origin;
}

/* A recipient's own verdict counts where it says something; else the message's. */
static const struct verdict *
verdict_of(const struct transaction *t, const struct recipient *r)
{
	const struct verdict *v = &r->verdict;

	if (t->verdict.outcome == OUTCOME_REJECT || t->verdict.outcome == OUTCOME_DEFER)
		return &t->verdict;
	return v->outcome != OUTCOME_DUNNO || v->discard || v->hold || v->tags.n > 0 ? v
										     : &t->verdict;
}

/* Why it was held or discarded: the rule's text, or the refusal that was not to be a bounce. */
static void
reason_of(const struct verdict *v, const struct recipient *r, struct buf *b)
{
	const char *text = v->discard ? v->discard_reason : v->hold_reason;

	if (r->fate != FATE_HELD && r->fate != FATE_DISCARDED)
		return;
	if (v->outcome == OUTCOME_REJECT || v->outcome == OUTCOME_DEFER)
		buf_printf(b, "%d %s %s", v->code, v->enhanced, v->text == NULL ? "" : v->text);
	else if (text != NULL)
		buf_adds(b, text);
}

static void
copies(const struct verdict *v, struct buf *b)
{
	for (size_t i = 0; i < v->bcc.n; i++)
		buf_printf(b, "%s%s", i == 0 ? "" : " ", v->bcc.v[i].arg);
}

static int64_t
ms_between(int64_t from_us, int64_t to_us)
{
	return from_us == 0 || to_us < from_us ? 0 : (to_us - from_us) / 1000;
}

static void
log_one(const struct transaction *t, const struct recipient *r, const char *facts, int64_t now)
{
	const struct verdict *v = verdict_of(t, r);
	struct buf said = { 0 }, what = { 0 }, reason = { 0 }, bcc = { 0 };
	char client[400], rule[400], code[8];

	reason_of(v, r, &reason);
	copies(v, &bcc);
	verdict_word(v, &said);
	effects(v, &what);
	client_label(t->client, client, sizeof(client));
	origin_format(deciding(v), rule, sizeof(rule));
	snprintf(code, sizeof(code), "%d", r->code);
	const struct log_field fields[] = {
		LOG_STR("queue_id", t->client->ident),
		LOG_STR("message_id", t->message_id),
		LOG_STR("sender", t->sender.octets),
		LOG_STR("recipient", r->path.octets),
		LOG_STR("client", client),
		LOG_STR("helo", t->client->helo),
		LOG_STR("proto", t->client->proto),
		LOG_STR("listener", t->listener),
		LOG_STR("verdict", buf_cstr(&said)),
		LOG_STR("fate", fate_verb(r->fate)),
		LOG_STR("rule", rule),
		LOG_STR("effects", buf_cstr(&what)),
		LOG_STR("filter", v->filter.arg),
		LOG_STR("redirect", v->redirect.arg),
		LOG_STR("bcc", buf_cstr(&bcc)),
		LOG_STR("reason", buf_cstr(&reason)),
		LOG_NUM("code", r->code),
		LOG_STR("reply", r->reply),
		LOG_STR("hop", r->hop),
		LOG_STR("facts", facts),
		LOG_NUM("bytes", (int64_t)message_len(t->message)),
		LOG_NUM("receive_ms", ms_between(t->started_us, t->data_us)),
		LOG_NUM("check_ms", ms_between(t->data_us, t->checked_us)),
		LOG_NUM("total_ms", ms_between(t->started_us, now)),
	};

	log_event_last(LOG_LEVEL_INFO, t->service, t->id, "message", fields,
	    sizeof(fields) / sizeof(fields[0]),
	    "%s: END-OF-MESSAGE from %s: %s %s; from=<%s> to=<%s> proto=%s helo=<%s> rule=%s "
	    "verdict=%s effects=<%s> queue_id=%s message-id=%s hop=%s size=%zu ms=%lld/%lld/%lld "
	    "facts=<%s>",
	    fate_verb(r->fate), client, code, r->reply == NULL ? "-" : r->reply, t->sender.octets,
	    r->path.octets, t->client->proto, t->client->helo, rule, buf_cstr(&said),
	    buf_cstr(&what), t->client->ident[0] == '\0' ? "-" : t->client->ident,
	    t->message_id[0] == '\0' ? "-" : t->message_id, r->hop == NULL ? "-" : r->hop,
	    message_len(t->message), (long long)ms_between(t->started_us, t->data_us),
	    (long long)ms_between(t->data_us, t->checked_us),
	    (long long)ms_between(t->started_us, now), facts);
	buf_fini(&said);
	buf_fini(&what);
	buf_fini(&reason);
	buf_fini(&bcc);
}

void
final_log(const struct transaction *t)
{
	struct buf facts = { 0 };
	int64_t now = clock_us();

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	facts_format(&t->facts, &facts);
	for (size_t i = 0; i < t->nrcpts; i++)
		log_one(t, t->rcpts[i], buf_cstr(&facts), now);
	buf_fini(&facts);
}
