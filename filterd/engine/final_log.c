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

/* What the rules said of this message. */
static const char *
verdict_word(const struct verdict *v)
{
	if (v->outcome == OUTCOME_REJECT)
		return "reject";
	if (v->outcome == OUTCOME_DEFER)
		return "defer";
	if (v->discard)
		return "discard";
	if (v->hold)
		return "hold";
	return v->tags.n > 0 ? "tag" : "pass";
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

/* What the text form says, in order.  A message's one line is a good part of what a small message
 * costs, so it is put together without printf(3). */
static void
say(struct buf *b, const char *what, const char *value, const char *end)
{
	buf_adds(b, what);
	buf_adds(b, value);
	buf_adds(b, end);
}

struct line {
	const struct transaction *t;
	const struct recipient *r;
	const char *client, *rule, *verdict, *effects, *facts;
	int64_t receive_ms, check_ms, total_ms;
};

static const char *
or_dash(const char *s)
{
	return s == NULL || s[0] == '\0' ? "-" : s;
}

static void
format_line(const struct line *l, struct buf *b)
{
	const struct transaction *t = l->t;
	const struct recipient *r = l->r;

	say(b, fate_verb(r->fate), ": END-OF-MESSAGE from ", l->client);
	buf_adds(b, ": ");
	buf_add_num(b, r->code);
	say(b, " ", r->reply == NULL ? "-" : r->reply, "; ");
	say(b, "from=<", t->sender.octets, "> ");
	say(b, "to=<", r->path.octets, "> ");
	say(b, "proto=", t->client->proto, " ");
	say(b, "helo=<", t->client->helo, "> ");
	say(b, "rule=", l->rule, " ");
	say(b, "verdict=", l->verdict, " ");
	say(b, "effects=<", l->effects, "> ");
	say(b, "queue_id=", or_dash(t->client->ident), " ");
	say(b, "message-id=", or_dash(t->message_id), " ");
	say(b, "hop=", or_dash(r->hop), " ");
	buf_adds(b, "size=");
	buf_add_num(b, (int64_t)message_len(t->message));
	buf_adds(b, " ms=");
	buf_add_num(b, l->receive_ms);
	buf_addc(b, '/');
	buf_add_num(b, l->check_ms);
	buf_addc(b, '/');
	buf_add_num(b, l->total_ms);
	say(b, " facts=<", l->facts, ">");
}

/* text is empty, and is so again afterwards. */
static void
log_one(const struct transaction *t, const struct recipient *r, const char *facts, int64_t now,
    struct buf *text)
{
	const struct verdict *v = verdict_of(t, r);
	struct buf what = { 0 }, reason = { 0 }, bcc = { 0 };
	char client[400], rule[400];

	reason_of(v, r, &reason);
	copies(v, &bcc);
	effects(v, &what);
	client_label(t->client, client, sizeof(client));
	origin_format(deciding(v), rule, sizeof(rule));
	const struct line l = { t, r, client, rule, verdict_word(v), buf_cstr(&what), facts,
		ms_between(t->started_us, t->data_us), ms_between(t->data_us, t->checked_us),
		ms_between(t->started_us, now) };
	const struct log_field fields[] = {
		LOG_STR("queue_id", t->client->ident),
		LOG_STR("message_id", t->message_id),
		LOG_STR("sender", t->sender.octets),
		LOG_STR("recipient", r->path.octets),
		LOG_STR("client", client),
		LOG_STR("helo", t->client->helo),
		LOG_STR("proto", t->client->proto),
		LOG_STR("listener", t->listener),
		LOG_STR("verdict", l.verdict),
		LOG_STR("fate", fate_verb(r->fate)),
		LOG_STR("rule", rule),
		LOG_STR("effects", l.effects),
		LOG_STR("filter", v->filter.arg),
		LOG_STR("redirect", v->redirect.arg),
		LOG_STR("bcc", buf_cstr(&bcc)),
		LOG_STR("reason", buf_cstr(&reason)),
		LOG_NUM("code", r->code),
		LOG_STR("reply", r->reply),
		LOG_STR("hop", r->hop),
		LOG_STR("facts", facts),
		LOG_NUM("bytes", (int64_t)message_len(t->message)),
		LOG_NUM("receive_ms", l.receive_ms),
		LOG_NUM("check_ms", l.check_ms),
		LOG_NUM("total_ms", l.total_ms),
	};

	format_line(&l, text);
	log_event_last(LOG_LEVEL_INFO, t->service, t->id, "message", fields,
	    sizeof(fields) / sizeof(fields[0]), buf_cstr(text));
	buf_reset(text);
	buf_fini(&what);
	buf_fini(&reason);
	buf_fini(&bcc);
}

void
final_log(const struct transaction *t)
{
	struct buf facts = { 0 }, text = { 0 };
	int64_t now = clock_us();

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	facts_format(&t->facts, &facts);
	buf_reserve(&text, 600);
	for (size_t i = 0; i < t->nrcpts; i++)
		log_one(t, t->rcpts[i], buf_cstr(&facts), now, &text);
	buf_fini(&facts);
	buf_fini(&text);
}
