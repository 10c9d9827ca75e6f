#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/cf_file.h"
#include "conf/cf_value.h"
#include "conf/conf_priv.h"
#include "conf/names.h"
#include "conf/plugin_file.h"
#include "conf/plugin_rows.h"
#include "conf/reporter.h"
#include "plugins/filterd_plugin.h"

/* What the steps of one list share. */
struct opening {
	struct conf *conf;
	struct reporter *rep;
	const char *directory;
	const char *list; /* the value of `plugins` */
	const char *file; /* where the name in hand stands */
	int line;
};

#define TELL(o, ...) reporter_tell((o)->rep, CONF_ERROR, (o)->file, (o)->line, __VA_ARGS__)

/* What is wrong in it is told when all parameters are looked at. */
static const char *
value_now(struct conf *c, const char *name)
{
	struct conf_value v;

	if (conf_value(c, NULL, name, 0, &v) == -1)
		return "";
	return conf_value_expand(c, NULL, name, &v, c->arena);
}

static void
add_rows(struct conf *c, struct conf_plugin_rows *rows, const struct filterd_plugin *def)
{
	static const struct filterd_param failure = { .type = FILTERD_ENUM,
		.def = "defer",
		.min = "defer hold tag accept",
		.text = "What becomes of a message of which a restriction of the plugin could not "
			"find out what it should." };
	size_t n = 0;

	while (def->params != NULL && def->params[n].name != NULL)
		n++;
	rows->nparams = n;
	rows->row = arena_alloc(c->arena, (n + 1) * sizeof(rows->row[0]));
	for (size_t i = 0; i < n; i++)
		rows->row[i] = plugin_param_row(&def->params[i]);
	if (def->restrictions != NULL && def->restrictions[0].name != NULL) {
		rows->row[n] = plugin_param_row(&failure);
		rows->row[n].name = arena_printf(c->arena, "%s_on_failure", def->name);
		n++;
	}
	rows->n = n;
}

/* Two plugins may not have a name in common; 1: a name was told. */
static int
clash(struct opening *o, const struct filterd_plugin *a, const struct filterd_plugin *b)
{
	for (const struct restriction_def *r = a->restrictions; r != NULL && r->name != NULL; r++)
		for (const struct restriction_def *s = b->restrictions;
		     s != NULL && s->name != NULL; s++)
			if (strcmp(r->name, s->name) == 0) {
				TELL(o, "plugin %s: restriction %s is plugin %s's already", b->name,
				    r->name, a->name);
				return 1;
			}
	for (const struct filterd_table_type *t = a->tables; t != NULL && t->type != NULL; t++)
		for (const struct filterd_table_type *u = b->tables; u != NULL && u->type != NULL;
		     u++)
			if (strcmp(t->type, u->type) == 0) {
				TELL(o, "plugin %s: table type %s is plugin %s's already", b->name,
				    t->type, a->name);
				return 1;
			}
	return 0;
}

static int
any_clash(struct opening *o, const struct filterd_plugin *def, const struct conf_plugin_rows *rows)
{
	const struct conf *c = o->conf;

	for (size_t i = 0; i < c->nplugins; i++)
		if (clash(o, c->plugins[i].def, def))
			return 1;
	for (size_t i = 0; i < rows->n; i++)
		if (names_row(c->names, rows->row[i].name) != NULL) {
			TELL(o, "plugin %s: parameter %s is another plugin's already", def->name,
			    rows->row[i].name);
			return 1;
		}
	return 0;
}

static int
is_listed(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->nplugins; i++)
		if (strcmp(c->plugins[i].def->name, name) == 0)
			return 1;
	return 0;
}

static void
open_one(struct opening *o, const char *name)
{
	struct conf *c = o->conf;
	struct conf_plugin_rows *rows = &c->plugin_rows[c->nplugins];
	const struct filterd_plugin *def;
	struct err err;

	if (is_listed(c, name)) {
		TELL(o, "plugins: %s must be there only once", name);
		return;
	}
	if (c->nplugins == PLUGINS_MAX) {
		TELL(o, "plugins: there must be at most %d", PLUGINS_MAX);
		return;
	}
	def = plugin_file_open(o->directory, name, &err);
	if (def == NULL) {
		TELL(o, "plugins: %s", err.text);
		/* So that not each of its parameters is told of besides. */
		names_add_prefix(c->names, name);
		return;
	}
	add_rows(c, rows, def);
	if (any_clash(o, def, rows))
		return;
	for (size_t i = 0; i < rows->n; i++)
		names_add_row(c->names, &rows->row[i]);
	c->plugins[c->nplugins++] =
	    (struct conf_plugin){ .def = def, .file = o->file, .line = o->line };
}

void
plugins_open(struct conf *c, struct reporter *rep)
{
	static const char separators[] = ", \t\r\n";
	struct opening o = { .conf = c, .rep = rep };

	o.list = value_now(c, "plugins");
	o.directory = c->plugin_directory = value_now(c, "plugin_directory");
	if (o.list[strspn(o.list, separators)] == '\0')
		return;
	c->plugins = arena_alloc(c->arena, PLUGINS_MAX * sizeof(c->plugins[0]));
	c->plugin_rows = arena_alloc(c->arena, (PLUGINS_MAX + 1) * sizeof(c->plugin_rows[0]));
	if (o.directory[0] != '/') {
		o.line = conf_where(c, "plugin_directory", &o.file);
		TELL(&o, "plugin_directory: \"%s\" must be an absolute path", o.directory);
		return;
	}
	for (const char *p = o.list; *p != '\0';) {
		size_t n = strcspn(p, separators);

		o.line = conf_item_line(c, NULL, "plugins", o.list, (size_t)(p - o.list), &o.file);
		if (n > 0)
			open_one(&o, arena_str(c->arena, span_make(p, n)));
		p += n;
		p += strspn(p, separators);
	}
}

const char *
plugins_hint(const struct conf *c, const char *name)
{
	for (const char *p = strchr(name, '_'); p != NULL; p = strchr(p + 1, '_')) {
		const char *plugin = arena_str(c->arena, span_make(name, (size_t)(p - name)));

		if (plugin_is_word(plugin, PLUGIN_NAME_MAX) && !is_listed(c, plugin) &&
		    access(arena_printf(c->arena, "%s/%s.so", c->plugin_directory, plugin), F_OK) ==
			0)
			return plugin;
	}
	return NULL;
}

/* --- values --- */

static void
fill_value(struct env *env, const struct param_row *row, struct filterd_value *out)
{
	union {
		const char *text;
		int number;
		int64_t big;
	} v = { 0 };
	const char *text = env_fill_row(env, row, &v);

	*out = (struct filterd_value){ .text = text };
	switch (row->kind) {
	case PARAM_STR:
	case PARAM_RAW:
	case PARAM_LIST:
		out->text = v.text;
		break;
	case PARAM_BOOL:
	case PARAM_ENUM:
		out->number = v.number;
		break;
	case PARAM_INT:
	case PARAM_TIME:
	case PARAM_SIZE:
		out->number = v.big;
		break;
	}
}

void
plugins_fill(struct conf *c, struct env *env)
{
	for (size_t i = 0; i < c->nplugins; i++) {
		const struct conf_plugin_rows *rows = &c->plugin_rows[i];
		struct filterd_value *values =
		    arena_alloc(c->arena, (rows->n + 1) * sizeof(values[0]));

		for (size_t j = 0; j < rows->n; j++)
			fill_value(env, &rows->row[j], &values[j]);
		c->plugins[i].values = values;
		if (rows->n > rows->nparams)
			c->plugins[i].on_failure =
			    (enum conf_on_failure)values[rows->nparams].number;
	}
}

size_t
conf_plugin_count(const struct conf *c)
{
	return c->nplugins;
}

const struct conf_plugin *
conf_plugin(const struct conf *c, size_t i)
{
	return &c->plugins[i];
}
