/* Packets to events, answers to packets: the session is a fake that writes down what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "front/milter_packets.h"
#include "front/milter_session.h"

/* --- the fake --- */

struct milter_session {
	struct buf told;
	struct milter_answer next; /* to the event `at` */
	char at;
	uint32_t steps; /* as negotiated */
};

static void
answer(struct milter_session *s, char command, struct milter_answer *a)
{
	*a = (struct milter_answer){ .what = MILTER_GO_ON };
	if (s->at == command)
		*a = s->next;
}

static void
tell_args(struct milter_session *s, const char *event, const char *const *args, size_t n)
{
	buf_adds(&s->told, event);
	for (size_t i = 0; i < n; i++)
		buf_printf(&s->told, " [%s]", args[i]);
	buf_addc(&s->told, ';');
}

int
milter_session_negotiate(struct milter_session *s, const struct milter_options *offer,
    struct milter_wishes *w, struct err *err)
{
	if (offer->version < MILTER_VERSION_MIN) {
		err_set(err, ERR_PEER, "no version in common");
		return -1;
	}
	*w = (struct milter_wishes){ .options = *offer };
	w->options.steps = s->steps;
	w->macros[MILTER_AT_MAIL] = "i {mail_addr}";
	buf_printf(&s->told, "negotiate %u %x %x;", offer->version, offer->actions, offer->steps);
	return 0;
}

int
milter_session_is_answered(const struct milter_session *s, enum milter_command c)
{
	return c != MILTER_HEADER || (s->steps & MILTER_NR_HEADER) == 0;
}

void
milter_session_macros_begin(struct milter_session *s, enum milter_macros_at at)
{
	buf_printf(&s->told, "macros %d;", (int)at);
}

void
milter_session_macro(
    struct milter_session *s, enum milter_macros_at at, const char *name, const char *value)
{
	buf_printf(&s->told, "%d %s=%s;", (int)at, name, value);
}

void
milter_connect(struct milter_session *s, const struct milter_connection *c, struct milter_answer *a)
{
	buf_printf(&s->told, "connect %s %c %s %u;", c->name, c->family, c->addr, c->port);
	answer(s, 'C', a);
}

void
milter_helo(struct milter_session *s, const char *name, struct milter_answer *a)
{
	tell_args(s, "helo", &name, 1);
	answer(s, 'H', a);
}

void
milter_mail(struct milter_session *s, const char *const *args, size_t n, struct milter_answer *a)
{
	tell_args(s, "mail", args, n);
	answer(s, 'M', a);
}

void
milter_rcpt(struct milter_session *s, const char *const *args, size_t n, struct milter_answer *a)
{
	tell_args(s, "rcpt", args, n);
	answer(s, 'R', a);
}

void
milter_data(struct milter_session *s, struct milter_answer *a)
{
	buf_adds(&s->told, "data;");
	answer(s, 'T', a);
}

void
milter_unknown(struct milter_session *s, const char *command, struct milter_answer *a)
{
	tell_args(s, "unknown", &command, 1);
	answer(s, 'U', a);
}

void
milter_header(
    struct milter_session *s, struct span name, struct span value, struct milter_answer *a)
{
	buf_printf(&s->told, "header %.*s:%.*s;", (int)name.len, (const char *)name.p,
	    (int)value.len, (const char *)value.p);
	answer(s, 'L', a);
}

void
milter_end_of_headers(struct milter_session *s, struct milter_answer *a)
{
	buf_adds(&s->told, "eoh;");
	answer(s, 'N', a);
}

void
milter_body(struct milter_session *s, struct span chunk, struct milter_answer *a)
{
	buf_printf(&s->told, "body %.*s;", (int)chunk.len, (const char *)chunk.p);
	answer(s, 'B', a);
}

void
milter_end_of_message(struct milter_session *s, struct milter_answer *a)
{
	buf_adds(&s->told, "end;");
	answer(s, 'E', a);
}

void
milter_abort(struct milter_session *s)
{
	buf_adds(&s->told, "abort;");
}

void
milter_session_again(struct milter_session *s)
{
	buf_adds(&s->told, "again;");
}

/* --- conversations --- */

#define B(s)    span_make((s), sizeof(s) - 1)
#define DATA(s) (s), sizeof(s) - 1
#define OPTNEG                                                                                     \
	{                                                                                          \
		'O', DATA("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")                                      \
	}
#define MAIL                                                                                       \
	{                                                                                          \
		'M', DATA("<a@b>\0")                                                               \
	}
#define SAID_OPTNEG "negotiate 6 1ff 1fffff;"

struct sent {
	char command; /* 0: no more */
	const char *data;
	size_t len;
};

static const struct conversation {
	const char *what;
	uint32_t steps;
	struct sent sent[12];
	const char *told, *commands; /* of the packets that came back; "O": OPTNEG */
	enum milter_then then;       /* of the last one */
	const char *err;
} conversations[] = {
	{ "a message", 0,
	    { OPTNEG,
		{ 'C', DATA("host\0004\0\x19"
			    "192.0.2.1\0") },
		{ 'H', DATA("me\0") }, { 'M', DATA("<a@b>\0SIZE=9\0") }, { 'R', DATA("<c@d>\0") },
		{ 'T', NULL, 0 }, { 'L', DATA("Subject\0 x\0") }, { 'N', NULL, 0 },
		{ 'B', DATA("hello") }, { 'E', NULL, 0 }, { 'Q', NULL, 0 } },
	    SAID_OPTNEG "connect host 4 192.0.2.1 25;helo [me];mail [<a@b>] [SIZE=9];rcpt [<c@d>];"
			"data;header Subject: x;eoh;body hello;end;",
	    "Occccccccc", MILTER_CLOSE, "" },
	{ "no reply to header fields; DATA behind them, as Stalwart has it", MILTER_NR_HEADER,
	    { OPTNEG, MAIL, { 'L', DATA("A\0b\0") }, { 'T', NULL, 0 }, { 'L', DATA("C\0d\0") },
		{ 'E', DATA("last piece") } },
	    SAID_OPTNEG "mail [<a@b>];header A:b;data;header C:d;body last piece;end;", "Occc",
	    MILTER_READ_ON, "" },
	{ "macros, with and without braces; those of no stage are passed over", 0,
	    { OPTNEG, { 'D', DATA("M{mail_addr}\0a@b\0i\0Q1\0") }, { 'D', DATA("Lx\0y\0") },
		{ 'D', DATA("E") } },
	    SAID_OPTNEG "macros 2;2 mail_addr=a@b;2 i=Q1;macros 5;", "O", MILTER_READ_ON, "" },
	{ "ABORT anywhere, before MAIL too: then there is nothing to tell", 0,
	    { OPTNEG, { 'A', NULL, 0 }, MAIL, { 'A', NULL, 0 }, { 'A', NULL, 0 }, MAIL,
		{ 'L', DATA("A\0b\0") }, { 'A', NULL, 0 } },
	    SAID_OPTNEG "mail [<a@b>];abort;mail [<a@b>];header A:b;abort;", "Occc", MILTER_READ_ON,
	    "" },
	{ "a message that the MTA has dropped without a word", 0,
	    { OPTNEG, MAIL, MAIL, { 'N', NULL, 0 }, { 'H', DATA("x\0") } },
	    SAID_OPTNEG "mail [<a@b>];abort;mail [<a@b>];eoh;abort;helo [x];", "Occcc",
	    MILTER_READ_ON, "" },
	{ "QUIT_NC, in a message and after one", 0,
	    { OPTNEG, { 'C', DATA("h\0U") }, MAIL, { 'K', NULL, 0 }, { 'C', DATA("i\0U") }, MAIL,
		{ 'E', NULL, 0 }, { 'K', NULL, 0 } },
	    SAID_OPTNEG "connect h U  0;mail [<a@b>];abort;again;connect i U  0;mail [<a@b>];end;"
			"again;",
	    "Occccc", MILTER_READ_ON, "" },
	{ "CONNECT twice is as with QUIT_NC between", 0,
	    { OPTNEG, { 'C', DATA("h\0U") }, MAIL, { 'C', DATA("i\0U") } },
	    SAID_OPTNEG "connect h U  0;mail [<a@b>];abort;again;connect i U  0;", "Occc",
	    MILTER_READ_ON, "" },
	{ "an unknown command, in a message and outside", 0,
	    { OPTNEG, { 'U', DATA("FOO\0") }, MAIL, { 'U', DATA("BAR x\0") },
		{ 'R', DATA("<c@d>\0") } },
	    SAID_OPTNEG "unknown [FOO];mail [<a@b>];unknown [BAR x];rcpt [<c@d>];", "Occcc",
	    MILTER_READ_ON, "" },
	/* Out of order */
	{ "OPTNEG twice", 0, { OPTNEG, OPTNEG }, SAID_OPTNEG, "O", MILTER_BREAK,
	    "command 'O' outside a message" },
	{ "nothing negotiated", 0, { MAIL }, "", "", MILTER_BREAK, "command 'M' before OPTNEG" },
	{ "macros before it", 0, { { 'D', DATA("C") } }, "", "", MILTER_BREAK,
	    "command 'D' before OPTNEG" },
	{ "no version in common", 0, { { 'O', DATA("\0\0\0\1\0\0\0\0\0\0\0\0") } }, "", "",
	    MILTER_BREAK, "no version in common" },
	{ "RCPT without MAIL", 0, { OPTNEG, { 'R', DATA("<c@d>\0") } }, SAID_OPTNEG, "O",
	    MILTER_BREAK, "command 'R' outside a message" },
	{ "RCPT in the header", 0, { OPTNEG, MAIL, { 'L', DATA("A\0b\0") }, { 'R', DATA("c\0") } },
	    SAID_OPTNEG "mail [<a@b>];header A:b;", "Occ", MILTER_BREAK,
	    "command 'R' in the header" },
	{ "a field in the body", 0, { OPTNEG, MAIL, { 'B', DATA("x") }, { 'L', DATA("A\0b\0") } },
	    SAID_OPTNEG "mail [<a@b>];body x;", "Occ", MILTER_BREAK, "command 'L' in the body" },
	{ "END twice", 0, { OPTNEG, MAIL, { 'E', NULL, 0 }, { 'E', NULL, 0 } },
	    SAID_OPTNEG "mail [<a@b>];end;", "Occ", MILTER_BREAK, "command 'E' outside a message" },
	{ "QUIT at once", 0, { { 'Q', NULL, 0 } }, "", "", MILTER_CLOSE, "" },
	/* Grammar */
	{ "MAIL without its end", 0, { OPTNEG, { 'M', DATA("<a@b>") } }, SAID_OPTNEG, "O",
	    MILTER_BREAK, "an argument without its end" },
	{ "a field without a value", 0, { OPTNEG, MAIL, { 'L', DATA("A\0") } },
	    SAID_OPTNEG "mail [<a@b>];", "Oc", MILTER_BREAK,
	    "a header field must be a name and a value" },
	{ "half a macro: the stage has none", 0, { OPTNEG, { 'D', DATA("Mi\0") } },
	    SAID_OPTNEG "macros 2;", "O", MILTER_BREAK, "a macro without its value" },
};

/* The command octets of packets. */
static void
commands(struct span packets, struct buf *out)
{
	while (packets.len >= 5) {
		size_t n =
		    4 + ((size_t)packets.p[1] << 16 | (size_t)packets.p[2] << 8 | packets.p[3]);

		assert_true(n <= packets.len);
		buf_addc(out, (char)packets.p[4]);
		packets = span_make(packets.p + n, packets.len - n);
	}
	assert_int_equal(packets.len, 0);
}

static enum milter_then
serve(struct milter_packets *m, const struct sent *s, struct buf *out, struct err *err)
{
	struct milter_packet p = { .command = (enum milter_command)s->command,
		.data = span_make(s->data, s->len) };

	return milter_packets_serve(m, &p, out, err);
}

static void
test_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(conversations); i++) {
		const struct conversation *c = &conversations[i];
		struct milter_session s = { .steps = c->steps };
		struct milter_packets m = { .session = &s };
		struct buf out = { 0 }, got = { 0 };
		enum milter_then then = MILTER_READ_ON;
		struct err err = { 0 };

		for (const struct sent *p = c->sent; p->command != '\0'; p++) {
			assert_int_equal(then, MILTER_READ_ON);
			then = serve(&m, p, &out, &err);
		}
		commands(buf_span(&out), &got);
		if (strcmp(buf_cstr(&s.told), c->told) != 0 || then != c->then)
			print_error("%s: %s\n", c->what, err.text);
		assert_string_equal(buf_cstr(&s.told), c->told);
		assert_string_equal(buf_cstr(&got), c->commands);
		assert_int_equal(then, c->then);
		assert_string_equal(then == MILTER_BREAK ? err.text : "", c->err);
		milter_packets_rest(&m);
		buf_fini(&s.told);
		buf_fini(&out);
		buf_fini(&got);
	}
}

static void
test_optneg(void **state)
{
	static const struct sent offer = OPTNEG;
	struct milter_session s = { .steps = MILTER_NR_HEADER | MILTER_HDR_LEADSPC };
	struct milter_packets m = { .session = &s };
	struct buf out = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(serve(&m, &offer, &out, &err), MILTER_READ_ON);
	assert_int_equal(m.steps, MILTER_NR_HEADER | MILTER_HDR_LEADSPC);
	assert_true(span_eq(
	    buf_span(&out), B("\0\0\0\x1fO\0\0\0\6\0\0\1\xff\0\x10\0\x80\0\0\0\2i {mail_addr}\0")));
	buf_fini(&out);
	buf_fini(&s.told);
}

/* --- answers --- */

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
#define GO "\0\0\0\1c"

static const struct change insert[] = {
	{ .kind = CHANGE_INSERT_HEADER, .index = 2, .name = "X", .value = TEXT(" y") },
};
static const struct change add[] = {
	{ .kind = CHANGE_ADD_HEADER, .name = "X", .value = TEXT("\ty\r\n z") },
};
static const struct change fields[] = {
	{ .kind = CHANGE_HEADER, .index = 3, .name = "X", .value = TEXT("y") },
	{ .kind = CHANGE_HEADER, .index = 1, .name = "X", .value = { NULL, 0 } },
	{ .kind = CHANGE_HEADER, .index = 1, .name = "Y", .value = TEXT(" ") },
};
static const struct change all[] = {
	{ .kind = CHANGE_BODY, .value = TEXT("hi\r\n") },
	{ .kind = CHANGE_FROM, .name = "<a@b>" },
	{ .kind = CHANGE_ADD_RCPT, .name = "<c@d>" },
	{ .kind = CHANGE_DELETE_RCPT, .name = "<e@f>" },
	{ .kind = CHANGE_QUARANTINE, .name = "odd" },
};

static const struct {
	const char *what;
	uint32_t steps;
	struct milter_answer answer;
	struct span wire;
} answers[] = {
	{ "go on", 0, { .what = MILTER_GO_ON }, TEXT(GO) },
	{ "discard", 0, { .what = MILTER_DISCARD }, TEXT("\0\0\0\1d") },
	{ "enough", 0, { .what = MILTER_ENOUGH }, TEXT("\0\0\0\1s") },
	{ "reply", 0, { .what = MILTER_REPLY, .code = 550, .enhanced = "5.7.1", .text = "100% no" },
	    TEXT("\0\0\0\x14y"
		 "550 5.7.1 100%% no\0") },
	/* The blank behind the colon is ours, or the MTA's. */
	{ "insert", MILTER_HDR_LEADSPC, { .changes = insert, .nchanges = nitems(insert) },
	    TEXT("\0\0\0\xai\0\0\0\2X\0 y\0" GO) },
	{ "insert", 0, { .changes = insert, .nchanges = nitems(insert) },
	    TEXT("\0\0\0\x9i\0\0\0\2X\0y\0" GO) },
	{ "add", MILTER_HDR_LEADSPC, { .changes = add, .nchanges = nitems(add) },
	    TEXT("\0\0\0\x9hX\0\ty\n z\0" GO) },
	{ "add", 0, { .changes = add, .nchanges = nitems(add) }, TEXT("\0\0\0\x8hX\0y\n z\0" GO) },
	/* No blank to take away; deleted; and a value that would delete, were it taken away. */
	{ "change", 0, { .changes = fields, .nchanges = nitems(fields) },
	    TEXT("\0\0\0\x9m\0\0\0\3X\0y\0"
		 "\0\0\0\x8m\0\0\0\1X\0\0"
		 "\0\0\0\x9m\0\0\0\1Y\0 \0" GO) },
	/* The body last. */
	{ "all the others", 0, { .changes = all, .nchanges = nitems(all) },
	    TEXT("\0\0\0\7e<a@b>\0"
		 "\0\0\0\7+<c@d>\0"
		 "\0\0\0\7-<e@f>\0"
		 "\0\0\0\5qodd\0"
		 "\0\0\0\5bhi\r\n" GO) },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(answers); i++) {
		struct buf out = { 0 };

		milter_packets_answer(&out, answers[i].steps, &answers[i].answer);
		if (!span_eq(buf_span(&out), answers[i].wire))
			print_error("%s, row %zu\n", answers[i].what, i);
		assert_int_equal(out.len, answers[i].wire.len);
		assert_memory_equal(out.p, answers[i].wire.p, out.len);
		buf_fini(&out);
	}
}

/* Replies to commands of a message, and what becomes of the piece of body that comes with END. */
static const struct {
	const char *what;
	char at; /* the event that is answered so; */
	struct milter_answer answer;
	const char *told, *commands;
} refusals[] = {
	{ "at the sender", 'M', { .what = MILTER_REPLY, .code = 450, .text = "" },
	    "mail [<a@b>];body x;end;", "Oyc" },
	{ "the last piece of the body: nothing is asked at the end", 'B',
	    { .what = MILTER_REPLY, .code = 550, .text = "" }, "mail [<a@b>];body x;abort;",
	    "Ocy" },
	{ "discarded there", 'B', { .what = MILTER_DISCARD }, "mail [<a@b>];body x;abort;", "Ocd" },
	{ "no more of it is needed, and there is none", 'B', { .what = MILTER_ENOUGH },
	    "mail [<a@b>];body x;end;", "Occ" },
	{ "at the end", 'E', { .what = MILTER_REPLY, .code = 550, .text = "" },
	    "mail [<a@b>];body x;end;", "Ocy" },
};

static void
test_refusals(void **state)
{
	static const struct sent sent[] = { OPTNEG, MAIL, { 'E', DATA("x") } };

	(void)state;
	for (size_t i = 0; i < nitems(refusals); i++) {
		struct milter_session s = { .next = refusals[i].answer, .at = refusals[i].at };
		struct milter_packets m = { .session = &s };
		struct buf out = { 0 }, got = { 0 };
		struct err err;

		for (size_t k = 0; k < nitems(sent); k++)
			assert_int_equal(serve(&m, &sent[k], &out, &err), MILTER_READ_ON);
		assert_int_equal(m.phase, MILTER_PHASE_IDLE);
		commands(buf_span(&out), &got);
		if (strcmp(buf_cstr(&got), refusals[i].commands) != 0)
			print_error("%s\n", refusals[i].what);
		assert_string_equal(buf_cstr(&s.told) + strlen(SAID_OPTNEG), refusals[i].told);
		assert_string_equal(buf_cstr(&got), refusals[i].commands);
		milter_packets_rest(&m);
		buf_fini(&s.told);
		buf_fini(&out);
		buf_fini(&got);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_optneg),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
