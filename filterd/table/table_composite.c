/*
 * unionmap - every member is asked, the results are joined by commas
 * pipemap - the first member is asked with the key, each further one with the result before
 *
 * Members are opened with the table and change with it, so a look-up sees one version of all.
 */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "table/braces.h"
#include "table/table_type.h"

struct members {
	size_t n, cap;
	struct table **table;
};

static void
add_member(struct table *t, struct table *member)
{
	struct members *m = t->data;
	struct table **grown;

	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 4 : m->cap * 2;
		grown = arena_alloc(t->mem, m->cap * sizeof(*grown));
		if (m->n > 0)
			memcpy(grown, m->table, m->n * sizeof(*grown));
		m->table = grown;
	}
	m->table[m->n++] = member;
	t->rows += member->rows;
	if (t->away == NULL && member->away != NULL)
		t->away = arena_strdup(t->mem, member->away);
	t->digest = (t->digest ^ member->digest) * 0x100000001b3u;
}

static int
composite_open(struct table *t, struct err *err)
{
	struct members *m = t->data = arena_calloc(t->mem, sizeof(*m));
	char *rest = arena_strdup(t->mem, t->name), *name;
	struct table *member;

	if (braces_strip(&rest, 0, err) == -1)
		goto bad;
	while ((name = braces_next(&rest)) != NULL) {
		member = table_open_member(t, name, err);
		if (member == NULL)
			goto bad;
		add_member(t, member);
	}
	if (m->n == 0) {
		err_set(err, ERR_CONFIG, "expected %s:{ TYPE:NAME, ... }", t->type->type);
		goto bad;
	}
	t->is_pattern = m->table[0]->is_pattern;
	return 0;
bad:
	if (t->depth == 0) /* once is enough */
		err_prefix(err, "%.150s", t->full);
	return -1;
}

static void
composite_close(struct table *t)
{
	struct members *m = t->data;

	for (size_t i = 0; m != NULL && i < m->n; i++)
		table_close(m->table[i]);
}

static void
composite_members(const struct table *t, void (*f)(struct table *, void *arg), void *arg)
{
	const struct members *m = t->data;

	for (size_t i = 0; i < m->n; i++)
		f(m->table[i], arg);
}

static int
union_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct members *m = t->data;
	int found = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct table_hit one = { 0 };
		int rc = table_get(m->table[i], key, a, &one, err);

		if (rc == -1)
			return -1; /* half an answer is none */
		if (rc == 0)
			continue;
		if (!found)
			*hit = one; /* its place stands for the whole */
		else
			hit->value = *hit->value == '\0'
					 ? one.value
					 : arena_printf(a, "%s,%s", hit->value, one.value);
		found = 1;
	}
	return found && *hit->value != '\0';
}

static void
union_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	const struct members *m = t->data;

	for (size_t i = 0; i < m->n; i++)
		table_each(m->table[i], f, arg);
}

static int
pipe_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct members *m = t->data;

	for (size_t i = 0; i < m->n; i++) {
		int rc = table_get(m->table[i], key, a, hit, err);

		if (rc != 1)
			return rc;
		key = span_str(hit->value);
	}
	return 1;
}

static void
pipe_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	const struct members *m = t->data;

	/* What the others give is a key, not an answer. */
	table_each(m->table[m->n - 1], f, arg);
}

const struct table_type table_type_unionmap = {
	.type = "unionmap",
	.text = "the results of several tables, joined: unionmap:{ type:name, type:name }",
	.name = TABLE_NAME_MEMBERS,
	.open = composite_open,
	.get = union_get,
	.each = union_each,
	.members = composite_members,
	.close = composite_close,
};

const struct table_type table_type_pipemap = {
	.type = "pipemap",
	.text = "a chain of tables, each asked with the result before: pipemap:{ type:name, "
		"type:name }",
	.name = TABLE_NAME_MEMBERS,
	.open = composite_open,
	.get = pipe_get,
	.each = pipe_each,
	.members = composite_members,
	.close = composite_close,
};
