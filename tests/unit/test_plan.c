/* plan.def, walked: each outcome at each door for up to three recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/plan_world.h"

/* --- one recipient: what is expected, by an independent reading of the design --- */

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
		return F_DELIVER;
	case SAID_EDIT:
	case SAID_TAG:
	case SAID_PREPEND:
		return door & DOOR_EDIT ? F_DELIVER : F_DEFER;
	case SAID_REDIRECT:
	case SAID_BCC:
		return door & DOOR_RCPTS ? F_DELIVER : F_DEFER;
	case SAID_FILTER:
		return door & DOOR_FILTER ? F_DELIVER : F_DEFER;
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
	/* What it cannot have at this door, so it stays. */
	if (s == SAID_BAD_FILTER || s == SAID_FILTER || s == SAID_REDIRECT || s == SAID_BCC ||
	    s == SAID_EDIT || s == SAID_TAG || s == SAID_PREPEND)
		return F_DEFER;
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
	if (mode == MIXED_SPLIT) /* parted before, or as HOLD */
		mode = MIXED_HOLD;
	if (mode == MIXED_SPLIT_DISCARD && refused > rejected)
		mode = MIXED_DEFER; /* some may pass later: nothing is dropped yet */
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
		else if (want[i] >= F_DEFER && mode == MIXED_SPLIT_DISCARD)
			want[i] = F_DISCARD;
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

/* Where nobody can be taken out, all or none are delivered. */
static void
expect_parted(size_t n, unsigned door, enum fate *want)
{
	size_t delivered = 0;

	for (size_t i = 0; i < n; i++)
		delivered += want[i] == F_DELIVER;
	for (size_t i = 0; i < n && delivered > 0 && delivered < n && !(door & DOOR_RCPTS); i++)
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

static unsigned
changes_made(const struct txn_made *m, const struct plan_step *s, struct buf *b)
{
	const char *text;

	if (s->edits == NULL)
		return 0;
	buf_reset(b);
	assert_int_equal(edit_walk(message_view(m->message), s->edits, plan_collect, b), 0);
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
		if (!(door & DOOR_FILTER)) {
			assert_string_equal(s->hop.text, plan_usual_hop);
		}
		if (!(door & DOOR_RCPTS)) {
			assert_null(s->to);
			assert_int_equal(s->nextra, 0);
		}
		break;
	case STEP_HOLD:
		assert_true(door & DOOR_HOLD);
		assert_non_null(s->reason);
		assert_string_equal(s->hop.text, plan_usual_hop);
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
one_case(const enum said *said, size_t n, const struct plan_options *o, struct message *mail,
    struct buf *text)
{
	const struct plan_step *s;
	unsigned changes[3];
	enum fate want[3];
	struct txn_made m;
	struct plan plan;
	int asked = 0;

	txn_make_of(&m, n, mail);
	for (size_t i = 0; i < n; i++) {
		plan_say(&m.txn.rcpts[i]->verdict, said[i], m.arena);
		want[i] = expect_alone(said[i], o->door, o->after_queue_reject);
	}
	if (!(o->door & DOOR_REPLY_EACH))
		expect_mixed(said, n, o->door, o->on_mixed, want);
	expect_edits(said, n, o, want, changes);
	expect_parted(n, o->door, want);
	plan_make(&m.txn, o, plan_find_hop, &asked, &plan);
	for (size_t i = 0; i < n; i++) {
		s = step_of(&plan, i);
		assert_int_equal(plan_fate(s), want[i]);
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
	/* A milter's door: one reply, one text, before the queue. */
	if ((o->door & DOOR_SENDS) != DOOR_SENDS &&
	    (o->door & (DOOR_REPLY_EACH | DOOR_EDIT_SOME | DOOR_AFTER_QUEUE)))
		return 0;
	/* A refusal that is none any more has no changes: one after_queue_reject for the others. */
	return o->on_mixed_edits == MIXED_EDITS_ALL ||
	       (edits && o->after_queue_reject == REJECT_AS_HOLD);
}

static size_t
every_message(const struct plan_options *o, struct message *mail, struct buf *text)
{
	enum said s[3];
	size_t total = SAID_COUNT * SAID_COUNT * SAID_COUNT;

	for (size_t i = 0; i < total; i++) {
		s[0] = i % SAID_COUNT;
		s[1] = i / SAID_COUNT % SAID_COUNT;
		s[2] = i / SAID_COUNT / SAID_COUNT;
		if (i < SAID_COUNT)
			one_case(s, 1, o, mail, text);
		if (i < SAID_COUNT * SAID_COUNT)
			one_case(s, 2, o, mail, text);
		one_case(s, 3, o, mail, text);
	}
	return total;
}

#define DOORS   128
#define OPTIONS (DOORS * 3 * 6 * 3) /* and after_queue_reject, on_mixed, on_mixed_edits */

static void
test_plan_every_case(void **state)
{
	struct message *mail = txn_make_message(PLAN_TEXT);
	struct buf text = { 0 };
	size_t cases = 0;

	(void)state;
	for (unsigned i = 0; i < OPTIONS; i++) {
		struct plan_options o = plan_opts(
		    i % DOORS, (enum reject_as)(i / DOORS % 3), (enum on_mixed)(i / DOORS / 3 % 6));

		o.on_mixed_edits = (enum on_mixed_edits)(i / DOORS / 3 / 6);
		if (is_read(&o))
			cases += every_message(&o, mail, &text);
	}
	assert_true(cases > 700000);
	message_free(mail);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_every_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
