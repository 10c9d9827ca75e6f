/* plan.def, walked: each outcome at each door for up to three recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action/plan.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "tests/lib/txn_make.h"

#define TEXT "Subject: hello\r\nFrom: a@example.com\r\n\r\nbody\r\n"

/* What one recipient's rules may have said. */
enum said {
	SAID_NOTHING,
	SAID_OK,
	SAID_EDIT,
	SAID_TAG,
	SAID_PREPEND,
	SAID_HOLD,
	SAID_DISCARD,
	SAID_REDIRECT,
	SAID_BCC,
	SAID_FILTER,
	SAID_BAD_FILTER,
	SAID_DEFER,
	SAID_REJECT,     /* by header_checks */
	SAID_LOOP,       /* a REJECT that is no content's */
	SAID_SOFT,       /* REJECT with a 4xx code is a DEFER */
	SAID_HOLD_BOTH,  /* HOLD and DISCARD: discard beats hold */
	SAID_REJECT_TOO, /* HOLD, then REJECT: the refusal answers */
	SAID_COUNT
};

static void
say(struct verdict *v, enum said s, struct arena *a)
{
	struct origin content = { .list = "header_checks", .file = "/etc/h", .line = 7 };
	struct origin loop = { .list = "hopcount_limit" };

	switch (s) {
	case SAID_NOTHING:
		return;
	case SAID_OK:
		v->outcome = OUTCOME_OK;
		return;
	case SAID_EDIT:
		edit_add(&v->edits, 9, 5, span_str("HELLO"));
		return;
	case SAID_TAG:
		effect_add(&v->tags, a, "", content);
		return;
	case SAID_PREPEND:
		effect_add(&v->prepends, a, "X-Own: 1", content);
		return;
	case SAID_HOLD_BOTH:
		v->discard = 1;
		v->discard_origin = content;
		/* fall through */
	case SAID_HOLD:
	case SAID_REJECT_TOO:
		v->hold = 1;
		v->hold_reason = "odd";
		v->hold_origin = content;
		if (s == SAID_REJECT_TOO)
			verdict_refuse(v, 550, "5.7.1", "no", content);
		return;
	case SAID_DISCARD:
		v->discard = 1;
		v->discard_origin = content;
		return;
	case SAID_REDIRECT:
		v->redirect = (struct effect_text){ "else@example.net", content };
		return;
	case SAID_BCC:
		effect_add(&v->bcc, a, "copy@example.net", content);
		return;
	case SAID_FILTER:
		v->filter = (struct effect_text){ "smtp:[127.0.0.1]:27001", content };
		return;
	case SAID_BAD_FILTER:
		v->filter = (struct effect_text){ "uucp:there", content };
		return;
	case SAID_DEFER:
		verdict_refuse(v, 450, "4.7.1", "later", content);
		return;
	case SAID_REJECT:
		verdict_refuse(v, 550, "5.7.1", "no", content);
		return;
	case SAID_LOOP:
		verdict_refuse(v, 554, "5.4.6", "too many hops", loop);
		return;
	case SAID_SOFT:
		verdict_refuse(v, 550, "5.7.1", "no", content);
		v->code = 450;
		return;
	case SAID_COUNT:
		return;
	}
}

static int
find_hop(void *arg, const char *filter, struct next_hop *hop)
{
	struct err err;

	(*(int *)arg)++;
	return next_hop_parse(filter, hop, &err);
}

static struct next_hop usual;

#define DOOR_ALL (DOOR_REPLY_EACH | DOOR_EDIT | DOOR_HOLD | DOOR_AFTER_QUEUE | DOOR_EDIT_SOME)

static struct plan_options
options(unsigned door, enum reject_as as, enum on_mixed mixed)
{
	return (struct plan_options){ .door = door,
		.after_queue_reject = as,
		.on_mixed = mixed,
		.next_hop = &usual,
		.tag_header = "X-Spam-Flag: YES",
		.tag_subject_prefix = "" };
}

/* --- one recipient: what is expected, by an independent reading of the design --- */

enum fate { F_DELIVER, F_HOLD, F_DISCARD, F_DEFER, F_REJECT };

static enum fate
hold_or_defer(unsigned door)
{
	return door & DOOR_HOLD ? F_HOLD : F_DEFER;
}

static enum fate
expect_alone(enum said s, unsigned door, enum reject_as as)
{
	switch (s) {
	case SAID_NOTHING:
	case SAID_OK:
	case SAID_EDIT:
	case SAID_TAG:
	case SAID_PREPEND:
	case SAID_REDIRECT:
	case SAID_BCC:
	case SAID_FILTER:
		return F_DELIVER;
	case SAID_HOLD:
		return hold_or_defer(door);
	case SAID_DISCARD:
	case SAID_HOLD_BOTH:
		return F_DISCARD;
	case SAID_BAD_FILTER:
	case SAID_DEFER:
	case SAID_SOFT:
		return F_DEFER;
	case SAID_LOOP:
		return F_REJECT;
	case SAID_REJECT:
	case SAID_REJECT_TOO:
		if (!(door & DOOR_AFTER_QUEUE) || as == REJECT_AS_REJECT)
			return F_REJECT;
		return as == REJECT_AS_HOLD ? hold_or_defer(door) : F_DISCARD;
	case SAID_COUNT:
		break;
	}
	return F_REJECT;
}

static enum fate
fate_of(const struct plan_step *s)
{
	switch (s->kind) {
	case STEP_DELIVER:
		return F_DELIVER;
	case STEP_HOLD:
		return F_HOLD;
	case STEP_DISCARD:
		return F_DISCARD;
	case STEP_REFUSE:
		return s->code < 500 ? F_DEFER : F_REJECT;
	}
	return F_REJECT;
}

static const struct plan_step *
step_of(const struct plan *p, size_t rcpt)
{
	const struct plan_step *found = NULL;

	for (size_t i = 0; i < p->nsteps; i++) {
		for (size_t k = 0; k < p->steps[i].nrcpts; k++) {
			if (p->steps[i].rcpts[k] != rcpt)
				continue;
			assert_null(found); /* in one step only */
			found = &p->steps[i];
		}
	}
	assert_non_null(found);
	return found;
}

/* What LENIENT makes of a refusal: its effects stay. */
static enum fate
expect_passed(enum said s, unsigned door)
{
	if (s == SAID_BAD_FILTER)
		return F_DEFER; /* it has no next hop, so it stays */
	if (s == SAID_REJECT_TOO || s == SAID_HOLD)
		return hold_or_defer(door);
	return F_DELIVER;
}

static void
expect_mixed(const enum said *said, size_t n, unsigned door, enum on_mixed mode, enum fate *want)
{
	size_t refused = 0, rejected = 0;

	for (size_t i = 0; i < n; i++) {
		refused += want[i] >= F_DEFER;
		rejected += want[i] == F_REJECT;
	}
	if (mode == MIXED_SPLIT)
		mode = MIXED_HOLD;
	if (mode == MIXED_HOLD && !(door & DOOR_HOLD))
		mode = MIXED_DEFER;
	if (refused == n) {
		/* nobody gets it: one reply, 4xx unless all or the strictest say 5xx */
		for (size_t i = 0; i < n; i++)
			want[i] = rejected == n || (mode == MIXED_STRICTEST && rejected > 0)
				      ? F_REJECT
				      : F_DEFER;
		return;
	}
	if (refused == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (mode == MIXED_DEFER)
			want[i] = F_DEFER;
		else if (mode == MIXED_STRICTEST)
			want[i] = rejected > 0 ? F_REJECT : F_DEFER;
		else if (want[i] >= F_DEFER && mode == MIXED_HOLD)
			want[i] = F_HOLD;
		else if (want[i] >= F_DEFER && mode == MIXED_LENIENT)
			want[i] = expect_passed(said[i], door);
	}
	refused = 0;
	for (size_t i = 0; i < n; i++)
		refused += want[i] >= F_DEFER;
	for (size_t i = 0; refused > 0 && i < n; i++)
		if (mode == MIXED_LENIENT)
			want[i] = F_DEFER;
}

/* --- changes that not all want --- */

enum change { CHANGE_EDIT = 1, CHANGE_TAG = 2, CHANGE_PREPEND = 4 };

static unsigned
changes_said(enum said s)
{
	return s == SAID_EDIT      ? CHANGE_EDIT
	       : s == SAID_TAG     ? CHANGE_TAG
	       : s == SAID_PREPEND ? CHANGE_PREPEND
				   : 0;
}

/* changes: what each copy that is delivered should have on it. */
static void
expect_edits(const enum said *said, size_t n, const struct plan_options *o, enum fate *want,
    unsigned *changes)
{
	unsigned all = 0, first = 0;
	int delivered = 0, differ = 0, deferred = 0;

	for (size_t i = 0; i < n; i++) {
		changes[i] = o->door & DOOR_EDIT ? changes_said(said[i]) : 0;
		if (want[i] != F_DELIVER)
			continue;
		if (delivered++ == 0)
			first = changes[i];
		differ |= changes[i] != first;
		all |= changes[i];
	}
	if (!differ || (o->door & DOOR_EDIT_SOME))
		return;
	for (size_t i = 0; i < n; i++) {
		if (want[i] != F_DELIVER)
			continue;
		if (o->on_mixed_edits == MIXED_EDITS_HOLD && changes[i] != 0) {
			want[i] = hold_or_defer(o->door);
			deferred |= want[i] == F_DEFER;
		}
		changes[i] = o->on_mixed_edits == MIXED_EDITS_ALL ? all : 0;
	}
	for (size_t i = 0; i < n; i++)
		if (deferred && !(o->door & DOOR_REPLY_EACH))
			want[i] = F_DEFER;
}

static int
collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

static unsigned
changes_made(const struct txn_made *m, const struct plan_step *s, struct buf *b)
{
	const char *text;

	if (s->edits == NULL)
		return 0;
	buf_reset(b);
	assert_int_equal(edit_walk(message_view(m->message), s->edits, collect, b), 0);
	text = buf_cstr(b);
	return (strstr(text, "HELLO") != NULL ? CHANGE_EDIT : 0u) |
	       (strstr(text, "X-Spam-Flag") != NULL ? CHANGE_TAG : 0u) |
	       (strstr(text, "X-Own") != NULL ? CHANGE_PREPEND : 0u);
}

static void
check_one_reply(const struct plan *p, unsigned door)
{
	int refuse = 0, other = 0;

	if (door & DOOR_REPLY_EACH)
		return;
	for (size_t i = 0; i < p->nsteps; i++) {
		if (p->steps[i].kind == STEP_REFUSE) {
			refuse++;
			assert_int_equal(p->steps[i].code, p->steps[0].code);
			assert_string_equal(p->steps[i].text, p->steps[0].text);
			assert_string_equal(p->steps[i].enhanced, p->steps[0].enhanced);
		} else {
			other++;
		}
	}
	assert_true(refuse == 0 || other == 0);
}

static void
check_step(const struct plan_step *s, unsigned door)
{
	assert_true(s->nrcpts > 0);
	switch (s->kind) {
	case STEP_DELIVER:
		assert_true(s->hop.text[0] != '\0');
		if (!(door & DOOR_EDIT)) {
			assert_null(s->edits);
		}
		break;
	case STEP_HOLD:
		assert_true(door & DOOR_HOLD);
		assert_non_null(s->reason);
		assert_string_equal(s->hop.text, usual.text);
		break;
	case STEP_DISCARD:
		assert_non_null(s->reason);
		break;
	case STEP_REFUSE:
		assert_true(s->code >= 400 && s->code <= 599);
		assert_int_equal(s->enhanced[0], '0' + s->code / 100);
		break;
	}
}

static void
one_case(const enum said *said, size_t n, const struct plan_options *o, struct buf *text)
{
	const struct plan_step *s;
	unsigned changes[3];
	enum fate want[3];
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	txn_make(&m, n, TEXT);
	for (size_t i = 0; i < n; i++) {
		say(&m.txn.rcpts[i]->verdict, said[i], m.arena);
		want[i] = expect_alone(said[i], o->door, o->after_queue_reject);
	}
	if (!(o->door & DOOR_REPLY_EACH))
		expect_mixed(said, n, o->door, o->on_mixed, want);
	expect_edits(said, n, o, want, changes);
	plan_make(&m.txn, o, find_hop, &asked, &plan);
	for (size_t i = 0; i < n; i++) {
		s = step_of(&plan, i);
		assert_int_equal(fate_of(s), want[i]);
		if (s->kind == STEP_DELIVER)
			assert_int_equal(changes_made(&m, s, text), changes[i]);
	}
	for (size_t i = 0; i < plan.nsteps; i++)
		check_step(&plan.steps[i], o->door);
	check_one_reply(&plan, o->door);
	txn_unmake(&m);
}

/* A parameter that this door never reads has one value that will do. */
static int
is_read(const struct plan_options *o)
{
	int edits = (o->door & (DOOR_EDIT | DOOR_EDIT_SOME)) == DOOR_EDIT;

	if ((o->door & DOOR_REPLY_EACH) && o->on_mixed != MIXED_HOLD)
		return 0;
	if (!(o->door & DOOR_AFTER_QUEUE) && o->after_queue_reject != REJECT_AS_HOLD)
		return 0;
	if (!(o->door & DOOR_EDIT) && (o->door & DOOR_EDIT_SOME))
		return 0;
	/* A refusal that is none any more has no changes: one after_queue_reject for the others. */
	return o->on_mixed_edits == MIXED_EDITS_ALL ||
	       (edits && o->after_queue_reject == REJECT_AS_HOLD);
}

static size_t
every_message(const struct plan_options *o, struct buf *text)
{
	enum said s[3];
	size_t total = SAID_COUNT * SAID_COUNT * SAID_COUNT;

	for (size_t i = 0; i < total; i++) {
		s[0] = i % SAID_COUNT;
		s[1] = i / SAID_COUNT % SAID_COUNT;
		s[2] = i / SAID_COUNT / SAID_COUNT;
		if (i < SAID_COUNT)
			one_case(s, 1, o, text);
		if (i < SAID_COUNT * SAID_COUNT)
			one_case(s, 2, o, text);
		one_case(s, 3, o, text);
	}
	return total;
}

#define OPTIONS (32 * 3 * 5 * 3) /* doors, after_queue_reject, on_mixed, on_mixed_edits */

static void
test_plan_every_case(void **state)
{
	struct buf text = { 0 };
	size_t cases = 0;

	(void)state;
	for (unsigned i = 0; i < OPTIONS; i++) {
		struct plan_options o =
		    options(i % 32, (enum reject_as)(i / 32 % 3), (enum on_mixed)(i / 32 / 3 % 5));

		o.on_mixed_edits = (enum on_mixed_edits)(i / 32 / 3 / 5);
		if (is_read(&o))
			cases += every_message(&o, &text);
	}
	assert_true(cases > 500000);
	buf_fini(&text);
}

/* --- the message's own verdict --- */

static const struct {
	enum said all;
	unsigned door;
	enum reject_as as;
	enum fate fate;
	int as_is;
	const char *reason, *decided;
	int class;
} all_cases[] = {
	{ SAID_NOTHING, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 1, NULL, NULL, -1 },
	{ SAID_EDIT, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 1, NULL, NULL, -1 },
	{ SAID_REDIRECT, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_BCC, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_FILTER, DOOR_ALL, REJECT_AS_REJECT, F_DELIVER, 0, NULL, NULL, -1 },
	{ SAID_HOLD, DOOR_ALL, REJECT_AS_REJECT, F_HOLD, 0, "hold: odd", NULL, HOLD_POLICY },
	{ SAID_HOLD, 0, REJECT_AS_REJECT, F_DEFER, 0, "hold: odd", "hold", -1 },
	{ SAID_DISCARD, DOOR_ALL, REJECT_AS_REJECT, F_DISCARD, 0, "discard", NULL, -1 },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_REJECT, F_REJECT, 0, "reject: 550 5.7.1 no", NULL, -1 },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_HOLD, F_HOLD, 0, "reject: 550 5.7.1 no", "reject",
	    HOLD_SPAM },
	{ SAID_REJECT, DOOR_ALL, REJECT_AS_DISCARD, F_DISCARD, 0, "reject: 550 5.7.1 no", "reject",
	    -1 },
	/* the same before the queue is what it is */
	{ SAID_REJECT, DOOR_ALL & ~DOOR_AFTER_QUEUE, REJECT_AS_HOLD, F_REJECT, 0,
	    "reject: 550 5.7.1 no", NULL, -1 },
	{ SAID_DEFER, DOOR_ALL, REJECT_AS_HOLD, F_DEFER, 0, "defer: 450 4.7.1 later", NULL, -1 },
	/* a looping message must bounce, not pile up in the store */
	{ SAID_LOOP, DOOR_ALL, REJECT_AS_HOLD, F_REJECT, 0, "reject: 554 5.4.6 too many hops", NULL,
	    -1 },
};

static void
test_plan_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(all_cases); i++) {
		struct plan_options o = options(all_cases[i].door, all_cases[i].as, MIXED_HOLD);
		struct txn_made m;
		struct plan plan;
		int asked = 0;

		txn_make(&m, 2, TEXT);
		say(&m.txn.verdict, all_cases[i].all, m.arena);
		plan_make(&m.txn, &o, find_hop, &asked, &plan);
		assert_int_equal(plan.nsteps, 1);
		assert_int_equal(plan.steps[0].nrcpts, 2);
		assert_int_equal(fate_of(&plan.steps[0]), all_cases[i].fate);
		assert_int_equal(plan.as_is, all_cases[i].as_is);
		if (all_cases[i].reason == NULL)
			assert_null(plan.steps[0].reason);
		else
			assert_string_equal(plan.steps[0].reason, all_cases[i].reason);
		if (all_cases[i].decided == NULL)
			assert_null(plan.steps[0].decided);
		else
			assert_string_equal(plan.steps[0].decided, all_cases[i].decided);
		if (all_cases[i].class != -1)
			assert_int_equal(plan.steps[0].class, all_cases[i].class);
		assert_true(asked <= 1); /* one look-up, not one a recipient */
		txn_unmake(&m);
	}
}

/* --- effects --- */

static void
make(struct txn_made *m, struct plan *plan, unsigned door)
{
	struct plan_options o = options(door, REJECT_AS_HOLD, MIXED_HOLD);
	int asked = 0;

	plan_make(&m->txn, &o, find_hop, &asked, plan);
}

static void
test_plan_redirect(void **state)
{
	struct origin by = { .list = "header_checks" };
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 3, TEXT);
	say(&m.txn.verdict, SAID_REDIRECT, m.arena);
	say(&m.txn.verdict, SAID_BCC, m.arena);
	/* the last redirect wins: this recipient's list ran after the header checks */
	m.txn.rcpts[1]->verdict.redirect = (struct effect_text){ "own@example.net", by };
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 2);
	assert_int_equal(plan.steps[0].nto, 1);
	assert_string_equal(plan.steps[0].to[0], "else@example.net");
	assert_int_equal(plan.steps[0].nrcpts, 2);
	assert_int_equal(plan.steps[0].rcpts[1], 2);
	assert_int_equal(plan.steps[0].nextra, 0); /* redirected with the others */
	assert_string_equal(plan.steps[1].to[0], "own@example.net");
	txn_unmake(&m);
}

static void
test_plan_bcc(void **state)
{
	struct origin by = { .list = "header_checks" };
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 3, TEXT);
	say(&m.txn.verdict, SAID_BCC, m.arena);
	say(&m.txn.verdict, SAID_BCC, m.arena); /* one copy all the same */
	say(&m.txn.rcpts[0]->verdict, SAID_HOLD, m.arena);
	effect_add(&m.txn.rcpts[2]->verdict.bcc, m.arena, "third@example.net", by);
	effect_add(&m.txn.rcpts[2]->verdict.bcc, m.arena, "COPY@example.net", by);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 3);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_int_equal(plan.steps[0].nextra, 0); /* the message's goes with a delivery */
	assert_int_equal(plan.steps[1].nextra, 1);
	assert_string_equal(plan.steps[1].extra[0], "copy@example.net");
	assert_int_equal(plan.steps[2].nextra, 2);
	assert_string_equal(plan.steps[2].extra[0], "third@example.net");
	txn_unmake(&m);
}

static void
test_plan_held_effects(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 2, TEXT);
	say(&m.txn.verdict, SAID_HOLD, m.arena);
	say(&m.txn.verdict, SAID_BAD_FILTER, m.arena); /* looked up at release */
	say(&m.txn.verdict, SAID_REDIRECT, m.arena);
	say(&m.txn.verdict, SAID_BCC, m.arena);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 1);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_string_equal(plan.steps[0].filter, "uucp:there");
	assert_string_equal(plan.steps[0].redirect, "else@example.net");
	assert_int_equal(plan.steps[0].nextra, 1);
	txn_unmake(&m);
}

static void
test_plan_edits(void **state)
{
	struct txn_made m;
	struct plan plan;
	struct buf got = { 0 };
	struct origin by = { .list = "header_checks" };

	(void)state;
	txn_make(&m, 2, TEXT);
	effect_add(&m.txn.verdict.prepends, m.arena, "X-One: 1", by);
	edit_add(&m.txn.verdict.edits, 9, 5, span_str("HELLO"));
	effect_add(&m.txn.rcpts[1]->verdict.tags, m.arena, "", by);
	effect_add(&m.txn.rcpts[1]->verdict.prepends, m.arena, "X-Two: 2", by);
	/* within what the message's rule replaced: that one came first and stays */
	edit_add(&m.txn.rcpts[1]->verdict.edits, 11, 1, span_str("?"));
	/* before a deletion at the same place */
	edit_add(&m.txn.rcpts[1]->verdict.edits, 16, 0, span_str("X-Three: 3\r\n"));
	edit_add(&m.txn.verdict.edits, 16, 6, span_str("Fr0m: "));
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 2);
	assert_int_equal(edit_walk(message_view(m.message), plan.steps[0].edits, collect, &got), 0);
	assert_string_equal(
	    buf_cstr(&got), "X-One: 1\r\nSubject: HELLO\r\nFr0m: a@example.com\r\n\r\nbody\r\n");
	buf_reset(&got);
	assert_int_equal(edit_walk(message_view(m.message), plan.steps[1].edits, collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-One: 1\r\nX-Two: 2\r\nX-Spam-Flag: YES\r\nSubject: HELLO\r\nX-Three: 3\r\n"
	    "Fr0m: a@example.com\r\n\r\nbody\r\n");
	buf_fini(&got);
	txn_unmake(&m);
}

/* What everybody's changes add up to at a door with one text: a change that two want is made once,
 * where two are at odds the first recipient's is made. */
static void
test_plan_edits_joined(void **state)
{
	struct origin by = { .list = "content_restrictions" };
	struct plan_options o = options(DOOR_EDIT | DOOR_HOLD, REJECT_AS_HOLD, MIXED_HOLD);
	struct buf got = { 0 };
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	(void)state;
	txn_make(&m, 4, TEXT);
	effect_add(&m.txn.verdict.prepends, m.arena, "X-All: 1", by);
	for (size_t i = 0; i < 2; i++) {
		effect_add(&m.txn.rcpts[i]->verdict.prepends, m.arena, "X-Two: 2", by);
		edit_add(&m.txn.rcpts[i]->verdict.edits, 16, 0, span_str("X-Three: 3\r\n"));
	}
	edit_add(&m.txn.rcpts[1]->verdict.edits, 22, 1, span_str("A"));
	edit_add(&m.txn.rcpts[2]->verdict.edits, 22, 3, span_str("bcd"));
	effect_add(&m.txn.rcpts[2]->verdict.prepends, m.arena, "X-Four: 4", by);
	plan_make(&m.txn, &o, find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 1);
	assert_true(plan.as_is); /* one transaction for all */
	assert_non_null(plan.steps[0].reason);
	assert_int_equal(edit_walk(message_view(m.message), plan.steps[0].edits, collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-All: 1\r\nX-Two: 2\r\nX-Four: 4\r\nSubject: hello\r\nX-Three: 3\r\n"
	    "From: A@example.com\r\n\r\nbody\r\n");
	buf_reset(&got);

	/* Nobody's: what the message's own rules change stays. */
	o.on_mixed_edits = MIXED_EDITS_NONE;
	plan_make(&m.txn, &o, find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 1);
	assert_int_equal(edit_walk(message_view(m.message), plan.steps[0].edits, collect, &got), 0);
	assert_string_equal(buf_cstr(&got), "X-All: 1\r\n" TEXT);
	buf_reset(&got);

	/* Held copies keep their changes for release. */
	o.on_mixed_edits = MIXED_EDITS_HOLD;
	plan_make(&m.txn, &o, find_hop, &asked, &plan);
	assert_int_equal(plan.nsteps, 4);
	assert_int_equal(plan.steps[3].kind, STEP_DELIVER);
	assert_int_equal(plan.steps[0].kind, STEP_HOLD);
	assert_string_equal(plan.steps[0].decided, "accept");
	assert_string_equal(plan.steps[0].origin.list, "on_mixed_edits");
	assert_int_equal(edit_walk(message_view(m.message), plan.steps[0].edits, collect, &got), 0);
	assert_string_equal(buf_cstr(&got),
	    "X-All: 1\r\nX-Two: 2\r\nSubject: hello\r\nX-Three: 3\r\n"
	    "From: a@example.com\r\n\r\nbody\r\n");
	buf_fini(&got);
	txn_unmake(&m);
}

/* Equal verdicts share a step however many recipients there are, and no recipient is lost. */
static void
test_plan_many(void **state)
{
	struct txn_made m;
	struct plan plan;
	size_t n = 0;

	(void)state;
	txn_make(&m, 10000, TEXT);
	for (size_t i = 0; i < 10000; i++)
		say(&m.txn.rcpts[i]->verdict, i % SAID_COUNT, m.arena);
	make(&m, &plan, DOOR_ALL);
	assert_true(plan.nsteps <= SAID_COUNT);
	for (size_t i = 0; i < plan.nsteps; i++)
		n += plan.steps[i].nrcpts;
	assert_int_equal(n, 10000);
	txn_unmake(&m);
}

static void
test_plan_nobody(void **state)
{
	struct txn_made m;
	struct plan plan;

	(void)state;
	txn_make(&m, 0, TEXT);
	make(&m, &plan, DOOR_ALL);
	assert_int_equal(plan.nsteps, 0);
	assert_int_equal(plan.as_is, 0);
	txn_unmake(&m);
}

static int
setup(void **state)
{
	struct err err;

	(void)state;
	return next_hop_parse("smtp:[127.0.0.1]:10026", &usual, &err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_every_case),
		cmocka_unit_test(test_plan_message),
		cmocka_unit_test(test_plan_redirect),
		cmocka_unit_test(test_plan_bcc),
		cmocka_unit_test(test_plan_held_effects),
		cmocka_unit_test(test_plan_edits),
		cmocka_unit_test(test_plan_edits_joined),
		cmocka_unit_test(test_plan_many),
		cmocka_unit_test(test_plan_nobody),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
