/* static - the same value for every key: static:value, static:{ text with blanks } */
#include "base/arena.h"
#include "base/err.h"
#include "table/braces.h"
#include "table/table_type.h"

static int
static_open(struct table *t, struct err *err)
{
	char *value = arena_strdup(t->mem, t->name);

	if (*value == '{' && braces_strip(&value, 1, err) == -1) {
		err_prefix(err, "%.150s: expected static:VALUE or static:{ VALUE }", t->full);
		return -1;
	}
	t->data = value;
	t->rows = 1;
	/* No use in asking for parents and prefixes of a key: the first answer holds for all. */
	t->is_pattern = 1;
	return 0;
}

static int
static_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	*hit = (struct table_hit){ .value = t->data };
	return 1;
}

static void
static_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	f(arg, t->data, NULL, 0);
}

const struct table_type table_type_static = {
	.type = "static",
	.text = "the same value for every key: static:value, static:{ text }",
	.name = TABLE_NAME_TEXT,
	.open = static_open,
	.get = static_get,
	.each = static_each,
};
