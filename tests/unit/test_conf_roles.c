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
#include "conf/conf.h"
#include "conf/param_row.h"
#include "tests/lib/findings.h"

/* Load what must be fine. */
static struct conf *
load(const char *text)
{
	struct buf told = { 0 };
	struct conf *c = findings_load(text, &told);

	assert_string_equal(buf_cstr(&told), "");
	assert_non_null(c);
	buf_fini(&told);
	return c;
}

#define MTA_RELAY "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"

/* The seven lists and their kin, by role: what the listener has, and where from. */
static const struct {
	const char *listener; /* behind KIND:ENDPOINT */
	const char *file;     /* file's settings */
	const char *relay, *recipient;
	int unlisted, helo_required, peername;
	int relay_line; /* of smtpd_relay_restrictions; 0 a default */
} role_cases[] = {
	{ "role = after_queue", "", "", "", 0, 0, 0, 0 },
	{ "role = before_queue", "", "", "", 0, 0, 0, 0 },
	{ "role = mta", "", MTA_RELAY, "", 1, 0, 1, 0 },
	/* relay_restrictions as Postfix had it before there was such a list */
	{ "role = mta, compatibility_level = 0", "", "", "", 1, 0, 1, 0 },
	/* the file's hold where the role does not say otherwise */
	{ "role = after_queue",
	    "smtpd_relay_restrictions = reject\nsmtpd_recipient_restrictions = permit\n"
	    "smtpd_helo_required = yes\nsmtpd_reject_unlisted_recipient = yes\n"
	    "smtpd_peername_lookup = yes\n",
	    "", "", 0, 0, 1, 0 },
	{ "role = before_queue",
	    "smtpd_relay_restrictions = reject\nsmtpd_recipient_restrictions = permit\n"
	    "smtpd_helo_required = yes\nsmtpd_reject_unlisted_recipient = yes\n",
	    "reject", "permit", 1, 1, 0, 2 },
	{ "role = mta",
	    "smtpd_relay_restrictions = reject\nsmtpd_recipient_restrictions =\n"
	    "smtpd_reject_unlisted_recipient = no\n",
	    "reject", "", 0, 0, 1, 2 },
	/* the listener names them; a $name sees the file's all the same */
	{ "role = after_queue, { smtpd_relay_restrictions = $smtpd_recipient_restrictions },\n "
	  "smtpd_helo_required = yes",
	    "smtpd_relay_restrictions = reject\nsmtpd_recipient_restrictions = permit\n", "permit",
	    "", 0, 1, 0, 1 },
};

static void
test_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(role_cases); i++) {
		char text[1000];
		struct conf *c;
		const struct conf_listener *l;
		const char *file;

		snprintf(text, sizeof(text), "listeners = { smtp:127.0.0.1:1 %s }\n%s",
		    role_cases[i].listener, role_cases[i].file);
		/* The first line is that of the listener, so those of the file begin with 2. */
		c = load(text);
		l = conf_listener(c, 0);
		assert_string_equal(l->params->smtpd_relay_restrictions, role_cases[i].relay);
		assert_string_equal(
		    l->params->smtpd_recipient_restrictions, role_cases[i].recipient);
		assert_int_equal(
		    l->params->smtpd_reject_unlisted_recipient, role_cases[i].unlisted);
		assert_int_equal(l->params->smtpd_helo_required, role_cases[i].helo_required);
		assert_int_equal(l->params->smtpd_peername_lookup, role_cases[i].peername);
		assert_int_equal(conf_where_in(c, l, "smtpd_relay_restrictions", &file),
		    role_cases[i].relay_line);
		assert_int_equal(file != NULL, role_cases[i].relay_line != 0);
		conf_free(c);
	}
}

static void
add_not_taken(
    void *arg, const struct conf_listener *l, const char *name, const char *file, int line)
{
	buf_printf(arg, "%s %s %s:%d;", l->name, name, file, line);
}

static void
test_not_taken(void **state)
{
	struct buf b = { 0 };
	struct conf *c =
	    load("smtpd_recipient_restrictions = permit\n"
		 "smtpd_client_restrictions = permit\ncontent_restrictions = permit\n"
		 "listeners = { lmtp:127.0.0.1:1, name = a }\n"
		 " { lmtp:127.0.0.1:2, name = b, smtpd_recipient_restrictions = reject }\n"
		 " { smtp:127.0.0.1:3, name = c, role = mta }\n"
		 " { policy:127.0.0.1:4, name = d }\n");

	(void)state;
	conf_not_taken_each(c, add_not_taken, &b);
	assert_string_equal(buf_cstr(&b),
	    "a smtpd_client_restrictions t:2;a smtpd_recipient_restrictions t:1;"
	    "b smtpd_client_restrictions t:2;");
	/* The list that is ours is everybody's. */
	assert_string_equal(conf_listener(c, 0)->params->content_restrictions, "permit");
	/* Outside any listener the file's values are seen, and checked. */
	assert_string_equal(conf_params(c)->smtpd_recipient_restrictions, "permit");
	conf_free(c);
	buf_fini(&b);
}

static void
test_policy_listener(void **state)
{
	struct conf *c = load("allowed_clients = 0.0.0.0/0\nsmtpd_helo_restrictions = reject\n"
			      "listeners = { policy:unix:/run/p, name = one }\n"
			      " { policy:0.0.0.0:10, role = mta, policy_permit_action = OK }\n");
	const struct conf_listener *l = conf_listener(c, 0);

	(void)state;
	assert_int_equal(l->kind, LISTENER_POLICY);
	assert_string_equal(listener_kind_name(l->kind), "policy");
	assert_int_equal(l->role, ROLE_BEFORE_QUEUE);
	assert_string_equal(l->params->smtpd_helo_restrictions, "reject");
	assert_string_equal(l->params->policy_permit_action, "DUNNO");
	l = conf_listener(c, 1);
	assert_int_equal(l->role, ROLE_MTA);
	assert_string_equal(l->params->policy_permit_action, "OK");
	conf_free(c);
}

static void
test_milter_listener(void **state)
{
	struct conf *c =
	    load("smtpd_helo_restrictions = reject\n"
		 "milter_hold = store\n"
		 "listeners = { milter:unix:/run/m, name = one }\n"
		 " { milter:0.0.0.0:10, name = two, role = mta, "
		 "milter_progress_interval = 2 }\n"
		 " { milter:127.0.0.1:11, name = three, milter_engine = libmilter }\n");
	const struct conf_listener *l = conf_listener(c, 0);

	(void)state;
	assert_int_equal(l->kind, LISTENER_MILTER);
	assert_string_equal(listener_kind_name(l->kind), "milter");
	assert_int_equal(l->role, ROLE_BEFORE_QUEUE);
	assert_string_equal(l->params->smtpd_helo_restrictions, "reject");
	assert_int_equal(l->params->milter_engine, 0);
	assert_int_equal(l->params->milter_hold, 1);
	assert_int_equal(l->params->milter_progress_interval, 5000);
	assert_int_equal(l->params->milter_timeout, 7210000);
	l = conf_listener(c, 1);
	assert_int_equal(l->role, ROLE_MTA);
	assert_int_equal(l->params->milter_progress_interval, 2000);
	l = conf_listener(c, 2);
	assert_int_equal(l->role, ROLE_BEFORE_QUEUE);
	assert_int_equal(l->params->milter_engine, 1);
	conf_free(c);
}

static void
test_kinds_that_relay(void **state)
{
	(void)state;
	assert_true(listener_kind_relays(LISTENER_SMTP));
	assert_true(listener_kind_relays(LISTENER_LMTP));
	assert_false(listener_kind_relays(LISTENER_POLICY));
	assert_false(listener_kind_relays(LISTENER_MILTER));
}

#define RANGE                                                                                      \
	"a code from 400 to 599: mail would be answered with 450 4.7.1 Service "                   \
	"unavailable\n"

static const struct {
	const char *text, *told;
	int loads;
} code_cases[] = {
	{ "reject_code = 400\ndefer_code = 599\n", "", 1 },
	{ "unverified_sender_reject_code = 250\nunverified_recipient_defer_code = 250\n", "", 1 },
	{ "reject_code = 399\n", "error t:1: reject_code: found \"399\", expected " RANGE, 0 },
	{ "config_errors = postfix\nreject_code = 600\ndefer_code = 0\n",
	    "warning t:2: reject_code: found \"600\", expected " RANGE
	    "warning t:3: defer_code: found \"0\", expected " RANGE,
	    1 },
	{ "config_errors = postfix\nlisteners = { smtp:127.0.0.1:1\n { "
	  "unverified_sender_reject_code "
	  "= 1000 } }\n",
	    "warning t:3: unverified_sender_reject_code: found \"1000\", expected 250 or " RANGE,
	    1 },
	{ "config_errors = postfix\nreject_code = -1\n",
	    "error t:2: reject_code: found \"-1\", expected at least 0\n", 0 },
	/* one that is wrong is told once, though four others refer to it */
	{ "reject_tempfail_action = permit\n",
	    "error t:1: reject_tempfail_action: found \"permit\", expected one of: defer "
	    "defer_if_permit\n",
	    0 },
};

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(code_cases); i++) {
		struct buf told = { 0 };
		struct conf *c = findings_load(code_cases[i].text, &told);

		assert_string_equal(buf_cstr(&told), code_cases[i].told);
		assert_int_equal(c != NULL, code_cases[i].loads);
		conf_free(c);
		buf_fini(&told);
	}
}

/* --- conf_site_value --- */

static const char site_text[] = "mydomain = example.org\n"
				"smtpd_restriction_classes = strict, lax\n"
				"strict = reject_a,\n  check_b hash:$mydomain\n"
				"a = $b\nb = $c\nc = x\n"
				"d = $a $e\ne =\n"
				"smtpd_recipient_restrictions = permit\n"
				"listeners = { lmtp:127.0.0.1:1 }\n"
				" { smtp:127.0.0.1:2, role = mta\n"
				"   { lax =\n permit,\n reject } mydomain = example.net\n"
				"   smtpd_restriction_classes = own\n"
				"   { own = $d } }\n";
static const struct {
	int listener; /* -1: the file */
	const char *name, *value;
	int line;
} site_cases[] = {
	{ -1, "strict", "reject_a, check_b hash:example.org", 3 },
	{ 0, "strict", "reject_a, check_b hash:example.org", 3 },
	{ 1, "strict", "reject_a, check_b hash:example.net", 3 },
	{ -1, "lax", NULL, 0 },
	{ 1, "lax", "permit, reject", 13 },
	{ 1, "own", "x ", 17 },
	{ -1, "own", NULL, 0 },
	/* parameters alike, of ours and of Postfix's */
	{ 0, "mydomain", "example.org", 1 },
	{ 1, "mydomain", "example.net", 15 },
	{ -1, "smtpd_recipient_restrictions", "permit", 10 },
	{ 0, "smtpd_recipient_restrictions", "", 0 },
	{ 1, "smtpd_recipient_restrictions", "permit", 10 },
	{ 1, "mail_name", "Postfix", 0 },
	{ 1, "mail_version", NULL, 0 },
	/* what is expanded by its user */
	{ 0, "smtpd_reject_footer", "\\c (id $decision_id)", 0 },
};

static void
test_site_value(void **state)
{
	struct conf *c = load(site_text);
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(site_cases); i++) {
		const struct conf_listener *l =
		    site_cases[i].listener == -1 ? NULL
						 : conf_listener(c, (size_t)site_cases[i].listener);
		const char *file = "x", *value;
		int line = -1;

		value = conf_site_value(c, l, site_cases[i].name, arena, &file, &line);
		if (site_cases[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, site_cases[i].value);
		assert_int_equal(line, site_cases[i].line);
		assert_int_equal(file != NULL, line != 0);
	}
	arena_free(arena);
	conf_free(c);
}

/* What a listener says of the site's names is looked at when it is loaded. */
static void
test_site_findings(void **state)
{
	struct buf told = { 0 };

	(void)state;
	assert_null(findings_load("listeners = { smtp:127.0.0.1:1, smtpd_restriction_classes = k\n"
				  " { k = $nobdy } { j = x } }\n",
	    &told));
	assert_string_equal(buf_cstr(&told),
	    "error t:2: listeners: found \"j\", expected name, role or the name of a parameter\n"
	    "error t:2: k: refers to $nobdy, which nobody defines\n");
	buf_fini(&told);
}

/* --- conf_item_line --- */

static const char line_text[] = "smtpd_client_restrictions = a,\n"             /* 1 */
				"  b\n"                                        /* 2 */
				"# permit\n"                                   /* 3 */
				"\n"                                           /* 4 */
				"  check_x inline:{\n"                         /* 5 */
				"    k=v }, d e\n"                             /* 6 */
				"q = permit,\n"                                /* 7 */
				"  w\n"                                        /* 8 */
				"smtpd_helo_restrictions\n"                    /* 9 */
				"  = p\n"                                      /* 10 */
				"  $q $n\n"                                    /* 11 */
				"  $n\n"                                       /* 12 */
				"  last $q\n"                                  /* 13 */
				"n =\n"                                        /* 14 */
				"smtpd_sender_restrictions = ${n?\n"           /* 15 */
				"  x} tail\n"                                  /* 16 */
				"listeners = { smtp:127.0.0.1:1, role = mta\n" /* 17 */
				"   { smtpd_data_restrictions =\n"             /* 18 */
				"     one,\n"                                  /* 19 */
				"# no\n"                                       /* 20 */
				"     two }\n"                                 /* 21 */
				"   smtpd_etrn_restrictions = three }\n";      /* 22 */
static const struct {
	const char *name, *item;
	int line;
} line_cases[] = {
	{ "smtpd_client_restrictions", "a", 1 },
	{ "smtpd_client_restrictions", "b", 2 },
	{ "smtpd_client_restrictions", "check_x", 5 },
	{ "smtpd_client_restrictions", "k=v", 6 },
	{ "smtpd_client_restrictions", "d e", 6 },
	{ "smtpd_client_restrictions", "}, d", 6 },
	{ "smtpd_helo_restrictions", "p", 10 },
	/* what $q stands for is on the line of $q */
	{ "smtpd_helo_restrictions", "w", 11 },
	{ "smtpd_helo_restrictions", "last", 13 },
	{ "smtpd_helo_restrictions", "last permit, w", 13 },
	/* a reference over two lines: the line of the name */
	{ "smtpd_sender_restrictions", "tail", 15 },
	{ "smtpd_data_restrictions", "one", 19 },
	{ "smtpd_data_restrictions", "two", 21 },
	{ "smtpd_etrn_restrictions", "three", 22 },
	{ "q", "w", 8 },
	/* a default */
	{ "smtpd_relay_restrictions", "permit_sasl", 0 },
};

static void
test_item_line(void **state)
{
	struct conf *c = load(line_text);
	const struct conf_listener *l = conf_listener(c, 0);
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(line_cases); i++) {
		const char *file, *value, *at;
		int line;

		value = conf_site_value(c, l, line_cases[i].name, arena, &file, &line);
		at = strstr(value, line_cases[i].item);
		assert_non_null(at);
		line = conf_item_line(c, l, line_cases[i].name, value, (size_t)(at - value), &file);
		if (line != line_cases[i].line)
			fail_msg("%s: %s: %d", line_cases[i].name, line_cases[i].item, line);
		assert_int_equal(file != NULL, line != 0);
		/* an octet behind the end, and a value of somebody else */
		assert_in_range(
		    conf_item_line(c, l, line_cases[i].name, value, strlen(value), &file), 0, 22);
		assert_in_range(conf_item_line(c, l, line_cases[i].name, "?", 0, &file), 0, 22);
	}
	arena_free(arena);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_policy_listener),
		cmocka_unit_test(test_milter_listener),
		cmocka_unit_test(test_kinds_that_relay),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_site_value),
		cmocka_unit_test(test_site_findings),
		cmocka_unit_test(test_item_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
