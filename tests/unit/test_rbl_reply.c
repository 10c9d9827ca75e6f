/* Templates of rbl_reply_maps and default_rbl_reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "core/client.h"
#include "rules/rbl_reply.h"

#define DEFAULT_REPLY                                                                              \
	"$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using "                     \
	"$rbl_domain${rbl_reason?; $rbl_reason}"
#define DEFAULT_FILTER                                                                             \
	"\\t\\40!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`"              \
	"abcdefghijklmnopqrstuvwxyz{|}~"

struct world {
	struct arena *arena;
	struct client client;
	struct rbl_safe safe;
	struct rbl_macros macros;
};

static int
world_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.arena = arena_new();
	client_init(&w.client);
	strcpy(w.client.addr, "192.0.2.10");
	strcpy(w.client.name, "mail.good.example");
	strcpy(w.client.reverse_name, "rev.good.example");
	strcpy(w.client.helo, "helo.example");
	strcpy(w.client.port, "4711");
	rbl_safe_make(DEFAULT_FILTER, &w.safe);
	w.macros = (struct rbl_macros){ .code = 554,
		.domain = "rbl.test",
		.what = "192.0.2.10",
		.class = "Client host",
		.txt = "first reason / second reason",
		.client = &w.client,
		.sender = "a b@s.example",
		.recipient = "r@x@r.example",
		.myhostname = "mx.example",
		.safe = &w.safe };
	*state = &w;
	return 0;
}

static int
world_down(void **state)
{
	struct world *w = *state;

	arena_free(w->arena);
	return 0;
}

static const struct {
	const char *template, *text; /* text NULL: it cannot be filled in */
} cases[] = {
	{ DEFAULT_REPLY,
	    "554 Service unavailable; Client host [192.0.2.10] blocked using rbl.test; "
	    "first reason / second reason" },
	{ "plain", "plain" },
	{ "", "" },
	{ "$rbl_code", "554" },
	{ "$rbl_domain", "rbl.test" },
	{ "$rbl_what", "192.0.2.10" },
	{ "$rbl_class", "Client host" },
	{ "$rbl_reason", "first reason / second reason" },
	{ "$rbl_txt", "first reason / second reason" },
	{ "$client", "mail.good.example[192.0.2.10]" },
	{ "$client_address", "192.0.2.10" },
	{ "$client_name", "mail.good.example" },
	{ "$client_port", "4711" },
	{ "$reverse_client_name", "rev.good.example" },
	{ "$helo_name", "helo.example" },
	{ "$sender", "a b@s.example" },
	{ "$sender_name", "a b" },
	{ "$sender_domain", "s.example" },
	{ "$recipient", "r@x@r.example" },
	{ "$recipient_name", "r@x" },
	{ "$recipient_domain", "r.example" },
	{ "$server_name", "mx.example" },
	/* The forms of a name, and where it ends. */
	{ "${rbl_code}x", "554x" },
	{ "$(rbl_code)x", "554x" },
	{ "$rbl_code-$rbl_code", "554-554" },
	{ "<$rbl_domain>.", "<rbl.test>." },
	{ "$$rbl_code costs $$5", "$rbl_code costs $5" },
	/* Conditions. */
	{ "${rbl_reason?yes}", "yes" },
	{ "${rbl_reason:no}", "" },
	{ "${rbl_reason?: $rbl_reason}", ": first reason / second reason" },
	{ "${nosuch?yes}", "" }, /* a test is no use */
	{ "${nosuch:no}", "no" },
	{ "${ rbl_reason ?yes}", "yes" },
	{ "${ rbl_code }", "554" },
	{ "${rbl_reason?{yes}:{no}}", "yes" },
	{ "${nosuch?{yes}:{no}}", "no" },
	{ "${nosuch?{yes} : {n{}o}}", "n{}o" },
	{ "${nosuch:{no}}", "no" },
	{ "$(nosuch:{no})", "no" },
	{ "${rbl_code?a${nosuch?b}c${rbl_code?d}}", "acd" },
	{ "${{$rbl_code} == {554}?{same}:{other}}", "same" },
	{ "${{$rbl_code} != {554}?{other}:{same}}", "same" },
	{ "${{$rbl_code}>={1000} ? {more} : {less}}", "less" }, /* as numbers */
	{ "${{$rbl_code}<{1000}?{less}}", "less" },
	{ "${{$rbl_code}<={554}?le}", "le" },
	{ "${{$rbl_code} > {553}?gt}", "gt" },
	{ "${{$sender_domain} < {t.example}?before}", "before" },
	{ "${{$rbl_domain} == {RBL.TEST}:different}", "different" },
	/* Faults. */
	{ "$nosuch", NULL },
	{ "${nosuch}", NULL },
	{ "${rbl_code?$nosuch}", NULL },
	{ "${rbl_reason:$nosuch}", "" }, /* not looked at */
	{ "$sender_address", NULL },
	{ "$RBL_CODE", NULL },
	{ "a $ b", NULL },
	{ "a $", NULL },
	{ "${rbl_code", NULL },
	{ "$(rbl_code", NULL },
	{ "${}", NULL },
	{ "${rbl_code x}", NULL },
	{ "${rbl_code?{a}b}", NULL },
	{ "${rbl_code?{a}:b}", NULL },
	{ "${{a} = {b}?c}", NULL },
	{ "${{a} == b?c}", NULL },
	{ "${{a} == {b}}", NULL },
};

static void
test_expand(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < nitems(cases); i++) {
		const char *why = NULL;
		const char *got = rbl_reply_expand(w->arena, cases[i].template, &w->macros, &why);

		if (cases[i].text != NULL) {
			assert_non_null(got);
			assert_string_equal(got, cases[i].text);
		} else {
			assert_null(got);
			assert_non_null(why);
		}
	}
}

static void
test_localtime(void **state)
{
	struct world *w = *state;
	const char *why = NULL;
	const char *got = rbl_reply_expand(w->arena, "$localtime", &w->macros, &why);
	char month[4];
	int day, hour, minute, second;

	assert_non_null(got);
	assert_int_equal(sscanf(got, "%3s %d %d:%d:%d", month, &day, &hour, &minute, &second), 5);
}

/* An address that is not there yet is nothing, the null one is <>, which has no domain. */
static void
test_addresses(void **state)
{
	static const struct {
		const char *sender, *text;
	} senders[] = {
		{ NULL, "[][][]" },
		{ "", "[<>][<>][]" },
		{ "bob", "[bob][bob][]" },
		{ "bob@", "[bob@][bob][]" },
	};
	struct world *w = *state;
	const char *why = NULL;

	for (size_t i = 0; i < nitems(senders); i++) {
		w->macros.sender = w->macros.recipient = senders[i].sender;
		assert_string_equal(
		    rbl_reply_expand(
			w->arena, "[$sender][$sender_name][$sender_domain]", &w->macros, &why),
		    senders[i].text);
		assert_string_equal(
		    rbl_reply_expand(w->arena, "[$recipient][$recipient_name][$recipient_domain]",
			&w->macros, &why),
		    senders[i].text);
	}
}

static void
test_filter(void **state)
{
	struct world *w = *state;
	const char *why = NULL;

	w->macros.txt = "a\r\n550 b\tc\x7f\xc3\xbc\\";
	assert_string_equal(
	    rbl_reply_expand(w->arena, "$rbl_txt", &w->macros, &why), "a__550 b\tc___\\");
	/* The template itself is the site's. */
	assert_string_equal(rbl_reply_expand(w->arena, "\x01$rbl_code", &w->macros, &why), "\x01"
											   "554");
	rbl_safe_make("ab\\012\\x\\", &w->safe);
	w->macros.txt = "abc\nx\\";
	assert_string_equal(rbl_reply_expand(w->arena, "$rbl_txt", &w->macros, &why), "ab_\nx\\");
	rbl_safe_make("", &w->safe);
	assert_string_equal(rbl_reply_expand(w->arena, "$rbl_code", &w->macros, &why), "___");
}

static void
test_fault(void **state)
{
	struct world *w = *state;
	char deep[2000] = "";

	assert_null(rbl_reply_fault(w->arena, DEFAULT_REPLY));
	assert_null(rbl_reply_fault(w->arena, "${nosuch?x}"));
	assert_non_null(strstr(rbl_reply_fault(w->arena, "550 $nosuch x"), "nosuch"));
	/* Both sides of a condition are looked at. */
	assert_non_null(rbl_reply_fault(w->arena, "${rbl_reason?$nosuch}"));
	assert_non_null(rbl_reply_fault(w->arena, "${rbl_reason:$nosuch}"));
	for (int i = 0; i < 100; i++)
		strcat(deep, "${rbl_code?");
	for (int i = 0; i < 100; i++)
		strcat(deep, "}");
	assert_non_null(strstr(rbl_reply_fault(w->arena, deep), "within"));
}

static const struct {
	const char *expanded;
	int code; /* 0: none */
	const char *enhanced, *text;
} split_cases[] = {
	{ "554 Service unavailable; x", 554, "4.7.1", "Service unavailable; x" },
	{ "554 5.7.8 why", 554, "5.7.8", "why" },
	{ "450 4.7.9 listed", 450, "4.7.9", "listed" },
	{ "554 4.7.1 Client host", 554, "4.7.1", "Client host" }, /* fitted by who refuses */
	{ "554 ", 554, "4.7.1", "Service unavailable" },
	{ "554 5.7.8", 554, "5.7.8", "Service unavailable" },
	{ "554 5.7.8x", 554, "4.7.1", "5.7.8x" },
	{ "499  two", 499, "4.7.1", "two" },
	{ "554", 0, NULL, NULL },
	{ "554\ttab", 0, NULL, NULL },
	{ "5544 x", 0, NULL, NULL },
	{ "250 ok", 0, NULL, NULL },
	{ "bad rbl.test", 0, NULL, NULL },
	{ "5", 0, NULL, NULL },
	{ "", 0, NULL, NULL },
};

static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(split_cases); i++) {
		struct rbl_reply r;
		int rc = rbl_reply_split(split_cases[i].expanded, &r);

		assert_int_equal(rc, split_cases[i].code == 0 ? -1 : 0);
		if (rc == -1)
			continue;
		assert_int_equal(r.code, split_cases[i].code);
		assert_string_equal(r.enhanced, split_cases[i].enhanced);
		assert_string_equal(r.text, split_cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expand, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_localtime, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_addresses, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_filter, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_fault, world_up, world_down),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
