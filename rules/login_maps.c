#include "rules/login_maps.h"

#include "base/arena.h"
#include "rules/load.h"
#include "rules/mail_find.h"
#include "rules/map_list.h"

struct login_maps {
	struct map_list maps;
};

struct login_maps *
login_maps_compile(struct rule_load *l, const char *text)
{
	struct login_maps *m = arena_calloc(l->mem, sizeof(*m));

	map_list_compile(&m->maps, l, "smtpd_sender_login_maps", text);
	return m;
}

int
login_maps_empty(const struct login_maps *m)
{
	return m->maps.n == 0;
}

int
login_maps_owners(const struct login_maps *m, const struct map_ask *ask, const struct address *a,
    struct table_hit *hit, struct err *err)
{
	return mail_find(&m->maps, ask, a, KEYS_FIND, 0, hit, err);
}

static int
is_separator(uint8_t c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
login_maps_is_owner(const char *owners, const char *login)
{
	struct span rest = span_str(owners);

	for (size_t i = 0; i < rest.len;) {
		size_t start;

		while (i < rest.len && is_separator(rest.p[i]))
			i++;
		for (start = i; i < rest.len && !is_separator(rest.p[i]);)
			i++;
		if (i > start && span_case_eq_str(span_make(rest.p + start, i - start), login))
			return 1;
	}
	return 0;
}
