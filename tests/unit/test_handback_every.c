/* Every mixture of verdicts at an MTA's door: whatever comes of it, nothing is lost, nobody has
 * what he should not have, and what is logged is what was done (PITFALLS B8).
 *
 * The hold store is a list here, and may fail at any copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action/handback.h"
#include "action/hold.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "mail/milter_syntax.h"
#include "tests/lib/plan_world.h"

/* --- a hold store that keeps nothing but who --- */

static struct {
	unsigned copies[8]; /* bits: recipients; 0: taken back */
	int n, fail_at;     /* the how manieth copy cannot be kept, from 1 */
} store;

int __wrap_hold_put_step(struct hold_store *, const struct transaction *, const struct plan_step *,
    char *, size_t, struct err *);
void __wrap_hold_undo(struct hold_store *, const char *);

int
__wrap_hold_put_step(struct hold_store *s, const struct transaction *t,
    const struct plan_step *step, char *id, size_t size, struct err *err)
{
	(void)s;
	(void)t;
	if (++store.n == store.fail_at) {
		err_set(err, ERR_SYSTEM, "disk full");
		return -1;
	}
	for (size_t i = 0; i < step->nrcpts; i++)
		store.copies[store.n] |= 1u << step->rcpts[i];
	snprintf(id, size, "%d", store.n);
	return 0;
}

void
__wrap_hold_undo(struct hold_store *s, const char *id)
{
	(void)s;
	store.copies[id[0] - '0'] = 0;
}

static unsigned
kept(void)
{
	unsigned who = 0;

	for (size_t i = 0; i < nitems(store.copies); i++)
		who |= store.copies[i];
	return who;
}

/* --- what the MTA has when it has done as told --- */

struct envelope {
	const char *rcpts[16]; /* with <>; NULL: deleted */
	size_t n;
	int held;
};

static const unsigned rights[] = {
	[CHANGE_INSERT_HEADER] = MILTER_CAN_ADDHDRS,
	[CHANGE_ADD_HEADER] = MILTER_CAN_ADDHDRS,
	[CHANGE_HEADER] = MILTER_CAN_CHGHDRS,
	[CHANGE_BODY] = MILTER_CAN_CHGBODY,
	[CHANGE_FROM] = MILTER_CAN_CHGFROM,
	[CHANGE_ADD_RCPT] = MILTER_CAN_ADDRCPT,
	[CHANGE_DELETE_RCPT] = MILTER_CAN_DELRCPT,
	[CHANGE_QUARANTINE] = MILTER_CAN_QUARANTINE,
};

static int
has(const struct envelope *e, const char *path)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->rcpts[i] != NULL && strcmp(e->rcpts[i], path) == 0)
			return 1;
	return 0;
}

static void
do_as_told(struct envelope *e, const struct handback *h, unsigned can)
{
	for (size_t i = 0; i < h->nchanges; i++) {
		const struct change *c = &h->changes[i];

		assert_true(can & rights[c->kind]);
		if (c->kind == CHANGE_ADD_RCPT) {
			assert_false(has(e, c->name));
			e->rcpts[e->n++] = c->name;
		}
		if (c->kind == CHANGE_QUARANTINE)
			e->held = 1;
		if (c->kind != CHANGE_DELETE_RCPT)
			continue;
		assert_true(has(e, c->name));
		for (size_t k = 0; k < e->n; k++)
			if (e->rcpts[k] != NULL && strcmp(e->rcpts[k], c->name) == 0)
				e->rcpts[k] = NULL;
	}
}

static size_t
how_many(const struct envelope *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->rcpts[i] != NULL;
	return n;
}

/* --- cases --- */

static const enum said says[] = { SAID_NOTHING, SAID_TAG, SAID_HOLD, SAID_DISCARD, SAID_REDIRECT,
	SAID_DEFER, SAID_REJECT, SAID_BCC, SAID_FILTER };

static const unsigned cans[] = {
	MILTER_CAN_ALL,
	MILTER_CAN_ALL & ~MILTER_CAN_QUARANTINE,
	MILTER_CAN_ALL & ~MILTER_CAN_DELRCPT,
	MILTER_CAN_ALL & ~MILTER_CAN_CHGHDRS,
};

struct one {
	enum said said[3];
	size_t n;
	struct handback_options o;
	enum on_mixed mixed;
};

static int
refuses(enum said s)
{
	return s == SAID_DEFER || s == SAID_REJECT;
}

/* May this come of what the rules said, when the message is taken? */
static int
fate_fits(const struct one *c, size_t i, enum rcpt_fate fate)
{
	enum said s = c->said[i];

	switch (fate) {
	case FATE_DELIVERED:
		return s == SAID_NOTHING || s == SAID_TAG || s == SAID_REDIRECT || s == SAID_BCC ||
		       (refuses(s) && c->mixed == MIXED_LENIENT);
	case FATE_HELD: /* a refused copy is kept only beside others that go on or are held */
		return s == SAID_HOLD || (s != SAID_DISCARD && c->n > 1 &&
					     (c->mixed == MIXED_HOLD || c->mixed == MIXED_SPLIT));
	case FATE_DISCARDED:
		return s == SAID_DISCARD ||
		       (s == SAID_REJECT && c->n > 1 && c->mixed == MIXED_SPLIT_DISCARD);
	case FATE_NONE:
	case FATE_REJECTED:
	case FATE_DEFERRED:
		return 0;
	}
	return 0;
}

static void
check_refused(const struct one *c, const struct transaction *t, const struct handback *h)
{
	size_t rejects = 0;

	assert_int_equal(kept(), 0);
	assert_int_equal(h->nchanges, 0);
	for (size_t i = 0; i < c->n; i++) {
		rejects += c->said[i] == SAID_REJECT;
		assert_int_equal(t->rcpts[i]->code, h->code);
		assert_int_equal(t->rcpts[i]->fate, h->code < 500 ? FATE_DEFERRED : FATE_REJECTED);
	}
	/* A bounce only where everybody refuses, or the strictest speaks for all. */
	if (h->code >= 500)
		assert_true(rejects == c->n || (c->mixed == MIXED_STRICTEST && rejects > 0));
	else
		assert_int_equal(h->code / 100, 4);
	assert_int_equal(h->enhanced[0], '0' + h->code / 100);
}

static void
check_one_taken(
    const struct one *c, const struct transaction *t, const struct envelope *e, size_t i)
{
	char path[64];
	int in;

	snprintf(path, sizeof(path), "<%s>", t->rcpts[i]->path.octets);
	in = has(e, path);
	assert_true(fate_fits(c, i, t->rcpts[i]->fate));
	switch (t->rcpts[i]->fate) {
	case FATE_DELIVERED:
		assert_false(e->held);
		assert_int_equal(in, c->said[i] != SAID_REDIRECT);
		if (c->said[i] == SAID_REDIRECT)
			assert_true(has(e, "<else@example.net>"));
		if (c->said[i] == SAID_BCC)
			assert_true(has(e, "<copy@example.net>"));
		break;
	case FATE_HELD:
		assert_true((kept() & 1u << i) || (e->held && in));
		assert_true(!in || e->held);
		if (c->o.where == MILTER_HOLD_BOTH || c->o.where == MILTER_HOLD_STORE)
			assert_true(kept() & 1u << i);
		break;
	case FATE_DISCARDED:
		assert_false(in);
		break;
	case FATE_NONE:
	case FATE_REJECTED:
	case FATE_DEFERRED:
		fail();
	}
}

static void
check_taken(const struct one *c, const struct transaction *t, const struct handback *h)
{
	struct envelope e = { 0 };
	char paths[3][64];

	for (size_t i = 0; i < c->n && h->answer == HANDBACK_GO_ON; i++) {
		snprintf(paths[i], sizeof(paths[i]), "<%s>", t->rcpts[i]->path.octets);
		e.rcpts[e.n++] = paths[i];
	}
	do_as_told(&e, h, c->o.can);
	if (h->answer == HANDBACK_GO_ON)
		assert_true(how_many(&e) > 0);
	for (size_t i = 0; i < c->n; i++)
		check_one_taken(c, t, &e, i);
}

static void
try_one(const struct one *c)
{
	struct plan_options po =
	    plan_opts(handback_door(c->o.can, &c->o), REJECT_AS_REJECT, c->mixed);
	struct handback h;
	struct txn_made m;
	struct plan plan;
	int asked = 0, fail_at = store.fail_at;

	memset(&store, 0, sizeof(store));
	store.fail_at = fail_at;
	txn_make(&m, c->n, PLAN_TEXT);
	for (size_t i = 0; i < c->n; i++)
		plan_say(&m.txn.rcpts[i]->verdict, c->said[i], m.arena);
	plan_make(&m.txn, &po, plan_find_hop, &asked, &plan);
	handback_run(&m.txn, &plan, &c->o, &h);
	if (h.answer == HANDBACK_REPLY)
		check_refused(c, &m.txn, &h);
	else
		check_taken(c, &m.txn, &h);
	if (store.fail_at > 0 && store.n >= store.fail_at)
		assert_int_equal(h.code, 451);
	txn_unmake(&m);
}

/* And once more for each copy that could fail. */
static void
try_and_fail(const struct one *c)
{
	int copies;

	store.fail_at = 0;
	try_one(c);
	copies = store.n;
	for (int i = 1; i <= copies; i++) {
		store.fail_at = i;
		try_one(c);
	}
}

static size_t
every_message(struct one *c)
{
	size_t n = nitems(says), cases = 0;

	for (c->n = 1; c->n <= 3; c->n++) {
		for (size_t i = 0; i < (c->n == 1 ? n : c->n == 2 ? n * n : n * n * n); i++) {
			c->said[0] = says[i % n];
			c->said[1] = says[i / n % n];
			c->said[2] = says[i / n / n % n];
			try_and_fail(c);
			cases++;
		}
	}
	return cases;
}

static void
test_handback_every_case(void **state)
{
	size_t cases = 0, options = nitems(cans) * 3 * 2 * 6;
	const struct log_options silent = { .target = LOG_TO_FILE, .path = "/dev/null" };
	struct err err;
	int nothing;

	(void)state;
	assert_int_equal(log_open(&silent, &err), 0); /* copies that fail are told */
	for (size_t i = 0; i < options; i++) {
		struct one c = { .mixed = (enum on_mixed)(i / nitems(cans) / 3 / 2) };

		c.o.can = cans[i % nitems(cans)];
		c.o.where = (enum milter_hold)(i / nitems(cans) % 3);
		/* never looked into: the functions that would are ours */
		c.o.hold = i / nitems(cans) / 3 % 2 ? (struct hold_store *)(void *)&nothing : NULL;
		cases += every_message(&c);
	}
	assert_int_equal(cases, 144 * (9 + 81 + 729));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handback_every_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
