/* Plans carried out where an MTA goes on with the message: answer, changes, held copies, fates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/handback.h"
#include "action/hold.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "mail/milter_syntax.h"
#include "tests/lib/change_text.h"
#include "tests/lib/plan_world.h"
#include "tests/lib/tmpdir.h"

#define ALL   MILTER_CAN_ALL
#define EDITS (MILTER_CAN_ADDHDRS | MILTER_CAN_CHGHDRS | MILTER_CAN_CHGBODY)
#define RCPTS (MILTER_CAN_ADDRCPT | MILTER_CAN_DELRCPT)
#define QUAR  MILTER_CAN_QUARANTINE

#define OK_   SAID_NOTHING /* short, for the tables */
#define NONE_ SAID_COUNT   /* there is no such recipient */

static int warnings; /* log lines above info */

static void
count_log(enum log_level level, const char *line)
{
	(void)line;
	if (level <= LOG_LEVEL_WARN)
		warnings++;
}

struct box {
	char *dir;
	struct hold_store *s;
	struct counters counters;
};

static int
setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct hold_options o = { 0 };
	struct err err;

	b->dir = tmpdir_make();
	o.directory = xasprintf("%s/hold", b->dir);
	b->s = hold_open(&o, &err);
	assert_non_null(b->s);
	free((char *)(uintptr_t)o.directory);
	warnings = 0;
	log_set_hook(count_log);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct box *b = *state;

	hold_close(b->s);
	tmpdir_remove(b->dir);
	free(b);
	log_set_hook(NULL);
	assert_int_equal(warnings, 0); /* those that a test expects it takes off */
	return 0;
}

/* --- what is in the store --- */

static int
add_held(void *arg, const struct hold_entry *e)
{
	struct buf *b = arg;

	if (b->len > 0)
		buf_addc(b, '|');
	for (size_t i = 0; i < e->nrcpts; i++)
		buf_printf(b, "%s%s", i > 0 ? "," : "", e->rcpts[i].path);
	if (e->redirect != NULL)
		buf_printf(b, " redirect=%s", e->redirect);
	if (e->filter != NULL)
		buf_printf(b, " filter=%s", e->filter);
	for (size_t i = 0; i < e->nbcc; i++)
		buf_printf(b, " bcc=%s", e->bcc[i]);
	buf_printf(b, " %s", e->reason);
	return 0;
}

static int
remove_held(void *arg, const struct hold_entry *e)
{
	struct err err;

	assert_int_equal(hold_delete(arg, e->id, &err), 1);
	return 0;
}

static void
held_text(struct hold_store *s, struct buf *b)
{
	struct hold_filter any = { 0 };
	struct err err;

	buf_reset(b);
	assert_int_equal(hold_list(s, &any, add_held, b, &err), 0);
	assert_int_equal(hold_list(s, &any, remove_held, s, &err), 0);
}

/* --- one message --- */

struct row {
	enum said said[3];
	const char *paths[3]; /* NULL: r0@example.org, ... */
	enum milter_hold where;
	unsigned can;
	int store;
	enum on_mixed mixed;
	/* what comes of it */
	const char *answer;  /* "go on", "discard", or the reply */
	const char *fates;   /* a letter a recipient: d h x (dropped) r (5xx) l (4xx, later) */
	const char *changes; /* change_text() */
	const char *held;    /* add_held() */
	int log;             /* lines above info */
};

static void
answer_text(const struct handback *h, struct buf *b)
{
	buf_reset(b);
	switch (h->answer) {
	case HANDBACK_GO_ON:
		buf_adds(b, "go on");
		return;
	case HANDBACK_REPLY:
		assert_non_null(h->about);
		assert_int_equal(h->nchanges, 0);
		buf_printf(b, "%d %s %s", h->code, h->enhanced, h->text);
		return;
	case HANDBACK_DISCARD:
		assert_int_equal(h->nchanges, 0);
		buf_adds(b, "discard");
		return;
	}
}

static void
fates_text(const struct transaction *t, struct buf *b)
{
	static const char letters[] = {
		[FATE_NONE] = '-',
		[FATE_DELIVERED] = 'd',
		[FATE_HELD] = 'h',
		[FATE_DISCARDED] = 'x',
		[FATE_REJECTED] = 'r',
		[FATE_DEFERRED] = 'l',
	};

	buf_reset(b);
	for (size_t i = 0; i < t->nrcpts; i++) {
		const struct recipient *r = t->rcpts[i];
		int class = r->fate == FATE_REJECTED ? 5 : r->fate == FATE_DEFERRED ? 4 : 2;

		buf_addc(b, letters[r->fate]);
		assert_int_equal(r->code / 100, class);
		assert_int_equal(r->reply[0], '0' + class);
	}
}

static struct handback_options
options(struct box *b, const struct row *row)
{
	return (struct handback_options){ .hold = row->store ? b->s : NULL,
		.counters = &b->counters,
		.where = row->where,
		.can = row->can };
}

static void
make(struct txn_made *m, const struct row *row, const enum said *also)
{
	size_t n = 0;

	while (n < 3 && row->said[n] != NONE_)
		n++;
	txn_make(m, n, PLAN_TEXT);
	strcpy(m->txn.id, "4Xtest0000001");
	for (size_t i = 0; i < n; i++) {
		plan_say(&m->txn.rcpts[i]->verdict, row->said[i], m->arena);
		if (also != NULL)
			plan_say(&m->txn.rcpts[i]->verdict, also[i], m->arena);
		if (row->paths[i] != NULL)
			m->txn.rcpts[i]->path.octets = row->paths[i];
	}
}

static void
run(struct txn_made *m, const struct row *row, const struct handback_options *o, struct handback *h)
{
	struct plan_options po = plan_opts(handback_door(o->can, o), REJECT_AS_REJECT, row->mixed);
	struct plan plan;
	int asked = 0;

	plan_make(&m->txn, &po, plan_find_hop, &asked, &plan);
	handback_run(&m->txn, &plan, o, h);
}

static void
check_text(struct buf *text, const char *want, size_t number)
{
	if (strcmp(buf_cstr(text), want) != 0)
		print_message("row %zu:\n", number);
	assert_string_equal(buf_cstr(text), want);
}

static void
check_row(struct box *b, const struct row *row, const enum said *also, size_t number)
{
	struct handback_options o = options(b, row);
	struct buf text = { 0 };
	struct handback h;
	struct txn_made m;

	make(&m, row, also);
	run(&m, row, &o, &h);
	answer_text(&h, &text);
	check_text(&text, row->answer, number);
	fates_text(&m.txn, &text);
	check_text(&text, row->fates, number);
	change_text(h.changes, h.nchanges, &text);
	check_text(&text, row->changes, number);
	held_text(b->s, &text);
	check_text(&text, row->held, number);
	assert_int_equal(warnings, row->log);
	warnings = 0;
	txn_unmake(&m);
	buf_fini(&text);
}

#define HEADER   "ins 0 X-Spam-Flag: YES"
#define SUBJECT  "hdr 1 Subject: HELLO"
#define AGAIN    "451 4.3.0 Message cannot be handled now, try again later"
#define DISAGREE "451 4.3.0 Recipients disagree about this message, try later"
#define CONFIG   "451 4.3.5 Server configuration error"
#define MTA      MILTER_HOLD_MTA
#define STORE    MILTER_HOLD_STORE
#define BOTH     MILTER_HOLD_BOTH
#define QUAR_ODD "quar hold: odd (id 4Xtest0000001)"

static const struct row rows[] = {
	/* nothing to do but what the rules change */
	{ { OK_, OK_, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "dd", "", "", 0 },
	{ { SAID_EDIT, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "d", SUBJECT, "", 0 },
	{ { SAID_TAG, SAID_TAG, SAID_TAG }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "ddd", HEADER,
	    "", 0 },
	{ { SAID_PREPEND, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "d", "ins 0 X-Own: 1",
	    "", 0 },
	/* one right of the three is missing: it must not pass without */
	{ { SAID_EDIT, NONE_ }, { 0 }, MTA, ALL & ~MILTER_CAN_CHGBODY, 0, MIXED_HOLD, CONFIG, "l",
	    "", "", 0 },
	{ { SAID_TAG, OK_, NONE_ }, { 0 }, MTA, 0, 0, MIXED_HOLD, DISAGREE, "ll", "", "", 0 },
	{ { OK_, OK_, NONE_ }, { 0 }, MTA, 0, 0, MIXED_HOLD, "go on", "dd", "", "", 0 },

	/* refusals: one reply */
	{ { SAID_REJECT, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "550 5.7.1 no", "r", "", "", 0 },
	{ { SAID_REJECT, SAID_REJECT, SAID_REJECT }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "550 5.7.1 no",
	    "rrr", "", "", 0 },
	{ { SAID_REJECT, SAID_DEFER, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "450 4.7.1 later",
	    "ll", "", "", 0 },
	/* refused copies are kept, their recipients taken out */
	{ { OK_, SAID_REJECT, NONE_ }, { 0 }, STORE, ALL, 1, MIXED_HOLD, "go on", "dh",
	    "-rcpt <r1@example.org>", "r1@example.org reject: 550 5.7.1 no", 0 },
	{ { OK_, SAID_REJECT, SAID_DEFER }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "dhh",
	    "-rcpt <r1@example.org>|-rcpt <r2@example.org>",
	    "r1@example.org reject: 550 5.7.1 no|r2@example.org defer: 450 4.7.1 later", 0 },
	{ { OK_, SAID_REJECT, NONE_ }, { 0 }, STORE, ALL, 0, MIXED_HOLD, DISAGREE, "ll", "", "",
	    0 },
	{ { OK_, SAID_REJECT, NONE_ }, { 0 }, STORE, ALL, 1, MIXED_STRICTEST, "550 5.7.1 no", "rr",
	    "", "", 0 },
	{ { OK_, SAID_REJECT, NONE_ }, { 0 }, STORE, ALL, 1, MIXED_LENIENT, "go on", "dd", "", "",
	    0 },

	/* HOLD: all alike */
	{ { SAID_HOLD, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "hh", QUAR_ODD,
	    "", 0 },
	{ { SAID_HOLD, NONE_ }, { 0 }, MTA, QUAR, 0, MIXED_HOLD, "go on", "h", QUAR_ODD, "", 0 },
	{ { SAID_HOLD, SAID_HOLD, NONE_ }, { 0 }, STORE, ALL, 1, MIXED_HOLD, "discard", "hh", "",
	    "r0@example.org,r1@example.org hold: odd", 0 },
	{ { SAID_HOLD, NONE_ }, { 0 }, BOTH, ALL, 1, MIXED_HOLD, "go on", "h", QUAR_ODD,
	    "r0@example.org hold: odd", 0 },
	/* the MTA has not granted it, so the store serves; BOTH wants both */
	{ { SAID_HOLD, NONE_ }, { 0 }, MTA, ALL & ~QUAR, 1, MIXED_HOLD, "discard", "h", "",
	    "r0@example.org hold: odd", 0 },
	{ { SAID_HOLD, NONE_ }, { 0 }, BOTH, ALL & ~QUAR, 1, MIXED_HOLD,
	    "451 4.3.0 Message cannot be held here, try again later", "l", "", "", 0 },
	{ { SAID_HOLD, NONE_ }, { 0 }, BOTH, ALL, 0, MIXED_HOLD,
	    "451 4.3.0 Message cannot be held here, try again later", "l", "", "", 0 },
	{ { SAID_HOLD, NONE_ }, { 0 }, STORE, ALL, 0, MIXED_HOLD,
	    "451 4.3.0 Message cannot be held here, try again later", "l", "", "", 0 },
	/* HOLD and others: the MTA would hold it for all */
	{ { OK_, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "dh",
	    "-rcpt <r1@example.org>", "r1@example.org hold: odd", 0 },
	{ { OK_, SAID_HOLD, NONE_ }, { 0 }, BOTH, ALL, 1, MIXED_HOLD, "go on", "dh",
	    "-rcpt <r1@example.org>", "r1@example.org hold: odd", 0 },
	{ { OK_, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, AGAIN, "ll", "", "", 1 },
	{ { OK_, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL & ~RCPTS, 1, MIXED_HOLD, DISAGREE, "ll", "",
	    "", 0 },
	/* held and dropped: who is dropped is taken out of what the MTA holds */
	{ { SAID_DISCARD, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "xh",
	    "-rcpt <r0@example.org>|" QUAR_ODD, "", 0 },
	{ { SAID_DISCARD, SAID_HOLD, NONE_ }, { 0 }, MTA, QUAR, 1, MIXED_HOLD, "discard", "xh", "",
	    "r1@example.org hold: odd", 0 },
	{ { SAID_DISCARD, SAID_HOLD, NONE_ }, { 0 }, MTA, QUAR, 0, MIXED_HOLD, AGAIN, "ll", "", "",
	    1 },

	/* DISCARD */
	{ { SAID_DISCARD, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "discard", "x", "", "", 0 },
	{ { SAID_DISCARD, OK_, SAID_DISCARD }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "xdx",
	    "-rcpt <r0@example.org>|-rcpt <r2@example.org>", "", 0 },
	{ { SAID_DISCARD, OK_, NONE_ }, { 0 }, MTA, EDITS | QUAR, 0, MIXED_HOLD, DISAGREE, "ll", "",
	    "", 0 },

	/* REDIRECT and BCC */
	{ { SAID_REDIRECT, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "d",
	    "+rcpt <else@example.net>|-rcpt <r0@example.org>", "", 0 },
	{ { SAID_REDIRECT, OK_, SAID_REDIRECT }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "ddd",
	    "+rcpt <else@example.net>|-rcpt <r0@example.org>|-rcpt <r2@example.org>", "", 0 },
	{ { SAID_BCC, SAID_BCC, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "dd",
	    "+rcpt <copy@example.net>", "", 0 },
	{ { SAID_BCC, SAID_REDIRECT, NONE_ }, { 0 }, MTA, ALL, 0, MIXED_HOLD, "go on", "dd",
	    "+rcpt <copy@example.net>|+rcpt <else@example.net>|-rcpt <r1@example.org>", "", 0 },
	/* to one of its own recipients: neither added nor, where it was to go, deleted */
	{ { SAID_BCC, OK_, NONE_ }, { NULL, "Copy@example.net" }, MTA, ALL, 0, MIXED_HOLD, "go on",
	    "dd", "", "", 0 },
	{ { SAID_REDIRECT, SAID_HOLD, NONE_ }, { NULL, "else@example.net" }, STORE, ALL, 1,
	    MIXED_HOLD, "go on", "dh", "-rcpt <r0@example.org>", "else@example.net hold: odd", 0 },
	{ { SAID_REDIRECT, NONE_ }, { "else@example.net" }, MTA, ALL, 0, MIXED_HOLD, "go on", "d",
	    "", "", 0 },
	/* one recipient twice: deleting it would delete both */
	{ { OK_, SAID_DISCARD, NONE_ }, { "a@example.org", "A@example.org" }, MTA, ALL, 0,
	    MIXED_HOLD, "go on", "dx", "", "", 0 },
	{ { SAID_DISCARD, SAID_DISCARD, OK_ }, { "a@example.org", "a@example.org" }, MTA, ALL, 0,
	    MIXED_HOLD, "go on", "xxd", "-rcpt <a@example.org>", "", 0 },
	/* the MTA would ignore these effects at release */
	{ { SAID_REDIRECT, NONE_ }, { 0 }, MTA, ALL & ~RCPTS, 1, MIXED_HOLD, CONFIG, "l", "", "",
	    0 },
	{ { SAID_BCC, NONE_ }, { 0 }, MTA, ALL & ~MILTER_CAN_ADDRCPT, 1, MIXED_HOLD, CONFIG, "l",
	    "", "", 0 },

	/* FILTER: the MTA knows one way; beside others the copy is kept */
	{ { SAID_FILTER, SAID_FILTER, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, CONFIG, "ll", "", "",
	    0 },
	{ { SAID_FILTER, OK_, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "hd",
	    "-rcpt <r0@example.org>",
	    "r0@example.org filter=smtp:[127.0.0.1]:27001 defer: 451 4.3.5 Server configuration "
	    "error",
	    0 },

	/* what some want changed: on_mixed_edits, here all */
	{ { SAID_TAG, OK_, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "dd", HEADER, "", 0 },
	/* envelope, then header; the dropped one's changes are nobody's */
	{ { SAID_EDIT, SAID_DISCARD, SAID_REDIRECT }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on",
	    "dxd",
	    "+rcpt <else@example.net>|-rcpt <r1@example.org>|-rcpt <r2@example.org>|" SUBJECT, "",
	    0 },
};

static void
test_handback_rows(void **state)
{
	for (size_t i = 0; i < nitems(rows); i++)
		check_row(*state, &rows[i], NULL, i);
}

/* HOLD with another effect. */
static const struct {
	enum said also[3];
	struct row row;
} held_rows[] = {
	/* changed for one of them, and for another not: one text cannot be both */
	{ { SAID_EDIT, OK_ },
	    { { SAID_HOLD, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "discard", "hh", "",
		"r0@example.org hold: odd|r1@example.org hold: odd", 0 } },
	{ { SAID_EDIT, SAID_EDIT }, { { SAID_HOLD, SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1,
					MIXED_HOLD, "go on", "hh", QUAR_ODD "|" SUBJECT, "", 0 } },
	/* what the MTA would not do when it is sent on */
	{ { SAID_REDIRECT }, { { SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "discard", "h",
				 "", "r0@example.org redirect=else@example.net hold: odd", 0 } },
	{ { SAID_FILTER }, { { SAID_HOLD, NONE_ }, { 0 }, BOTH, ALL, 1, MIXED_HOLD, "discard", "h",
			       "", "r0@example.org filter=smtp:[127.0.0.1]:27001 hold: odd", 0 } },
	/* but who is added is added now */
	{ { SAID_BCC }, { { SAID_HOLD, NONE_ }, { 0 }, MTA, ALL, 1, MIXED_HOLD, "go on", "h",
			    "+rcpt <copy@example.net>|" QUAR_ODD, "", 0 } },
};

static void
test_handback_held(void **state)
{
	for (size_t i = 0; i < nitems(held_rows); i++)
		check_row(*state, &held_rows[i].row, held_rows[i].also, i);
}

/* --- what the door can do --- */

static void
test_handback_door(void **state)
{
	static const struct {
		unsigned can;
		enum milter_hold where;
		int store;
		unsigned door;
	} cases[] = {
		{ 0, MTA, 0, 0 },
		{ ALL, MTA, 0, DOOR_EDIT | DOOR_RCPTS | DOOR_HOLD },
		{ ALL, STORE, 0, DOOR_EDIT | DOOR_RCPTS },
		{ ALL, BOTH, 0, DOOR_EDIT | DOOR_RCPTS },
		{ ALL, BOTH, 1, DOOR_EDIT | DOOR_RCPTS | DOOR_HOLD },
		{ EDITS, STORE, 1, DOOR_EDIT | DOOR_HOLD },
		{ RCPTS, MTA, 1, DOOR_RCPTS | DOOR_HOLD },
		{ RCPTS, BOTH, 1, DOOR_RCPTS },
		{ QUAR, MTA, 0, DOOR_HOLD },
		{ QUAR, STORE, 0, 0 },
		/* half a right is none */
		{ MILTER_CAN_ADDRCPT, MTA, 0, 0 },
		{ MILTER_CAN_ADDHDRS | MILTER_CAN_CHGHDRS, MTA, 0, 0 },
	};
	struct box *b = *state;

	for (size_t i = 0; i < nitems(cases); i++) {
		struct handback_options o = { .hold = cases[i].store ? b->s : NULL,
			.where = cases[i].where };

		assert_int_equal(handback_door(cases[i].can, &o), cases[i].door);
	}
}

/* --- all or none --- */

/* The second copy cannot be kept: the first is undone. */
static void
test_handback_undone(void **state)
{
	static const struct row row = { .said = { OK_, SAID_HOLD, SAID_REJECT },
		.paths = { NULL, NULL, "a\nb" }, /* no line of a hold file */
		.where = STORE,
		.can = ALL,
		.store = 1,
		.mixed = MIXED_HOLD,
		.answer = AGAIN,
		.fates = "lll",
		.changes = "",
		.held = "",
		.log = 1 };
	struct box *b = *state;

	check_row(b, &row, NULL, 0);
	assert_int_equal(counter_get(&b->counters, not_handed_back), 1);
}

/* A change that cannot be told, of a message that is also held for one: nothing is on disk. */
static void
test_handback_cannot_tell(void **state)
{
	static const struct row row = { .said = { OK_, SAID_HOLD, NONE_ },
		.where = STORE,
		.can = ALL,
		.store = 1,
		.mixed = MIXED_HOLD };
	struct box *b = *state;
	struct handback_options o = options(b, &row);
	struct buf text = { 0 };
	struct handback h;
	struct txn_made m;

	make(&m, &row, NULL);
	edit_add(&m.txn.verdict.edits, 0, 0, span_str("no field\r\n"));
	run(&m, &row, &o, &h);
	answer_text(&h, &text);
	assert_string_equal(buf_cstr(&text), AGAIN);
	fates_text(&m.txn, &text);
	assert_string_equal(buf_cstr(&text), "ll");
	held_text(b->s, &text);
	assert_string_equal(buf_cstr(&text), "");
	assert_int_equal(warnings, 1);
	warnings = 0;
	txn_unmake(&m);

	/* Held for all, the store has no such trouble. */
	make(&m, &(const struct row){ .said = { SAID_HOLD, NONE_ } }, NULL);
	edit_add(&m.txn.verdict.edits, 0, 0, span_str("no field\r\n"));
	o.where = MTA;
	run(&m, &row, &o, &h);
	answer_text(&h, &text);
	assert_string_equal(buf_cstr(&text), "discard");
	held_text(b->s, &text);
	assert_string_equal(buf_cstr(&text), "r0@example.org hold: odd");
	txn_unmake(&m);
	buf_fini(&text);
}

static void
test_handback_soft_bounce(void **state)
{
	static const struct row row = { .said = { SAID_REJECT, NONE_ }, .can = ALL };
	struct handback_options o = options(*state, &row);
	struct buf text = { 0 };
	struct handback h;
	struct txn_made m;

	o.soft_bounce = 1;
	make(&m, &row, NULL);
	run(&m, &row, &o, &h);
	answer_text(&h, &text);
	assert_string_equal(buf_cstr(&text), "450 4.7.1 no");
	assert_int_equal(m.txn.rcpts[0]->fate, FATE_DEFERRED);
	assert_string_equal(m.txn.rcpts[0]->reply, "4.7.1 no");
	txn_unmake(&m);
	buf_fini(&text);
}

/* Where one recipient's refusal is everybody's, the reply is about that one. */
static void
test_handback_about(void **state)
{
	static const struct row row = {
		.said = { OK_, SAID_REJECT, OK_ }, .can = ALL, .mixed = MIXED_STRICTEST
	};
	struct handback_options o = options(*state, &row);
	struct handback h;
	struct txn_made m;

	make(&m, &row, NULL);
	run(&m, &row, &o, &h);
	assert_ptr_equal(h.about, m.txn.rcpts[1]);
	assert_string_equal(m.txn.rcpts[0]->decided, "accept");
	assert_null(m.txn.rcpts[1]->decided);
	txn_unmake(&m);
}

/* A reason from outside is one line, and not too long a one. */
static void
test_handback_reason(void **state)
{
	static const struct row row = { .said = { SAID_HOLD, NONE_ }, .can = ALL };
	struct handback_options o = options(*state, &row);
	char reason[1200];
	struct handback h;
	struct txn_made m;

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	memcpy(reason, "a\r\nb\tc", 6);
	make(&m, &row, NULL);
	m.txn.rcpts[0]->verdict.hold_reason = reason;
	run(&m, &row, &o, &h);
	assert_int_equal(h.nchanges, 1);
	assert_int_equal(strncmp(h.changes[0].name, "hold: a??b?cxxx", 15), 0);
	assert_int_equal(strlen(h.changes[0].name), 400 + strlen(" (id 4Xtest0000001)"));
	txn_unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handback_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_door, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_cannot_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_soft_bounce, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_about, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handback_reason, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
