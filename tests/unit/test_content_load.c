#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/checks_world.h"

/* What a rule says can be known at load.  In Postfix's mode we go on, as it does. */
static const struct {
	const char *header, *body;
	int strict, errors, warnings;
	const char *text;
} load_cases[] = {
	{ "/a/ REJECT x", "/b/ REPLACE x", 0, 0, 0, NULL },
	{ "/a/ nonsense x", NULL, 0, 1, 0,
	    "header_checks:1: \"nonsense x\": nonsense is no action" },
	{ "/a/ nonsense x", NULL, 1, 0, 1, "is no action" },
	{ "/x/ DUNNO\n/a/ REPLACE x", "/b/ REPLACE", 0, 2, 0, "header_checks:2" },
	{ "/a(.)/ REPLACE $1", "/b(.)/ FILTER $1", 0, 0, 0, NULL }, /* not known yet */
	{ "/a(.)/ nonsense $1", NULL, 0, 1, 0, "is no action" },
	{ "/a/ TAG x", NULL, 0, 0, 0, NULL },
	{ "/a/ TAG x", NULL, 1, 0, 1, "TAG is no action" },
	{ "/a/ REJECT 2.0.0 x", NULL, 0, 0, 1, "4.x.x or 5.x.x" },
	{ "/a/ FILTER x\n/b/ REDIRECT x\n/c/ BCC x", NULL, 0, 3, 0, "transport:destination" },
	{ "fail:x", "/x/ DUNNO", 0, 0, 0, NULL },
};

static size_t
count_of(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

static void
test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++) {
		const char *rules[4] = { load_cases[i].header, NULL, NULL, load_cases[i].body };
		struct world w;
		const char *found;

		world_init(&w, rules);
		w.opt.postfix_strict = load_cases[i].strict;
		assert_int_equal(world_compile(&w), load_cases[i].errors > 0 ? -1 : 0);
		found = buf_cstr(&w.findings);
		assert_int_equal(count_of(found, "error "), load_cases[i].errors);
		assert_int_equal(count_of(found, "warning "), load_cases[i].warnings);
		if (load_cases[i].text != NULL)
			assert_non_null(strstr(found, load_cases[i].text));
		world_fini(&w);
	}
}

/* Table lists: commas, blanks, braces; a table that is not there. */
static void
test_load_lists(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL);
	w.opt.header_checks = " inline:{ { A:b = REJECT one }, b=DUNNO } ,static:DUNNO,, ";
	if (world_compile(&w) != 0)
		fail_msg("%s", buf_cstr(&w.findings));
	assert_true(content_checks_any(w.checks));
	world_run(&w, span_str("A:b\r\n\r\n"));
	assert_int_equal(w.txn.verdict.code, 550);
	assert_null(w.txn.verdict.origin.file);
	world_fini(&w);
	world_init(&w, NULL);
	w.opt.header_checks = "texthash:/nonexistent/x nosuchtype:y";
	assert_int_equal(world_compile(&w), -1);
	assert_int_equal(count_of(buf_cstr(&w.findings), "error "), 2);
	world_fini(&w);
	/* As Postfix has it, mail is deferred as long as the table is broken. */
	world_init(&w, NULL);
	w.opt.header_checks = "texthash:/nonexistent/x";
	w.opt.postfix_strict = 1;
	assert_int_equal(world_compile(&w), 0);
	world_run(&w, span_str("Subject: a\r\n\r\n"));
	assert_int_equal(w.txn.verdict.code, 451);
	world_fini(&w);
}

/* By default one list is three; what is wrong with it is said once. */
static void
test_load_default_lists(void **state)
{
	static const char *const rules[4] = { "/a/ nonsense\n/^S/ HOLD" };
	struct world w;

	(void)state;
	world_init(&w, rules);
	w.opt.postfix_strict = 1;
	w.opt.mime_header_checks = w.opt.nested_header_checks = w.opt.header_checks;
	assert_int_equal(world_compile(&w), 0);
	assert_int_equal(count_of(buf_cstr(&w.findings), "warning "), 1);
	world_run(&w, span_str("Content-Type: message/rfc822\r\n\r\nS: x\r\n"));
	assert_int_equal(w.txn.verdict.hold, 1);
	assert_string_equal(w.txn.verdict.hold_origin.list, "nested_header_checks");
	world_fini(&w);
}

static void
see_filter(void *arg, const char *destination, const char *file, int line)
{
	struct buf *b = arg;

	buf_printf(b, "%s:%d=%s ", strrchr(file, '/') + 1, line, destination);
}

static void
test_filter_seen(void **state)
{
	static const char *const rules[4] = {
		"/a/ FILTER smtp:x\n/b(.)/ FILTER $1:y\n/c/ FILTER none", NULL, NULL,
		"/d/ FILTER z:"
	};
	struct buf seen = { 0 };
	struct world w;

	(void)state;
	world_init(&w, rules);
	w.opt.postfix_strict = 1;
	w.opt.filter_seen = see_filter;
	w.opt.filter_arg = &seen;
	assert_int_equal(world_compile(&w), 0);
	/* one whose destination is substituted is told as it stands */
	assert_string_equal(buf_cstr(&seen), "header:1=smtp:x header:2=$1:y body:1=z: ");
	buf_fini(&seen);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_lists),
		cmocka_unit_test(test_load_default_lists),
		cmocka_unit_test(test_filter_seen),
	};

	return cmocka_run_group_tests(tests, world_listen, world_unlisten);
}
