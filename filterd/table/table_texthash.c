/* texthash - a text file of `key value` lines, as postmap(1) reads it */
#include "base/arena.h"
#include "base/err.h"
#include "table/lines.h"
#include "table/rows.h"
#include "table/table_type.h"

static int
add_line(struct table *t, char *line, int number, struct err *err)
{
	struct rows *r = t->data;
	char *key, *value;

	if (!lines_row(t, line, number, &key, &value))
		return 0;
	if (rows_find(r, span_str(key)) != NULL) {
		err_set(
		    err, ERR_CONFIG, "%s, line %d: duplicate key \"%.100s\"", t->file, number, key);
		return -1;
	}
	rows_add(r, t->mem, key, arena_strdup(t->mem, value), number);
	return 0;
}

static int
texthash_open(struct table *t, struct err *err)
{
	struct lines l;
	char *line;
	int number, rc = 0;

	t->data = arena_calloc(t->mem, sizeof(struct rows));
	if (lines_open(&l, t, err) == -1)
		return -1;
	while (rc == 0 && (line = lines_next(&l, &number)) != NULL)
		rc = add_line(t, line, number, err);
	lines_close(&l);
	t->rows = ((struct rows *)t->data)->n;
	return rc;
}

static int
texthash_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct row *row = rows_find(t->data, key);

	if (row == NULL)
		return 0;
	*hit = (struct table_hit){ .value = row->value, .file = t->file, .line = row->line };
	return 1;
}

static void
texthash_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	rows_each(t->data, t->file, f, arg);
}

static void
texthash_close(struct table *t)
{
	if (t->data != NULL)
		rows_fini(t->data);
}

const struct table_type table_type_texthash = {
	.type = "texthash",
	.text = "text file of `key value` lines, read into memory",
	.name = TABLE_NAME_FILE,
	.open = texthash_open,
	.get = texthash_get,
	.each = texthash_each,
	.close = texthash_close,
};
