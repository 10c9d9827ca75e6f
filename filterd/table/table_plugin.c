/*
 * plugin - tables of the types that plugins bring
 *
 * What a plugin keeps for a table lives from its open to its close; nothing is asked of it in
 * between but the answers to keys.
 */
#include <string.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/err.h"
#include "table/table_type.h"

#define WHY 300 /* octets of a plugin's words */

struct filterd_table_answer {
	struct arena *arena;
	const char *value; /* NULL: none was told */
};

static int
plugin_open(struct table *t, struct err *err)
{
	const struct filterd_table_type *p = t->plugin_type;
	char why[WHY] = "";

	if (p->open(t->plugin_host, t->name, &t->data, why, sizeof(why)) == 0)
		return 0;
	why[sizeof(why) - 1] = '\0';
	t->away =
	    arena_printf(t->mem, "%.150s: %s", t->full, why[0] == '\0' ? "cannot be opened" : why);
	if (p->is_remote) {
		table_warn(t, 0, "%s", why[0] == '\0' ? "cannot be opened" : why);
		return 0;
	}
	err_set(err, ERR_CONFIG, "%s", t->away);
	return -1;
}

void
table_plugin_answer(struct filterd_table_answer *answer, struct filterd_octets value)
{
	answer->value = arena_str(answer->arena, span_make(value.p, value.len));
}

static int
plugin_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct filterd_table_type *p = t->plugin_type;
	struct filterd_octets octets = { .p = key.p, .len = key.len };
	struct filterd_table_answer answer = { .arena = a };
	char why[WHY] = "";
	int rc;

	if (t->away != NULL) {
		err_set(err, ERR_RETRY, "%s", t->away);
		return -1;
	}
	if (p->is_remote)
		blocking_begin();
	rc = p->get(t->data, octets, &answer, why, sizeof(why));
	if (p->is_remote)
		blocking_end();
	hit->file = NULL;
	hit->line = 0;
	hit->value = answer.value;
	why[sizeof(why) - 1] = '\0';
	if (rc == 0 || (rc == 1 && answer.value != NULL))
		return rc;
	err_set(err, ERR_RETRY, "%.150s: %s", t->full,
	    rc == 1          ? "it found what is no text"
	    : why[0] == '\0' ? "it could not be asked"
			     : why);
	return -1;
}

static void
plugin_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	/* Its rows are known when they are asked for. */
	(void)t;
	(void)f;
	(void)arg;
}

static void
plugin_close(struct table *t)
{
	if (t->away == NULL && t->plugin_type->close != NULL)
		t->plugin_type->close(t->data);
}

const struct table_type table_type_plugin = {
	.type = "plugin",
	.text = "of a plugin",
	.name = TABLE_NAME_TEXT,
	.open = plugin_open,
	.get = plugin_get,
	.each = plugin_each,
	.close = plugin_close,
};
