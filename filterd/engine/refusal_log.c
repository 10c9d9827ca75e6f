#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/transaction.h"
#include "engine/refusal_log.h"

/* As Postfix has it: what cannot be known yet is left out. */
static void
context(const struct transaction *t, const struct refusal *r, const char *rule, struct buf *b)
{
	const struct client *c = t->client;

	buf_addc(b, ';');
	if (t->sender.octets != NULL)
		buf_printf(b, " from=<%s>", t->sender.octets);
	if (r->recipient != NULL)
		buf_printf(b, " to=<%s>", r->recipient);
	if (c->proto[0] != '\0')
		buf_printf(b, " proto=%s", c->proto);
	if (c->helo[0] != '\0' || t->sender.octets != NULL)
		buf_printf(b, " helo=<%s>", c->helo);
	if (r->hop != NULL)
		buf_printf(b, " hop=%s", r->hop);
	else
		buf_printf(b, " rule=%s", rule);
}

void
refusal_log(const struct transaction *t, const struct refusal *r)
{
	static const struct origin none;
	const struct origin *origin = r->origin == NULL ? &none : r->origin;
	const char *verb = r->code < 500 ? "defer" : "reject";
	const char *list = origin->list;
	struct buf more = { 0 };
	char client[400], rule[400];

	client_label(t->client, client, sizeof(client));
	origin_format(origin, rule, sizeof(rule));
	context(t, r, rule, &more);
	const struct log_field fields[] = {
		LOG_STR("stage", r->stage),
		LOG_STR("queue_id", t->client->ident),
		LOG_STR("sender", t->sender.octets),
		LOG_STR("recipient", r->recipient),
		LOG_STR("client", client),
		LOG_STR("helo", t->client->helo),
		LOG_STR("proto", t->client->proto),
		LOG_STR("listener", t->listener),
		LOG_NUM("code", r->code),
		LOG_STR("enhanced", r->enhanced),
		LOG_STR("reply", r->text),
		LOG_STR("list", list),
		LOG_STR("rule", r->hop == NULL ? rule : NULL),
		LOG_STR("hop", r->hop),
	};
	/* The word is "reject" for 4xx too, in the text: what reads Postfix's log looks for that.
	 */
	log_event(LOG_LEVEL_INFO, t->service, t->id, verb, fields, nitems(fields),
	    "reject: %s from %s: %d %s %s%s", r->stage, client, r->code, r->enhanced, r->text,
	    buf_cstr(&more));
	buf_fini(&more);
}
