/* What is kept by name with the transaction, for checks of ours and of plugins; and the message. */
#include <string.h>

#include "core/message.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"

void *
rule_keep(struct rule_run *run, const struct filterd_plugin *plugin, const char *name, size_t size)
{
	struct kept_memory *k;

	for (k = run->kept->memory; k != NULL; k = k->next)
		if (k->plugin == plugin && k->size >= size && strcmp(k->name, name) == 0)
			return k->p;
	k = arena_calloc(run->arena, sizeof(*k));
	k->plugin = plugin;
	k->name = arena_strdup(run->arena, name);
	k->size = size;
	k->p = arena_calloc(run->arena, size == 0 ? 1 : size);
	k->next = run->kept->memory;
	run->kept->memory = k;
	return k->p;
}

void *
content_keep(struct rule_run *run, const char *name, size_t size)
{
	return rule_keep(run, NULL, name, size);
}

int
content_message(const struct rule_run *run, struct span *out)
{
	/* While the octets come in the message must not be looked at. */
	int complete = run->ask->stage == RULE_END_OF_DATA || run->ask->stage == RULE_CONTENT;

	*out = span_make(NULL, 0);
	if (!complete || run->txn->message == NULL)
		return 0;
	*out = message_view(run->txn->message);
	return 1;
}
