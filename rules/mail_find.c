#include "rules/mail_find.h"

#include "base/err.h"
#include "rules/address.h"
#include "rules/map_list.h"
#include "table/table.h"

int
mail_find(const struct map_list *m, const struct map_ask *ask, const struct address *a,
    enum mail_keys_kind kind, int parents, struct table_hit *hit, struct err *err)
{
	struct mail_keys k;
	struct span key;

	if (m->n == 0)
		return 0;
	mail_keys_address(&k, ask->arena, a, kind, parents);
	while (mail_keys_next(&k, &key)) {
		int rc = map_list_find(m, ask, key, k.partial, hit, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}
