#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "conf/cf_file.h"
#include "conf/conf_priv.h"
#include "conf/names.h"
#include "conf/param_row.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What the steps of one listing share. */
struct listing {
	const struct conf *conf;
	const struct conf_view *view;
	struct arena *arena;
	FILE *out;
};

/* 0, or -1: nobody knows the name. */
static int
print_one(const struct listing *l, const char *name)
{
	const struct conf_view *v = l->view;
	struct conf_value value;

	if (conf_value(l->conf, v->listener, name, v->show == CONF_SHOW_DEFAULTS, &value) == -1)
		return -1;
	if (v->show == CONF_SHOW_SET && value.entry == NULL)
		return 0;
	if (v->expanded)
		value.text = conf_value_expand(l->conf, v->listener, name, &value, l->arena);
	/* What depends on the machine in Postfix has no value here until it is set. */
	if (value.text == NULL)
		value.text = "";
	fprintf(l->out, "%s =%s%s\n", name, value.text[0] == '\0' ? "" : " ", value.text);
	return 0;
}

/* Parameters of plugins are a global's: a listener has them as the file has. */
static size_t
plugin_names(const struct conf *c, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nplugins; i++)
		for (size_t j = 0; j < c->plugin_rows[i].n; j++, n++)
			if (names != NULL)
				names[n] = c->plugin_rows[i].row[j].name;
	return n;
}

/* All names that a listing without names has, in order. */
static const char **
all_names(const struct listing *l, size_t *n)
{
	const struct conf *c = l->conf;
	const struct own_settings none = { 0 }, *own = &none;
	size_t files = cf_file_count(c->file);
	const char **names;

	if (l->view->listener != NULL)
		own = &c->own[l->view->listener - c->listeners];
	names = xcalloc(
	    param_row_count() + plugin_names(c, NULL) + files + own->n + 1, sizeof(names[0]));
	*n = 0;
	for (size_t i = 0; l->view->show != CONF_SHOW_SET && i < param_row_count(); i++)
		names[(*n)++] = param_row_at(i)->name;
	if (l->view->show != CONF_SHOW_SET)
		*n += plugin_names(c, names + *n);
	for (size_t i = 0; l->view->show != CONF_SHOW_DEFAULTS && i < files; i++)
		if (cf_file_at(c->file, i)->name != NULL)
			names[(*n)++] = cf_file_at(c->file, i)->name;
	for (size_t i = 0; l->view->show != CONF_SHOW_DEFAULTS && i < own->n; i++)
		names[(*n)++] = own->own[i].name;
	qsort(names, *n, sizeof(names[0]), compare);
	return names;
}

static void
print_all(const struct listing *l)
{
	size_t n;
	const char **names = all_names(l, &n);

	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
			print_one(l, names[i]);
	free(names);
}

int
conf_print(const struct conf *c, const struct conf_view *view, char *const *names, size_t nnames,
    FILE *out, FILE *err)
{
	struct listing l = { .conf = c, .view = view, .arena = arena_new(), .out = out };
	int rc = 0;

	if (nnames == 0)
		print_all(&l);
	for (size_t i = 0; i < nnames; i++) {
		const char *near;

		if (print_one(&l, names[i]) == 0)
			continue;
		near = names_nearest(c->names, names[i]);
		fprintf(err, "%s: unknown parameter%s%s\n", names[i],
		    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
		rc = -1;
	}
	arena_free(l.arena);
	return rc;
}
