#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/message.h"
#include "core/score.h"
#include "core/transaction.h"
#include "engine/final_log.h"

#define SCORE_SHOWN ((size_t)1000) /* octets of its text */

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

/* The rules' verdicts about one recipient: the message's and its own. */
struct said {
	const struct verdict *all, *own;
};

static int
refuses(const struct verdict *v)
{
	return v->outcome == OUTCOME_REJECT || v->outcome == OUTCOME_DEFER;
}

/* NULL: nobody refuses. */
static const struct verdict *
refusal(const struct said *s)
{
	return refuses(s->all) ? s->all : refuses(s->own) ? s->own : NULL;
}

/* The own verdict where it has this effect, else the message's. */
#define HAS(s, effect) ((s)->own->effect ? (s)->own : (s)->all->effect ? (s)->all : NULL)

static const char *
verdict_word(const struct said *s)
{
	const struct verdict *v = refusal(s);

	if (v != NULL)
		return v->outcome == OUTCOME_REJECT ? "reject" : "defer";
	if (HAS(s, discard))
		return "discard";
	if (HAS(s, hold))
		return "hold";
	return HAS(s, tags.n) ? "tag" : "pass";
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
bcc_words(const struct verdict *v, struct buf *b)
{
	for (size_t i = 0; i < v->bcc.n; i++)
		word(b, "bcc", v->bcc.v[i].arg);
}

static const char *
filter_of(const struct said *s)
{
	const struct verdict *v = HAS(s, filter.arg);

	return v == NULL ? NULL : v->filter.arg;
}

static const char *
redirect_of(const struct said *s)
{
	const struct verdict *v = HAS(s, redirect.arg);

	return v == NULL ? NULL : v->redirect.arg;
}

static void
effects(const struct said *s, struct buf *b)
{
	if (HAS(s, discard))
		word(b, "discard", NULL);
	if (HAS(s, hold))
		word(b, "hold", NULL);
	if (filter_of(s) != NULL)
		word(b, "filter", filter_of(s));
	if (redirect_of(s) != NULL)
		word(b, "redirect", redirect_of(s));
	bcc_words(s->all, b);
	bcc_words(s->own, b);
	if (HAS(s, tags.n))
		word(b, "tag", NULL);
	if (HAS(s, prepends.n))
		word(b, "prepend", NULL);
	if (HAS(s, edits.n))
		word(b, "edit", NULL);
}

/* The rule that had the last word. */
static const struct origin *
deciding(const struct said *s, const struct recipient *r)
{
	const struct verdict *v = refusal(s);

	if (v != NULL)
		return &v->origin;
	if (r->by != NULL) /* another recipient's refusal, where all had to agree */
		return r->by;
	if ((v = HAS(s, discard)) != NULL)
		return &v->discard_origin;
	if ((v = HAS(s, hold)) != NULL)
		return &v->hold_origin;
	if ((v = HAS(s, redirect.arg)) != NULL)
		return &v->redirect.origin;
	if ((v = HAS(s, filter.arg)) != NULL)
		return &v->filter.origin;
	if ((v = HAS(s, tags.n)) != NULL)
		return &v->tags.v[0].origin;
	if ((v = HAS(s, bcc.n)) != NULL)
		return &v->bcc.v[0].origin;
	if ((v = HAS(s, prepends.n)) != NULL)
		return &v->prepends.v[0].origin;
	return &s->all->origin;
}

/* Why it was held or discarded: the rule's text, or the refusal that was not to be a bounce. */
static void
reason_of(const struct said *s, const struct recipient *r, struct buf *b)
{
	const struct verdict *v = refusal(s);

	if (r->fate != FATE_HELD && r->fate != FATE_DISCARDED)
		return;
	if (v != NULL)
		buf_printf(b, "%d %s %s", v->code, v->enhanced, v->text == NULL ? "" : v->text);
	else if ((v = HAS(s, discard)) != NULL)
		buf_adds(b, v->discard_reason == NULL ? "" : v->discard_reason);
	else if ((v = HAS(s, hold)) != NULL)
		buf_adds(b, v->hold_reason == NULL ? "" : v->hold_reason);
}

static void
copies(const struct verdict *v, struct buf *b)
{
	for (size_t i = 0; i < v->bcc.n; i++)
		buf_printf(b, "%s%s", b->len == 0 ? "" : " ", v->bcc.v[i].arg);
}

static int64_t
ms_between(int64_t from_us, int64_t to_us)
{
	return from_us == 0 || to_us < from_us ? 0 : (to_us - from_us) / 1000;
}

/* What the text form says, in order.  A message's one line is a good part of what a small message
 * costs, so it is put together without printf(3). */
static inline void
say(struct buf *b, const char *what, const char *value, const char *end)
{
	buf_adds(b, what);
	buf_adds(b, value);
	buf_adds(b, end);
}

struct line {
	const struct transaction *t;
	const struct recipient *r;
	const char *client, *rule, *list, *verdict, *effects, *score, *facts;
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
	say(b, "list=", or_dash(l->list), " ");
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
	if (l->score[0] != '\0')
		say(b, " score=<", l->score, ">");
	say(b, " facts=<", l->facts, ">");
}

/* text is empty, and is so again afterwards. */
static void
log_one(const struct transaction *t, const struct recipient *r, const char *facts, int64_t now,
    struct buf *text)
{
	const struct said said = { &t->verdict, &r->verdict };
	const struct origin *by = deciding(&said, r);
	struct buf what = { 0 }, reason = { 0 }, bcc = { 0 }, score = { 0 };
	char client[400], rule[400];

	reason_of(&said, r, &reason);
	copies(said.all, &bcc);
	copies(said.own, &bcc);
	effects(&said, &what);
	score_format(&t->verdict.score, &r->verdict.score, &score);
	if (score.len > SCORE_SHOWN)
		score.len = SCORE_SHOWN;
	client_label(t->client, client, sizeof(client));
	origin_format(by, rule, sizeof(rule));
	const struct line l = { t, r, client, rule, by->list, verdict_word(&said), buf_cstr(&what),
		buf_cstr(&score), facts, ms_between(t->started_us, t->data_us),
		ms_between(t->data_us, t->checked_us), ms_between(t->started_us, now) };
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
		LOG_STR("list", by->list),
		LOG_STR("effects", l.effects),
		LOG_STR("filter", filter_of(&said)),
		LOG_STR("redirect", redirect_of(&said)),
		LOG_STR("bcc", buf_cstr(&bcc)),
		LOG_STR("reason", buf_cstr(&reason)),
		LOG_NUM("code", r->code),
		LOG_STR("reply", r->reply),
		LOG_STR("hop", r->hop),
		LOG_STR("score", l.score),
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
	buf_fini(&score);
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
