#include <stdlib.h>
#include <string.h>

#include "base/text.h"
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

/* The default as `filterctl config -d` shows it. */
static const char *
default_text(const struct conf *c, const char *name)
{
	const struct param_row *row = param_row_find(name);
	const char *def;

	if (strcmp(name, "myhostname") == 0)
		return c->host.name;
	if (strcmp(name, "mydomain") == 0)
		return c->host.domain;
	if (row != NULL)
		return row->def;
	/* What depends on the machine in Postfix has no value here until it is set. */
	return postfix_name_find(name, &def) ? (def == NULL ? "" : def) : NULL;
}

static int
print_one(const struct conf *c, enum conf_show show, const char *name, FILE *out)
{
	const struct cf_entry *e = cf_file_get(c->file, name);
	const char *value = default_text(c, name);

	if (show == CONF_SHOW_SET && e == NULL)
		return value == NULL ? -1 : 0;
	if (show != CONF_SHOW_DEFAULTS && e != NULL)
		value = e->value;
	if (value == NULL)
		return -1;
	fprintf(out, "%s =%s%s\n", name, value[0] == '\0' ? "" : " ", value);
	return 0;
}

/* All names that a listing without names has, in order. */
static const char **
all_names(const struct conf *c, enum conf_show show, size_t *n)
{
	size_t files = show == CONF_SHOW_DEFAULTS ? 0 : cf_file_count(c->file);
	const char **names = xcalloc(param_row_count() + files + 1, sizeof(names[0]));

	*n = 0;
	for (size_t i = 0; show != CONF_SHOW_SET && i < param_row_count(); i++)
		names[(*n)++] = param_row_at(i)->name;
	for (size_t i = 0; i < files; i++)
		if (cf_file_at(c->file, i)->name != NULL)
			names[(*n)++] = cf_file_at(c->file, i)->name;
	qsort(names, *n, sizeof(names[0]), compare);
	return names;
}

static void
print_all(const struct conf *c, enum conf_show show, FILE *out)
{
	size_t n;
	const char **names = all_names(c, show, &n);

	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
			print_one(c, show, names[i], out);
	free(names);
}

int
conf_print(const struct conf *c, enum conf_show show, char *const *names, size_t nnames, FILE *out,
    FILE *err)
{
	int rc = 0;

	if (nnames == 0)
		print_all(c, show, out);
	for (size_t i = 0; i < nnames; i++) {
		const char *near;

		if (print_one(c, show, names[i], out) == 0)
			continue;
		near = names_nearest(c->names, names[i]);
		fprintf(err, "%s: unknown parameter%s%s\n", names[i],
		    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
		rc = -1;
	}
	return rc;
}
