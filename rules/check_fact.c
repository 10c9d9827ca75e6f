/* check_fact: the facts about the message, each by "subject=value:detail", "subject=value" and
 * "subject". */
#include <string.h>

#include "core/facts.h"
#include "rules/content_source.h"
#include "rules/message_facts.h"
#include "rules/rules_private.h"

#define KEYS 3 /* of one fact */

/* Those there are by now; others may come to be known while lists go on. */
struct known {
	uint64_t set;                 /* of facts.def */
	const struct fact_told *told; /* the last one taken; NULL: none yet */
	struct span (*v)[KEYS];
	size_t n, cap;
};

static void
add(struct rule_run *run, struct known *k, const char *whole, size_t value, size_t subject)
{
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 8 : k->cap * 2;
		struct span(*v)[KEYS] = arena_alloc(run->arena, cap * sizeof(*v));

		if (k->n > 0)
			memcpy(v, k->v, k->n * sizeof(*v));
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n][0] = span_str(whole);
	k->v[k->n][1] = span_make(whole, value);
	k->v[k->n][2] = span_make(whole, subject);
	k->n++;
}

/* Of facts.def: "mime=limit:depth" has its detail in its name. */
static void
add_own(struct rule_run *run, struct known *k, enum fact id)
{
	const char *whole = fact_name(id), *detail = run->txn->facts.detail[id];

	if (detail != NULL)
		whole = arena_printf(run->arena, "%s:%s", whole, detail);
	add(run, k, whole, strcspn(whole, ":"), strcspn(whole, "="));
}

static void
add_told(struct rule_run *run, struct known *k, const struct fact_told *t)
{
	const char *detail = t->detail == NULL ? "" : t->detail;
	const char *whole = arena_printf(
	    run->arena, "%s=%s%s%s", t->subject, t->value, t->detail == NULL ? "" : ":", detail);
	size_t subject = strlen(t->subject);

	add(run, k, whole, subject + 1 + strlen(t->value), subject);
}

static void
look_again(struct rule_run *run, struct known *k)
{
	const struct facts *f = &run->txn->facts;
	uint64_t fresh = f->set & ~k->set;

	for (int i = 0; fresh != 0 && i < FACT_COUNT; i++)
		if (fresh >> i & 1)
			add_own(run, k, (enum fact)i);
	k->set |= fresh;
	for (const struct fact_told *t = k->told == NULL ? f->told : k->told->next; t != NULL;
	     t = t->next) {
		add_told(run, k, t);
		k->told = t;
	}
}

static int
get(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct known *k = content_keep(run, "check_fact", sizeof(*k));

	(void)err;
	if (i / KEYS >= k->n)
		look_again(run, k);
	if (i / KEYS >= k->n)
		return 0;
	*key = (struct content_key){ .text = k->v[i / KEYS][i % KEYS],
		.thing = i / KEYS,
		.place = PLACE_NONE,
		.shown = k->v[i / KEYS][0] };
	return 1;
}

static enum rule_result
check_fact(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source facts = { "fact", get };

	message_facts(run);
	return content_source_check(run, op, &facts);
}

const struct restriction_def restrictions_fact[] = {
	{ .name = "check_fact",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_fact,
	    .compile = content_compile,
	    .on_failure = "patterns",
	    .text = "Looks up each fact that is known by then, as subject=value:detail, "
		    "subject=value and subject, the first of them that the table has: "
		    "mime=bad_base64, mime=limit, from=multiple, virus=NAME. What plugins and DNS "
		    "lists tell is known behind the restrictions that ask them." },
	{ .name = NULL },
};
