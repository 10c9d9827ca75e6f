/* proxy - another table, which Postfix asks through its proxymap(8) server and we do ourselves */
#include "table/table_type.h"

static int
proxy_open(struct table *t, struct err *err)
{
	struct table *member = table_open_member(t, t->name, err);

	if (member == NULL)
		return -1;
	t->data = member;
	t->rows = member->rows;
	t->away = member->away; /* the member is closed with it */
	t->digest = member->digest;
	t->is_pattern = member->is_pattern;
	return 0;
}

static int
proxy_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	return table_get(t->data, key, a, hit, err);
}

static void
proxy_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	table_each(t->data, f, arg);
}

static void
proxy_members(const struct table *t, void (*f)(struct table *, void *arg), void *arg)
{
	f(t->data, arg);
}

static void
proxy_close(struct table *t)
{
	table_close(t->data);
}

const struct table_type table_type_proxy = {
	.type = "proxy",
	.text = "the table that is named behind it: proxy:type:name",
	.name = TABLE_NAME_TABLE,
	.open = proxy_open,
	.get = proxy_get,
	.each = proxy_each,
	.members = proxy_members,
	.close = proxy_close,
};
