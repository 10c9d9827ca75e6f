/* check_fact: the facts about the message, each by "subject=value:detail", "subject=value" and
 * "subject". */
#include <string.h>

#include "core/facts.h"
#include "rules/content_source.h"
#include "rules/message_facts.h"
#include "rules/rules_private.h"

#define KEYS 3 /* of one fact */

struct entry {
	struct span v[KEYS];
	size_t thing;
	int reading;
};

/* The details of one fact are readings of it, whenever they come to be known: a row that knows the
 * fact answers once. */
struct own {
	size_t thing;
	int n;
};

/* Those there are by now; others may come to be known while lists go on. */
struct known {
	uint64_t set;                 /* of facts.def, */
	size_t ndetails;              /* with so many of their details */
	const struct fact_told *told; /* the last one taken; NULL: none yet */
	struct entry *v;
	size_t n, cap;
	size_t things;
	struct own own[FACT_COUNT];
	int all; /* what texts and URLs tell is there */
};

static void
add(struct rule_run *run, struct known *k, struct own *own, const char *whole, size_t value,
    size_t subject)
{
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 8 : k->cap * 2;
		struct entry *v = arena_alloc(run->arena, cap * sizeof(*v));

		if (k->n > 0)
			memcpy(v, k->v, k->n * sizeof(*v));
		k->v = v;
		k->cap = cap;
	}
	if (own->n == 0)
		own->thing = k->things++;
	k->v[k->n++] = (struct entry){ .v = { span_str(whole), span_make(whole, value),
					   span_make(whole, subject) },
		.thing = own->thing,
		.reading = own->n++ };
}

static int
has_details(const struct facts *f, enum fact id)
{
	for (size_t i = 0; i < f->ndetails; i++)
		if (f->details[i].id == id)
			return 1;
	return 0;
}

/* Of facts.def, whose names may have a detail of their own: "mime=limit:depth".  Those details that
 * have come to be known since the last time. */
static void
add_own(struct rule_run *run, struct known *k, enum fact id, int fresh)
{
	const struct facts *f = &run->txn->facts;
	const char *name = fact_name(id);
	size_t value = strcspn(name, ":"), subject = strcspn(name, "=");

	if (fresh && !has_details(f, id))
		add(run, k, &k->own[id], name, value, subject);
	for (size_t i = k->ndetails; i < f->ndetails; i++)
		if (f->details[i].id == id)
			add(run, k, &k->own[id], fact_detail_shown(&f->details[i], run->arena),
			    value, subject);
}

static void
add_told(struct rule_run *run, struct known *k, const struct fact_told *t)
{
	const char *detail = t->detail == NULL ? "" : t->detail;
	const char *whole = arena_printf(
	    run->arena, "%s=%s%s%s", t->subject, t->value, t->detail == NULL ? "" : ":", detail);
	size_t subject = strlen(t->subject);
	struct own own = { .n = 0 };

	add(run, k, &own, whole, subject + 1 + strlen(t->value), subject);
}

static void
look_again(struct rule_run *run, struct known *k)
{
	const struct facts *f = &run->txn->facts;
	uint64_t fresh = f->set & ~k->set;

	for (int i = 0; (fresh != 0 || k->ndetails < f->ndetails) && i < FACT_COUNT; i++)
		add_own(run, k, (enum fact)i, (fresh >> i & 1) != 0);
	k->set |= fresh;
	k->ndetails = f->ndetails;
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
	const struct entry *e;

	(void)err;
	if (i / KEYS >= k->n) {
		/* What one recipient's facts are, and which comes first, must not depend on what
		 * another one's list has asked before. */
		if (!k->all)
			k->all = message_facts_decoded(run);
		look_again(run, k);
	}
	if (i / KEYS >= k->n)
		return 0;
	e = &k->v[i / KEYS];
	*key = (struct content_key){ .text = e->v[i % KEYS],
		.thing = e->thing,
		.reading = e->reading,
		.place = PLACE_NONE,
		.shown = e->v[0] };
	return 1;
}

static enum rule_result
check_fact(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source facts = { "fact", get, NULL };

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
		    "lists tell is known behind the restrictions that ask them, of this recipient "
		    "or of one who came before him." },
	{ .name = NULL },
};
