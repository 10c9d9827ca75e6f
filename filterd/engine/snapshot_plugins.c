#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "conf/conf.h"
#include "engine/snapshot_plugins.h"
#include "rules/plugin.h"
#include "rules/restriction.h"

static enum rule_failure
failure_of(enum conf_on_failure f)
{
	switch (f) {
	case CONF_FAIL_DEFER:
		return FAILURE_DEFER;
	case CONF_FAIL_HOLD:
		return FAILURE_HOLD;
	case CONF_FAIL_TAG:
		return FAILURE_TAG;
	case CONF_FAIL_ACCEPT:
		return FAILURE_ACCEPT;
	}
	return FAILURE_DEFER;
}

struct teller {
	const struct conf_plugin *plugin;
	struct arena *arena;
	snapshot_plugin_fn *tell;
	void *arg;
};

/* A built-in name would always win, and the plugin's row never be reached. */
static void
look_at_name(void *arg, const char *name, const char *text)
{
	struct teller *t = arg;

	(void)text;
	if (restriction_find(name) != NULL)
		t->tell(t->arg, t->plugin,
		    arena_printf(t->arena, "plugin %s: restriction %s is one of filterd's own",
			t->plugin->def->name, name));
}

static void
look_at_types(const struct teller *t)
{
	const struct filterd_table_type *r;

	for (r = t->plugin->def->tables; r != NULL && r->type != NULL; r++)
		if (table_type_exists(r->type))
			t->tell(t->arg, t->plugin,
			    arena_printf(t->arena,
				"plugin %s: table type %s is one of filterd's own",
				t->plugin->def->name, r->type));
}

/* From now on they are shown, be they zero. */
static void
show_counters(const struct filterd_plugin *p, struct counters *counters)
{
	for (const struct filterd_counter *c = p->counters; c != NULL && c->name != NULL; c++)
		if (counters != NULL)
			(void)counters_name(counters, c->name, c->text);
}

void
snapshot_plugins_open(struct snapshot_plugins *all, const struct conf *conf,
    struct counters *counters, struct arena *arena, snapshot_plugin_fn *tell, void *arg)
{
	struct table_plugin *tables;

	all->n = conf_plugin_count(conf);
	tables = arena_calloc(arena, (all->n + 1) * sizeof(*tables));
	all->tables = (struct table_plugins){ .v = tables, .n = all->n };
	all->v = arena_calloc(arena, (all->n + 1) * sizeof(*all->v));
	for (size_t i = 0; i < all->n; i++) {
		const struct conf_plugin *c = conf_plugin(conf, i);
		struct teller t = { .plugin = c, .arena = arena, .tell = tell, .arg = arg };
		struct err err;

		all->v[i] = (struct plugin_instance){ .def = c->def,
			.values = c->values,
			.on_failure = failure_of(c->on_failure),
			.counters = counters };
		plugin_rows_each(c->def, look_at_name, &t);
		look_at_types(&t);
		if (plugin_open(&all->v[i], &err) == -1)
			tell(arg, c, arena_strdup(arena, err.text));
		else
			show_counters(c->def, counters);
		tables[i] =
		    (struct table_plugin){ .host = all->v[i].host, .types = c->def->tables };
	}
}

void
snapshot_plugins_close(struct snapshot_plugins *all)
{
	for (size_t i = all->n; i-- > 0;)
		plugin_close(&all->v[i]);
}
