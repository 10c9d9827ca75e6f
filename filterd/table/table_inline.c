/* inline - rows written in the table's name: inline:{ key=value, { key = text with blanks } } */
#include "base/arena.h"
#include "base/err.h"
#include "table/braces.h"
#include "table/rows.h"
#include "table/table_type.h"

static int
inline_open(struct table *t, struct err *err)
{
	struct rows *r = t->data = arena_calloc(t->mem, sizeof(*r));
	char *rest = arena_strdup(t->mem, t->name), *item, *key, *value;
	struct row *row;

	if (braces_strip(&rest, 0, err) == -1)
		goto bad;
	while ((item = braces_next(&rest)) != NULL) {
		if (*item == '{' && braces_strip(&item, 1, err) == -1)
			goto bad;
		if (braces_assignment(item, &key, &value, err) == -1)
			goto bad;
		if ((row = rows_find(r, span_str(key))) != NULL)
			row->value = value; /* the last one counts, unlike in a file */
		else
			rows_add(r, t->mem, key, value, 0);
	}
	if (r->n == 0) {
		err_set(err, ERR_CONFIG, "the table is empty");
		goto bad;
	}
	t->rows = r->n;
	return 0;
bad:
	err_prefix(err, "%.150s: expected inline:{ key=value, ... }", t->full);
	return -1;
}

static int
inline_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct row *row = rows_find(t->data, key);

	if (row == NULL)
		return 0;
	*hit = (struct table_hit){ .value = row->value };
	return 1;
}

static void
inline_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	rows_each(t->data, NULL, f, arg);
}

static void
inline_close(struct table *t)
{
	if (t->data != NULL)
		rows_fini(t->data);
}

const struct table_type table_type_inline = {
	.type = "inline",
	.text = "rows written in place: inline:{ key=value, { key = text } }",
	.name = TABLE_NAME_TEXT,
	.open = inline_open,
	.get = inline_get,
	.each = inline_each,
	.close = inline_close,
};
