#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/relay_world.h"

#define EACH 1
#define SOFT 2
#define GONE 4

static const struct relay_case {
	const char *what;
	int flags;
	enum hop_protocol protocol;
	const char *plan;
	struct fake_rule a[3], b[2]; /* what the next hops do */
	int codes[RELAY_RCPTS];
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
	    "4.4.1 Next hop: closed the connection: 421 4.3.2 busy", "", "", 0, 0 },
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
	assert_int_equal(m->data.len, sizeof(RELAY_TEXT) - 1);
	assert_memory_equal(m->data.p, RELAY_TEXT, m->data.len);
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
		char fates[RELAY_RCPTS + 1] = "";
		struct world w;

		world_open(&w, c->protocol);
		fake_hop_rules(w.fakes[0], c->a, count_rules(c->a, 3));
		fake_hop_rules(w.fakes[1], c->b, count_rules(c->b, 2));
		w.o.reply_each = (c->flags & EACH) != 0;
		w.o.soft_bounce = (c->flags & SOFT) != 0;
		w.gone = (c->flags & GONE) != 0;
		world_plan(&w, c->plan);
		world_run(&w);
		for (int r = 0; r < RELAY_RCPTS; r++) {
			if (w.txn.rcpts[r]->code != c->codes[r])
				fail_msg("%s: recipient %d: %d", c->what, r, w.txn.rcpts[r]->code);
			fates[r] = fate_letter(w.txn.rcpts[r]->fate);
		}
		if (strcmp(fates, c->fates) != 0)
			fail_msg("%s: fates %s", c->what, fates);
		if (strcmp(w.txn.rcpts[0]->reply, c->reply) != 0)
			fail_msg("%s: %s", c->what, w.txn.rcpts[0]->reply);
		if (world_held(&w) != c->held)
			fail_msg("%s: %d held", c->what, world_held(&w));
		if (counter_get(&w.counters, indeterminate) != c->indeterminate)
			fail_msg("%s: indeterminate", c->what);
		check_there(c->what, w.fakes[0], c->at_a);
		check_there(c->what, w.fakes[1], c->at_b);
		world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	world_quiet();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
