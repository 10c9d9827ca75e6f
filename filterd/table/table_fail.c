/*
 * fail - every look-up fails: fail:config as a table that someone must repair, fail:anything else
 * as one that may answer later
 */
#include "base/err.h"
#include "base/text.h"
#include "table/table_type.h"

static int
fail_open(struct table *t, struct err *err)
{
	t->is_pattern = 1; /* one look-up suffices */
	return 0;
}

static int
fail_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	err_set(err, text_case_eq(t->name, "config") ? ERR_CONFIG : ERR_RETRY,
	    "%.200s: the look-up failed, as this table always does", t->full);
	return -1;
}

static void
fail_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	/* It has no values. */
}

const struct table_type table_type_fail = {
	.type = "fail",
	.text = "every look-up fails; fail:config as a broken table does, else as one that is down",
	.name = TABLE_NAME_TEXT,
	.open = fail_open,
	.get = fail_get,
	.each = fail_each,
};
