#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "core/transaction.h"
#include "front/policy_answer.h"

/* --- refusals --- */

static const char *
past(const char *text, const char *front)
{
	size_t n = strlen(front);

	return strncmp(text, front, n) == 0 ? text + n : text;
}

/* Without what Postfix will say itself. */
static const char *
own_words(const struct policy_question *q, const char *text)
{
	struct arena *a = q->txn->arena;
	const char *rest = past(text, arena_printf(a, "<%s>: ", q->subject));

	if (rest == text)
		return text;
	rest = past(rest, arena_printf(a, "%s rejected: ", q->rejects));
	return rest[0] == '\0' ? text : rest;
}

static void
refuse(const struct policy_question *q, const struct verdict *v, enum deferral_kind deferral,
    struct policy_answer *out)
{
	struct arena *a = q->txn->arena;
	const char *text = v->text == NULL ? "" : v->text;

	if (!q->whole_text)
		text = own_words(q, text);
	out->origin = &v->origin;
	switch (deferral) {
	case DEFERRAL_NONE:
		out->verb = v->outcome == OUTCOME_DEFER ? "defer" : "reject";
		out->action = arena_printf(a, "%d %s %s", v->code, v->enhanced, text);
		return;
	case DEFERRAL_IF_PERMIT:
		out->verb = "defer_if_permit";
		out->action = arena_printf(a, "DEFER_IF_PERMIT %s %s", v->enhanced, text);
		return;
	case DEFERRAL_IF_REJECT:
		out->verb = "defer_if_reject";
		out->action = arena_printf(a, "DEFER_IF_REJECT %s %s", v->enhanced, text);
		return;
	}
}

/* --- effects --- */

/* All that were raised, the strongest first; the first becomes the answer. */
struct effects {
	struct policy_answer *out;
	struct arena *arena;
	struct buf left_out;
};

static void
leave_out(struct effects *e, const char *name, const char *arg)
{
	if (e->left_out.len > 0)
		buf_adds(&e->left_out, ", ");
	buf_adds(&e->left_out, name);
	if (arg != NULL && arg[0] != '\0') {
		buf_addc(&e->left_out, ' ');
		buf_adds(&e->left_out, arg);
	}
}

static void
raised(struct effects *e, const char *name, const char *verb, const char *arg,
    const struct origin *origin)
{
	int has_arg = arg != NULL && arg[0] != '\0';

	if (e->out->action == NULL) {
		e->out->action = has_arg ? arena_printf(e->arena, "%s %s", name, arg) : name;
		e->out->verb = verb;
		e->out->origin = origin;
		return;
	}
	leave_out(e, name, arg);
}

static void
raised_all(struct effects *e, const char *name, const char *verb, const struct effect_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		raised(e, name, verb, texts->v[i].arg, &texts->v[i].origin);
}

static void
add_effects(const struct policy_question *q, struct policy_answer *out)
{
	const struct verdict *v = &q->txn->verdict;
	struct effects e = { .out = out, .arena = q->txn->arena };

	if (v->discard)
		raised(&e, "DISCARD", "discard", v->discard_reason, &v->discard_origin);
	if (v->hold)
		raised(&e, "HOLD", "hold", v->hold_reason, &v->hold_origin);
	if (v->filter.arg != NULL)
		raised(&e, "FILTER", "filter", v->filter.arg, &v->filter.origin);
	if (v->redirect.arg != NULL)
		raised(&e, "REDIRECT", "redirect", v->redirect.arg, &v->redirect.origin);
	raised_all(&e, "BCC", "bcc", &v->bcc);
	raised_all(&e, "PREPEND", "prepend", &v->prepends);
	for (size_t i = 0; i < v->tags.n; i++) /* Postfix has no such action */
		leave_out(&e, "TAG", v->tags.v[i].arg);
	if (e.left_out.len > 0)
		out->left_out = arena_strdup(e.arena, buf_cstr(&e.left_out));
	buf_fini(&e.left_out);
}

void
policy_answer_make(
    const struct policy_question *q, const struct verdict *v, struct policy_answer *out)
{
	memset(out, 0, sizeof(*out));
	if (v->outcome == OUTCOME_REJECT || v->outcome == OUTCOME_DEFER) {
		refuse(q, v, DEFERRAL_NONE, out);
		return; /* effects of what is refused are nobody's loss */
	}
	if (v->deferral != DEFERRAL_NONE)
		refuse(q, v, v->deferral, out);
	add_effects(q, out);
	if (out->action != NULL)
		return;
	out->action = v->outcome == OUTCOME_OK ? q->permit_action : "DUNNO";
	out->is_dunno = text_case_eq(out->action, "DUNNO");
	out->verb = out->is_dunno ? "dunno" : "permit";
	out->origin = &v->origin;
}

/* --- the log --- */

static void
say(struct buf *b, const char *what, const char *value, const char *end)
{
	buf_adds(b, what);
	buf_adds(b, value == NULL ? "" : value);
	buf_adds(b, end);
}

static void
format_line(const struct policy_question *q, const struct policy_answer *a, const char *client,
    const char *rule, struct buf *b)
{
	const struct transaction *t = q->txn;
	const struct client *c = t->client;

	say(b, a->verb, ": ", q->stage);
	say(b, " from ", client, ": ");
	say(b, a->action, ";", "");
	say(b, " from=<", t->sender.octets, ">");
	say(b, " to=<", q->recipient, ">");
	say(b, " proto=", c->proto, "");
	say(b, " helo=<", c->helo, ">");
	say(b, " rule=", rule, "");
	say(b, " queue_id=", c->ident[0] == '\0' ? "-" : c->ident, "");
}

void
policy_answer_log(const struct policy_question *q, const struct policy_answer *a)
{
	const struct transaction *t = q->txn;
	const struct client *c = t->client;
	struct buf text = { 0 };
	char client[400], rule[400];

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	client_label(c, client, sizeof(client));
	origin_format(a->origin, rule, sizeof(rule));
	format_line(q, a, client, rule, &text);
	const struct log_field fields[] = {
		LOG_STR("stage", q->stage),
		LOG_STR("queue_id", c->ident),
		LOG_STR("sender", t->sender.octets),
		LOG_STR("recipient", q->recipient),
		LOG_STR("client", client),
		LOG_STR("helo", c->helo),
		LOG_STR("proto", c->proto),
		LOG_STR("listener", t->listener),
		LOG_STR("answer", a->action),
		LOG_STR("left_out", a->left_out),
		LOG_STR("rule", rule),
	};
	log_event_last(
	    LOG_LEVEL_INFO, t->service, t->id, a->verb, fields, nitems(fields), buf_cstr(&text));
	buf_fini(&text);
}
