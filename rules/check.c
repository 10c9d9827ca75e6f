/* What only a whole configuration shows: loops of classes, items that never decide, open relays. */
#include <string.h>
#include <strings.h>

#include "rules/rules_private.h"

/* --- classes that call themselves --- */

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct walk {
	struct rule_compile *c;
	enum mark *marks; /* a class each */
};

static void
breaks(struct walk *w, struct rule_op *op)
{
	w->c->where = op->where;
	w->c->parameter = "smtpd_restriction_classes";
	op->arg = arena_printf(w->c->load.mem, "class %s calls itself", op->call->name);
	op->def = &restriction_broken;
	op->call = NULL;
	rule_compile_error(w->c, "%s", op->arg);
}

static void
visit(struct walk *w, struct rule_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct rule_op *op = &l->ops[i];
		size_t k;

		if (op->call == NULL)
			continue;
		k = (size_t)(op->call - w->c->rules->classes);
		if (w->marks[k] == MARK_OPEN) {
			breaks(w, op);
		} else if (w->marks[k] == MARK_NEW) {
			w->marks[k] = MARK_OPEN;
			visit(w, &w->c->rules->classes[k]);
			w->marks[k] = MARK_DONE;
		}
	}
}

static void
find_loops(struct rule_compile *c)
{
	struct walk w = { .c = c };

	w.marks = arena_calloc(c->load.mem, (c->rules->nclasses + 1) * sizeof(*w.marks));
	for (size_t i = 0; i < c->rules->nclasses; i++) {
		if (w.marks[i] != MARK_NEW)
			continue;
		w.marks[i] = MARK_OPEN;
		visit(&w, &c->rules->classes[i]);
		w.marks[i] = MARK_DONE;
	}
}

/* warn_if_reject, score_if_reject: what stands behind it need not decide. */
static int
changes_next(const struct rule_op *op)
{
	return op->def->args == ARG_NEXT || op->scores;
}

/* Classes within one another that are looked into. */
#define LOOK_DEPTH 20

/* --- what a list can know --- */

static unsigned
known_in(const struct rules *r, enum rule_list_id id)
{
	unsigned late = NEED_HELO | NEED_SENDER | NEED_RCPT;

	switch (id) {
	case LIST_CLIENT:
		return r->o.smtpd_delay_reject ? late : 0;
	case LIST_HELO:
		return r->o.smtpd_delay_reject ? late : NEED_HELO;
	case LIST_SENDER:
		return r->o.smtpd_delay_reject ? late : NEED_HELO | NEED_SENDER;
	case LIST_RELAY:
	case LIST_RECIPIENT:
		return late;
	case LIST_DATA:
		return late | NEED_DATA;
	case LIST_END_OF_DATA:
	case LIST_CONTENT:
		return late | NEED_DATA | (r->o.no_message ? 0 : NEED_CONTENT);
	case RULE_LISTS:
		break;
	}
	return ~0u;
}

static const char *
missing(unsigned needs)
{
	return needs & NEED_RCPT     ? "the recipient"
	       : needs & NEED_SENDER ? "the sender"
	       : needs & NEED_HELO   ? "the HELO name"
	       : needs & NEED_DATA   ? "the DATA command"
				     : "the message";
}

static const char *
why_not(const struct rules *r, enum rule_list_id id, unsigned lacks)
{
	if (id >= LIST_END_OF_DATA && lacks & NEED_CONTENT)
		return ", as a policy request does not bring it";
	return r->o.smtpd_delay_reject || id > LIST_SENDER ? "" : " with smtpd_delay_reject = no";
}

#define NEEDS_KNOWN (NEED_HELO | NEED_SENDER | NEED_RCPT | NEED_DATA | NEED_CONTENT)

static void
look_at_op(struct rule_compile *c, enum rule_list_id id, const struct rule_op *op)
{
	unsigned lacks = op->def->needs & NEEDS_KNOWN & ~known_in(c->rules, id);

	c->where = op->where;
	if (op->plugin != NULL && lacks & NEED_CONTENT)
		rule_compile_warning(c, "%s always fails in %s: %s is not known there%s", op->word,
		    rule_list_names[id], missing(NEED_CONTENT),
		    why_not(c->rules, id, NEED_CONTENT));
	else if (!(op->def->stages & AT(id)))
		rule_compile_warning(
		    c, "%s has no meaning in %s: it never decides", op->word, rule_list_names[id]);
	else if (lacks != 0)
		rule_compile_warning(c, "%s never decides in %s: %s is not known there%s", op->word,
		    rule_list_names[id], missing(lacks), why_not(c->rules, id, lacks));
}

static void
look_at_list(struct rule_compile *c, enum rule_list_id id, const struct rule_list *l, int depth)
{
	int warns = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct rule_op *op = &l->ops[i];

		look_at_op(c, id, op);
		if (op->call != NULL && depth < LOOK_DEPTH)
			look_at_list(c, id, op->call, depth + 1);
		if (op->def->needs & ENDS_LIST && !warns && i + 1 < l->n) {
			c->where = l->ops[i + 1].where;
			rule_compile_warning(
			    c, "%s is never reached behind %s", l->ops[i + 1].word, op->word);
		}
		warns = changes_next(op);
	}
}

/* --- can a stranger relay? --- */

/* The index of the first item that surely stands against relaying, or l->n (POSTFIX.md: one behind
 * permit or reject, or behind warn_if_reject, does not count). */
static size_t
protection(const struct rule_list *l)
{
	int warns = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct restriction_def *d = l->ops[i].def;

		if (d->needs & STOPS_RELAY && !warns)
			return i;
		if (d->needs & ENDS_LIST && !warns)
			break;
		warns = changes_next(&l->ops[i]);
	}
	return l->n;
}

/* permit_mynetworks and its like know whom they let relay; a table or a policy server may not. */
static void
tell_openings(struct rule_compile *c, const struct rule_list *l, size_t end, int depth)
{
	for (size_t i = 0; i < end; i++) {
		const struct rule_op *op = &l->ops[i];

		if (op->call != NULL && depth < LOOK_DEPTH)
			tell_openings(c, op->call, op->call->n, depth + 1);
		if (!(op->def->needs & CAN_PERMIT) ||
		    (op->def->args != ARG_TABLE && op->def->args != ARG_SERVICE))
			continue;
		c->where = op->where;
		rule_compile_warning(c,
		    "%s stands before the protection against relaying: whoever gets OK from it may "
		    "relay",
		    op->word);
	}
}

static void
look_at_relaying(struct rule_compile *c)
{
	const struct rules *r = c->rules;
	const struct rule_list *relay = &r->lists[LIST_RELAY], *rcpt = &r->lists[LIST_RECIPIENT];
	size_t at_relay = protection(relay), at_rcpt = protection(rcpt);

	c->parameter = rule_list_names[LIST_RELAY];
	c->where = (struct rule_where){ 0 };
	if (r->o.is_mta && at_relay == relay->n && at_rcpt == rcpt->n)
		rule_compile_fatal(c,
		    "neither smtpd_relay_restrictions nor smtpd_recipient_restrictions keeps "
		    "strangers from relaying: reject_unauth_destination, "
		    "defer_unauth_destination, reject, defer, defer_if_permit or "
		    "check_relay_domains must stand in one of them, where it is reached and not "
		    "behind warn_if_reject");
	else if (at_relay < relay->n && at_rcpt == rcpt->n)
		tell_openings(c, relay, at_relay, 0);
	else if (at_rcpt < rcpt->n && at_relay == relay->n) {
		c->parameter = rule_list_names[LIST_RECIPIENT];
		tell_openings(c, rcpt, at_rcpt, 0);
	}
}

void
rules_check(struct rule_compile *c)
{
	find_loops(c);
	for (size_t i = 0; i < RULE_LISTS; i++) {
		c->parameter = rule_list_names[i];
		look_at_list(c, (enum rule_list_id)i, &c->rules->lists[i], 0);
	}
	look_at_relaying(c);
}
