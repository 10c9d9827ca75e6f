#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "tests/lib/rule_world.h"

/* --- the octets --- */

static struct trace_read
next(struct trace_reader *r)
{
	struct trace_read e;

	assert_int_equal(trace_next(r, &e), 1);
	return e;
}

static void
test_round_trip(void **state)
{
	struct arena *a = arena_new();
	struct rule_trace t;
	struct trace_reader r;
	struct trace_read e;
	const struct trace_event full = { .kind = TRACE_LOOKUP,
		.name = "hash:/x",
		.file = "/x",
		.line = 70000,
		.key = span_make("k\0y", 3),
		.answer = "REJECT",
		.us = 1234567890123,
		.failed = 1 };

	(void)state;
	trace_init(&t, a);
	trace_add(&t, &full);
	trace_add(&t, &full);
	trace_add(&t, &(struct trace_event){ .kind = TRACE_ROW, .name = "", .warned = 1 });
	trace_add(&t, &(struct trace_event){ .kind = TRACE_NEXT });
	trace_add(&t, &(struct trace_event){ .kind = TRACE_LOOKUP, .key = span_make("", 0) });
	trace_add(NULL, &full);
	assert_int_equal(t.rows, 1);
	r = (struct trace_reader){ .all = span_make(t.p, t.len) };
	for (int i = 0; i < 2; i++) {
		size_t before = r.at;

		e = next(&r);
		assert_int_equal(e.kind, TRACE_LOOKUP);
		assert_true(span_eq_str(e.name, "hash:/x") && span_eq_str(e.file, "/x"));
		assert_true(span_eq(e.key, full.key) && span_eq_str(e.answer, "REJECT"));
		assert_int_equal(e.line, 70000);
		assert_true(e.us == full.us && e.failed && !e.warned);
		/* The names are written once. */
		assert_int_equal(
		    r.at - before, i == 0 ? 2 + 8 + 3 + 3 + 4 + 7 + 6 : 2 + 1 + 1 + 3 + 4 + 7 + 6);
	}
	e = next(&r);
	assert_true(e.warned && e.name.p != NULL && e.name.len == 0 && e.file.p == NULL);
	e = next(&r);
	assert_true(e.kind == TRACE_NEXT && e.name.p == NULL && e.answer.p == NULL);
	e = next(&r);
	assert_true(e.key.p != NULL && e.key.len == 0);
	assert_int_equal(trace_next(&r, &e), 0);
	arena_free(a);
}

/* Many names fall into one slot, two of one event too: each is read as it was written. */
static void
test_names(void **state)
{
	struct arena *a = arena_new();
	struct rule_trace t;
	struct trace_reader r;
	struct trace_read e;
	char names[500][16];

	(void)state;
	trace_init(&t, a);
	for (unsigned i = 0; i < nitems(names); i++)
		snprintf(names[i], sizeof(names[i]), "name%u", i);
	for (unsigned i = 0; i < 1000; i++)
		trace_add(&t, &(struct trace_event){ .kind = TRACE_ROW,
				  .name = names[i * 7 % nitems(names)],
				  .file = names[i * 11 % nitems(names)] });
	r = (struct trace_reader){ .all = span_make(t.p, t.len) };
	for (unsigned i = 0; i < 1000; i++) {
		e = next(&r);
		assert_true(span_eq_str(e.name, names[i * 7 % nitems(names)]));
		assert_true(span_eq_str(e.file, names[i * 11 % nitems(names)]));
	}
	assert_int_equal(trace_next(&r, &e), 0);
	arena_free(a);
}

/* When the room is used up, what is there stays, and the rest is counted; texts are cut. */
static void
test_limits(void **state)
{
	struct arena *a = arena_new();
	struct rule_trace t;
	struct trace_reader r;
	struct trace_read e;
	size_t n = 0;
	char *big = arena_alloc(a, 5000);

	(void)state;
	memset(big, 'x', 4999);
	big[4999] = '\0';
	trace_init(&t, a);
	for (int i = 0; i < 1000; i++)
		trace_add(&t, &(struct trace_event){ .kind = TRACE_NOTE, .answer = big });
	assert_in_range(t.len, TRACE_MAX - 2000, TRACE_MAX);
	r = (struct trace_reader){ .all = span_make(t.p, t.len) };
	while (trace_next(&r, &e) == 1) {
		assert_int_equal(e.answer.len, TRACE_TEXT);
		n++;
	}
	assert_int_equal(n + t.lost, 1000);
	/* A small one that would fit is not put behind what is missing. */
	trace_add(&t, &(struct trace_event){ .kind = TRACE_NEXT });
	assert_int_equal(n + t.lost, 1001);
	trace_clear(&t);
	trace_add(&t, &(struct trace_event){ .kind = TRACE_NEXT });
	assert_true(t.len == 2 && t.lost == 0);
	arena_free(a);
}

static const struct {
	const char *octets;
	size_t len;
} broken[] = {
	{ "\xff\0", 2 }, /* no such kind */
	{ "\0", 1 },     /* no flags */
	{ "\0\x01", 2 }, /* no name */
	{ "\0\x01\x0a"
	  "abcd",
	    7 }, /* a name of five octets, four there */
	{ "\0\x01\x07"
	  "abc",
	    6 },                         /* a reference to itself and behind */
	{ "\0\x01\x01", 3 },             /* to the event's kind, which reads as an empty name */
	{ "\0\x10\xff\xff\xff\xff", 6 }, /* a number without end */
	{ "\0\x10\xff\x7f"
	  "a",
	    5 },                             /* a text above the limit */
	{ "\0\x04\xff\xff\xff\xff\x7f", 7 }, /* a line above INT_MAX */
};

static void
test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(broken); i++) {
		struct trace_reader r = { .all = span_make(broken[i].octets, broken[i].len) };
		struct trace_read e;

		/* The sixth is odd and harmless. */
		assert_int_equal(trace_next(&r, &e), i == 5 ? 1 : -1);
	}
}

/* --- what an evaluation tells --- */

static void
add_span(struct buf *b, const char *before, struct span s)
{
	if (s.p == NULL)
		return;
	buf_adds(b, before);
	buf_add_span(b, s);
}

static const char *const kinds[TRACE_KINDS] = { [TRACE_STAGE] = "stage",
	[TRACE_LIST] = "list",
	[TRACE_ROW] = "row",
	[TRACE_LOOKUP] = "lookup",
	[TRACE_DNS] = "dns",
	[TRACE_POLICY] = "policy",
	[TRACE_VERIFY] = "verify",
	[TRACE_EFFECT] = "effect",
	[TRACE_WAITS] = "waits",
	[TRACE_SETTLED] = "settled",
	[TRACE_WARNED] = "warned",
	[TRACE_NOTE] = "note",
	[TRACE_RESULT] = "=",
	[TRACE_END] = "end",
	[TRACE_NEXT] = "next",
	[TRACE_NEXT_END] = "nextend",
	[TRACE_VERDICT] = "verdict",
	[TRACE_REPLY] = "reply",
	[TRACE_SCAN] = "scan" };

/* "row permit|= ok|..."; codes for refusals, without their text. */
static void
show(const struct rule_trace *t, struct buf *b)
{
	struct trace_reader r = { .all = span_make(t->p, t->len) };
	struct trace_read e;

	while (trace_next(&r, &e) == 1) {
		if (b->len > 0)
			buf_addc(b, '|');
		buf_adds(b, kinds[e.kind]);
		add_span(b, " ", e.name);
		add_span(b, " ", e.key);
		if (e.answer.len > 3 && e.answer.p[0] >= '4' && e.answer.p[0] <= '5')
			e.answer.len = 3;
		add_span(b, " ", e.answer);
		if ((e.kind == TRACE_RESULT || e.kind == TRACE_END) && e.answer.p == NULL)
			buf_adds(b, " dunno");
		if (e.warned)
			buf_adds(b, " warned");
	}
}

#define STAGE "stage RCPT r@local.example|"

static const struct {
	enum rule_list_id list;
	const char *text, *want;
} event_cases[] = {
	{ LIST_RECIPIENT, "permit",
	    STAGE "list smtpd_recipient_restrictions|row permit|= ok|end ok|verdict ok" },
	{ LIST_RECIPIENT, "warn_if_reject reject, permit",
	    STAGE
	    "list smtpd_recipient_restrictions|row reject warned|warned 554|= dunno|row permit|="
	    " ok|end ok|verdict ok" },
	{ LIST_CLIENT, "defer_if_permit",
	    STAGE "list smtpd_client_restrictions|row defer_if_permit|waits defer_if_permit 450|= "
		  "dunno|end dunno|settled defer_if_permit|verdict smtpd_client_restrictions 450" },
	{ LIST_RECIPIENT, "defer_if_reject, reject",
	    STAGE
	    "list smtpd_recipient_restrictions|row defer_if_reject|waits defer_if_reject 450|= "
	    "dunno|row reject|settled defer_if_reject|= 450|end 450|verdict "
	    "smtpd_recipient_restrictions 450" },
	{ LIST_SENDER, "check_sender_access inline:{from.example=HOLD}",
	    STAGE "list smtpd_sender_restrictions|row check_sender_access "
		  "inline:{from.example=HOLD}|lookup inline:{from.example=HOLD} "
		  "s@from.example|lookup inline:{from.example=HOLD} from.example HOLD|effect HOLD "
		  "|= dunno|end dunno|verdict dunno" },
	/* What would have decided next: in the same list, in the next, nothing. */
	{ LIST_RECIPIENT, "reject, sleep 1, permit_mynetworks, permit",
	    STAGE
	    "list smtpd_recipient_restrictions|row reject|= 554|next|row sleep 1|note no sleep|= "
	    "dunno|row permit_mynetworks|= dunno|row permit|= ok|nextend|end 554|verdict "
	    "smtpd_recipient_restrictions 554" },
	{ LIST_RECIPIENT, "permit, reject_unauth_pipelining",
	    STAGE "list smtpd_recipient_restrictions|row permit|= ok|next|row "
		  "reject_unauth_pipelining|= dunno|nextend |end ok|verdict ok" },
	{ LIST_RECIPIENT, "check_sender_access inline:{ {from.example=reject, permit} }, defer",
	    STAGE "list smtpd_recipient_restrictions|row check_sender_access inline:{ "
		  "{from.example=reject, permit} }|lookup inline:{ {from.example=reject, permit} } "
		  "s@from.example|lookup inline:{ {from.example=reject, permit} } from.example "
		  "reject, permit|row reject|= 554|next|row permit|= ok|nextend|= 554|end "
		  "554|verdict smtpd_recipient_restrictions 554" },
};

static void
test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(event_cases); i++) {
		struct rule_world w;
		struct arena *a = arena_new();
		struct buf got = { 0 };

		rule_world_init(&w);
		w.o.lists[event_cases[i].list] = event_cases[i].text;
		assert_int_equal(rule_world_compile(&w), 0);
		trace_init(&w.trace, a);
		w.trace.go_on = 1;
		(void)rule_world_ask(&w, RULE_RCPT);
		show(&w.trace, &got);
		assert_string_equal(buf_cstr(&got), event_cases[i].want);
		buf_fini(&got);
		rule_world_fini(&w);
		arena_free(a);
	}
}

/* Looking on changes nothing: not the answer, not the effects, not what later recipients get, and
 * nothing of it is in the log. */
static void
test_looking_on(void **state)
{
	static const char *const lists[][2] = {
		{ "defer_if_permit, permit_mynetworks",
		    "reject_non_fqdn_sender, permit, check_sender_access "
		    "inline:{ {from.example=HOLD} }" },
		{ "warn_if_reject reject",
		    "check_sender_access inline:{ {from.example=PREPEND X: y} }, reject, "
		    "check_sender_access inline:{ {from.example=DISCARD} }, reject" },
		{ "permit, defer_if_permit", "defer_if_reject, permit, defer_if_permit" },
		{ "check_client_access inline:{ {192.0.2.10=REJECT} }",
		    "warn_if_reject reject, check_sender_access inline:{ {from.example=BCC a@b.c} "
		    "}, reject_unauth_destination, permit" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(lists); i++) {
		char answers[2][2][400], said[2][2000];
		struct verdict effects[2];

		for (int go_on = 0; go_on < 2; go_on++) {
			struct rule_world w;
			struct arena *a = arena_new();

			rule_world_init(&w);
			w.o.lists[LIST_CLIENT] = lists[i][0];
			w.o.lists[LIST_RECIPIENT] = lists[i][1];
			assert_int_equal(rule_world_compile(&w), 0);
			trace_init(&w.trace, a);
			w.trace.go_on = go_on;
			(void)rule_world_said(&w);
			for (int k = 0; k < 2; k++)
				snprintf(answers[go_on][k], sizeof(answers[go_on][k]), "%s",
				    rule_world_ask(&w, RULE_RCPT));
			snprintf(said[go_on], sizeof(said[go_on]), "%s", rule_world_said(&w));
			effects[go_on] = w.txn.verdict;
			rule_world_fini(&w);
			arena_free(a);
		}
		for (int k = 0; k < 2; k++)
			assert_string_equal(answers[0][k], answers[1][k]);
		assert_string_equal(said[0], said[1]);
		assert_int_equal(effects[0].hold, effects[1].hold);
		assert_int_equal(effects[0].discard, effects[1].discard);
		assert_int_equal(effects[0].bcc.n, effects[1].bcc.n);
		assert_int_equal(effects[0].prepends.n, effects[1].prepends.n);
	}
}

/* A refusal looks into the lists that would have come. */
static void
test_next_list(void **state)
{
	struct rule_world w;
	struct arena *a = arena_new();
	struct buf got = { 0 };

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CLIENT] = "reject";
	w.o.lists[LIST_HELO] = "permit";
	w.o.lists[LIST_RECIPIENT] = "permit_mynetworks, reject_unauth_destination, defer";
	assert_int_equal(rule_world_compile(&w), 0);
	trace_init(&w.trace, a);
	w.trace.go_on = 1;
	assert_non_null(strstr(rule_world_ask(&w, RULE_RCPT), "Client host rejected"));
	show(&w.trace, &got);
	assert_string_equal(buf_cstr(&got),
	    STAGE "list smtpd_client_restrictions|row reject|= 554|end 554|next|list "
		  "smtpd_helo_restrictions|row permit|= ok|end ok|list "
		  "smtpd_recipient_restrictions|row permit_mynetworks|= dunno|row "
		  "reject_unauth_destination|= dunno|row defer|= 450|end 450|nextend|verdict "
		  "smtpd_client_restrictions 554");
	buf_fini(&got);
	rule_world_fini(&w);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_looking_on),
		cmocka_unit_test(test_next_list),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
