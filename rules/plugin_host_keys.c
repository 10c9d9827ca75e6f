/* struct filterd_host: a table asked about one key of a plugin after the other. */
#include <stdio.h>

#include "rules/plugin_impl.h"

/* "PLUGIN/RESTRICTION"; names of either are shorter. */
#define NAME_SIZE 256

struct kept_keys { /* of one restriction */
	struct content_source source;
	const struct filterd_key *keys;
	const int *readings; /* how many of the same thing come before it, of each */
	size_t n;
};

/* The item at work says whose they are.  A plugin may be called as one of our own sources is, and
 * have several restrictions. */
static void
put_name(const struct rule_run *run, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s/%s", plugin_of(run)->def->name, run->op->def->name);
}

static struct kept_keys *
keys_of(struct rule_run *run)
{
	char name[NAME_SIZE];

	put_name(run, name);
	return content_keep(run, name, sizeof(struct kept_keys));
}

static int
get(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	const struct kept_keys *k = keys_of(run);

	(void)err;
	if (i >= k->n)
		return 0;
	/* Where it says of one thing several, all of them count. */
	*key = (struct content_key){ .text = span_str(k->keys[i].text),
		.thing = k->keys[i].thing,
		.reading = k->readings[i] };
	return 1;
}

static const int *
readings_of(struct rule_run *run, const struct filterd_key *keys, size_t n)
{
	int *v = arena_calloc(run->arena, (n + 1) * sizeof(*v));

	for (size_t i = 1; i < n; i++)
		v[i] = keys[i].thing == keys[i - 1].thing ? v[i - 1] + 1 : 0;
	return v;
}

static enum rule_result
host_check_keys(
    struct rule_run *run, const struct rule_op *op, const struct filterd_key *keys, size_t n)
{
	struct kept_keys *k = keys_of(run);
	char name[NAME_SIZE];

	if (k->source.get == NULL) {
		put_name(run, name);
		*k = (struct kept_keys){
			.source = { .name = arena_strdup(run->arena, name),
			    .get = get,
			    .shown = plugin_of(run)->def->name },
			.keys = keys,
			.readings = readings_of(run, keys, n),
			.n = n,
		};
	}
	return content_source_check(run, op, &k->source);
}

void
plugin_host_fill_keys(struct filterd_host *h)
{
	h->check_keys = host_check_keys;
	h->compile_keys = content_compile;
}
