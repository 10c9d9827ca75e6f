#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/delivered.h"
#include "action/hold.h"
#include "action/relay.h"
#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "client/pool.h"
#include "core/client.h"
#include "core/message.h"
#include "core/transaction.h"
#include "tests/lib/fake_hop.h"

#define RCPTS 3
#define TEXT  "Subject: test\r\n\r\n.a line\r\nlast\r\n"

/* One world a case: two next hops A and B, a pool, a hold store, a memory, a transaction. */
struct world {
	char dir[64], spool[80], memory[80], hold_dir[80];
	struct fake_hop *fakes[2];
	struct hop_pool *pool;
	struct hold_store *hold;
	struct delivered *delivered;
	struct counters counters;
	struct message *message;
	struct arena *arena;
	struct transaction txn;
	struct client client;
	struct plan plan;
	struct relay_options o;
	struct relay_door door;
	int gone;
};

static const struct hop_options pool_options = { .helo_name = "filter.example",
	.connect_timeout_ms = 5000,
	.helo_timeout_ms = 5000,
	.idle_limit_ms = 60000,
	.max_idle = 10,
	.max_reuse = 100 };

static int
client_gone(void *arg)
{
	struct world *w = arg;

	return w->gone;
}

static void
new_transaction(struct world *w)
{
	static const char *const paths[RCPTS] = { "a@x.example", "b@x.example", "c@x.example" };
	struct err err;

	arena_reset(w->arena);
	transaction_init(&w->txn, w->arena);
	decision_id_make(w->txn.id, sizeof(w->txn.id));
	w->txn.service = "test";
	w->txn.listener = "test";
	w->txn.client = &w->client;
	w->txn.sender = (struct path){ .octets = "s@x.example",
		.addr = "s@x.example",
		.local = "s",
		.domain = "x.example",
		.params = "" };
	w->txn.message_id = w->txn.subject = "";
	for (int i = 0; i < RCPTS; i++)
		transaction_add_rcpt(&w->txn)->path = (struct path){ .octets = paths[i],
			.addr = paths[i],
			.local = "x",
			.domain = "x.example",
			.params = "" };
	message_reset(w->message);
	memcpy(message_reserve(w->message, sizeof(TEXT), &err), TEXT, sizeof(TEXT) - 1);
	message_commit(w->message, sizeof(TEXT) - 1);
	w->txn.message = w->message;
}

static void
world_open(struct world *w, enum hop_protocol protocol)
{
	struct message_options mo = { .memory_limit = 1 << 20 };
	struct hold_options ho = { 0 };
	struct err err;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_relay.XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		fail();
	snprintf(w->memory, sizeof(w->memory), "%s/delivered", w->dir);
	snprintf(w->hold_dir, sizeof(w->hold_dir), "%s/hold", w->dir);
	for (int i = 0; i < 2; i++)
		w->fakes[i] = fake_hop_new(protocol, NULL, 0);
	w->pool = pool_new(&pool_options, &w->counters);
	ho.directory = w->hold_dir;
	w->hold = hold_open(&ho, &err);
	assert_non_null(w->hold);
	w->delivered = delivered_open(w->memory, 3600 * 1000, &err);
	assert_non_null(w->delivered);
	mo.spool_directory = w->dir;
	w->message = message_new(&mo);
	w->arena = arena_new();
	client_init(&w->client);
	w->o = (struct relay_options){ .pool = w->pool,
		.hold = w->hold,
		.delivered = w->delivered,
		.counters = &w->counters,
		.mail_timeout_ms = 20000,
		.xfer_timeout_ms = 20000,
		.done_timeout_ms = 20000,
		.pass_xforward = 1 };
	w->door = (struct relay_door){ .client_gone = client_gone, .arg = w };
	new_transaction(w);
}

static void
world_close(struct world *w)
{
	char *rm;

	pool_free(w->pool);
	fake_hop_free(w->fakes[0]);
	fake_hop_free(w->fakes[1]);
	hold_close(w->hold);
	delivered_close(w->delivered);
	message_free(w->message);
	arena_free(w->arena);
	if (asprintf(&rm, "rm -rf '%s'", w->dir) == -1 || system(rm) != 0)
		fail();
	free(rm);
}

/* "A:01 B:2", "H:0 A:12", "D:012", "R:0 A:12"; "A:012+x@y" adds a copy, "A:012>x@y" redirects. */
static void
make_plan(struct world *w, const char *text)
{
	struct plan *p = &w->plan;

	memset(p, 0, sizeof(*p));
	p->steps = arena_calloc(w->arena, 4 * sizeof(*p->steps));
	while (*text != '\0') {
		struct plan_step *s = &p->steps[p->nsteps++];
		char kind = *text;
		size_t n;

		s->kind = kind == 'H'   ? STEP_HOLD
			  : kind == 'D' ? STEP_DISCARD
			  : kind == 'R' ? STEP_REFUSE
					: STEP_DELIVER;
		if (s->kind == STEP_DELIVER)
			s->hop = *fake_hop_target(w->fakes[kind - 'A']);
		s->code = 550;
		s->enhanced = "5.7.1";
		s->text = "spam";
		s->reason = "hold: test";
		s->decided = kind == 'H' ? "reject" : NULL;
		s->rcpts = arena_calloc(w->arena, RCPTS * sizeof(size_t));
		for (text += 2; *text >= '0' && *text <= '9'; text++)
			s->rcpts[s->nrcpts++] = (size_t)(*text - '0');
		if (*text == '+' || *text == '>') {
			const char **list = arena_calloc(w->arena, sizeof(*list));

			n = strcspn(text + 1, " ");
			list[0] = arena_str(w->arena, span_make(text + 1, n));
			if (*text == '+') {
				s->extra = list;
				s->nextra = 1;
			} else {
				s->to = list;
				s->nto = 1;
			}
			text += n + 1;
		}
		text += *text == ' ';
	}
}

static int
count_held(void *arg, const struct hold_entry *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

static int
held(struct world *w)
{
	struct hold_filter all = { 0 };
	struct err err;
	int n = 0;

	assert_int_equal(hold_list(w->hold, &all, count_held, &n, &err), 0);
	return n;
}

/* --- the table --- */

#define EACH 1
#define SOFT 2
#define GONE 4

static const struct relay_case {
	const char *what;
	int flags;
	enum hop_protocol protocol;
	const char *plan;
	struct fake_rule a[3], b[2]; /* what the next hops do */
	int codes[RCPTS];
	const char *fates;       /* Delivered Held discarded(X) Rejected deFerred */
	const char *reply;       /* of the first recipient */
	const char *at_a, *at_b; /* recipients whose copy is there, "" none */
	int held;
	int indeterminate;
} cases[] = {
	{ "all well", 0, HOP_SMTP, "A:012", { { 0 } }, { { 0 } }, { 250, 250, 250 }, "DDD",
	    "2.0.0 Ok: queued as FAKE", "abc", "", 0, 0 },
	{ "all well, LMTP", EACH, HOP_LMTP, "A:012", { { 0 } }, { { 0 } }, { 250, 250, 250 }, "DDD",
	    "2.0.0 Ok: queued as FAKE", "abc", "", 0, 0 },
	{ "no enhanced code, two lines", 0, HOP_SMTP, "A:012",
	    { { ".", NULL, "250-taken\r\n250 indeed\r\n" } }, { { 0 } }, { 250, 250, 250 }, "DDD",
	    "2.0.0 taken\n2.0.0 indeed", "abc", "", 0, 0 },
	/* one reply: a refused recipient stops all, and is a 4xx unless all are refused for good */
	{ "one RCPT refused", 0, HOP_SMTP, "A:012", { { "RCPT", "b@", "550 5.1.1 no\r\n" } },
	    { { 0 } }, { 450, 450, 450 }, "FFF", "4.1.1 no", "", "", 0, 0 },
	{ "all RCPT refused", 0, HOP_SMTP, "A:012", { { "RCPT", NULL, "550 5.1.1 no\r\n" } },
	    { { 0 } }, { 550, 550, 550 }, "RRR", "5.1.1 no", "", "", 0, 0 },
	{ "refused, now and for good", 0, HOP_SMTP, "A:012",
	    { { "RCPT", "a@", "550 5.1.1 no\r\n" }, { "RCPT", NULL, "451 4.7.1 later\r\n" } },
	    { { 0 } }, { 451, 451, 451 }, "FFF", "4.7.1 later", "", "", 0, 0 },
	{ "MAIL refused", 0, HOP_SMTP, "A:012", { { "MAIL", NULL, "553 5.1.8 who\r\n" } },
	    { { 0 } }, { 553, 553, 553 }, "RRR", "5.1.8 who", "", "", 0, 0 },
	{ "DATA refused", 0, HOP_SMTP, "A:012", { { "DATA", NULL, "451 4.3.0 not now\r\n" } },
	    { { 0 } }, { 451, 451, 451 }, "FFF", "4.3.0 not now", "", "", 0, 0 },
	{ "final refusal", 0, HOP_SMTP, "A:012", { { ".", NULL, "554 5.7.1 spam\r\n" } }, { { 0 } },
	    { 554, 554, 554 }, "RRR", "5.7.1 spam", "", "", 0, 0 },
	{ "final refusal, wrong class", 0, HOP_SMTP, "A:012",
	    { { ".", NULL, "554 4.7.1 spam\x01\xff\r\n" } }, { { 0 } }, { 554, 554, 554 }, "RRR",
	    "5.7.1 spam ?", "", "", 0, 0 },
	{ "soft_bounce", SOFT, HOP_SMTP, "A:012", { { ".", NULL, "554 5.7.1 spam\r\n" } },
	    { { 0 } }, { 454, 454, 454 }, "FFF", "4.7.1 spam", "", "", 0, 0 },
	{ "421 at the end", 0, HOP_SMTP, "A:012", { { ".", NULL, "421 4.3.2 bye\r\n" } }, { { 0 } },
	    { 451, 451, 451 }, "FFF", "4.3.2 bye", "", "", 0, 0 },
	{ "421 at RCPT", 0, HOP_SMTP, "A:012", { { "RCPT", "c@", "421 4.3.2 bye\r\n" } }, { { 0 } },
	    { 451, 451, 451 }, "FFF", "4.3.2 bye", "", "", 0, 0 },
	{ "421 at the greeting", 0, HOP_SMTP, "A:012",
	    { { "GREETING", NULL, "421 4.3.2 busy\r\n" } }, { { 0 } }, { 451, 451, 451 }, "FFF",
	    "4.4.1 Next hop said: 421 4.3.2 busy", "", "", 0, 0 },
	{ "lost at the dot", 0, HOP_SMTP, "A:012", { { ".", NULL, FAKE_BREAK } }, { { 0 } },
	    { 451, 451, 451 }, "FFF",
	    "4.4.2 Next hop: connection lost while waiting for the reply to the end of the message",
	    "", "", 0, 1 },
	/* a reply each */
	{ "each: one RCPT refused", EACH, HOP_SMTP, "A:012",
	    { { "RCPT", "b@", "550 5.1.1 no\r\n" } }, { { 0 } }, { 250, 550, 250 }, "DRD",
	    "2.0.0 Ok: queued as FAKE", "ac", "", 0, 0 },
	{ "each: all RCPT refused", EACH, HOP_LMTP, "A:012",
	    { { "RCPT", "b@", "450 4.1.1 no\r\n" }, { "RCPT", NULL, "550 5.1.1 no\r\n" } },
	    { { 0 } }, { 550, 450, 550 }, "RFR", "5.1.1 no", "", "", 0, 0 },
	{ "each: LMTP's own replies", EACH, HOP_LMTP, "A:012",
	    { { "RCPT", "a@", "550 5.1.1 no\r\n" }, { ".", "c@", "452 4.2.2 full\r\n" } },
	    { { 0 } }, { 550, 250, 452 }, "RDF", "5.1.1 no", "b", "", 0, 0 },
	{ "each: LMTP breaks among its replies", EACH, HOP_LMTP, "A:012",
	    { { ".", "b@", FAKE_BREAK } }, { { 0 } }, { 250, 451, 451 }, "DFF",
	    "2.0.0 Ok: queued as FAKE", "ac", "", 0, 1 },
	{ "each: one next hop down", EACH, HOP_SMTP, "A:0 B:12",
	    { { "GREETING", NULL, FAKE_BREAK } }, { { 0 } }, { 451, 250, 250 }, "FDD",
	    "4.4.1 Next hop not reachable", "", "bc", 0, 0 },
	{ "each: refused, held, delivered", EACH, HOP_SMTP, "R:0 H:1 A:2", { { 0 } }, { { 0 } },
	    { 550, 250, 250 }, "RHD", "5.7.1 spam", "c", "", 1, 0 },
	{ "each: held and a next hop down", EACH, HOP_SMTP, "H:0 A:12",
	    { { "GREETING", NULL, FAKE_BREAK } }, { { 0 } }, { 250, 451, 451 }, "HFF", "2.0.0 Ok",
	    "", "", 1, 0 },
	/* several transactions, one reply */
	{ "both well", 0, HOP_SMTP, "A:01 B:2", { { 0 } }, { { 0 } }, { 250, 250, 250 }, "DDD",
	    "2.0.0 Ok: queued as FAKE", "ab", "c", 0, 0 },
	{ "the second refuses before the dot", 0, HOP_SMTP, "A:01 B:2", { { 0 } },
	    { { "DATA", NULL, "552 5.2.2 full\r\n" } }, { 452, 452, 452 }, "FFF", "4.2.2 full", "",
	    "", 0, 0 },
	{ "the second is down", 0, HOP_SMTP, "A:01 B:2", { { 0 } },
	    { { "GREETING", NULL, FAKE_BREAK } }, { 451, 451, 451 }, "FFF",
	    "4.4.1 Next hop not reachable", "", "", 0, 0 },
	{ "the first refuses the message", 0, HOP_SMTP, "A:01 B:2",
	    { { ".", NULL, "554 5.7.1 spam\r\n" } }, { { 0 } }, { 454, 454, 454 }, "FFF",
	    "4.7.1 spam", "", "", 0, 0 },
	{ "the second refuses after the first took it", 0, HOP_SMTP, "A:01 B:2", { { 0 } },
	    { { ".", NULL, "554 5.7.1 spam\r\n" } }, { 454, 454, 454 }, "DDF", "4.7.1 spam", "ab",
	    "", 0, 1 },
	{ "LMTP next hop, one reply", 0, HOP_LMTP, "A:012", { { ".", "c@", "452 4.2.2 full\r\n" } },
	    { { 0 } }, { 452, 452, 452 }, "DDF", "4.2.2 full", "ab", "", 0, 1 },
	/* hold and discard */
	{ "held", 0, HOP_SMTP, "H:012", { { 0 } }, { { 0 } }, { 250, 250, 250 }, "HHH", "2.0.0 Ok",
	    "", "", 1, 0 },
	{ "held and delivered", 0, HOP_SMTP, "A:01 H:2", { { 0 } }, { { 0 } }, { 250, 250, 250 },
	    "DDH", "2.0.0 Ok: queued as FAKE", "ab", "", 1, 0 },
	{ "held, and the next hop refuses", 0, HOP_SMTP, "A:01 H:2",
	    { { ".", NULL, "451 4.3.0 x\r\n" } }, { { 0 } }, { 451, 451, 451 }, "FFF", "4.3.0 x",
	    "", "", 0, 0 },
	{ "discarded and delivered", 0, HOP_SMTP, "D:0 A:12", { { 0 } }, { { 0 } },
	    { 250, 250, 250 }, "XDD", "2.0.0 Ok", "bc", "", 0, 0 },
	{ "discarded, and the next hop refuses", 0, HOP_SMTP, "D:0 A:12",
	    { { "MAIL", NULL, "451 4.3.0 x\r\n" } }, { { 0 } }, { 451, 451, 451 }, "FFF", "4.3.0 x",
	    "", "", 0, 0 },
	{ "refused for some, one reply", 0, HOP_SMTP, "R:0 A:12", { { 0 } }, { { 0 } },
	    { 450, 450, 450 }, "FFF", "4.7.1 spam", "", "", 0, 0 },
	{ "refused", 0, HOP_SMTP, "R:012", { { 0 } }, { { 0 } }, { 550, 550, 550 }, "RRR",
	    "5.7.1 spam", "", "", 0, 0 },
	/* copies and redirection */
	{ "copy", 0, HOP_SMTP, "A:012+d@x.example", { { 0 } }, { { 0 } }, { 250, 250, 250 }, "DDD",
	    "2.0.0 Ok: queued as FAKE", "abcd", "", 0, 0 },
	{ "copy refused", EACH, HOP_SMTP, "A:012+d@x.example",
	    { { "RCPT", "d@", "550 5.1.1 no\r\n" } }, { { 0 } }, { 451, 451, 451 }, "FFF",
	    "4.3.0 Next hop refuses a copy of this message", "", "", 0, 0 },
	{ "redirected", 0, HOP_SMTP, "A:012>d@x.example", { { 0 } }, { { 0 } }, { 250, 250, 250 },
	    "DDD", "2.0.0 Ok: queued as FAKE", "d", "", 0, 0 },
	{ "redirected, refused", EACH, HOP_LMTP, "A:012>d@x.example",
	    { { "RCPT", "d@", "550 5.1.1 no\r\n" } }, { { 0 } }, { 550, 550, 550 }, "RRR",
	    "5.1.1 no", "", "", 0, 0 },
	{ "redirected, refused at the end", EACH, HOP_LMTP, "A:012>d@x.example",
	    { { ".", "d@", "452 4.2.2 full\r\n" } }, { { 0 } }, { 452, 452, 452 }, "FFF",
	    "4.2.2 full", "", "", 0, 0 },
	/* the client */
	{ "client gone", GONE, HOP_SMTP, "A:01 H:2", { { 0 } }, { { 0 } }, { 451, 451, 451 }, "FFF",
	    "4.4.2 Client has gone", "", "", 0, 0 },
	{ "client gone, each", GONE | EACH, HOP_LMTP, "A:0 B:12", { { 0 } }, { { 0 } },
	    { 451, 451, 451 }, "FFF", "4.4.2 Client has gone", "", "", 0, 0 },
};

static size_t
count_rules(const struct fake_rule *r, size_t max)
{
	size_t n = 0;

	while (n < max && r[n].verb != NULL)
		n++;
	return n;
}

/* "abc" is: one message, RCPTs a, b, c, the whole text. */
static void
check_there(const char *what, struct fake_hop *f, const char *names)
{
	char want[256] = "", one[64];
	const struct fake_message *m;

	if (fake_hop_messages(f) != (names[0] != '\0'))
		fail_msg("%s: %zu messages", what, fake_hop_messages(f));
	if (names[0] == '\0')
		return;
	m = fake_hop_message(f, 0);
	for (; *names != '\0'; names++) {
		snprintf(one, sizeof(one), "RCPT TO:<%c@x.example>%s\n", *names,
		    *names == 'd' && strstr(m->rcpts, "NOTIFY") != NULL ? " NOTIFY=NEVER" : "");
		strcat(want, one);
	}
	assert_string_equal(m->rcpts, want);
	assert_int_equal(m->data.len, sizeof(TEXT) - 1);
	assert_memory_equal(m->data.p, TEXT, m->data.len);
}

static char
fate_letter(enum rcpt_fate fate)
{
	static const char letters[] = { [FATE_NONE] = '-',
		[FATE_DELIVERED] = 'D',
		[FATE_HELD] = 'H',
		[FATE_DISCARDED] = 'X',
		[FATE_REJECTED] = 'R',
		[FATE_DEFERRED] = 'F' };

	return letters[fate];
}

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct relay_case *c = &cases[i];
		char fates[RCPTS + 1] = "";
		struct world w;

		world_open(&w, c->protocol);
		fake_hop_rules(w.fakes[0], c->a, count_rules(c->a, 3));
		fake_hop_rules(w.fakes[1], c->b, count_rules(c->b, 2));
		w.o.reply_each = (c->flags & EACH) != 0;
		w.o.soft_bounce = (c->flags & SOFT) != 0;
		w.gone = (c->flags & GONE) != 0;
		make_plan(&w, c->plan);
		relay_run(&w.txn, &w.plan, &w.o, &w.door);
		for (int r = 0; r < RCPTS; r++) {
			if (w.txn.rcpts[r]->code != c->codes[r])
				fail_msg("%s: recipient %d: %d", c->what, r, w.txn.rcpts[r]->code);
			fates[r] = fate_letter(w.txn.rcpts[r]->fate);
		}
		if (strcmp(fates, c->fates) != 0)
			fail_msg("%s: fates %s", c->what, fates);
		if (strcmp(w.txn.rcpts[0]->reply, c->reply) != 0)
			fail_msg("%s: %s", c->what, w.txn.rcpts[0]->reply);
		if (held(&w) != c->held)
			fail_msg("%s: %d held", c->what, held(&w));
		if (counter_get(&w.counters, indeterminate) != c->indeterminate)
			fail_msg("%s: indeterminate", c->what);
		check_there(c->what, w.fakes[0], c->at_a);
		check_there(c->what, w.fakes[1], c->at_b);
		world_close(&w);
	}
}

/* --- a retry after some were served --- */

static void
test_memory(void **state)
{
	static const struct fake_rule no[] = { { ".", NULL, "451 4.3.0 later\r\n" } };
	struct world w;

	(void)state;
	world_open(&w, HOP_SMTP);
	fake_hop_rules(w.fakes[1], no, 1);
	make_plan(&w, "A:01 B:2");
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
	assert_int_equal(w.txn.rcpts[0]->code, 451);
	assert_int_equal(w.txn.rcpts[0]->fate, FATE_DELIVERED);
	assert_non_null(strstr(w.txn.rcpts[0]->hop, " (250 2.0.0 Ok: queued as FAKE)"));
	/* still down: nothing new for A */
	new_transaction(&w);
	make_plan(&w, "A:01 B:2");
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
	assert_int_equal(w.txn.rcpts[0]->code, 451);
	assert_int_equal(fake_hop_messages(w.fakes[0]), 1);
	fake_hop_rules(w.fakes[1], NULL, 0);
	new_transaction(&w);
	make_plan(&w, "A:01 B:2");
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
	for (int i = 0; i < RCPTS; i++) {
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
		make_plan(&w, "A:012");
		w.txn.sender.params = extensions[i].mail_params;
		w.txn.rcpts[1]->path.params = extensions[i].rcpt_params;
		relay_run(&w.txn, &w.plan, &w.o, &w.door);
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
	for (; e->nrcpts < RCPTS;) {
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

static void
test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(open_cases); i++) {
		struct hop_rcpt rcpts[RCPTS];
		struct hop_envelope e;
		struct world w;

		world_open(&w, HOP_SMTP);
		open_at_door(&w, &e, rcpts);
		fake_hop_rules(w.fakes[0], &open_cases[i].rule, open_cases[i].rule.verb != NULL);
		make_plan(&w, open_cases[i].plan);
		w.plan.as_is = open_cases[i].as_is;
		relay_run(&w.txn, &w.plan, &w.o, &w.door);
		if (w.txn.rcpts[1]->code != open_cases[i].code)
			fail_msg("%s: %d", open_cases[i].what, w.txn.rcpts[1]->code);
		assert_null(w.door.open_hop);
		pool_free(w.pool);
		w.pool = NULL;
		fake_hop_settle(w.fakes[0]);
		assert_int_equal(fake_hop_connections(w.fakes[0]), open_cases[i].connections);
		assert_int_equal(fake_hop_messages(w.fakes[0]), open_cases[i].messages);
		assert_int_equal(
		    occurrences(fake_hop_read(w.fakes[0], 0), "RSET\r\n"), open_cases[i].rsets);
		world_close(&w);
	}
}

/* The connection dies between RCPT and DATA: all is said again on a new one. */
static void
test_open_lost(void **state)
{
	struct hop_rcpt rcpts[RCPTS];
	struct hop_envelope e;
	struct world w;

	(void)state;
	world_open(&w, HOP_SMTP);
	open_at_door(&w, &e, rcpts);
	fake_hop_break(w.fakes[0], 0, -1, 0);
	make_plan(&w, "A:012");
	w.plan.as_is = 1;
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
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
	make_plan(&w, "A:012");
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
	assert_int_equal(w.txn.rcpts[0]->code, 250);
	fake_hop_break(w.fakes[0], 0, -1, 0); /* the first connection, with the next octet */
	new_transaction(&w);
	make_plan(&w, "A:012");
	relay_run(&w.txn, &w.plan, &w.o, &w.door);
	assert_int_equal(w.txn.rcpts[0]->code, 250);
	assert_int_equal(fake_hop_connections(w.fakes[0]), 2);
	assert_int_equal(fake_hop_messages(w.fakes[0]), 2);
	world_close(&w);
}

/* --- broken at every octet --- */

static void
one_break(struct world *w, const char *plan, long written, long read, size_t *taken)
{
	int64_t unknown = counter_get(&w->counters, indeterminate);
	size_t before = fake_hop_messages(w->fakes[0]), now;
	struct hop_pool *pool = pool_new(&pool_options, NULL);

	fake_hop_break(w->fakes[0], -1, written, read);
	w->o.pool = pool;
	new_transaction(w);
	make_plan(w, plan);
	relay_run(&w->txn, &w->plan, &w->o, &w->door);
	pool_free(pool);
	fake_hop_settle(w->fakes[0]);
	now = fake_hop_messages(w->fakes[0]);
	unknown = counter_get(&w->counters, indeterminate) - unknown;
	for (size_t i = before; i < now; i++) { /* whole or not at all */
		assert_int_equal(fake_hop_message(w->fakes[0], i)->data.len, sizeof(TEXT) - 1);
		assert_memory_equal(
		    fake_hop_message(w->fakes[0], i)->data.p, TEXT, sizeof(TEXT) - 1);
	}
	for (int i = 0; i < RCPTS; i++) {
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
		struct hop_options o = pool_options;
		struct world w;

		world_open(&w, HOP_SMTP);
		fake_hop_rules(w.fakes[0], &rule, 1);
		o.helo_timeout_ms = 50;
		pool_set_options(w.pool, &o);
		w.o.mail_timeout_ms = w.o.done_timeout_ms = 50;
		make_plan(&w, "A:012");
		relay_run(&w.txn, &w.plan, &w.o, &w.door);
		assert_int_equal(w.txn.rcpts[0]->code, 451);
		assert_int_equal(
		    counter_get(&w.counters, indeterminate), strcmp(verbs[i], ".") == 0);
		world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_lost),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_breaks_smtp),
		cmocka_unit_test(test_breaks_lmtp),
		cmocka_unit_test(test_hangs),
	};
	struct log_options quiet = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_INFO
	};
	struct err err;

	/* The next hops fail on purpose. */
	if (log_open(&quiet, &err) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
