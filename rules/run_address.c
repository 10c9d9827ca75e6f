/* The transaction's addresses, understood once while they are asked about. */
#include <string.h>

#include "base/err.h"
#include "rules/address.h"
#include "rules/rules_private.h"
#include "table/table.h"

static int
get(void *arg, const struct table *t, struct span key, struct table_hit *hit, struct err *err)
{
	return rule_lookup(arg, t, key, hit, err);
}

struct map_ask
rule_map_ask(struct rule_run *run)
{
	return (
	    struct map_ask){ .set = run->txn->tables, .arena = run->arena, .get = get, .arg = run };
}

/* *kept: the one understood last.  An older one is not looked for among those of a thousand
 * recipients; it costs less to understand it again. */
static const struct address *
understood(struct rule_run *run, const char *text, const struct address **kept)
{
	struct map_ask ask = rule_map_ask(run);
	struct address *a;
	struct err err;

	if (*kept != NULL && strcmp((*kept)->text, text) == 0)
		return *kept;
	a = arena_calloc(run->arena, sizeof(*a));
	if (address_resolve(run->rules->addresses, &ask, text, a, &err) == -1)
		rule_warn(run, "%s: %s", text, err.text);
	else /* what could not be found out may be found out when it is asked for again */
		*kept = a;
	return a;
}

const struct address *
rule_sender(struct rule_run *run)
{
	return understood(run, run->txn->sender.addr, &run->kept->sender_address);
}

const struct address *
rule_recipient(struct rule_run *run)
{
	return understood(run, run->rcpt->addr, &run->kept->recipient_address);
}
