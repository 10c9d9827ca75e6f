/* The transaction's addresses, understood once each. */
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

static const struct address *
understood(struct rule_run *run, const char *text)
{
	struct kept_address *k;
	struct address *a;
	struct map_ask ask = rule_map_ask(run);
	struct err err;

	for (k = run->kept->addresses; k != NULL; k = k->next)
		if (strcmp(k->text, text) == 0)
			return k->address;
	a = arena_calloc(run->arena, sizeof(*a));
	if (address_resolve(run->rules->addresses, &ask, text, a, &err) == -1)
		rule_warn(run, "%s: %s", text, err.text);
	else {
		/* What could not be found out may be found out for the next recipient. */
		k = arena_alloc(run->arena, sizeof(*k));
		*k = (struct kept_address){
			.next = run->kept->addresses, .text = text, .address = a
		};
		run->kept->addresses = k;
	}
	return a;
}

const struct address *
rule_sender(struct rule_run *run)
{
	return understood(run, run->txn->sender.addr);
}

const struct address *
rule_recipient(struct rule_run *run)
{
	return understood(run, run->rcpt->addr);
}
