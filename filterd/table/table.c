#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/text.h"
#include "config.h"
#include "table/braces.h"
#include "table/pattern.h"
#include "table/table.h"
#include "table/table_type.h"

static const struct table_type *const types[] = {
#ifdef HAVE_DB
	&table_type_btree,
#endif
#ifdef HAVE_CDB
	&table_type_cdb,
#endif
	&table_type_cidr,
	&table_type_fail,
#ifdef HAVE_DB
	&table_type_hash,
#endif
	&table_type_inline,
#ifdef HAVE_LMDB
	&table_type_lmdb,
#endif
	&table_type_pcre,
	&table_type_pipemap,
	&table_type_proxy,
	&table_type_regexp,
	&table_type_static,
	&table_type_texthash,
	&table_type_unionmap,
	&table_type_unix,
};

static const struct table_type *
type_find(struct span type)
{
	for (size_t i = 0; i < nitems(types); i++)
		if (span_eq_str(type, types[i]->type))
			return types[i];
	return NULL;
}

/* --- types of plugins --- */

struct found { /* what a name stands for */
	const struct table_type *type;
	const struct filterd_table_type *plugin_type; /* of table_type_plugin */
	const struct filterd_host *host;
};

static int
plugin_find(const struct table_plugins *p, struct span type, struct found *f)
{
	for (size_t i = 0; p != NULL && i < p->n; i++)
		for (const struct filterd_table_type *t = p->v[i].types;
		     t != NULL && t->type != NULL; t++)
			if (span_eq_str(type, t->type)) {
				*f = (struct found){ &table_type_plugin, t, p->v[i].host };
				return 1;
			}
	return 0;
}

#define NAMES_MAX 200 /* that are proposed */

static size_t
type_names(const struct table_plugins *p, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < nitems(types); i++)
		names[n++] = types[i]->type;
	for (size_t i = 0; p != NULL && i < p->n; i++)
		for (const struct filterd_table_type *t = p->v[i].types;
		     t != NULL && t->type != NULL && n < NAMES_MAX; t++)
			names[n++] = t->type;
	return n;
}

/* --- opening --- */

static void
type_unknown(
    const struct table_plugins *p, struct span type, const char *type_name, struct err *err)
{
	const char *names[NAMES_MAX], *near;
	char word[64];

	snprintf(
	    word, sizeof(word), "%.*s", (int)(type.len < 60 ? type.len : 60), (const char *)type.p);
	near = text_nearest(word, names, type_names(p, names));
	if (near != NULL)
		err_set(err, ERR_CONFIG, "%.200s: unknown table type \"%s\"; did you mean \"%s\"?",
		    type_name, word, near);
	else
		err_set(err, ERR_CONFIG,
		    "%.200s: unknown table type \"%s\" (filterctl types lists them)", type_name,
		    word);
}

/* Split `type:name`.  -1: err. */
static int
type_parse(const struct table_plugins *p, const char *type_name, struct found *f, const char **name,
    struct err *err)
{
	struct span head, rest;

	memset(f, 0, sizeof(*f));
	if (!span_cut(span_str(type_name), ':', &head, &rest) || head.len == 0 || rest.len == 0) {
		err_set(
		    err, ERR_CONFIG, "\"%.200s\": a table must have the form TYPE:NAME", type_name);
		return -1;
	}
	*name = (const char *)rest.p;
	f->type = type_find(head);
	if (f->type != NULL || plugin_find(p, head, f))
		return 0;
	type_unknown(p, head, type_name, err);
	return -1;
}

struct opening { /* what a table and its members have in common */
	const struct table_open_options *options;
	int depth;
	table_warn_fn *warn;
	void *warn_arg;
};

static struct table *
open_at(const char *type_name, const struct opening *o, struct err *err)
{
	struct found f;
	const char *name;
	struct arena *mem;
	struct table *t;

	if (type_parse(o->options->plugins, type_name, &f, &name, err) == -1)
		return NULL;
	if (o->depth > TABLE_DEPTH_MAX) {
		err_set(err, ERR_CONFIG, "%.200s: tables must not be nested deeper than %d",
		    type_name, TABLE_DEPTH_MAX);
		return NULL;
	}
	mem = arena_new();
	t = arena_calloc(mem, sizeof(*t));
	t->mem = mem;
	t->type = f.type;
	t->plugin_type = f.plugin_type;
	t->plugin_host = f.host;
	t->full = arena_strdup(mem, type_name);
	t->name = t->full + (name - type_name);
	if (f.type->name == TABLE_NAME_FILE || (f.type->name == TABLE_NAME_RULES && *name != '{'))
		t->file = t->name;
	else if (f.type->name == TABLE_NAME_INDEX)
		t->file = arena_printf(mem, "%s%s", t->name, f.type->suffix);
	atomic_init(&t->refs, 1);
	t->options = o->options;
	t->depth = o->depth;
	t->warn = o->warn;
	t->warn_arg = o->warn_arg;
	if (f.type->open(t, err) == -1) {
		table_close(t);
		return NULL;
	}
	t->warn = NULL;
	t->options = NULL;
	return t;
}

struct table *
table_open_member(struct table *t, const char *type_name, struct err *err)
{
	struct opening o = { t->options, t->depth + 1, t->warn, t->warn_arg };

	return open_at(type_name, &o, err);
}

struct table *
table_open_with(const struct table_open_options *options, const char *type_name,
    table_warn_fn *warn, void *arg, struct err *err)
{
	struct opening o = { options, 0, warn, arg };

	return open_at(type_name, &o, err);
}

struct table *
table_open(const char *type_name, table_warn_fn *warn, void *arg, struct err *err)
{
	const struct table_open_options none = { NULL, NULL };

	return table_open_with(&none, type_name, warn, arg, err);
}

struct table *
table_ref(struct table *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void
table_close(struct table *t)
{
	if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (t->type->close != NULL)
		t->type->close(t);
	arena_free(t->mem); /* t itself lies in it */
}

int
table_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const uint8_t *nul;
	int rc;

	/* Postfix's keys are C strings: what follows a NUL is not looked at. */
	if (key.len == 0)
		key.p = (const uint8_t *)"";
	else if ((nul = memchr(key.p, '\0', key.len)) != NULL)
		key.len = (size_t)(nul - key.p);
	rc = t->type->get(t, key, a, hit, err);
	/* Half of what a table of tables says is nothing. */
	if (rc == -1 && t->type->get != pattern_get)
		hit->value = NULL;
	return rc;
}

int
table_rules_out(const struct table *t, struct span text)
{
	return t->type->get == pattern_get && pattern_rules_out(t, text);
}

const char *
table_name(const struct table *t)
{
	return t->full;
}

int
table_is_pattern(const struct table *t)
{
	return t->is_pattern;
}

void
table_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	t->type->each(t, f, arg);
}

int
table_type_exists(const char *type)
{
	return type_find(span_str(type)) != NULL;
}

void
table_types_each(void (*f)(void *arg, const char *type, const char *text), void *arg)
{
	for (size_t i = 0; i < nitems(types); i++)
		f(arg, types[i]->type, types[i]->text);
}

void
table_warn(const struct table *t, int line, const char *fmt, ...)
{
	struct table_finding finding;
	char text[512];
	va_list ap;

	if (t->warn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finding = (struct table_finding){
		.file = t->file != NULL ? t->file : t->full,
		.line = line,
		.text = text,
	};
	t->warn(t->warn_arg, &finding);
}

static void
files_each_at(const char *type_name, int depth, void (*f)(void *arg, const char *path), void *arg)
{
	struct found of;
	const char *name;
	struct arena *a;
	char *rest, *member;

	/* Those of plugins name no file that could be watched. */
	if (depth > TABLE_DEPTH_MAX || type_parse(NULL, type_name, &of, &name, NULL) == -1)
		return;
	switch (of.type->name) {
	case TABLE_NAME_TEXT:
		return;
	case TABLE_NAME_RULES:
		if (*name == '{')
			return;
		f(arg, name);
		return;
	case TABLE_NAME_FILE:
		f(arg, name);
		return;
	case TABLE_NAME_TABLE:
		files_each_at(name, depth + 1, f, arg);
		return;
	case TABLE_NAME_INDEX:
		a = arena_new();
		f(arg, arena_printf(a, "%s%s", name, of.type->suffix));
		arena_free(a);
		return;
	case TABLE_NAME_MEMBERS:
		break;
	}
	a = arena_new();
	rest = arena_strdup(a, name);
	if (braces_strip(&rest, 0, NULL) == 0)
		while ((member = braces_next(&rest)) != NULL)
			files_each_at(member, depth + 1, f, arg);
	arena_free(a);
}

void
table_files_each(const char *type_name, void (*f)(void *arg, const char *path), void *arg)
{
	files_each_at(type_name, 0, f, arg);
}
