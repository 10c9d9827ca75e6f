/* Conversations with the session, as an MTA holds them: what it is answered, what it is logged as,
 * and what the message has become. */
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
#include "base/log.h"
#include "front/milter_session_private.h"
#include "tests/lib/milter_script.h"

#define LISTENER "listeners = { milter:127.0.0.1:1 }\n"
#define PLAIN    LISTENER "smtpd_reject_footer =\n"
#define AT_ONCE  PLAIN "smtpd_delay_reject = no\n"

#define ALL      "N 6 1ff 1fffff\n"
#define OLD      "N 2 3f 0\n"
#define CLIENT   "C mail.example 4 192.0.2.1 4711\n"
#define ENVELOPE "H mail.example\nM <a@b.example>\nR <c@d.example>\n"
#define MESSAGE  "T\nL Subject: hello\nB body~\nE\n" /* NO_EOH is negotiated */

static const struct {
	const char *conf, *script, *told;
} cases[] = {
	/* Nobody minds. */
	{ PLAIN, CLIENT ENVELOPE MESSAGE, "E go on\n" },
	{ PLAIN, ALL CLIENT ENVELOPE MESSAGE, "E go on\n" },
	{ PLAIN, OLD CLIENT ENVELOPE MESSAGE, "E go on\n" },

	/* Each stage refuses, at once or at RCPT. */
	{ AT_ONCE "smtpd_client_restrictions = check_client_access inline:{192.0.2.1=REJECT}\n",
	    ALL CLIENT,
	    "C 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n" },
	{ PLAIN "smtpd_client_restrictions = check_client_access inline:{192.0.2.1=REJECT}\n",
	    ALL CLIENT "H x\nM <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n" },
	{ AT_ONCE "smtpd_helo_restrictions = check_helo_access inline:{bad=REJECT}\n",
	    ALL CLIENT "H bad\nH good\nM <a@b.example>\nR <c@d.example>\n",
	    "H 554 5.7.1 <bad>: Helo command rejected: Access denied\n" },
	{ PLAIN "smtpd_helo_restrictions = check_helo_access inline:{bad=REJECT}\n",
	    ALL CLIENT "H bad\nM <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <bad>: Helo command rejected: Access denied\n" },
	{ AT_ONCE "smtpd_sender_restrictions = check_sender_access inline:{a@b.example=REJECT}\n",
	    ALL CLIENT "H x\nM <a@b.example>\nM <other@b.example>\nR <c@d.example>\n",
	    "M 554 5.7.1 <a@b.example>: Sender address rejected: Access denied\n" },
	{ PLAIN
	    "smtpd_recipient_restrictions = check_recipient_access inline:{c@d.example=REJECT}\n",
	    ALL CLIENT ENVELOPE "R <e@d.example>\n" MESSAGE,
	    "R 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\nE go on\n" },
	{ PLAIN "smtpd_data_restrictions = reject\n", ALL CLIENT ENVELOPE "T\n",
	    "T 554 5.7.1 <DATA>: Data command rejected: Access denied\n" },
	{ PLAIN "smtpd_end_of_data_restrictions = reject\n", ALL CLIENT ENVELOPE MESSAGE,
	    "E 554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied\n" },
	{ PLAIN "header_checks = static:{REJECT no}\n", ALL CLIENT ENVELOPE MESSAGE,
	    "E 550 5.7.1 no\n" },
	{ PLAIN "header_checks = static:DISCARD\n", ALL CLIENT ENVELOPE MESSAGE, "E discard\n" },
	{ PLAIN "smtpd_helo_required = yes\n", ALL CLIENT "M <a@b.example>\n",
	    "M 503 5.5.1 Error: send HELO/EHLO first\n" },

	/* What a refusal looks like. */
	{ PLAIN "soft_bounce = yes\nsmtpd_data_restrictions = reject\n", ALL CLIENT ENVELOPE "T\n",
	    "T 454 4.7.1 <DATA>: Data command rejected: Access denied\n" },
	{ LISTENER "smtpd_data_restrictions = reject\n", ALL CLIENT ENVELOPE "T\n",
	    "T 554 5.7.1 <DATA>: Data command rejected: Access denied (id ID)\n" },
	{ LISTENER "smtpd_reject_footer = for $recipient of $sender, $client_address\n"
		   "smtpd_recipient_restrictions = reject\n",
	    ALL CLIENT ENVELOPE,
	    "R 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied|for c@d.example "
	    "of a@b.example, 192.0.2.1\n" },

	/* A recipient that was refused is none; the MTA's own refusals are not asked about. */
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    ALL CLIENT "H x\nM <a@b.example>\nm R rcpt_mailer=error\nR <nobody@d.example>\n", "" },
	{ PLAIN,
	    ALL CLIENT
	    "H x\nM <a@b.example>\nm R rcpt_mailer=error\nR <nobody@d.example>\n" MESSAGE,
	    "E 554 5.5.1 Error: no valid recipients\n" },
	/* The macro is of that recipient alone. */
	{ PLAIN
	    "smtpd_recipient_restrictions = check_recipient_access inline:{no@d.example=REJECT}\n",
	    ALL CLIENT
	    "H x\nM <a@b.example>\nm R rcpt_mailer=error\nR <x@d.example>\nR <no@d.example>\n",
	    "R 554 5.7.1 <no@d.example>: Recipient address rejected: Access denied\n" },
	{ PLAIN "smtpd_recipient_limit = 1\n", OLD CLIENT ENVELOPE "R <e@d.example>\n" MESSAGE,
	    "R 452 4.5.3 Error: too many recipients\nE go on\n" },
	/* Not to be waited for: who is too many is refused with the message, as on_mixed has it. */
	{ PLAIN "smtpd_recipient_limit = 1\non_mixed = defer\n",
	    ALL CLIENT ENVELOPE "R <e@d.example>\n" MESSAGE,
	    "E 451 4.3.0 Recipients disagree about this message, try later\n" },

	/* Out of order. */
	{ PLAIN, OLD "E\n", "E 503 5.5.1 Error: need MAIL command\n" },
	{ PLAIN, OLD CLIENT "R <c@d.example>\n" MESSAGE,
	    "R 503 5.5.1 Error: need MAIL command\nE 503 5.5.1 Error: need MAIL command\n" },
	{ PLAIN, OLD CLIENT "M <a@b.example>\n" MESSAGE,
	    "E 554 5.5.1 Error: no valid recipients\n" },
	{ PLAIN, OLD CLIENT ENVELOPE "M <a@b.example>\n" MESSAGE,
	    "E 554 5.5.1 Error: no valid recipients\n" }, /* MAIL began another message */
	{ PLAIN, OLD CLIENT ENVELOPE "A\nE\n", "E 503 5.5.1 Error: need MAIL command\n" },
	{ PLAIN, OLD "A\nA\n" CLIENT "A\n" ENVELOPE "K\n" CLIENT ENVELOPE MESSAGE ENVELOPE MESSAGE,
	    "E go on\nE go on\n" },
	{ PLAIN, OLD CLIENT ENVELOPE "B x~\nL Subject: late\nE\n",
	    "L 451 4.3.0 Error: header field after the header's end\n"
	    "E 451 4.3.0 Error: header field after the header's end\n" },
	{ PLAIN, ALL CLIENT ENVELOPE "B x~\nL Subject: late\nE\n",
	    "E 451 4.3.0 Error: header field after the header's end\n" },
	/* PITFALLS H7: DATA in its wrong place. */
	{ PLAIN, OLD CLIENT ENVELOPE "L Subject: x\nT\nO\nE\n", "E go on\n" },

	/* Sizes. */
	{ PLAIN "message_size_limit = 40\n", OLD CLIENT "H x\nM <a@b.example> SIZE=41\n",
	    "M 552 5.3.4 Message size exceeds fixed limit\n" },
	{ PLAIN "message_size_limit = 40\n",
	    OLD CLIENT ENVELOPE "L Subject: hello\nO\nB body body body "
				"body body body~\nB more~\nE\n",
	    "E 552 5.3.4 Error: message file too big\n" },
	/* Said beforehand, it is told to the first who can be answered. */
	{ PLAIN "message_size_limit = 40\n",
	    ALL CLIENT "H x\nM <a@b.example> SIZE=41\nR <c@d.example>\n" MESSAGE,
	    "E 552 5.3.4 Message size exceeds fixed limit\n" },
	{ PLAIN "message_size_limit = 40\n",
	    "N 6 1ff 400\n" CLIENT ENVELOPE "B body body body body body body "
	    "body body body~\nB more~\nE\n",
	    "B enough\nB enough\nE 552 5.3.4 Error: message file too big\n" },
};

static void
test_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct milter_script *m = milter_script_new(cases[i].conf, NULL);

		milter_script_play(m, cases[i].script);
		if (strcmp(buf_cstr(&m->told), cases[i].told) != 0)
			print_error("row %zu, %s:\n", i, cases[i].script);
		assert_string_equal(buf_cstr(&m->told), cases[i].told);
		milter_script_free(m);
	}
}

/* --- a reload --- */

#define NOBODY "smtpd_client_restrictions = check_client_access inline:{192.0.2.1=REJECT}\n"

static const struct {
	const char *conf, *second, *script, *told;
} reloads[] = {
	/* RCPT was not to be answered: the message is refused. */
	{ PLAIN, PLAIN NOBODY, ALL CLIENT "H x\n*\nM <a@b.example>\nR <c@d.example>\n" MESSAGE,
	    "E 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n" },
	/* A message that was begun keeps what it began with, and the next one does not. */
	{ PLAIN, PLAIN NOBODY,
	    OLD CLIENT "H x\nM <a@b.example>\n*\nR <c@d.example>\n" MESSAGE
		       "M <a@b.example>\nR <c@d.example>\n",
	    "E go on\nR 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access "
	    "denied\n" },
	/* The client was not asked about at CONNECT, and is not asked about at RCPT: it is. */
	{ PLAIN NOBODY, AT_ONCE NOBODY, OLD CLIENT "*\nH x\nM <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n" },
	/* Kept since CONNECT; RCPT can be answered. */
	{ PLAIN "smtpd_recipient_restrictions = permit\n",
	    AT_ONCE NOBODY "smtpd_recipient_restrictions = permit\n",
	    ALL "*\n" CLIENT "H x\nM <a@b.example>\nR <c@d.example>\nA\nM <>\nR <c@d.example>\n",
	    "R 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n"
	    "R 554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: Access denied\n" },
	/* Another HELO is another chance; another client too. */
	{ PLAIN "smtpd_recipient_restrictions = permit\n",
	    AT_ONCE "smtpd_helo_restrictions = check_helo_access inline:{bad=REJECT}\n",
	    ALL "*\n" CLIENT
		"H bad\nM <>\nR <c@d.example>\nH good\nM <>\nR <c@d.example>\nH bad\nK\n" CLIENT
		"H good\nM <>\nR <c@d.example>\n",
	    "R 554 5.7.1 <bad>: Helo command rejected: Access denied\n" },
	/* Kept from MAIL and DATA it is of this message alone. */
	{ PLAIN,
	    AT_ONCE "smtpd_sender_restrictions = check_sender_access inline:{a@b.example=REJECT}\n",
	    ALL CLIENT "*\nH x\nM <a@b.example>\nR <c@d.example>\n" MESSAGE
		       "M <>\nR <c@d.example>\n" MESSAGE,
	    "E 554 5.7.1 <a@b.example>: Sender address rejected: Access denied\nE go on\n" },
	{ PLAIN,
	    PLAIN "smtpd_data_restrictions = check_sender_access inline:{a@b.example=REJECT}\n",
	    ALL CLIENT "*\n" ENVELOPE MESSAGE "M <>\nR <c@d.example>\n" MESSAGE,
	    "E 554 5.7.1 <a@b.example>: Sender address rejected: Access denied\nE go on\n" },
	/* One of two recipients: the other may have it, or not. */
	{ PLAIN,
	    PLAIN "on_mixed = strictest\nsmtpd_recipient_restrictions = check_recipient_access "
		  "inline:{c@d.example=REJECT}\n",
	    ALL CLIENT "*\n" ENVELOPE "R <e@d.example>\n" MESSAGE "M <>\nR <e@d.example>\n" MESSAGE,
	    "E 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\nE go on\n" },
};

static void
test_reload(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reloads); i++) {
		struct milter_script *m = milter_script_new(reloads[i].conf, reloads[i].second);

		milter_script_play(m, reloads[i].script);
		if (strcmp(buf_cstr(&m->told), reloads[i].told) != 0)
			print_error("row %zu, %s:\n", i, reloads[i].script);
		assert_string_equal(buf_cstr(&m->told), reloads[i].told);
		milter_script_free(m);
	}
}

/* --- mail that no SMTP client brought --- */

/* As Postfix's cleanup(8) makes them up; i is there from the start. */
#define PICKUP "C localhost 4 127.0.0.1 0\nH localhost\n"
#define QMQP   "m C v=Postfix 3.7.11\nm C i=4jX3K957P\nC q.example 4 192.0.2.1 628\nH q.example\n"

static const struct {
	const char *conf, *script, *told;
} simulated[] = {
	/* Said at RCPT the message would stay in the queue. */
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    OLD PICKUP "M a@b.example\nR c@d.example\n" MESSAGE,
	    "E 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    ALL QMQP "M a@b.example\nR c@d.example\n" MESSAGE,
	    "E 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
	{ PLAIN
	    "smtpd_recipient_restrictions = check_recipient_access inline:{c@d.example=REJECT}\n"
	    "on_mixed = defer\n",
	    ALL PICKUP "M \nR c@d.example\nR e@d.example\n" MESSAGE,
	    "E 451 4.3.0 Recipients disagree about this message, try later\n" },
	/* What is too many waits too. */
	{ PLAIN "smtpd_recipient_limit = 1\non_mixed = strictest\n",
	    OLD PICKUP "M a@b.example\nR c@d.example\nR e@d.example\n" MESSAGE,
	    "E 452 4.5.3 Error: too many recipients\n" },
	/* Local, and nobody has said HELO. */
	{ PLAIN "mynetworks = 192.0.2.0/24\nsmtpd_helo_required = yes\n"
		"smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n"
		"smtpd_client_restrictions = reject_unknown_client_hostname\n"
		"smtpd_recipient_restrictions = permit_mynetworks, reject\n",
	    ALL PICKUP "M a@b.example\nR c@d.example\n" MESSAGE, "E go on\n" },
	{ PLAIN "mynetworks = 192.0.2.0/24\n"
		"smtpd_recipient_restrictions = permit_mynetworks, reject\n",
	    ALL QMQP "M a@b.example\nR c@d.example\n" MESSAGE, "E go on\n" },
	{ PLAIN "mynetworks = 192.0.2.0/25\n"
		"smtpd_recipient_restrictions = permit_mynetworks, reject\n",
	    ALL "m C v=Postfix\nm C i=x\nC q.example 4 192.0.2.200 628\nM a@b.example\n"
		"R c@d.example\n" MESSAGE,
	    "E 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
	/* A real client of that name has a port; and others than Postfix may have an id at once. */
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    ALL "C localhost 4 127.0.0.1 4711\nM <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    ALL "m C v=8.17.1\nm C i=x\n" CLIENT "M <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
	/* The next client of the connection is none. */
	{ PLAIN "smtpd_recipient_restrictions = reject\n",
	    ALL PICKUP "M a@b.example\nR c@d.example\nK\n" CLIENT
		       "M <a@b.example>\nR <c@d.example>\n",
	    "R 554 5.7.1 <c@d.example>: Recipient address rejected: Access denied\n" },
};

static void
test_simulated(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(simulated); i++) {
		struct milter_script *m = milter_script_new(simulated[i].conf, NULL);

		milter_script_play(m, simulated[i].script);
		if (strcmp(buf_cstr(&m->told), simulated[i].told) != 0)
			print_error("row %zu, %s:\n", i, simulated[i].script);
		assert_string_equal(buf_cstr(&m->told), simulated[i].told);
		milter_script_free(m);
	}
}

/* --- any order --- */

static const char *const anything[] = { "C a.example 4 192.0.2.1 9\n",
	"C localhost 4 127.0.0.1 0\n", "H x\n", "M <a@b.example>\n", "M <>\n", "R <c@d.example>\n",
	"R <no@d.example>\n", "R <c@d.example>\n", "m R rcpt_mailer=error\n",
	"m M auth_authen=joe\n", "m C i=x\n", "T\n", "U x\n", "L A: b\n", "L Subject: ~ x\n", "O\n",
	"B x~\n", "B y\n", "E\n", "A\n", "K\n", "I\n" };

/* Whatever an MTA sends: nothing passes at the end that was not begun, and no message is left. */
static void
any_order(const char *offer, unsigned seed)
{
	struct milter_script *m = milter_script_new(AT_ONCE
	    "smtpd_client_restrictions = check_client_access inline:{192.0.2.9=REJECT}\n"
	    "smtpd_recipient_restrictions = check_recipient_access inline:{no@d.example=REJECT}\n"
	    "smtpd_data_restrictions = check_sender_access inline:{<>=REJECT}\n"
	    "header_checks = static:{PREPEND X-A: b}\n"
	    "on_mixed = defer\nmessage_size_limit = 20\n",
	    NULL);
	size_t rcpts;

	milter_script_play(m, offer);
	for (int i = 0; i < 300; i++) {
		const char *line =
		    anything[(seed = seed * 1103515245u + 12345u) / 65536u % nitems(anything)];

		rcpts = m->session->answered ? 0 : m->session->txn.nrcpts;
		buf_reset(&m->told);
		milter_script_play(m, line);
		if (line[0] == 'E') {
			assert_int_equal(m->told.p[0], 'E');
			if (rcpts == 0)
				assert_non_null(strstr(m->told.p, "E 5"));
			assert_true(milter_session_between(m->session));
		}
		assert_in_range(m->messages, 0, 1);
	}
	milter_script_play(m, "A\n");
	assert_int_equal(m->messages, 0);
	milter_script_free(m);
}

static void
test_any_order(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 60; seed++)
		any_order(seed % 3 == 0 ? ALL : seed % 3 == 1 ? OLD : "N 6 1ff 500\n", seed);
}

/* A client behind an MTA without limits tries addresses for as long as it likes. */
static void
test_refused_without_end(void **state)
{
	static const char *const rcpt[] = { "<c@d.example>" };
	struct milter_script *m =
	    milter_script_new(PLAIN "smtpd_recipient_restrictions = reject\n", NULL);
	struct milter_answer answer;
	size_t used;

	(void)state;
	milter_script_play(m, ALL CLIENT "H x\nM <a@b.example>\n");
	for (size_t i = 0; i < 100000; i++)
		milter_rcpt(m->session, rcpt, 1, &answer);
	assert_int_equal(answer.code, 554);
	used = arena_used(m->session->arena);
	for (size_t i = 0; i < 1000; i++)
		milter_rcpt(m->session, rcpt, 1, &answer);
	assert_int_equal(answer.code, 452);
	assert_true(arena_used(m->session->arena) < used + 1000);
	/* The next message has recipients of its own. */
	milter_script_play(m, "A\nM <a@b.example>\nR <c@d.example>\n");
	assert_non_null(strstr(buf_cstr(&m->told), "R 554 "));
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
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_simulated),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_refused_without_end),
	};

	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
