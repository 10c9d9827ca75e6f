#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "rules/access_impl.h"
#include "rules/access_lookup.h"
#include "rules/address.h"
#include "rules/policy_digest.h"
#include "table/table.h"

struct walk {
	struct rule_run *run;
	struct buf said; /* what is hashed in the end */
	int depth;
	int64_t steps;
	int warned;      /* what is refused here is only logged, or gives points */
	int over;        /* nothing that follows counts */
	int all_classes; /* a table whose rows are not known yet may name any of them */
};

static void walk_list(struct walk *, const struct rule_list *);

/* This recipient is like no other. */
static void
say_address(struct walk *w)
{
	buf_addc(&w->said, '@');
	buf_adds(&w->said, w->run->rcpt->addr);
	buf_addc(&w->said, '\0');
}

/* OK, DISCARD and their like end all lists. */
static int
ends(const char *value)
{
	static const char *const last[] = { "OK", "RELAY", "DISCARD" };
	struct span word = span_make(value, strcspn(value, " \t"));

	for (size_t i = 0; i < nitems(last); i++)
		if (span_case_eq_str(word, last[i]))
			return 1;
	return value[strspn(value, "0123456789")] == '\0';
}

static void
walk_row(struct walk *w, const char *value)
{
	enum access_kind kind = access_kind(value);

	buf_addc(&w->said, '=');
	buf_adds(&w->said, value);
	buf_addc(&w->said, '\0');
	if (kind == ACCESS_LIST)
		walk_list(w, rule_row_list(w->run, value));
	else if (kind == ACCESS_REFUSAL ? !w->warned : ends(value))
		w->over = 1;
}

static void
walk_recipient_table(struct walk *w, const struct rule_op *op)
{
	struct table_hit hit = { 0 };
	struct err err;
	int rc = access_find_recipient(w->run, op, &hit, &err);

	/* A route is no reason to permit, and such an address is its own affair. */
	if (rc == -1 || rule_recipient(w->run)->routed)
		say_address(w);
	else if (rc == 1)
		walk_row(w, hit.value);
}

/* A size and a number of recipients are the same for all of a transaction; what stands behind one
 * of them may be reached or not. */
static void
walk_measure(struct walk *w, const char *result)
{
	int over = w->over;

	if (access_kind(result) == ACCESS_LIST)
		walk_list(w, rule_row_list(w->run, result));
	w->over = over;
}

/* Does its answer depend on the recipient?  A plugin's row says so. */
static int
looks_at_recipient(const struct rule_op *op)
{
	return (op->def->needs & NEED_RCPT) != 0 || op->def == &restrictions_policy[0];
}

static int
over_budget(const struct walk *w)
{
	const struct rule_options *o = w->run->o;

	return w->depth > o->rule_depth_limit || w->steps > o->rule_step_limit;
}

static void
walk_op(struct walk *w, const struct rule_op *op)
{
	if (op->call != NULL)
		walk_list(w, op->call);
	else if (access_asks_recipient(op))
		walk_recipient_table(w, op);
	else if (rule_measure_result(op) != NULL)
		walk_measure(w, rule_measure_result(op));
	else if (looks_at_recipient(op))
		say_address(w);
	else if (op->def->args == ARG_TABLE)
		w->all_classes = 1;
	if (op->def->needs & ENDS_LIST && (!w->warned || op->def->needs & CAN_PERMIT))
		w->over = 1;
}

static void
walk_list(struct walk *w, const struct rule_list *l)
{
	int warned = w->warned;

	w->depth++;
	for (size_t i = 0; i < l->n && !w->over; i++) {
		w->steps++;
		if (over_budget(w)) {
			say_address(w);
			w->over = 1;
		} else if (l->ops[i].def->args == ARG_NEXT || l->ops[i].scores) {
			w->warned = 1;
		} else {
			/* Two rows alike, found by different items, are no policy alike. */
			buf_printf(&w->said, "%zu ", i);
			walk_op(w, &l->ops[i]);
			w->warned = warned;
		}
	}
	w->warned = warned;
	w->depth--;
}

static void
walk_classes(struct walk *w)
{
	const struct rules *r = w->run->rules;

	for (size_t i = 0; i < r->nclasses; i++) {
		w->over = 0;
		buf_addc(&w->said, '/');
		walk_list(w, &r->classes[i]);
	}
}

uint64_t
rules_policy_digest(const struct rules *rules, const struct rule_ask *ask)
{
	struct rule_run run = { .rules = rules,
		.o = &rules->o,
		.ask = ask,
		.txn = ask->txn,
		.client = ask->txn->client,
		.rcpt = ask->rcpt,
		.arena = ask->txn->arena,
		.kept = rule_kept(ask),
		.list = LIST_CONTENT };
	struct walk w = { .run = &run };
	uint64_t digest;

	walk_list(&w, &rules->lists[LIST_CONTENT]);
	if (w.all_classes)
		walk_classes(&w);
	digest = keyhash(&rules->row_hash, w.said.p, w.said.len);
	buf_fini(&w.said);
	return digest;
}
