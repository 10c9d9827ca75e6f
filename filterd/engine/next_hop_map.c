#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "core/transaction.h"
#include "engine/next_hop_map.h"
#include "engine/snapshot.h"
#include "table/table.h"

int
next_hop_map_find(void *arg, const char *filter, struct next_hop *hop)
{
	struct next_hop_map *m = arg;
	struct transaction *t = m->txn;
	struct table_hit hit;
	const char *text = filter;
	struct err err;
	int rc = 0;

	if (m->listener->filter_map != -1)
		rc = table_get(table_set_get(t->tables, m->listener->filter_map), span_str(filter),
		    t->arena, &hit, &err);
	if (rc == 1)
		text = hit.value;
	if (rc != -1 && next_hop_parse(text, hop, &err) == 0)
		return 0;
	if (text == filter)
		log_warn(t->service, t->id, "FILTER %s: %s", filter, err.text);
	else
		log_warn(t->service, t->id, "FILTER %s is \"%s\" in filter_next_hop_maps: %s",
		    filter, text, err.text);
	return -1;
}
