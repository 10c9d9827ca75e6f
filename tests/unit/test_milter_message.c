/* What is negotiated, and the message that an MTA shows in fields and pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "front/milter_session_private.h"
#include "tests/lib/milter_script.h"
#include "tests/lib/tmpdir.h"

#define CONF    "listeners = { milter:127.0.0.1:1 }\nsmtpd_reject_footer =\n"
#define AT_ONCE CONF "smtpd_delay_reject = no\n"

/* --- what is wished --- */

#define NR_SMTP                                                                                    \
	(MILTER_NR_CONNECT | MILTER_NR_HELO | MILTER_NR_MAIL | MILTER_NR_RCPT | MILTER_NR_DATA)
/* Always, where it is offered. */
#define USUAL                                                                                      \
	(MILTER_NR_HEADER | MILTER_NR_BODY | MILTER_SKIP | MILTER_HDR_LEADSPC |                    \
	    MILTER_NO_UNKNOWN | MILTER_NO_EOH)

static const struct {
	const char *conf;
	struct milter_options offer, wish;
	int macros, tls_at_helo; /* are macros asked for; TLS before MAIL */
} wishes[] = {
	{ CONF, { 6, 0x1ff, 0x1fffff }, { 6, 0x1ff, USUAL | NR_SMTP }, 1, 0 },
	/* No list and no implied check wants an answer where it is not asked. */
	{ CONF "smtpd_client_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ AT_ONCE "smtpd_client_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_CONNECT }, 1, 0 },
	{ CONF "smtpd_helo_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ AT_ONCE "smtpd_helo_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_HELO }, 1, 1 },
	{ CONF "smtpd_sender_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ AT_ONCE "smtpd_sender_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_MAIL }, 1, 0 },
	{ AT_ONCE "smtpd_reject_unlisted_sender = yes\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_MAIL }, 1, 0 },
	{ CONF "smtpd_reject_unlisted_sender = yes\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ CONF "smtpd_reject_unlisted_recipient = yes\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ CONF "smtpd_relay_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ AT_ONCE "smtpd_recipient_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_RCPT }, 1, 0 },
	{ CONF "smtpd_helo_required = yes\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_MAIL }, 1, 0 },
	{ CONF "smtpd_data_restrictions = reject\n", { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~MILTER_NR_DATA }, 1, 0 },
	/* An address that is none is refused at once. */
	{ "listeners = { milter:127.0.0.1:1, role = mta }\nalias_maps =\n"
	  "smtpd_recipient_restrictions = reject_unauth_destination\n",
	    { 6, 0x1ff, 0x1fffff },
	    { 6, 0x1ff, (USUAL | NR_SMTP) & ~(MILTER_NR_MAIL | MILTER_NR_RCPT) }, 1, 0 },
	/* The end is always answered. */
	{ CONF "smtpd_end_of_data_restrictions = reject\ncontent_restrictions = reject\n",
	    { 6, 0x1ff, 0x1fffff }, { 6, 0x1ff, USUAL | NR_SMTP }, 1, 0 },
	/* Masked to what is offered; unknown bits and versions are passed over. */
	{ CONF, { 2, 0x3f, 0x7f }, { 2, 0x3f, MILTER_NO_EOH }, 0, 0 },
	{ CONF, { 6, 0x1ff, MILTER_NR_UNKNOWN | MILTER_NR_EOH },
	    { 6, 0x1ff, MILTER_NR_UNKNOWN | MILTER_NR_EOH }, 1, 0 },
	{ CONF, { 6, 0, 0 }, { 6, 0, 0 }, 0, 0 },
	{ CONF, { 77, 0xffffffff, 0xffffffff }, { 6, 0x1ff, USUAL | NR_SMTP }, 1, 0 },
};

static void
test_wishes(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(wishes); i++) {
		struct milter_script *m = milter_script_new(wishes[i].conf, NULL);
		struct milter_wishes w;
		struct err err;

		assert_int_equal(
		    milter_session_negotiate(m->session, &wishes[i].offer, &w, &err), 0);
		if (w.options.steps != wishes[i].wish.steps)
			print_error("row %zu\n", i);
		assert_int_equal(w.options.version, wishes[i].wish.version);
		assert_int_equal(w.options.actions, wishes[i].wish.actions);
		assert_int_equal(w.options.steps, wishes[i].wish.steps);
		/* Never: recipients that were refused, and packets that are larger. */
		assert_false(w.options.steps & (MILTER_RCPT_REJ | MILTER_MDS_256K | MILTER_MDS_1M));
		for (size_t at = 0; at < MILTER_ATS; at++) /* none: the MTA's usual ones */
			assert_int_equal(w.macros[at] != NULL, wishes[i].macros);
		if (wishes[i].macros) {
			assert_int_equal(strstr(w.macros[MILTER_AT_HELO], "{verify}") != NULL,
			    wishes[i].tls_at_helo);
			assert_non_null(strstr(w.macros[MILTER_AT_MAIL], "{auth_authen}"));
			assert_non_null(strstr(w.macros[MILTER_AT_CONNECT], "{client_resolve}"));
			assert_string_equal(w.macros[MILTER_AT_DATA], "i");
		}
		milter_script_free(m);
	}
}

static void
test_too_old(void **state)
{
	struct milter_script *m = milter_script_new(CONF, NULL);

	(void)state;
	milter_script_play(m, "N 1 7 0\n");
	assert_string_equal(
	    buf_cstr(&m->told), "N version 1 of the protocol is too old, must be 2 or later\n");
	milter_script_free(m);
}

/* What is wished is what is answered. */
static void
test_answered(void **state)
{
	static const struct {
		enum milter_command command;
		enum milter_step bit; /* 0: always; -1: never */
	} rows[] = {
		{ MILTER_CONNECT, MILTER_NR_CONNECT },
		{ MILTER_HELO, MILTER_NR_HELO },
		{ MILTER_MAIL, MILTER_NR_MAIL },
		{ MILTER_RCPT, MILTER_NR_RCPT },
		{ MILTER_DATA, MILTER_NR_DATA },
		{ MILTER_UNKNOWN, MILTER_NR_UNKNOWN },
		{ MILTER_HEADER, MILTER_NR_HEADER },
		{ MILTER_EOH, MILTER_NR_EOH },
		{ MILTER_BODY, MILTER_NR_BODY },
		{ MILTER_END, 0 },
		{ MILTER_OPTNEG, 0 },
	};
	static const enum milter_command never[] = { MILTER_ABORT, MILTER_MACRO, MILTER_QUIT,
		MILTER_QUIT_NC };
	struct milter_script *m = milter_script_new(CONF, NULL);

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		m->session->granted.steps = 0;
		assert_true(milter_session_is_answered(m->session, rows[i].command));
		m->session->granted.steps = rows[i].bit;
		assert_int_equal(
		    milter_session_is_answered(m->session, rows[i].command), rows[i].bit == 0);
	}
	m->session->granted.steps = 0;
	for (size_t i = 0; i < nitems(never); i++)
		assert_false(milter_session_is_answered(m->session, never[i]));
	milter_script_free(m);
}

/* --- the message --- */

#define LEADSPC  "N 6 1ff 1fffff\n"
#define OLD      "N 2 3f 0\n"
#define ENVELOPE "C a.example 4 192.0.2.1 99\nM <a@b.example>\nR <c@d.example>\n"

static const struct {
	const char *script, *message;
} messages[] = {
	{ LEADSPC ENVELOPE "L Subject: hello\nL X:  y\nB body~\nE\n",
	    "Subject: hello\r\nX:  y\r\n\r\nbody\r\n" },
	/* Whoever does not know HDR_LEADSPC has taken a blank away. */
	{ OLD ENVELOPE "L Subject:hello\nL X: y\nO\nB body~\nE\n",
	    "Subject: hello\r\nX:  y\r\n\r\nbody\r\n" },
	{ LEADSPC ENVELOPE "L A:x\nL B:\nL C: x~\ty~ z\nE\n",
	    "A:x\r\nB:\r\nC: x\r\n\ty\r\n z\r\n\r\n" },
	{ OLD ENVELOPE "L B:\nL C:~\tx\nL D:x~ y\nE\n", "B:\r\nC:\r\n\tx\r\nD: x\r\n y\r\n\r\n" },
	/* Header and body are apart, whatever is missing. */
	{ OLD ENVELOPE "E\n", "\r\n" },
	{ OLD ENVELOPE "O\nE\n", "\r\n" },
	{ OLD ENVELOPE "B x~\nE\n", "\r\nx\r\n" },
	{ OLD ENVELOPE "L A:x\nE\n", "A: x\r\n\r\n" },
	{ OLD ENVELOPE "L A:x\nO\nO\nB ~x~\nE\n", "A: x\r\n\r\n\r\nx\r\n" },
	/* Pieces are cut anywhere; a last line without its end gets one. */
	{ OLD ENVELOPE "B a\nB b~c\nB d~~\nB e\nE\n", "\r\nab\r\ncd\r\n\r\ne\r\n" },
	{ OLD ENVELOPE "B .~..~.x\nE\n", "\r\n.\r\n..\r\n.x\r\n" }, /* no dots are stuffed */
	/* Two messages of one session. */
	{ OLD ENVELOPE "L A:x\nB one~\nE\nM <>\nR <c@d.example>\nL B:y\nB two~\nE\n",
	    "B: y\r\n\r\ntwo\r\n" },
	/* What nobody is to have is not kept. */
	{ OLD "M <a@b.example>\nL A:x\nB one~\nE\n", "" },
	{ OLD "L A:x\nB one~\nE\n", "" },
};

static void
test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(messages); i++) {
		struct milter_script *m = milter_script_new(CONF, NULL);

		milter_script_play(m, messages[i].script);
		milter_session_idle(m->session);
		assert_int_equal(m->messages, 0);
		if (strcmp(buf_cstr(&m->message), messages[i].message) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(buf_cstr(&m->message), messages[i].message);
		milter_script_free(m);
	}
}

/* The normal form of core/message.h, however the pieces fall. */
static void
test_line_ends(void **state)
{
	static const char octets[] = "a\rb\nc\r\n\0d\r\r\n\r\n.\n";
	static const char want[] = "\r\na b\r\nc\r\n\0d \r\n\r\n.\r\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(octets); piece++) {
		struct milter_script *m = milter_script_new(CONF, NULL);
		struct milter_answer a;

		milter_script_play(m, OLD ENVELOPE);
		for (size_t at = 0; at < sizeof(octets) - 1; at += piece) {
			size_t n =
			    sizeof(octets) - 1 - at < piece ? sizeof(octets) - 1 - at : piece;

			milter_body(m->session, span_make(octets + at, n), &a);
		}
		milter_message_close(m->session);
		assert_true(fact_has(&m->session->txn.facts, FACT_LINE_BARE_LF));
		assert_true(fact_has(&m->session->txn.facts, FACT_LINE_BARE_CR));
		milter_abort(m->session);
		assert_int_equal(m->message.len, sizeof(want) - 1);
		assert_memory_equal(m->message.p, want, sizeof(want) - 1);
		milter_script_free(m);
	}
}

/* CRs of a field are none of its line ends. */
static void
test_field_octets(void **state)
{
	static const char value[] = "x\ry\r\n\tz\n w\r";
	static const char want[] = "A: x y\r\n\tz\r\n w \r\n\r\n";
	struct milter_script *m = milter_script_new(CONF, NULL);
	struct milter_answer a;

	(void)state;
	milter_script_play(m, OLD ENVELOPE);
	milter_header(m->session, span_str("A"), span_make(value, sizeof(value) - 1), &a);
	milter_message_close(m->session);
	milter_abort(m->session);
	assert_string_equal(buf_cstr(&m->message), want);
	milter_script_free(m);
}

/* A large body goes through in steps, into the spool. */
static void
test_large(void **state)
{
	struct milter_script *m = milter_script_new(CONF "message_memory_limit = 100000\n", NULL);
	size_t size = 300000;
	char *body = malloc(size), *spool = tmpdir_make();
	struct milter_answer a;

	(void)state;
	snprintf(m->spool, sizeof(m->spool), "%s", spool);
	for (size_t i = 0; i < size; i++)
		body[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : (char)('a' + i % 26);
	milter_script_play(m, OLD ENVELOPE "L A:x\n");
	milter_body(m->session, span_make(body, size), &a);
	assert_int_equal(a.what, MILTER_GO_ON);
	milter_script_play(m, "E\n");
	assert_string_equal(buf_cstr(&m->told), "E go on\n");
	milter_session_idle(m->session);
	assert_int_equal(m->message.len, size + sizeof("A: x\r\n\r\n") - 1);
	assert_memory_equal(m->message.p + sizeof("A: x\r\n\r\n") - 1, body, size);
	milter_script_free(m);
	tmpdir_remove(spool);
	free(body);
}

/* The spool takes no more: the message is deferred, and the rest of it is not kept. */
static void
test_no_space(void **state)
{
	struct milter_script *m = milter_script_new(CONF "message_memory_limit = 100000\n", NULL);
	static char body[200000];
	struct milter_answer a;

	(void)state;
	snprintf(m->spool, sizeof(m->spool), "/nonexistent");
	memset(body, 'a', sizeof(body));
	milter_script_play(m, "N 6 1ff 400\n" ENVELOPE);
	milter_body(m->session, span_make(body, sizeof(body)), &a);
	assert_int_equal(a.what, MILTER_ENOUGH);
	milter_script_play(m, "B x~\nE\n");
	assert_string_equal(
	    buf_cstr(&m->told), "B enough\nE 452 4.3.1 Insufficient system storage\n");
	milter_script_free(m);
}

/* Between messages a session has nothing of one. */
static void
test_between(void **state)
{
	struct milter_script *m = milter_script_new(CONF, NULL);

	(void)state;
	assert_true(milter_session_between(m->session));
	milter_script_play(m, OLD "C a.example 4 192.0.2.1 99\nH x\n");
	assert_true(milter_session_between(m->session));
	assert_null(m->session->arena);
	milter_script_play(m, "M <a@b>\n");
	assert_false(milter_session_between(m->session));
	milter_script_play(m, "R <c@d>\nB x~\n");
	assert_false(milter_session_between(m->session));
	assert_int_equal(m->messages, 1);
	milter_script_play(m, "A\n");
	assert_true(milter_session_between(m->session));
	assert_int_equal(m->messages, 0);
	assert_null(m->session->arena);
	milter_script_play(m, "M <a@b>\nR <c@d>\nB x~\nE\n");
	assert_true(milter_session_between(m->session));
	milter_session_idle(m->session);
	assert_int_equal(m->messages, 0);
	assert_null(m->session->arena);
	assert_int_equal(counter_get(&m->counters, transactions), 1);
	assert_int_equal(counter_get(&m->counters, delivered), 1);
	milter_script_free(m);
}

static void
quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_field_octets),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_between),
	};

	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
