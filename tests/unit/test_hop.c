#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "client/hop_private.h"
#include "tests/lib/fake_hop.h"

#define SOON deadline_in_ms(20000)

static const struct hop_client client = { .name = "mail.example",
	.addr = "2001:db8::1",
	.port = "",
	.proto = "ESMTP",
	.helo = "we ird=+",
	.ident = "4ABC",
	.local = 0 };

struct set { /* a fake, a connection to it, an envelope */
	struct fake_hop *fake;
	struct hop *hop;
	struct hop_envelope e;
	struct hop_rcpt rcpts[3];
	struct err err;
};

static void
set_envelope(struct set *s)
{
	static const char *const paths[] = { "a@x.example", "b@x.example", "c@x.example" };

	memset(&s->e, 0, sizeof(s->e));
	memset(s->rcpts, 0, sizeof(s->rcpts));
	s->e.mail_path = "from@x.example";
	s->e.mail_params = "SIZE=10 BODY=7BIT";
	for (size_t i = 0; i < 3; i++) {
		s->rcpts[i].path = paths[i];
		s->rcpts[i].params = "";
	}
	s->e.rcpts = s->rcpts;
	s->e.nrcpts = 3;
	s->e.arena = arena_new();
}

static int
set_open(struct set *s, enum hop_protocol protocol, const struct fake_rule *rules, size_t n,
    const char *ehlo)
{
	memset(s, 0, sizeof(*s));
	s->fake = fake_hop_new(protocol, rules, n);
	fake_hop_ehlo(s->fake, ehlo);
	set_envelope(s);
	s->hop = hop_open(fake_hop_target(s->fake), "filter.example", 5000, 5000, SOON, &s->err);
	return s->hop == NULL ? -1 : 0;
}

static void
set_close(struct set *s)
{
	hop_close(s->hop);
	arena_free(s->e.arena);
	fake_hop_free(s->fake);
}

static int
send_message(struct set *s, const char *text)
{
	if (hop_content(s->hop, span_str(text), SOON, &s->err) == -1 ||
	    hop_dot(s->hop, SOON, &s->err) == -1)
		return -1;
	return hop_final(s->hop, &s->e, SOON, &s->err);
}

/* --- the ordinary way --- */

static void
test_dialogue(void **state)
{
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, NULL, 0, NULL), 0);
	s.e.client = &client;
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), 0);
	assert_int_equal(s.e.data.code, 354);
	assert_int_equal(send_message(&s, "Subject: x\r\n\r\n.hidden\r\n"), 0);
	assert_int_equal(s.rcpts[2].final.code, 250);
	assert_string_equal(s.rcpts[2].final.enhanced, "2.0.0");
	assert_string_equal(s.rcpts[2].final.text, "Ok: queued as FAKE");
	assert_true(hop_idle(s.hop));
	hop_close(s.hop);
	s.hop = NULL;
	fake_hop_settle(s.fake);
	assert_string_equal(fake_hop_read(s.fake, 0),
	    "EHLO filter.example\r\n"
	    "XFORWARD NAME=mail.example ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE] PROTO=ESMTP "
	    "HELO=we+20ird+3D+2B IDENT=4ABC SOURCE=REMOTE\r\n"
	    "MAIL FROM:<from@x.example> SIZE=10 BODY=7BIT\r\n"
	    "RCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n"
	    "DATA\r\nSubject: x\r\n\r\n..hidden\r\n.\r\n");
	assert_int_equal(fake_hop_messages(s.fake), 1);
	set_close(&s);
}

/* No extension at all: SIZE and BODY=7BIT stay at home, nothing is pipelined, HELO after EHLO. */
static void
test_plain(void **state)
{
	static const struct fake_rule rules[] = { { "EHLO", NULL, "502 5.5.1 what?\r\n" } };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, rules, 1, NULL), 0);
	assert_int_equal(hop_caps(s.hop)->bits, 0);
	s.e.client = &client;
	assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), 0);
	assert_int_equal(send_message(&s, "x"), 0);
	hop_close(s.hop);
	s.hop = NULL;
	fake_hop_settle(s.fake);
	assert_string_equal(fake_hop_read(s.fake, 0),
	    "EHLO filter.example\r\nHELO filter.example\r\nMAIL FROM:<from@x.example>\r\n"
	    "RCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n"
	    "DATA\r\nx\r\n.\r\n");
	set_close(&s);
}

/* An attribute list too long for one command of 512 octets. */
static void
test_xforward_long(void **state)
{
	struct hop_client long_client = client;
	char name[256], helo[256];
	struct set s;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	memset(helo, '=', 255); /* three octets each on the wire: too long for any command */
	helo[255] = '\0';
	long_client.name = name;
	long_client.helo = helo;
	long_client.ident = name;
	long_client.local = 1;
	assert_int_equal(set_open(&s, HOP_SMTP, NULL, 0, NULL), 0);
	s.e.client = &long_client;
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), 0);
	assert_int_equal(s.e.data.code, 354);
	hop_close(s.hop);
	s.hop = NULL;
	fake_hop_settle(s.fake);
	for (const char *p = fake_hop_read(s.fake, 0), *end; *p != '\0'; p = end + 2) {
		end = strstr(p, "\r\n");
		assert_non_null(end);
		assert_true(end - p <= 510);
	}
	assert_non_null(
	    strstr(fake_hop_read(s.fake, 0), " HELO=[UNAVAILABLE]\r\nXFORWARD IDENT=n"));
	assert_non_null(strstr(fake_hop_read(s.fake, 0), " SOURCE=LOCAL\r\nMAIL"));
	set_close(&s);
}

/* --- refusals --- */

static const struct {
	const char *what;
	struct fake_rule rules[3];
	size_t nrules;
	int all_or_none, rc, data, standing, oks;
} refusals[] = {
	{ "one refused", { { "RCPT", "b@", "550 5.1.1 no\r\n" } }, 1, 0, 0, 354, 1, 2 },
	/* the data is open at the peer, and RSET would be content */
	{ "one refused, all wanted", { { "RCPT", "b@", "550 5.1.1 no\r\n" } }, 1, 1, 0, 0, 0, 2 },
	{ "one refused, peer refuses DATA too",
	    { { "RCPT", "b@", "550 5.1.1 no\r\n" }, { "DATA", NULL, "554 5.5.1 no\r\n" } }, 2, 1, 0,
	    554, 1, 2 },
	{ "all refused", { { "RCPT", NULL, "450 4.1.1 later\r\n" } }, 1, 0, 0, 554, 1, 0 },
	{ "all refused, yet 354",
	    { { "RCPT", NULL, "450 4.1.1 later\r\n" }, { "DATA", NULL, "354 well\r\n" } }, 2, 0, 0,
	    0, 0, 0 },
	{ "MAIL refused", { { "MAIL", NULL, "550 5.7.1 not you\r\n" } }, 1, 0, 0, 554, 1, 0 },
	/* accepts what cannot be: no data without MAIL */
	{ "MAIL refused, all else taken",
	    { { "MAIL", NULL, "550 5.7.1 not you\r\n" }, { "RCPT", NULL, "250 Ok\r\n" },
		{ "DATA", NULL, "354 well\r\n" } },
	    3, 0, 0, 0, 0, 3 },
	{ "DATA refused", { { "DATA", NULL, "452 4.3.1 full\r\n" } }, 1, 0, 0, 452, 1, 3 },
	{ "DATA 250", { { "DATA", NULL, "250 done\r\n" } }, 1, 0, -1, 0, 0, 3 },
	{ "DATA 355", { { "DATA", NULL, "355 done\r\n" } }, 1, 0, -1, 0, 0, 3 },
	{ "RCPT 354", { { "RCPT", "c@", "354 eh\r\n" } }, 1, 0, -1, 0, 0, 2 },
	{ "421 to RCPT", { { "RCPT", "b@", "421 4.3.2 going down\r\n" } }, 1, 0, -1, 0, 0, 1 },
	{ "XFORWARD refused", { { "XFORWARD", NULL, "550 5.7.0 not for you\r\n" } }, 1, 1, 0, 354,
	    1, 3 },
	{ "codes differ", { { "RCPT", "a@", "250-x\r\n251 y\r\n" } }, 1, 0, -1, 0, 0, 0 },
	{ "garbage", { { "RCPT", "a@", "hello\r\n" } }, 1, 0, -1, 0, 0, 0 },
	{ "code 999", { { "RCPT", "a@", "999 hello\r\n" } }, 1, 0, -1, 0, 0, 0 },
	{ "break", { { "RCPT", "b@", FAKE_BREAK } }, 1, 0, -1, 0, 0, 1 },
	{ "multi-line", { { "RCPT", "b@", "250-2.1.5 a\r\n250-2.1.5 b\r\n250 2.1.5\r\n" } }, 1, 0,
	    0, 354, 1, 3 },
};

static void
test_refusals(void **state)
{
	(void)state;
	/* with and without pipelining: the same results, but a peer that is not asked for DATA
	 * cannot answer it */
	for (size_t k = 0; k < 2 * nitems(refusals); k++) {
		size_t i = k / 2;
		int alone = k % 2;
		int oks = 0;
		struct set s;

		assert_int_equal(set_open(&s, HOP_SMTP, refusals[i].rules, refusals[i].nrules,
				     alone ? "250 XFORWARD NAME\r\n" : NULL),
		    0);
		s.e.client = &client;
		if (hop_begin(s.hop, &s.e, refusals[i].all_or_none, SOON, &s.err) != refusals[i].rc)
			fail_msg("%s", refusals[i].what);
		for (int r = 0; r < 3; r++)
			oks += s.rcpts[r].reply.code == 250;
		if (alone && s.e.mail.code != 250) {
			assert_int_equal(oks, 0);
			assert_true(hop_idle(s.hop));
		} else {
			assert_int_equal(oks, refusals[i].oks);
		}
		if (s.e.data.code != refusals[i].data && !(alone && s.e.data.code == 0))
			fail_msg("%s: %d", refusals[i].what, s.e.data.code);
		if (!alone)
			assert_int_equal(hop_standing(s.hop), refusals[i].standing);
		if (hop_standing(s.hop) && s.e.data.code != 354) {
			assert_int_equal(hop_rset(s.hop, SOON, &s.err), 0);
			assert_true(hop_idle(s.hop));
		}
		assert_int_equal(fake_hop_messages(s.fake), 0);
		set_close(&s);
	}
}

static void
test_farewell(void **state)
{
	static const struct fake_rule rules[] = { { "MAIL", NULL, "421 4.3.2 going\tdown\r\n" } };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, rules, 1, NULL), 0);
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), -1);
	assert_int_equal(s.err.class, ERR_RETRY);
	assert_true(hop_unanswered(s.hop));
	assert_int_equal(hop_farewell(s.hop)->code, 421);
	assert_string_equal(hop_farewell(s.hop)->enhanced, "4.3.2");
	assert_string_equal(hop_farewell(s.hop)->text, "going down");
	set_close(&s);
}

static const struct {
	const char *reply;
	enum err_class class;
	const char *text;
} greetings[] = {
	{ "421 4.3.2 busy\r\n", ERR_PEER, "closed the connection: 421 4.3.2 busy" },
	{ "554-no\r\n554 entry\r\n", ERR_PEER, "refused the connection: 554 no" },
	{ "SSH-2.0-OpenSSH\r\n", ERR_PEER, "protocol error: no reply code in reply to connecting" },
	{ "354 what\r\n", ERR_PEER, "protocol error: a 3xx in reply to connecting" },
	{ FAKE_BREAK, ERR_RETRY, "connection lost while waiting for the reply to connecting" },
};

static void
test_greetings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(greetings); i++) {
		const struct fake_rule rule = { "GREETING", NULL, greetings[i].reply };
		struct set s;

		assert_int_equal(set_open(&s, HOP_LMTP, &rule, 1, NULL), -1);
		assert_int_equal(s.err.class, greetings[i].class);
		assert_string_equal(s.err.text, greetings[i].text);
		set_close(&s);
	}
}

/* Replies without end, or with what no reply holds. */
static void
test_endless(void **state)
{
	struct buf many = { 0 }, wide = { 0 };
	struct fake_rule rule = { "MAIL", NULL, NULL };
	struct set s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_adds(&many, "250-x\r\n");
	buf_adds(&wide, "250 ");
	for (int i = 0; i < 9000; i++)
		buf_addc(&wide, 'x');
	buf_adds(&wide, "\r\n");
	for (int i = 0; i < 2; i++) {
		rule.reply = buf_cstr(i == 0 ? &many : &wide);
		assert_int_equal(set_open(&s, HOP_SMTP, &rule, 1, NULL), 0);
		assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), -1);
		assert_int_equal(s.err.class, ERR_PEER);
		set_close(&s);
	}
	buf_fini(&many);
	buf_fini(&wide);
}

/* --- after the data --- */

static void
test_lmtp_each(void **state)
{
	static const struct fake_rule rules[] = { { "RCPT", "a@", "550 5.1.1 no\r\n" },
		{ ".", "c@", "452 4.2.2 full\r\n" } };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_LMTP, rules, 2, NULL), 0);
	assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), 0);
	assert_int_equal(send_message(&s, "x"), 0);
	assert_int_equal(s.rcpts[0].final.code, 550);
	assert_int_equal(s.rcpts[1].final.code, 250);
	assert_int_equal(s.rcpts[2].final.code, 452);
	assert_true(hop_idle(s.hop));
	set_close(&s);
}

static const struct {
	enum hop_protocol protocol;
	struct fake_rule rule;
	int rc, codes[3], idle;
} finals[] = {
	{ HOP_SMTP, { ".", NULL, "250-a\r\n250 b\r\n" }, 0, { 250, 250, 250 }, 1 },
	{ HOP_SMTP, { ".", NULL, "554 5.7.1 spam\r\n" }, 0, { 554, 554, 554 }, 1 },
	{ HOP_SMTP, { ".", NULL, "421 4.3.2 bye\r\n" }, 0, { 421, 421, 421 }, 0 },
	{ HOP_SMTP, { ".", NULL, "354 again\r\n" }, -1, { 0, 0, 0 }, 0 },
	{ HOP_SMTP, { ".", NULL, "25\r\n" }, -1, { 0, 0, 0 }, 0 },
	{ HOP_SMTP, { ".", NULL, FAKE_BREAK }, -1, { 0, 0, 0 }, 0 },
	{ HOP_LMTP, { ".", "b@", "421 4.3.2 bye\r\n" }, 0, { 250, 421, 421 }, 0 },
	{ HOP_LMTP, { ".", "b@", FAKE_BREAK }, -1, { 250, 0, 0 }, 0 },
};

static void
test_finals(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(finals); i++) {
		struct set s;

		assert_int_equal(set_open(&s, finals[i].protocol, &finals[i].rule, 1, NULL), 0);
		assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), 0);
		assert_int_equal(send_message(&s, "x"), finals[i].rc);
		for (int r = 0; r < 3; r++)
			assert_int_equal(s.rcpts[r].final.code, finals[i].codes[r]);
		assert_int_equal(hop_idle(s.hop), finals[i].idle);
		set_close(&s);
	}
}

/* A peer that answers the data before it has it: its 250 must not count for our dot. */
static void
test_early(void **state)
{
	static const struct fake_rule yes = { "DATA", NULL, "354 go\r\n250 2.0.0 got it\r\n" };
	static const struct fake_rule no = { "DATA", NULL, "354 go\r\n552 5.3.4 too big\r\n" };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, &yes, 1, NULL), 0);
	assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), 0);
	assert_int_equal(send_message(&s, "x"), -1);
	assert_int_equal(s.err.class, ERR_PEER);
	assert_int_equal(hop_farewell(s.hop)->code, 0);
	assert_int_equal(s.rcpts[0].final.code, 0);
	set_close(&s);

	assert_int_equal(set_open(&s, HOP_SMTP, &no, 1, NULL), 0);
	assert_int_equal(hop_begin(s.hop, &s.e, 0, SOON, &s.err), 0);
	assert_int_equal(send_message(&s, "x"), -1);
	assert_int_equal(hop_farewell(s.hop)->code, 552);
	assert_int_equal(fake_hop_messages(s.fake), 0);
	set_close(&s);
}

/* More recipients than go in a window, and a message of several megabytes in odd pieces. */
static void
test_many(void **state)
{
	enum { N = 10000 };
	struct hop_rcpt *rcpts = xcalloc(N, sizeof(*rcpts));
	struct buf text = { 0 };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_LMTP, NULL, 0, NULL), 0);
	for (size_t i = 0; i < N; i++)
		rcpts[i] =
		    (struct hop_rcpt){ .path = "someone.with.a.name@example.org", .params = "" };
	s.e.rcpts = rcpts;
	s.e.nrcpts = N;
	while (text.len < 3 * WIRE_MAX)
		buf_adds(&text, "some line of text\r\n.\r\n");
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), 0);
	for (size_t at = 0; at < text.len; at += 77777) {
		size_t n = text.len - at < 77777 ? text.len - at : 77777;

		assert_int_equal(hop_content(s.hop, span_make(text.p + at, n), SOON, &s.err), 0);
	}
	assert_int_equal(hop_dot(s.hop, SOON, &s.err), 0);
	assert_int_equal(hop_final(s.hop, &s.e, SOON, &s.err), 0);
	assert_int_equal(rcpts[N - 1].final.code, 250);
	assert_int_equal(fake_hop_message(s.fake, 0)->data.len, text.len);
	assert_memory_equal(fake_hop_message(s.fake, 0)->data.p, text.p, text.len);
	set_close(&s);
	buf_fini(&text);
	free(rcpts);
}

static void
test_hang(void **state)
{
	static const struct fake_rule rule = { "RCPT", "b@", FAKE_HANG };
	struct set s;
	int64_t began = clock_ms();

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, &rule, 1, NULL), 0);
	assert_int_equal(hop_begin(s.hop, &s.e, 0, deadline_in_ms(300), &s.err), -1);
	assert_int_equal(s.err.class, ERR_RETRY);
	assert_string_equal(s.err.text, "timed out while waiting for the reply to RCPT");
	assert_true(clock_ms() - began < 3000);
	set_close(&s);
}

/* A next hop that takes its time with each of many recipients is not one that hangs. */
static void
test_slow_recipients(void **state)
{
	static const struct fake_rule slow[] = { { "RCPT", NULL, FAKE_SLOW "250 2.1.5 Ok\r\n" } };
	struct set s;

	(void)state;
	assert_int_equal(set_open(&s, HOP_SMTP, slow, 1, NULL), 0);
	s.e.reply_ms = 800; /* three take longer, none does alone */
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), 0);
	assert_int_equal(s.e.data.code, 354);
	set_close(&s);

	assert_int_equal(set_open(&s, HOP_SMTP, slow, 1, NULL), 0);
	s.e.reply_ms = 20;
	assert_int_equal(hop_begin(s.hop, &s.e, 1, SOON, &s.err), -1);
	assert_non_null(strstr(s.err.text, "timed out"));
	set_close(&s);

	assert_int_equal(set_open(&s, HOP_SMTP, slow, 1, NULL), 0);
	s.e.reply_ms = 20000;
	assert_int_equal(hop_begin(s.hop, &s.e, 1, deadline_in_ms(100), &s.err), -1);
	set_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogue),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_xforward_long),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_farewell),
		cmocka_unit_test(test_greetings),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_lmtp_each),
		cmocka_unit_test(test_finals),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_slow_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
