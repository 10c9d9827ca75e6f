/* Which recipients on_mixed = split keeps together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "rules/policy_digest.h"
#include "tests/lib/rule_world.h"

#define ONE   "one@local.example"
#define TWO   "two@local.example"
#define OTHER "one@other.example"
#define TABLE "check_recipient_access inline:"

/* Classes that the lists below may name. */
static const struct {
	const char *name, *value;
} classes[] = {
	{ "lover", "permit" },
	{ "hater", "reject_invalid_helo_hostname, reject" },
	{ "plain", "reject_invalid_helo_hostname" },
	{ "deeper", TABLE "{" ONE "=lover}" },
	{ "asks", "check_policy_service inet:127.0.0.1:9" },
	{ "loop", TABLE "{local.example=loop}, " TABLE "{local.example=loop}" },
	{ "senders", "check_sender_access inline:{from.example=DUNNO}" },
};

/* Lists as content_restrictions, ONE's digest beside that of the second recipient. */
static const struct {
	const char *list, *second;
	int same;
} cases[] = {
	/* nobody's business */
	{ "reject_invalid_helo_hostname", TWO, 1 },
	{ "permit", TWO, 1 },
	{ "plain, hater", TWO, 1 },
	/* rows */
	{ TABLE "{" ONE "=lover}", TWO, 0 },
	{ TABLE "{" ONE "=lover," TWO "=lover}", TWO, 1 },
	{ TABLE "{" ONE "=lover," TWO "=hater}", TWO, 0 },
	{ TABLE "{local.example=hater}", TWO, 1 },
	{ TABLE "{local.example=hater}", OTHER, 0 },
	{ TABLE "{{" ONE "=reject_invalid_helo_hostname, permit},{" TWO
		"=reject_invalid_helo_hostname, permit}}",
	    TWO, 1 },
	{ TABLE "{" ONE "=REJECT," TWO "=REJECT}", TWO, 1 },
	{ TABLE "{{" ONE "=REJECT one},{" TWO "=REJECT two}}", TWO, 0 },
	{ TABLE "{" ONE "=HOLD," TWO "=DUNNO}", TWO, 0 },
	{ "inline:{" ONE "=lover}", TWO, 0 }, /* bare it is the recipient's here */
	/* the same address however it is written, an extension of it */
	{ TABLE "{" ONE "=lover}", "ONE@Local.example", 1 },
	{ TABLE "{" ONE "=lover}", "one+x@local.example", 1 },
	/* the same text, but found by another item, with another one between */
	{ TABLE "{" ONE "=plain}, reject_non_fqdn_sender, " TABLE "{" TWO "=plain}", TWO, 0 },
	/* what the class asks of the recipient in turn */
	{ TABLE "{local.example=deeper}", TWO, 0 },
	{ TABLE "{local.example=deeper}", "three@local.example", 0 },
	{ "deeper", TWO, 0 },
	/* what is not reached is no difference */
	{ "permit, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ "reject, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ "lover, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{local.example=lover}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{local.example=OK}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{local.example=1}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{local.example=DISCARD}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{{local.example=550 no}}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{local.example=DUNNO}, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ TABLE "{local.example=HOLD}, " TABLE "{" ONE "=hater}", TWO, 0 },
	/* unless it is: a refusal that is only logged ends nothing */
	{ "warn_if_reject reject, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "warn_if_reject permit, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ "warn_if_reject hater, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "warn_if_reject " TABLE "{local.example=REJECT}, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "warn_if_reject " TABLE "{local.example=OK}, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ "warn_if_reject reject_invalid_helo_hostname, reject, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ "score_if_reject 5 reject, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "score_if_reject 5 hater, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "score_if_reject 5 lover, " TABLE "{" ONE "=hater}", TWO, 1 },
	{ TABLE "{{" ONE "=tag_if_score 3},{" TWO "=tag_if_score 4}}", TWO, 0 },
	{ TABLE "{{" ONE "=SCORE 3},{" TWO "=SCORE 3}}, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "tag_if_score 3, reject_if_score 9", TWO, 1 },
	/* what nobody can tell beforehand: the address decides */
	{ "check_policy_service inet:127.0.0.1:9", TWO, 0 },
	{ "check_policy_service inet:127.0.0.1:9", ONE, 1 },
	{ "reject_unlisted_recipient", TWO, 0 },
	{ "reject_unlisted_recipient", ONE, 1 },
	{ "permit_auth_destination", TWO, 0 },
	{ "check_recipient_mx_access inline:{mx.example=REJECT}", TWO, 0 },
	{ TABLE "{local.example=asks}", TWO, 0 },
	{ "permit, check_policy_service inet:127.0.0.1:9", TWO, 1 },
	{ "check_recipient_access fail:x", TWO, 0 },
	{ "check_recipient_access fail:x", ONE, 1 },
	{ "check_recipient_access pcre:{{/^(.*)@/ lover}}", TWO, 1 },
	{ "check_recipient_access pcre:{{/^(.*)@/ REJECT $1}}", TWO, 0 },
	/* how many they are is the same for all of them, and must stay so: parted they are few */
	{ "check_recipient_count {>=2 REJECT too many}", TWO, 1 },
	{ "check_recipient_count {>=2 hater}", TWO, 1 },
	{ "check_message_size {>10 REJECT}", TWO, 1 },
	/* but the class behind it may ask who they are, and need not be reached */
	{ "check_recipient_count {>=2 deeper}", TWO, 0 },
	{ "check_message_size {>10 deeper}", TWO, 0 },
	{ "check_message_size {>10 deeper, permit}", TWO, 0 },
	{ "check_message_size {>10 lover}, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "check_message_size {>10 OK}, " TABLE "{" ONE "=hater}", TWO, 0 },
	{ "loop", TWO, 0 },
	{ "loop", ONE, 1 },
};

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)where;
	for (size_t i = 0; i < nitems(classes); i++)
		if (strcmp(classes[i].name, name) == 0)
			return classes[i].value;
	return arg; /* never asked */
}

static void
begin(struct rule_world *w, const char *list, const char *which)
{
	rule_world_init(w);
	w->o.lists[LIST_CONTENT] = list;
	w->o.smtpd_restriction_classes = which;
	w->o.site = site;
	w->o.recipient_delimiter = "+";
	if (rule_world_compile(w) == -1)
		fail_msg("%s: %s", list, buf_cstr(&w->findings));
	rule_world_again(w);
}

static uint64_t
digest(struct rule_world *w, const char *rcpt)
{
	struct rule_ask ask = { .txn = &w->txn,
		.stage = RULE_CONTENT,
		.rcpt = &w->rcpt,
		.services = &w->services,
		.deadline = deadline_in_ms(10000) };

	rule_world_rcpt(w, rcpt);
	return rules_policy_digest(w->rules, &ask);
}

static void
test_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct rule_world w;
		uint64_t one, two;

		begin(&w, cases[i].list, "lover hater plain deeper asks loop");
		one = digest(&w, ONE);
		two = digest(&w, cases[i].second);
		if ((one == two) != cases[i].same)
			fail_msg("%s: %s", cases[i].list, cases[i].second);
		/* whoever came between */
		assert_true(digest(&w, ONE) == one);
		assert_string_equal(rule_world_said(&w), "");
		rule_world_fini(&w);
	}
}

/* A row that is not known yet may name any class: one of these looks at the recipient, or none. */
static void
test_rows_not_known(void **state)
{
	static const struct {
		const char *list, *classes;
		int same;
	} rows[] = {
		{ "check_sender_access inline:{from.example=DUNNO}", "lover hater plain", 1 },
		{ "check_sender_access inline:{from.example=DUNNO}", "lover deeper", 0 },
		{ "check_sender_access inline:{from.example=DUNNO}", "lover asks", 0 },
		{ "senders", "senders lover deeper", 0 },
		{ "permit, check_sender_access inline:{from.example=DUNNO}", "lover deeper", 1 },
		{ "reject_invalid_helo_hostname", "lover deeper asks", 1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct rule_world w;

		begin(&w, rows[i].list, rows[i].classes);
		if ((digest(&w, ONE) == digest(&w, TWO)) != rows[i].same)
			fail_msg("%s; %s", rows[i].list, rows[i].classes);
		rule_world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_rows_not_known),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
