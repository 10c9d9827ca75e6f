/* struct filterd_host: a table asked about one key of a plugin after the other. */
#include "rules/plugin_impl.h"

struct kept_keys {
	struct content_source source;
	const struct filterd_key *keys;
	size_t n;
};

/* The item at work says whose they are. */
static struct kept_keys *
keys_of(struct rule_run *run)
{
	return content_keep(run, run->op->def->name, sizeof(struct kept_keys));
}

static int
get(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	const struct kept_keys *k = keys_of(run);

	(void)err;
	if (i >= k->n)
		return 0;
	*key = (struct content_key){ .text = span_str(k->keys[i].text), .thing = k->keys[i].thing };
	/* Where it says of one thing several, all of them count. */
	for (; i > 0 && k->keys[i - 1].thing == key->thing; i--)
		key->reading++;
	return 1;
}

static enum rule_result
host_check_keys(
    struct rule_run *run, const struct rule_op *op, const struct filterd_key *keys, size_t n)
{
	struct kept_keys *k = keys_of(run);

	if (k->source.get == NULL)
		*k = (struct kept_keys){
			.source = { plugin_of(run)->def->name, get }, .keys = keys, .n = n
		};
	return content_source_check(run, op, &k->source);
}

void
plugin_host_fill_keys(struct filterd_host *h)
{
	h->check_keys = host_check_keys;
	h->compile_keys = content_compile;
}
