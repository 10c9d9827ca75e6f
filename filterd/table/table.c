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

static void
type_unknown(struct span type, const char *type_name, struct err *err)
{
	const char *names[nitems(types)], *near;
	char word[64];

	for (size_t i = 0; i < nitems(types); i++)
		names[i] = types[i]->type;
	snprintf(
	    word, sizeof(word), "%.*s", (int)(type.len < 60 ? type.len : 60), (const char *)type.p);
	near = text_nearest(word, names, nitems(names));
	if (near != NULL)
		err_set(err, ERR_CONFIG, "%.200s: unknown table type \"%s\"; did you mean \"%s\"?",
		    type_name, word, near);
	else
		err_set(err, ERR_CONFIG,
		    "%.200s: unknown table type \"%s\" (filterctl types lists them)", type_name,
		    word);
}

/* Split `type:name`.  NULL: err. */
static const struct table_type *
type_parse(const char *type_name, const char **name, struct err *err)
{
	const struct table_type *type;
	struct span head, rest;

	if (!span_cut(span_str(type_name), ':', &head, &rest) || head.len == 0 || rest.len == 0) {
		err_set(
		    err, ERR_CONFIG, "\"%.200s\": a table must have the form TYPE:NAME", type_name);
		return NULL;
	}
	if ((type = type_find(head)) == NULL)
		type_unknown(head, type_name, err);
	*name = (const char *)rest.p;
	return type;
}

struct table *
table_open_at(const char *type_name, int depth, table_warn_fn *warn, void *arg, struct err *err)
{
	const struct table_type *type;
	const char *name;
	struct arena *mem;
	struct table *t;

	if ((type = type_parse(type_name, &name, err)) == NULL)
		return NULL;
	if (depth > TABLE_DEPTH_MAX) {
		err_set(err, ERR_CONFIG, "%.200s: tables must not be nested deeper than %d",
		    type_name, TABLE_DEPTH_MAX);
		return NULL;
	}
	mem = arena_new();
	t = arena_calloc(mem, sizeof(*t));
	t->mem = mem;
	t->type = type;
	t->full = arena_strdup(mem, type_name);
	t->name = t->full + (name - type_name);
	if (type->name == TABLE_NAME_FILE || (type->name == TABLE_NAME_RULES && *name != '{'))
		t->file = t->name;
	else if (type->name == TABLE_NAME_INDEX)
		t->file = arena_printf(mem, "%s%s", t->name, type->suffix);
	atomic_init(&t->refs, 1);
	t->depth = depth;
	t->warn = warn;
	t->warn_arg = arg;
	if (type->open(t, err) == -1) {
		table_close(t);
		return NULL;
	}
	t->warn = NULL;
	return t;
}

struct table *
table_open(const char *type_name, table_warn_fn *warn, void *arg, struct err *err)
{
	return table_open_at(type_name, 0, warn, arg, err);
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

	/* Postfix's keys are C strings: what follows a NUL is not looked at. */
	if (key.len == 0)
		key.p = (const uint8_t *)"";
	else if ((nul = memchr(key.p, '\0', key.len)) != NULL)
		key.len = (size_t)(nul - key.p);
	return t->type->get(t, key, a, hit, err);
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
	const struct table_type *type;
	const char *name;
	struct arena *a;
	char *rest, *member;

	if (depth > TABLE_DEPTH_MAX || (type = type_parse(type_name, &name, NULL)) == NULL)
		return;
	switch (type->name) {
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
		f(arg, arena_printf(a, "%s%s", name, type->suffix));
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
