#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/rule_world.h"

/* What follows "<address>: Recipient|Sender address rejected: " and the code; "" is known. */
static const struct {
	const char *address, *rcpt, *sender;
} listed_cases[] = {
	{ "known@local.example", "", "" },
	{ "no@local.example", "550 5.1.1 User unknown in local recipient table",
	    "550 5.1.0 User unknown in local recipient table" },
	{ "known@relay.example", "", "" },
	{ "no@relay.example", "550 5.1.1 User unknown in relay recipient table",
	    "550 5.1.0 User unknown in relay recipient table" },
	{ "known@valias.example", "", "" },
	{ "no@valias.example", "550 5.1.1 User unknown in virtual alias table",
	    "550 5.1.7 User unknown in virtual alias table" },
	{ "known@vmbox.example", "", "" },
	{ "no@vmbox.example", "550 5.1.1 User unknown in virtual mailbox table",
	    "550 5.1.0 User unknown in virtual mailbox table" },
	{ "any@elsewhere.example", "", "" },
	{ "any@gone.example", "550 5.1.2 no such place", "550 5.1.8 no such place" },
};

static void
options(struct rule_world *w)
{
	rule_world_init(w);
	w->o.local_recipient_maps = "inline:{known=x}";
	w->o.relay_recipient_maps = "inline:{known@relay.example=x}";
	w->o.virtual_alias_maps = "inline:{known@valias.example=a@b.test}";
	w->o.virtual_mailbox_maps = "inline:{known@vmbox.example=x}";
	w->o.transport_maps = "inline:{{gone.example = error:5.1.2 no such place}}";
}

static void
expect(char *out, size_t size, const char *address, const char *class, const char *want)
{
	if (want[0] == '\0')
		snprintf(out, size, "ok");
	else
		snprintf(out, size, "%.10s<%s>: %s address rejected: %s", want, address, class,
		    want + 10);
}

static void
test_listed(void **state)
{
	struct rule_world w;
	char want[300];

	(void)state;
	for (int sender = 0; sender < 2; sender++) {
		options(&w);
		w.o.lists[LIST_RECIPIENT] =
		    sender ? "reject_unlisted_sender, permit" : "check_recipient_maps, permit";
		assert_int_equal(rule_world_compile(&w), 0);
		for (size_t i = 0; i < nitems(listed_cases); i++) {
			if (sender)
				rule_world_sender(&w, listed_cases[i].address);
			else
				rule_world_rcpt(&w, listed_cases[i].address);
			expect(want, sizeof(want), listed_cases[i].address,
			    sender ? "Sender" : "Recipient",
			    sender ? listed_cases[i].sender : listed_cases[i].rcpt);
			assert_string_equal(rule_world_ask(&w, RULE_RCPT), want);
		}
		rule_world_fini(&w);
	}
}

/* Under warn_if_reject it has not had its turn: the next one, or the implicit one, refuses. */
static void
test_once(void **state)
{
	struct rule_world w;

	(void)state;
	options(&w);
	w.o.smtpd_reject_unlisted_recipient = 1;
	w.o.lists[LIST_RECIPIENT] = "warn_if_reject reject_unlisted_recipient, permit";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "no@local.example");
	rule_world_said(&w);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.1 <no@local.example>: Recipient address rejected: User unknown in local "
	    "recipient table");
	assert_non_null(strstr(rule_world_said(&w), "reject_warning"));
	rule_world_fini(&w);

	options(&w);
	w.o.smtpd_reject_unlisted_sender = 1;
	w.o.lists[LIST_SENDER] = "warn_if_reject reject_unlisted_sender, permit";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "no@valias.example");
	rule_world_said(&w);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.7 <no@valias.example>: Sender address rejected: User unknown in virtual alias "
	    "table");
	assert_non_null(strstr(rule_world_said(&w), "reject_warning"));
	rule_world_fini(&w);

	options(&w);
	w.o.smtpd_reject_unlisted_recipient = 1;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "no@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.1 <no@local.example>: Recipient address rejected: User unknown in local "
	    "recipient table");
	rule_world_fini(&w);

	options(&w);
	w.o.smtpd_reject_unlisted_sender = 1;
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_sender(&w, "no@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.0 <no@local.example>: Sender address rejected: User unknown in local "
	    "recipient table");
	rule_world_sender(&w, "");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_fini(&w);
}

/* A recipient's turn begins with the client list: what the one before has had does not count. */
static void
test_each_recipient(void **state)
{
	struct rule_world w;

	(void)state;
	options(&w);
	w.o.smtpd_delay_reject = 1;
	w.o.smtpd_reject_unlisted_recipient = 1;
	w.o.lists[LIST_CLIENT] = "reject_unlisted_recipient";
	w.o.lists[LIST_RECIPIENT] = "reject";
	assert_int_equal(rule_world_compile(&w), 0);
	rule_world_rcpt(&w, "known@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "554 5.7.1 <known@local.example>: Recipient address rejected: Access denied");
	rule_world_rcpt(&w, "no@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT),
	    "550 5.1.1 <no@local.example>: Recipient address rejected: User unknown in local "
	    "recipient table");
	rule_world_fini(&w);
}

static void
test_trouble(void **state)
{
	struct rule_world w;

	(void)state;
	options(&w);
	w.o.local_recipient_maps = "fail:x";
	w.o.lists[LIST_RECIPIENT] = "reject_unlisted_recipient, permit";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_memory_equal(rule_world_ask(&w, RULE_RCPT), "451 4.3.0 <r@local.example>: ", 29);
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_each_recipient),
		cmocka_unit_test(test_trouble),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
