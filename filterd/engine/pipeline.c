#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/xmem.h"
#include "core/message.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "mail/mime.h"
#include "rules/content_checks.h"
#include "rules/rules.h"
#include "table/table.h"

#define LARGE ((size_t)4 * 1024 * 1024)

void
engine_begin(struct transaction *t, struct snapshot *s)
{
	t->snapshot = s;
	t->tables = table_set_take(snapshot_tables(s));
}

void
engine_end(struct transaction *t)
{
	table_set_release(t->tables);
	memset(t, 0, sizeof(*t));
}

struct rule_memory *
engine_memory_new(void)
{
	return xcalloc(1, sizeof(struct rule_memory));
}

void
engine_memory_free(struct rule_memory *m)
{
	free(m);
}

/* RFC 5321 6.3; Postfix hopcount_limit.  5.4.6 is RFC 3463's "routing loop detected". */
static void
check_hops(struct transaction *t, const struct snap_listener *l, const struct mime_index *ix)
{
	if ((int64_t)ix->received < l->params->hopcount_limit)
		return;
	fact_set(&t->facts, FACT_LOOP_HOPS);
	verdict_refuse(&t->verdict, 554, "5.4.6", "Error: too many hops",
	    (struct origin){ .list = "hopcount_limit" });
}

static void
ask_end(struct transaction *t, const struct snap_listener *l, struct deadline deadline)
{
	struct mime_index ix;
	/* Checks may take long where there are any; a large message always takes a while. */
	int heavy = content_checks_any(l->checks) || message_len(t->message) > LARGE;

	if (heavy)
		blocking_begin();
	content_checks_run(l->checks, t, deadline, &ix);
	if (heavy)
		blocking_end();
	check_hops(t, l, &ix);
}

/* Why the lists of the stages before the end are not here: nothing of a listener's policy is asked
 * before the message in this version; rules/ adds its rows to this switch, and no door changes. */
void
engine_ask(struct transaction *t, const struct snap_listener *l, enum stage stage,
    struct recipient *rcpt, struct deadline deadline, struct verdict *v)
{
	(void)rcpt;
	(void)v;
	switch (stage) {
	case STAGE_NONE:
	case STAGE_CONNECT:
	case STAGE_HELO:
	case STAGE_MAIL:
	case STAGE_RCPT:
	case STAGE_DATA:
		return;
	case STAGE_END:
		t->verdict.stage = "END-OF-MESSAGE";
		ask_end(t, l, deadline);
		return;
	}
}
