/* check_message_size, check_recipient_count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "core/message.h"
#include "core/score.h"
#include "tests/lib/rule_world.h"

#define REFUSED "554 5.7.1 Message content rejected"

/* --- comparisons --- */

static const struct {
	const char *item;
	int below, equal, above; /* does it hold for 10239, 10240, 10241 octets? */
} comparisons[] = {
	{ "{ >10k REJECT }", 0, 0, 1 },
	{ "{ >=10k REJECT }", 0, 1, 1 },
	{ "{ <10k REJECT }", 1, 0, 0 },
	{ "{ <=10K REJECT }", 1, 1, 0 },
	{ "{ =10k REJECT }", 0, 1, 0 },
	{ "{ ==10k REJECT }", 0, 1, 0 },
	{ "{ !=10k REJECT }", 1, 0, 1 },
	{ "{ > 10240 REJECT }", 0, 0, 1 },
	{ "{>10240\tREJECT}", 0, 0, 1 },
	{ "{ >0 REJECT }", 1, 1, 1 },
	{ "{ >1m REJECT }", 0, 0, 0 },
	{ "{ <4g REJECT }", 1, 1, 1 },
};

static void
fill(struct message *m, size_t len)
{
	struct err err;
	uint8_t *p = message_reserve(m, len, &err);

	assert_non_null(p);
	memset(p, 'x', len);
	message_commit(m, len);
}

/* So many octets came; what we have put in front of them does not count. */
static const char *
ask_size(struct rule_world *w, size_t len, size_t lead)
{
	static const struct message_options opt = { .memory_limit = 1 << 24,
		.spool_directory = "/nonexistent" };
	struct message *m = message_new(&opt);
	const char *answer;

	rule_world_again(w);
	rule_world_accept(w);
	fill(m, len + lead);
	w->txn.lead = lead;
	w->txn.message = m;
	answer = rule_world_ask(w, RULE_CONTENT);
	w->txn.message = NULL;
	message_free(m);
	return answer;
}

static void
test_comparisons(void **state)
{
	char list[200];

	(void)state;
	for (size_t i = 0; i < nitems(comparisons); i++) {
		struct rule_world w;

		rule_world_init(&w);
		snprintf(list, sizeof(list), "check_message_size %s", comparisons[i].item);
		w.o.lists[LIST_CONTENT] = list;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(
		    ask_size(&w, 10239, 0), comparisons[i].below ? REFUSED : "dunno");
		assert_string_equal(
		    ask_size(&w, 10240, 100), comparisons[i].equal ? REFUSED : "dunno");
		assert_string_equal(
		    ask_size(&w, 10241, 0), comparisons[i].above ? REFUSED : "dunno");
		rule_world_fini(&w);
	}
}

/* --- results --- */

static const struct {
	const char *result, *answer;
} results[] = {
	{ "REJECT 5.3.4 Too big, sorry", "554 5.3.4 Too big, sorry" },
	{ "552 5.3.4 Too big", "552 5.3.4 Too big" },
	{ "DEFER", "450 4.7.1 Message content rejected" },
	{ "OK", "ok" },
	{ "DUNNO", REFUSED },
	{ "HOLD look", REFUSED },
	{ "DISCARD", "ok" },
	{ "hater", "554 5.7.1 Access denied" },
	{ "warn_if_reject reject, permit", "ok" },
	{ "tag_if_score 1, check_recipient_count { >0 550 this one }", "550 5.7.1 this one" },
};

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "hater") == 0 ? "reject" : NULL;
}

static void
test_results(void **state)
{
	char list[300];

	(void)state;
	for (size_t i = 0; i < nitems(results); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.smtpd_restriction_classes = "hater";
		w.o.site = site;
		snprintf(list, sizeof(list),
		    "check_message_size { >5 %s }, check_message_size { "
		    ">5 REJECT }",
		    results[i].result);
		w.o.lists[LIST_CONTENT] = list;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(ask_size(&w, 6, 0), results[i].answer);
		if (strncmp(results[i].result, "HOLD", 4) == 0)
			assert_string_equal(w.txn.rcpts[0]->verdict.hold_reason, "look");
		rule_world_fini(&w);
	}
}

/* In a user's row; and as points. */
static void
test_in_a_row(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_CONTENT] =
	    "check_recipient_access inline:{{r@local.example=check_message_size { >5 REJECT Too "
	    "big "
	    "for r }}}, score_if_reject 2 check_recipient_count { >0 REJECT }";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(ask_size(&w, 6, 0), "554 5.7.1 Too big for r");
	assert_string_equal(ask_size(&w, 5, 0), "dunno");
	assert_int_equal(w.txn.rcpts[0]->verdict.score.total, 2000);
	assert_string_equal(w.txn.rcpts[0]->verdict.score.v[0].name, "check_recipient_count");
	rule_world_fini(&w);
}

/* --- before the message has come --- */

static void
test_stages(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.lists[LIST_RECIPIENT] =
	    "check_message_size { >1000 552 5.3.4 Too big }, check_recipient_count { >=3 452 "
	    "4.5.3 Enough }";
	w.o.lists[LIST_DATA] = "check_recipient_count { >1 550 Alone }";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno"); /* MAIL told of no size */
	w.txn.size = 1001;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "552 5.3.4 Too big");
	w.txn.size = 1000;
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_DATA), "dunno");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_accept(&w);
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "452 4.5.3 Enough");
	assert_string_equal(rule_world_ask(&w, RULE_DATA), "550 5.7.1 Alone");
	rule_world_fini(&w);
}

static void
test_too_early(void **state)
{
	struct rule_world w;

	(void)state;
	rule_world_init(&w);
	w.o.smtpd_delay_reject = 0;
	w.o.lists[LIST_CLIENT] = "check_message_size { >=0 REJECT }, check_recipient_count { >=0 "
				 "REJECT }";
	assert_int_equal(rule_world_compile(&w), 0);
	assert_string_equal(rule_world_ask(&w, RULE_CONNECT), "dunno");
	assert_non_null(strstr(buf_cstr(&w.findings), "the sender is not known there"));
	assert_non_null(strstr(buf_cstr(&w.findings), "the recipient is not known there"));
	rule_world_fini(&w);
}

static const struct {
	const char *list, *finding;
} faults[] = {
	{ "check_message_size", "must be followed by { COMPARISON RESULT }" },
	{ "check_message_size >10M REJECT", "there must be { COMPARISON RESULT }" },
	{ "check_message_size { REJECT }", "the comparison must begin with" },
	{ "check_message_size { > REJECT }", "the comparison must be with a number" },
	{ "check_message_size { >-1 REJECT }", "the comparison must be with a number" },
	{ "check_message_size { >99999999999999999999 REJECT }", "must be with a number" },
	{ "check_message_size { >10MB REJECT }", "behind the number may stand k, m or g" },
	{ "check_message_size { >10M }", "a result must stand behind the comparison" },
	{ "check_message_size { >10M, REJECT }", "behind the number may stand k, m or g" },
	{ "check_recipient_count { >10k REJECT }", "behind the number must stand a blank" },
	{ "check_recipient_count { >10 REJCT }", "is no action, and no list" },
	{ "check_recipient_count { >10 BCC me }", "needs user@domain" },
	{ "check_recipient_count { >10 IGNORE }", "has no line of the message here" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(faults); i++) {
		struct rule_world w;

		rule_world_init(&w);
		w.o.lists[LIST_CONTENT] = faults[i].list;
		assert_int_equal(rule_world_compile(&w), -1);
		if (strstr(buf_cstr(&w.findings), faults[i].finding) == NULL)
			fail_msg("%s: %s", faults[i].list, buf_cstr(&w.findings));
		rule_world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
