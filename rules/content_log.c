#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "core/transaction.h"
#include "rules/content_impl.h"

#define CONTENT_MAX 200

/* At most 200 octets, controls as '?', as Postfix shows them. */
static void
add_content(struct buf *b, struct span s)
{
	size_t n = s.len < CONTENT_MAX ? s.len : CONTENT_MAX;

	for (size_t i = 0; i < n; i++)
		buf_addc(b, s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : (char)s.p[i]);
}

static void
add_client(struct buf *b, const struct transaction *t)
{
	char label[400];

	if (t->client == NULL) {
		buf_adds(b, " from unknown");
		return;
	}
	client_label(t->client, label, sizeof(label));
	buf_printf(b, " from %s", label);
}

static void
add_envelope(struct buf *b, const struct transaction *t)
{
	buf_printf(b, "; from=<%s>", t->sender.octets == NULL ? "" : t->sender.octets);
	/* Postfix names the last recipient. */
	if (t->nrcpts > 0)
		buf_printf(b, " to=<%s>", t->rcpts[t->nrcpts - 1]->path.octets);
	if (t->client != NULL && t->client->proto[0] != '\0')
		buf_printf(b, " proto=%s", t->client->proto);
	if (t->client != NULL && t->client->helo[0] != '\0')
		buf_printf(b, " helo=<%s>", t->client->helo);
}

void
content_log(const struct transaction *t, const char *action, const char *what, struct span content,
    const struct origin *origin, const char *text)
{
	struct buf line = { 0 }, shown = { 0 };
	char rule[512];

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	origin_format(origin, rule, sizeof(rule));
	add_content(&shown, content);
	buf_printf(&line, "%s: %s %s", action, what, buf_cstr(&shown));
	add_client(&line, t);
	add_envelope(&line, t);
	buf_printf(&line, " rule=%s", rule);
	if (text != NULL && text[0] != '\0') {
		buf_adds(&line, ": ");
		add_content(&line, span_str(text));
	}
	{
		const struct log_field fields[] = {
			LOG_STR("what", what),
			LOG_STR("content", buf_cstr(&shown)),
			LOG_STR("list", origin->list),
			LOG_STR("rule", rule),
			LOG_STR("arg", text),
		};

		log_event(LOG_LEVEL_INFO, t->service, t->id, action, fields,
		    sizeof(fields) / sizeof(fields[0]), "%s", buf_cstr(&line));
	}
	buf_fini(&line);
	buf_fini(&shown);
}
