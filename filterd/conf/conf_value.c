#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/cf_expand.h"
#include "conf/cf_file.h"
#include "conf/conf_priv.h"
#include "conf/names.h"
#include "conf/param_row.h"
#include "conf/reporter.h"

struct env
conf_env(
    const struct conf *c, const struct conf_listener *l, struct arena *arena, struct reporter *rep)
{
	const struct own_settings *own = l == NULL ? NULL : &c->own[l - c->listeners];

	return (struct env){ .arena = arena,
		.rep = rep,
		.names = c->names,
		.file = c->file,
		.own = own == NULL ? NULL : own->own,
		.nown = own == NULL ? 0 : own->n,
		.role = l == NULL ? ROLE_AFTER_QUEUE : l->role,
		.in_listener = l != NULL,
		.host = &c->host };
}

/* The setting that gives the name its value, or NULL. */
static const struct cf_entry *
taken(const struct env *e, const char *name)
{
	const struct param_row *row = names_row(e->names, name);

	return row == NULL ? env_entry(e, name) : env_taken(e, row);
}

int
conf_where_in(
    const struct conf *c, const struct conf_listener *l, const char *parameter, const char **file)
{
	struct env env = conf_env(c, l, NULL, NULL);
	const struct cf_entry *e = taken(&env, parameter);

	*file = e == NULL ? NULL : e->file;
	return e == NULL ? 0 : e->line;
}

static int
is_raw(const struct conf *c, const char *name)
{
	const struct param_row *row = names_row(c->names, name);

	return row != NULL && row->kind == PARAM_RAW;
}

int
conf_value(const struct conf *c, const struct conf_listener *l, const char *name, int only_default,
    struct conf_value *v)
{
	struct env env = conf_env(c, l, NULL, NULL);
	const char *def;

	v->entry = only_default ? NULL : taken(&env, name);
	v->text = env_value(&env, name, v->entry);
	if (v->text != NULL || names_row(c->names, name) != NULL || postfix_name_find(name, &def))
		return 0;
	return -1;
}

const char *
conf_value_expand(const struct conf *c, const struct conf_listener *l, const char *name,
    const struct conf_value *v, struct arena *arena)
{
	struct reporter silent;
	struct env env = conf_env(c, l, arena, &silent);
	const char *text;

	if (v->text == NULL || is_raw(c, name))
		return v->text;
	reporter_init(&silent, NULL, NULL);
	text = env_expand(&env, name, v->text, v->entry);
	reporter_fini(&silent);
	return text == NULL ? "" : text;
}

const char *
conf_site_value(const struct conf *c, const struct conf_listener *l, const char *name,
    struct arena *arena, const char **file, int *line)
{
	struct conf_value v;
	int rc = conf_value(c, l, name, 0, &v);

	*file = v.entry == NULL ? NULL : v.entry->file;
	*line = v.entry == NULL ? 0 : v.entry->line;
	return rc == -1 ? NULL : conf_value_expand(c, l, name, &v, arena);
}

/* --- the line of an item --- */

/* A value on several lines, as its physical lines come. */
struct walk {
	struct env *env;
	const char *name;
	const char *value; /* what is left of the whole value */
	size_t offset;     /* of the octet asked for, in it */
	int begun;
	int is_raw;
};

/* Step over the text that one line gave; 1: the octet is in it, 0: it is not, -1: the value is not
 * what the lines give one by one. */
static int
step(struct walk *w, struct span piece)
{
	const char *text = arena_str(w->env->arena, piece);
	size_t n;

	if (w->begun && *w->value++ != ' ')
		return -1;
	if (w->begun && w->offset-- == 0)
		return 1;
	w->begun = 1;
	if (!w->is_raw)
		text = env_expand(w->env, w->name, text, NULL);
	n = text == NULL ? 0 : strlen(text);
	if (text == NULL || strncmp(w->value, text, n) != 0)
		return -1;
	if (w->offset < n)
		return 1;
	w->value += n;
	w->offset -= n;
	return 0;
}

static int
find_line(struct walk *w, const struct cf_entry *e)
{
	struct span raw = span_str(e->raw), piece;
	int line = e->value_line;

	for (; raw.len > 0; line++) {
		int rc;

		span_cut(raw, '\n', &piece, &raw);
		piece = span_trim(piece);
		rc = piece.len == 0 ? 0 : step(w, piece);
		if (rc != 0)
			return rc == 1 ? line : e->line;
	}
	return e->line;
}

int
conf_item_line(const struct conf *c, const struct conf_listener *l, const char *name,
    const char *value, size_t offset, const char **file)
{
	struct arena *scratch = arena_new();
	struct reporter silent;
	struct env env = conf_env(c, l, scratch, &silent);
	const struct cf_entry *e = taken(&env, name);
	struct walk w = { .env = &env,
		.name = name,
		.value = value,
		.offset = offset,
		.is_raw = is_raw(c, name) };
	int line = 0;

	reporter_init(&silent, NULL, NULL);
	*file = e == NULL ? NULL : e->file;
	if (e != NULL)
		line = find_line(&w, e);
	reporter_fini(&silent);
	arena_free(scratch);
	return line;
}

void
conf_not_taken_each(const struct conf *c,
    void (*f)(
	void *arg, const struct conf_listener *, const char *name, const char *file, int line),
    void *arg)
{
	for (size_t i = 0; i < c->nlisteners; i++) {
		struct env env = conf_env(c, &c->listeners[i], NULL, NULL);

		for (size_t j = 0; j < param_row_count(); j++) {
			const struct param_row *row = param_row_at(j);
			const struct cf_entry *e = env_entry(&env, row->name);

			if (e != NULL && env_taken(&env, row) == NULL)
				f(arg, &c->listeners[i], row->name, e->file, e->line);
		}
	}
}
