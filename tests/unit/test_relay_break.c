#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/passage.h"
#include "base/err.h"
#include "tests/lib/relay_world.h"

/* --- a retry after some were served --- */

static void
test_memory(void **state)
{
	static const struct fake_rule no[] = { { ".", NULL, "451 4.3.0 later\r\n" } };
	struct world w;

	(void)state;
	world_open(&w, HOP_SMTP);
	fake_hop_rules(w.fakes[1], no, 1);
	world_plan(&w, "A:01 B:2");
	world_run(&w);
	assert_int_equal(w.txn.rcpts[0]->code, 451);
	assert_int_equal(w.txn.rcpts[0]->fate, FATE_DELIVERED);
	assert_non_null(strstr(w.txn.rcpts[0]->hop, " (250 2.0.0 Ok: queued as FAKE)"));
	/* still down: nothing new for A */
	world_again(&w);
	world_plan(&w, "A:01 B:2");
	world_run(&w);
	assert_int_equal(w.txn.rcpts[0]->code, 451);
	assert_int_equal(fake_hop_messages(w.fakes[0]), 1);
	fake_hop_rules(w.fakes[1], NULL, 0);
	world_again(&w);
	world_plan(&w, "A:01 B:2");
	world_run(&w);
	for (int i = 0; i < RELAY_RCPTS; i++) {
		assert_int_equal(w.txn.rcpts[i]->code, 250);
		assert_int_equal(w.txn.rcpts[i]->fate, FATE_DELIVERED);
	}
	assert_string_equal(w.txn.rcpts[0]->reply, "2.0.0 Ok: delivered at an earlier attempt");
	assert_int_equal(fake_hop_messages(w.fakes[0]), 1);
	assert_int_equal(fake_hop_messages(w.fakes[1]), 1);
	world_close(&w);
}

/* --- what this next hop cannot take --- */

static const struct {
	const char *mail_params, *rcpt_params;
	int code;
	const char *reply;
} extensions[] = {
	{ "BODY=8BITMIME", "", 554, "5.6.1 Next hop does not offer 8BITMIME" },
	{ "SMTPUTF8", "", 550, "5.6.7 Next hop does not offer SMTPUTF8" },
	{ "", "NOTIFY=NEVER", 451, "4.3.3 Next hop does not offer DSN" },
	{ "SIZE=100 BODY=7BIT", "", 250, "2.0.0 Ok: queued as FAKE" },
};

static void
test_extensions(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(extensions); i++) {
		struct world w;

		world_open(&w, HOP_SMTP);
		fake_hop_ehlo(w.fakes[0], "250 PIPELINING\r\n");
		world_plan(&w, "A:012");
		w.txn.sender.params = extensions[i].mail_params;
		w.txn.rcpts[1]->path.params = extensions[i].rcpt_params;
		world_run(&w);
		assert_int_equal(w.txn.rcpts[2]->code, extensions[i].code);
		assert_string_equal(w.txn.rcpts[2]->reply, extensions[i].reply);
		world_close(&w);
	}
}

/* --- the transaction that the door opened --- */

static const struct {
	const char *what, *plan;
	int as_is;
	struct fake_rule rule;
	int code;
	size_t connections, rsets, messages;
} open_cases[] = {
	{ "used", "A:012", 1, { 0 }, 250, 1, 0, 1 },
	{ "another envelope", "A:012+d@x.example", 0, { 0 }, 250, 1, 1, 1 },
	{ "nothing to deliver", "H:012", 0, { 0 }, 250, 1, 1, 0 },
	{ "refused", "R:012", 0, { 0 }, 550, 1, 1, 0 },
	{ "DATA refused", "A:012", 1, { "DATA", NULL, "451 4.3.0 x\r\n" }, 451, 1, 1, 0 },
};

static void
open_at_door(struct world *w, struct hop_envelope *e, struct hop_rcpt *rcpts)
{
	struct err err;
	struct hop *h =
	    pool_get(w->pool, fake_hop_target(w->fakes[0]), 0, deadline_in_ms(20000), &err);

	assert_non_null(h);
	*e = (struct hop_envelope){
		.mail_path = "s@x.example", .mail_params = "", .rcpts = rcpts, .arena = w->arena
	};
	assert_int_equal(hop_mail(h, e, deadline_in_ms(20000), &err), 0);
	for (; e->nrcpts < RELAY_RCPTS;) {
		rcpts[e->nrcpts] =
		    (struct hop_rcpt){ .path = w->txn.rcpts[e->nrcpts]->path.octets, .params = "" };
		e->nrcpts++;
		assert_int_equal(hop_rcpt(h, e, e->nrcpts - 1, deadline_in_ms(20000), &err), 0);
	}
	w->door.open_hop = h;
	w->door.open_envelope = e;
}

static size_t
occurrences(const char *text, const char *of)
{
	size_t n = 0;

	for (; (text = strstr(text, of)) != NULL; text += strlen(of))
		n++;
	return n;
}

/* By the first connection; it is closed for that. */
static size_t
rsets_read(struct world *w)
{
	pool_free(w->pool);
	w->pool = NULL;
	fake_hop_settle(w->fakes[0]);
	return occurrences(fake_hop_read(w->fakes[0], 0), "RSET\r\n");
}

static void
test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(open_cases); i++) {
		struct hop_rcpt rcpts[RELAY_RCPTS];
		struct hop_envelope e;
		struct world w;

		world_open(&w, HOP_SMTP);
		open_at_door(&w, &e, rcpts);
		fake_hop_rules(w.fakes[0], &open_cases[i].rule, open_cases[i].rule.verb != NULL);
		world_plan(&w, open_cases[i].plan);
		w.plan.as_is = open_cases[i].as_is;
		world_run(&w);
		if (w.txn.rcpts[1]->code != open_cases[i].code)
			fail_msg("%s: %d", open_cases[i].what, w.txn.rcpts[1]->code);
		assert_null(w.door.open_hop);
		assert_int_equal(rsets_read(&w), open_cases[i].rsets);
		assert_int_equal(fake_hop_connections(w.fakes[0]), open_cases[i].connections);
		assert_int_equal(fake_hop_messages(w.fakes[0]), open_cases[i].messages);
		world_close(&w);
	}
}

static const struct {
	const char *what, *plan; /* plan NULL: the client gives the transaction up */
	int code;
} hanging_cases[] = {
	{ "refused", "R:012", 550 },
	{ "nothing to deliver", "H:012", 250 },
	{ "another envelope", "A:012+d@x.example", 250 }, /* on a connection of its own */
	{ "given up", NULL, 0 },
};

/* A next hop that never answers RSET must not hold up what needs nothing of it. */
static void
test_hangs_at_rset(void **state)
{
	static const struct fake_rule hang[] = { { "RSET", NULL, FAKE_HANG } };

	(void)state;
	for (size_t i = 0; i < nitems(hanging_cases); i++) {
		struct hop_rcpt rcpts[RELAY_RCPTS];
		struct hop_envelope e;
		struct world w;
		int64_t began;

		world_open(&w, HOP_SMTP);
		open_at_door(&w, &e, rcpts);
		fake_hop_rules(w.fakes[0], hang, 1);
		began = clock_ms();
		if (hanging_cases[i].plan != NULL) {
			world_plan(&w, hanging_cases[i].plan);
			world_run(&w);
			if (w.txn.rcpts[1]->code != hanging_cases[i].code)
				fail_msg("%s: %d", hanging_cases[i].what, w.txn.rcpts[1]->code);
		} else {
			struct passage p = { .hop = w.door.open_hop, .envelope = e };

			passage_end(&p, w.pool, deadline_in_ms(w.o.mail_timeout_ms));
			assert_null(p.hop);
		}
		/* Half of smtp_mail_timeout: far from both, whatever else the machine does. */
		if (clock_ms() - began > w.o.mail_timeout_ms / 2)
			fail_msg(
			    "%s: took %d ms", hanging_cases[i].what, (int)(clock_ms() - began));
		assert_int_equal(rsets_read(&w), 1);
		world_close(&w);
	}
}

/* A refusal among the replies to the envelope: the same, when we opened the transaction. */
static void
test_refused_then_hangs(void **state)
{
	static const struct fake_rule rules[] = { { "RCPT", "b@", "550 5.1.1 no b\r\n" },
		{ "RSET", NULL, FAKE_HANG } };
	struct world w;
	int64_t began;

	(void)state;
	world_open(&w, HOP_SMTP);
	fake_hop_ehlo(w.fakes[0], "250 SIZE\r\n"); /* so that it is asked before the data opens */
	fake_hop_rules(w.fakes[0], rules, nitems(rules));
	world_plan(&w, "A:012");
	began = clock_ms();
	world_run(&w);
	assert_true(clock_ms() - began < w.o.mail_timeout_ms / 2);
	assert_int_equal(w.txn.rcpts[0]->code, 450);
	assert_string_equal(w.txn.rcpts[0]->reply, "4.1.1 no b");
	assert_int_equal(rsets_read(&w), 1);
	world_close(&w);
}

/* The connection dies between RCPT and DATA: all is said again on a new one. */
static void
test_open_lost(void **state)
{
	struct hop_rcpt rcpts[RELAY_RCPTS];
	struct hop_envelope e;
	struct world w;

	(void)state;
	world_open(&w, HOP_SMTP);
	open_at_door(&w, &e, rcpts);
	fake_hop_break(w.fakes[0], 0, -1, 0);
	world_plan(&w, "A:012");
	w.plan.as_is = 1;
	world_run(&w);
	assert_int_equal(w.txn.rcpts[0]->code, 250);
	assert_int_equal(fake_hop_messages(w.fakes[0]), 1);
	assert_int_equal(fake_hop_connections(w.fakes[0]), 2);
	world_close(&w);
}

/* A kept connection that died unnoticed gets one more try. */
static void
test_stale(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, HOP_SMTP);
	world_plan(&w, "A:012");
	world_run(&w);
	assert_int_equal(w.txn.rcpts[0]->code, 250);
	fake_hop_break(w.fakes[0], 0, -1, 0); /* the first connection, with the next octet */
	world_again(&w);
	world_plan(&w, "A:012");
	world_run(&w);
	assert_int_equal(w.txn.rcpts[0]->code, 250);
	assert_int_equal(fake_hop_connections(w.fakes[0]), 2);
	assert_int_equal(fake_hop_messages(w.fakes[0]), 2);
	world_close(&w);
}

/* A message in a mapped file, let go of stretch by stretch, changed on its way, to two next hops.
 */
static void
test_big(void **state)
{
	static const char line[] = "some line of a big message\r\n", top[] = "X-Spam-Flag: YES\r\n";
	enum { LINES = 200000 };
	struct edit_list edits;
	struct world w;
	struct err err;

	(void)state;
	world_open(&w, HOP_SMTP);
	message_reset(w.message);
	for (int i = 0; i < LINES; i++) {
		uint8_t *to = message_reserve(w.message, sizeof(line) - 1, &err);

		assert_non_null(to);
		memcpy(to, line, sizeof(line) - 1);
		message_commit(w.message, sizeof(line) - 1);
	}
	edit_list_init(&edits, w.arena);
	edit_add(&edits, 0, 0, span_str(top));
	edit_add(&edits, 100000 * (sizeof(line) - 1), sizeof(line) - 1, span_str(".\r\n"));
	world_plan(&w, "A:01 B:2");
	w.plan.steps[0].edits = &edits;
	world_run(&w);
	assert_int_equal(w.txn.rcpts[2]->code, 250);
	for (int k = 0; k < 2; k++) {
		const struct fake_message *m = fake_hop_message(w.fakes[k], 0);
		const char *p = m->data.p;

		if (k == 0) {
			assert_memory_equal(p, top, sizeof(top) - 1);
			p += sizeof(top) - 1;
		}
		for (int i = 0; i < LINES; i++) {
			const char *want = k == 0 && i == 100000 ? ".\r\n" : line;

			if (memcmp(p, want, strlen(want)) != 0)
				fail_msg("next hop %d, line %d", k, i);
			p += strlen(want);
		}
		assert_ptr_equal(p, m->data.p + m->data.len);
	}
	world_close(&w);
}

/* --- broken at every octet --- */

static void
one_break(struct world *w, const char *plan, long written, long read, size_t *taken)
{
	int64_t unknown = counter_get(&w->counters, indeterminate);
	size_t before = fake_hop_messages(w->fakes[0]), now;
	struct hop_pool *pool = pool_new(&world_pool_options, NULL);

	fake_hop_break(w->fakes[0], -1, written, read);
	w->o.pool = pool;
	world_again(w);
	world_plan(w, plan);
	world_run(w);
	pool_free(pool);
	fake_hop_settle(w->fakes[0]);
	now = fake_hop_messages(w->fakes[0]);
	unknown = counter_get(&w->counters, indeterminate) - unknown;
	for (size_t i = before; i < now; i++) { /* whole or not at all */
		assert_int_equal(
		    fake_hop_message(w->fakes[0], i)->data.len, sizeof(RELAY_TEXT) - 1);
		assert_memory_equal(
		    fake_hop_message(w->fakes[0], i)->data.p, RELAY_TEXT, sizeof(RELAY_TEXT) - 1);
	}
	for (int i = 0; i < RELAY_RCPTS; i++) {
		const struct recipient *r = w->txn.rcpts[i];
		char line[64];

		snprintf(line, sizeof(line), "RCPT TO:<%s>\n", r->path.octets);
		assert_true(r->code == 250 || r->code == 451);
		assert_int_equal(r->code == 250, r->fate == FATE_DELIVERED);
		/* 250 only for what is there; there without 250 only when that is said */
		if (r->code == 250 &&
		    (now != before + 1 ||
			strstr(fake_hop_message(w->fakes[0], before)->rcpts, line) == NULL))
			fail_msg("250 for nothing: %ld, %ld", written, read);
		if (r->code != 250 && now > before && !unknown)
			fail_msg("delivered unawares: %ld, %ld", written, read);
	}
	*taken += now - before;
}

static void
breaks(enum hop_protocol protocol, int each)
{
	size_t taken = 0, all_written, all_read;
	struct world w;

	world_open(&w, protocol);
	w.o.reply_each = each;
	w.o.delivered = NULL;
	one_break(&w, "A:012", -1, -1, &taken);
	assert_int_equal(taken, 1);
	all_written = fake_hop_written_len(w.fakes[0], 0);
	all_read = fake_hop_read_len(w.fakes[0], 0);
	assert_true(all_written > 200 && all_read > 150);
	for (size_t i = 0; i <= all_written; i++)
		one_break(&w, "A:012", (long)i, -1, &taken);
	for (size_t i = 0; i <= all_read; i++)
		one_break(&w, "A:012", -1, (long)i, &taken);
	assert_true(taken > 1);
	world_close(&w);
}

static void
test_breaks_smtp(void **state)
{
	(void)state;
	breaks(HOP_SMTP, 0);
}

static void
test_breaks_lmtp(void **state)
{
	(void)state;
	breaks(HOP_LMTP, 1);
}

/* Silence instead of octets: a deadline ends it, with 4xx. */
static void
test_hangs(void **state)
{
	static const char *const verbs[] = { "GREETING", "EHLO", "MAIL", "RCPT", "DATA", "." };

	(void)state;
	for (size_t i = 0; i < nitems(verbs); i++) {
		struct fake_rule rule = { verbs[i], NULL, FAKE_HANG };
		struct hop_options o = world_pool_options;
		struct world w;

		world_open(&w, HOP_SMTP);
		fake_hop_rules(w.fakes[0], &rule, 1);
		/* Short where it hangs only: under a sanitizer an answer may take as long. */
		if (i < 2)
			o.helo_timeout_ms = 50;
		else if (i < 5)
			w.o.mail_timeout_ms = 50;
		else
			w.o.done_timeout_ms = 50;
		pool_set_options(w.pool, &o);
		world_plan(&w, "A:012");
		world_run(&w);
		assert_int_equal(w.txn.rcpts[0]->code, 451);
		assert_int_equal(
		    counter_get(&w.counters, indeterminate), strcmp(verbs[i], ".") == 0);
		world_close(&w);
	}
}

/* The client has no patience any more, just before the dot. */
static int
too_late(void *arg)
{
	struct world *w = arg;

	w->o.until = deadline_in_ms(-1);
	return 0;
}

static void
test_too_late(void **state)
{
	(void)state;
	for (int each = 0; each < 2; each++) {
		struct world w;

		world_open(&w, each ? HOP_LMTP : HOP_SMTP);
		w.o.reply_each = each;
		w.door.client_gone = too_late;
		world_plan(&w, "A:012");
		world_run(&w);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(w.txn.rcpts[i]->code, 451);
			assert_non_null(strstr(w.txn.rcpts[i]->reply, "too long"));
		}
		assert_int_equal(fake_hop_messages(w.fakes[0]), 0);
		assert_int_equal(counter_get(&w.counters, indeterminate), 0);
		world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_hangs_at_rset),
		cmocka_unit_test(test_refused_then_hangs),
		cmocka_unit_test(test_open_lost),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_breaks_smtp),
		cmocka_unit_test(test_breaks_lmtp),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_too_late),
		cmocka_unit_test(test_big),
	};

	world_quiet();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
