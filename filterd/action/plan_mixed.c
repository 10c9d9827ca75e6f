/* One reply for recipients that differ: plan.def's MIXED rows. */
#include "action/plan_private.h"

enum mixed_do { DO_OWN, DO_PASS, DO_KEEP, DO_DROP, DO_STRICT, DO_AGAIN };

static const struct mixed_row {
	unsigned needs;
	enum on_mixed instead;
	enum mixed_do accepted, rejected, deferred;
} mixed_rows[] = {
#define MIXED(id, needs, instead, accepted, rejected, deferred, text)                              \
	[MIXED_##id] = { needs, MIXED_##instead, DO_##accepted, DO_##rejected, DO_##deferred },
#include "action/plan.def"
#undef MIXED
};

static const char *
want_name(const struct want *w)
{
	switch (w->kind) {
	case STEP_DELIVER:
		return "accept";
	case STEP_HOLD:
		return "hold";
	case STEP_DISCARD:
		return "discard";
	case STEP_REFUSE:
		return w->code < 500 ? "defer" : "reject";
	}
	return NULL;
}

static void
want_become(struct want *w, const struct want *like)
{
	const char *was = want_name(w);

	if (w == like)
		return;
	if (w->decided == NULL && (w->kind != STEP_REFUSE || w->code / 100 != like->code / 100))
		w->decided = was;
	w->origin = like->origin;
	w->reason = like->reason;
	want_refuse(w, like->code, like->enhanced, like->text);
}

/* The first refusal of this class (4 or 5), else the first one of any. */
static const struct want *
first_refusal(const struct planner *p, int class)
{
	const struct want *any = NULL;

	for (size_t i = 0; i < p->txn->nrcpts; i++) {
		const struct want *w = &p->wants[i];

		if (w->kind != STEP_REFUSE)
			continue;
		if (w->code / 100 == class)
			return w;
		if (any == NULL)
			any = w;
	}
	return any;
}

static void
all_become(struct planner *p, const struct want *like)
{
	struct want copy = *like;

	for (size_t i = 0; i < p->txn->nrcpts; i++)
		want_become(&p->wants[i], p->wants + i == like ? like : &copy);
}

void
plan_all_again(struct planner *p)
{
	struct want again = { .origin.list = "on_mixed", .reason = "defer: recipients disagree" };

	want_refuse(&again, 451, "4.3.0", "Recipients disagree about this message, try later");
	all_become(p, &again);
}

static const struct {
	unsigned needs;
	const char *enhanced, *reply;
} parted_row = {
#define PARTED(needs, enhanced, reply, text) needs, enhanced, reply
#include "action/plan.def"
#undef PARTED
};

void
plan_not_parted(struct planner *p)
{
	struct want again = { .reason = "defer: this door cannot take recipients out" };
	size_t delivered = 0;

	for (size_t i = 0; i < p->txn->nrcpts; i++)
		delivered += p->wants[i].kind == STEP_DELIVER;
	if ((p->o->door & parted_row.needs) == parted_row.needs || delivered == 0 ||
	    delivered == p->txn->nrcpts)
		return;
	want_refuse(&again, 451, parted_row.enhanced, parted_row.reply);
	all_become(p, &again);
}

static int
is_mixed(const struct planner *p, size_t *refused)
{
	*refused = 0;
	for (size_t i = 0; i < p->txn->nrcpts; i++)
		*refused += p->wants[i].kind == STEP_REFUSE;
	return *refused > 0 && *refused < p->txn->nrcpts;
}

static void
mixed_one(struct planner *p, struct want *w, enum mixed_do what)
{
	const char *was = w->decided != NULL ? w->decided : want_name(w);

	switch (what) {
	case DO_OWN:
	case DO_STRICT: /* these two are done for all at once */
	case DO_AGAIN:
		return;
	case DO_PASS:
		want_make(w, p, 1);
		break;
	case DO_KEEP: /* reason and class are those of the refusal */
		w->kind = STEP_HOLD;
		break;
	case DO_DROP:
		w->kind = STEP_DISCARD;
		break;
	}
	w->decided = was;
}

static enum mixed_do
what_to_do(const struct mixed_row *row, const struct want *w)
{
	if (w->kind != STEP_REFUSE)
		return row->accepted;
	return w->code < 500 ? row->deferred : row->rejected;
}

static int
brings_back(const struct planner *p, const struct mixed_row *row)
{
	for (size_t i = 0; i < p->txn->nrcpts; i++)
		if (what_to_do(row, &p->wants[i]) == DO_AGAIN)
			return 1;
	return 0;
}

static void
settle_mixed(struct planner *p, enum on_mixed mode)
{
	const struct mixed_row *row = &mixed_rows[mode];

	/* Ends: each `instead` leads to a row that needs less, DEFER needs nothing. */
	while ((p->o->door & row->needs) != row->needs) {
		mode = row->instead;
		row = &mixed_rows[mode];
	}
	if (row->accepted == DO_STRICT) {
		all_become(p, first_refusal(p, 5));
		return;
	}
	if (brings_back(p, row)) {
		plan_all_again(p);
		return;
	}
	for (size_t i = 0; i < p->txn->nrcpts; i++)
		mixed_one(p, &p->wants[i], what_to_do(row, &p->wants[i]));
}

void
plan_one_reply(struct planner *p)
{
	size_t refused;

	if (is_mixed(p, &refused))
		settle_mixed(p, p->o->on_mixed);
	/* What was passed over may be refused for another reason: FILTER without a next hop. */
	if (is_mixed(p, &refused))
		plan_all_again(p);
	if (refused == p->txn->nrcpts)
		all_become(p, first_refusal(p, p->o->on_mixed == MIXED_STRICTEST ? 5 : 4));
}
