#include <string.h>

#include "base/attr.h"
#include "conf/param_row.h"

static const struct param_row rows[] = {
#define P(kind, name, def, min, max, flags, text)                                                  \
	{ #name, PARAM_##kind, def, min, max, flags, text, offsetof(struct params, name) },
#include "conf/params.def"
#undef P
};

static const struct role_row {
	enum role role;
	const char *name, *def;
} role_rows[] = {
#define ROLE(role, name, def) { ROLE_##role, #name, def },
#include "conf/roles.def"
#undef ROLE
};

static const char *const role_names[] = {
	[ROLE_AFTER_QUEUE] = "after_queue",
	[ROLE_BEFORE_QUEUE] = "before_queue",
	[ROLE_MTA] = "mta",
};

size_t
param_row_count(void)
{
	return nitems(rows);
}

const struct param_row *
param_row_at(size_t i)
{
	return &rows[i];
}

const struct param_row *
param_row_find(const char *name)
{
	for (size_t i = 0; i < nitems(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const char *
param_row_default(const struct param_row *row, enum role role)
{
	for (size_t i = 0; i < nitems(role_rows); i++)
		if (role_rows[i].role == role && strcmp(role_rows[i].name, row->name) == 0)
			return role_rows[i].def;
	return row->def;
}

int
param_row_in_listener(const struct param_row *row)
{
	if (row->flags & PF_GLOBAL)
		return 0;
	return (row->flags & (PF_RELOAD | PF_LISTENER)) != 0;
}

const char *
role_name(enum role role)
{
	return role_names[role];
}

int
role_parse(const char *text, enum role *out)
{
	for (size_t i = 0; i < nitems(role_names); i++)
		if (strcmp(role_names[i], text) == 0) {
			*out = (enum role)i;
			return 0;
		}
	return -1;
}
