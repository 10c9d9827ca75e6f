#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "mail/milter_syntax.h"

#define BYTES(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

/* The one packet that b now is: its command and data. */
static struct span
one_packet(const struct buf *b, int command)
{
	struct rd rd;
	struct span data;

	rd_init(&rd, buf_span(b));
	assert_int_equal(rd_u32(&rd), b->len - 4);
	assert_int_equal(rd_u8(&rd), command);
	data = rd_bytes(&rd, rd_left(&rd));
	assert_false(rd.bad);
	return data;
}

static void
must_be(struct span got, struct span want)
{
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.p, want.p, want.len);
}

static void
test_bare(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "x"); /* packets are added behind what is there */
	milter_put(&b, MILTER_R_PROGRESS);
	milter_put(&b, MILTER_R_CONTINUE);
	must_be(buf_span(&b), (struct span)BYTES("x\0\0\0\1p\0\0\0\1c"));
	buf_fini(&b);
}

static void
test_optneg(void **state)
{
	const struct milter_options o = { 6, 0x1ff, 0x100400 };
	const char *macros[MILTER_ATS] = { NULL };
	struct milter_options back;
	struct milter_packet packet;
	struct buf b = { 0 };
	struct err err;
	size_t len;

	(void)state;
	milter_put_optneg(&b, &o, macros);
	must_be(one_packet(&b, 'O'), (struct span)BYTES("\0\0\0\6\0\0\1\377\0\20\4\0"));
	buf_reset(&b);
	macros[MILTER_AT_CONNECT] = "{client_ptr} j";
	macros[MILTER_AT_EOH] = ""; /* asks for none, which is not the MTA's choice */
	milter_put_optneg(&b, &o, macros);
	must_be(one_packet(&b, 'O'),
	    (struct span)BYTES("\0\0\0\6\0\0\1\377\0\20\4\0\0\0\0\0{client_ptr} j\0\0\0\0\6\0"));
	assert_int_equal(milter_packet_find(buf_span(&b), 1, &packet, &len, &err), MILTER_WHOLE);
	assert_int_equal(milter_parse_optneg(packet.data, &back, &err), 0);
	assert_memory_equal(&o, &back, sizeof(o));
	buf_fini(&b);
}

#define TEN(x) x x x x x x x x x x

static const struct {
	int code;
	const char *enhanced, *text;
	struct span want;
} reply_cases[] = {
	{ 550, "5.7.1", "no", BYTES("550 5.7.1 no\0") },
	/* smfi_setmlreply()'s form */
	{ 550, "5.7.1", "line1\nline2", BYTES("550-5.7.1 line1\r\n550 5.7.1 line2\0") },
	{ 450, "4.7.1", "a\nb\nc\n", BYTES("450-4.7.1 a\r\n450-4.7.1 b\r\n450 4.7.1 c\0") },
	{ 550, "5.7.1", "a\r\nb", BYTES("550-5.7.1 a\r\n550 5.7.1 b\0") },
	{ 450, "5.7.1", "class", BYTES("450 4.7.1 class\0") },
	/* Postfix calls a reply without an enhanced code malformed */
	{ 550, "", "bare", BYTES("550 5.0.0 bare\0") },
	{ 421, NULL, "bye", BYTES("421 4.0.0 bye\0") },
	{ 550, "5.7", "odd", BYTES("550 5.0.0 odd\0") },
	{ 550, "5.7.1 x\r", "more than a code", BYTES("550 5.0.0 more than a code\0") },
	{ 550, "5.7.1", "", BYTES("550 5.7.1\0") },
	{ 554, "5.7.1", "100% of %s%%", BYTES("554 5.7.1 100%% of %%s%%%%\0") },
	{ 554, "5.7.1", "%", BYTES("554 5.7.1 %%\0") },
	{ 554, "5.7.1", "a\tb\rc\x7f\xc3\xa9", BYTES("554 5.7.1 a b c ??\0") },
	/* what an MTA takes for no refusal must not become one that it takes for another thing */
	{ 250, "2.0.0", "ok", BYTES("451 4.0.0 ok\0") },
	{ 0, "", "zero", BYTES("451 4.0.0 zero\0") },
	{ 600, "5.0.0", "six", BYTES("451 4.0.0 six\0") },
	/* cut as on the SMTP wire, where a doubled % is one octet */
	{ 550, "5.7.1", TEN(TEN("123456")), /* 600 */
	    BYTES("550 5.7.1 " TEN("123456") TEN("123456") TEN("123456") TEN("123456") TEN("123456")
		    TEN("123456") TEN("123456") TEN("123456") "12345612345612345612\0") },
};

static void
test_replycode(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reply_cases); i++) {
		struct buf b = { 0 };

		milter_put_replycode(
		    &b, reply_cases[i].code, reply_cases[i].enhanced, reply_cases[i].text);
		must_be(one_packet(&b, 'y'), reply_cases[i].want);
		buf_fini(&b);
	}
}

static void
test_cut_counts_percents_once(void **state)
{
	struct buf b = { 0 };
	struct span data;

	(void)state;
	milter_put_replycode(&b, 550, "5.7.1", TEN(TEN("%%%%%%")));
	data = one_packet(&b, 'y');
	/* 510 octets for the client, 500 of them doubled, and the NUL */
	assert_int_equal(data.len, 510 + 500 + 1);
	assert_int_equal(data.p[data.len - 1], '\0');
	buf_fini(&b);
}

static const struct {
	enum milter_reply reply;
	uint32_t index;
	const char *name;
	struct span value;
	struct span want;
} header_cases[] = {
	{ MILTER_R_ADDHEADER, 7, "X-A", BYTES("b"), BYTES("X-A\0b\0") }, /* it has no index */
	{ MILTER_R_INSHEADER, 0, "X-A", BYTES(" b"), BYTES("\0\0\0\0X-A\0 b\0") },
	{ MILTER_R_CHGHEADER, 258, "X-A", BYTES("b"), BYTES("\0\0\1\2X-A\0b\0") },
	{ MILTER_R_CHGHEADER, 1, "X-A", { NULL, 0 }, BYTES("\0\0\0\1X-A\0\0") },
	/* empty, not gone */
	{ MILTER_R_CHGHEADER, 1, "X-A", BYTES(""), BYTES("\0\0\0\1X-A\0 \0") },
	{ MILTER_R_CHGHEADER, 1, "X-A", BYTES("\r\n"), BYTES("\0\0\0\1X-A\0 \0") },
	{ MILTER_R_ADDHEADER, 0, "X\r\nA\1", BYTES("b"), BYTES("X??A\1\0b\0") },
	{ MILTER_R_ADDHEADER, 0, "X-A", BYTES(""), BYTES("X-A\0\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\r\n\tb\n c"), BYTES("X\0a\n\tb\n c\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\rb\0c\r\rd"), BYTES("X\0a b c  d\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\r\r\n b\r"), BYTES("X\0a \n b \0") },
	/* no value becomes two fields, or the end of the header */
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\nBcc: b"), BYTES("X\0a\n Bcc: b\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\r\n\r\nb"), BYTES("X\0a\n \n b\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("a\r\n"), BYTES("X\0a\0") },
	{ MILTER_R_ADDHEADER, 0, "X", BYTES("\n"), BYTES("X\0\0") },
};

static void
test_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(header_cases); i++) {
		struct buf b = { 0 };

		milter_put_header(&b, header_cases[i].reply, header_cases[i].index,
		    header_cases[i].name, header_cases[i].value);
		must_be(one_packet(&b, (int)header_cases[i].reply), header_cases[i].want);
		buf_fini(&b);
	}
}

static const size_t body_sizes[] = { 0, 1, 65534, 65535, 65536, 131070, 131071, 1000000 };

static void
test_body(void **state)
{
	char *body = malloc(1000000);

	(void)state;
	for (size_t i = 0; i < 1000000; i++)
		body[i] = (char)(i % 251);
	for (size_t i = 0; i < nitems(body_sizes); i++) {
		size_t done = 0, packets = 0, n = body_sizes[i];
		struct buf b = { 0 };
		struct rd rd;

		milter_put_body(&b, span_make(n == 0 ? NULL : body, n));
		rd_init(&rd, buf_span(&b));
		while (rd_left(&rd) > 0) {
			size_t len = rd_u32(&rd) - 1;
			struct span data;

			assert_int_equal(rd_u8(&rd), 'b');
			data = rd_bytes(&rd, len);
			assert_false(rd.bad);
			assert_in_range(len, 0, 65535);
			must_be(data, span_make(body + done, len));
			done += len;
			packets++;
		}
		assert_int_equal(done, n);
		assert_int_equal(packets, n == 0 ? 1 : (n + 65534) / 65535);
		buf_fini(&b);
	}
	free(body);
}

static const struct {
	enum milter_reply reply;
	const char *text, *params;
	struct span want;
} text_cases[] = {
	{ MILTER_R_ADDRCPT, "<a@b>", NULL, BYTES("<a@b>\0") },
	{ MILTER_R_DELRCPT, "<a@b>", NULL, BYTES("<a@b>\0") },
	{ MILTER_R_QUARANTINE, "spam", NULL, BYTES("spam\0") },
	{ MILTER_R_CHGFROM, "<>", NULL, BYTES("<>\0") },
	{ MILTER_R_CHGFROM, "<a@b>", "RET=HDRS ENVID=x", BYTES("<a@b>\0RET=HDRS ENVID=x\0") },
	{ MILTER_R_ADDRCPT_PAR, "<a@b>", "", BYTES("<a@b>\0\0") },
	{ MILTER_R_ADDRCPT, "<\xc3\xa9@b>", NULL, BYTES("<\xc3\xa9@b>\0") }, /* SMTPUTF8 */
	{ MILTER_R_QUARANTINE, "a\r\nb\x7f", NULL, BYTES("a??b?\0") },
};

static void
test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(text_cases); i++) {
		struct buf b = { 0 };

		milter_put_text(&b, text_cases[i].reply, text_cases[i].text, text_cases[i].params);
		must_be(one_packet(&b, (int)text_cases[i].reply), text_cases[i].want);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_optneg),
		cmocka_unit_test(test_replycode),
		cmocka_unit_test(test_cut_counts_percents_once),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
