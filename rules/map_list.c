#include "rules/map_list.h"

#include "base/arena.h"
#include "base/err.h"
#include "rules/load.h"
#include "rules/rules_private.h"
#include "table/table.h"

void
map_list_compile(struct map_list *m, struct rule_load *l, const char *parameter, const char *text)
{
	struct span rest = span_str(text), word;
	size_t n = 0;

	*m = (struct map_list){ .n = 0 };
	while (rule_word(&rest, &word))
		n++;
	if (n == 0)
		return;
	m->tables = arena_calloc(l->mem, n * sizeof(m->tables[0]));
	rest = span_str(text);
	while (rule_word(&rest, &word)) {
		int number = rule_load_table(l, parameter, arena_str(l->mem, word));

		if (number != -1)
			m->tables[m->n++] = number;
	}
}

int
map_ask_table(
    const struct map_ask *ask, int number, struct span key, struct table_hit *hit, struct err *err)
{
	const struct table *t = table_set_get(ask->set, number);

	if (ask->get != NULL)
		return ask->get(ask->arg, t, key, hit, err);
	return table_get(t, key, ask->arena, hit, err);
}

int
map_list_find(const struct map_list *m, const struct map_ask *ask, struct span key, int partial,
    struct table_hit *hit, struct err *err)
{
	if (key.len == 0)
		return 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct table *t = table_set_get(ask->set, m->tables[i]);
		int rc;

		if (partial && table_is_pattern(t))
			continue;
		rc = map_ask_table(ask, m->tables[i], key, hit, err);
		if (rc == 0)
			continue;
		/* A table that is broken for good still gets "try again" from Postfix here. */
		if (rc == -1) {
			if (err != NULL)
				err->class = ERR_RETRY;
			return -1;
		}
		if (hit->value[0] != '\0')
			return 1;
		err_set(err, ERR_CONFIG,
		    "%s: an empty answer for \"%.*s\"; must be no answer when there is none",
		    table_name(t), (int)key.len, (const char *)key.p);
		return -1;
	}
	return 0;
}
