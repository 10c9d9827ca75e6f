#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/tag.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "mail/rfc2047_decode.h"

#define FLAG "X-Spam-Flag: YES\r\n"

static int
collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

/* One edit of a rule: n octets at `find` become `put`. */
struct rule_edit {
	const char *find;
	size_t n;
	const char *put;
};

static void
check(const char *in, const char *prefix, int utf8, const struct rule_edit *r, const char *want)
{
	struct arena *a = arena_new();
	struct edit_list out, rules;
	struct buf got = { 0 };
	struct tag_options o = { "X-Spam-Flag: YES", prefix, utf8 };

	edit_list_init(&out, a);
	edit_list_init(&rules, a);
	for (; r != NULL && r->find != NULL; r++) {
		const char *at = strstr(in, r->find);

		assert_non_null(at);
		edit_add(&rules, (size_t)(at - in), r->n, span_str(r->put));
	}
	tag_apply(&out, span_str(in), &rules, &o);
	assert_int_equal(edit_walk(span_str(in), &out, collect, &got), 0);
	assert_string_equal(buf_cstr(&got), want);
	buf_fini(&got);
	arena_free(a);
}

static const struct {
	const char *prefix;
	int utf8;
	const char *in, *want; /* the Subject: field; want without what stands before it */
} subjects[] = {
	{ "", 0, "Subject: hello\r\n", "Subject: hello\r\n" },
	{ "[SPAM]", 0, "Subject: hello\r\n", "Subject: [SPAM] hello\r\n" },
	{ "[SPAM] ", 0, "Subject: hello\r\n", "Subject: [SPAM] hello\r\n" },
	{ "[SPAM]", 0, "SUBJECT :hello\r\n", "SUBJECT : [SPAM] hello\r\n" },
	{ "[SPAM]", 0, "Subject:\r\n", "Subject: [SPAM]\r\n" },
	{ "[SPAM]", 0, "Subject:  \r\n", "Subject: [SPAM]  \r\n" },
	{ "[SPAM]", 0, "Subject: [SPAM] hello\r\n", "Subject: [SPAM] hello\r\n" },
	{ "[SPAM]", 0, "Subject: [spam] hello\r\n", "Subject: [SPAM] [spam] hello\r\n" },
	{ "[SPAM]", 0, "Subject: Re: [SPAM] hello\r\n", "Subject: [SPAM] Re: [SPAM] hello\r\n" },
	/* encoded subjects: the text is looked at, the octets stay */
	{ "[SPAM]", 0, "Subject: =?UTF-8?Q?h=C3=A9?=\r\n",
	    "Subject: [SPAM] =?UTF-8?Q?h=C3=A9?=\r\n" },
	{ "[SPAM]", 0, "Subject: =?utf-8?b?W1NQQU1dIGhp?=\r\n",
	    "Subject: =?utf-8?b?W1NQQU1dIGhp?=\r\n" },
	{ "[SPAM]", 0, "Subject: =?utf-8?q?=5BSP?= =?utf-8?q?AM=5D_x?=\r\n",
	    "Subject: =?utf-8?q?=5BSP?= =?utf-8?q?AM=5D_x?=\r\n" },
	{ "[SPAM]", 0, "Subject: =?x-own?q?[SPAM]?=\r\n",
	    "Subject: [SPAM] =?x-own?q?[SPAM]?=\r\n" },
	/* folded: the text begins on the second line */
	{ "[SPAM]", 0, "Subject:\r\n hello\r\n there\r\n",
	    "Subject:\r\n [SPAM] hello\r\n there\r\n" },
	{ "[SPAM]", 0, "Subject:\r\n [SPAM]\r\n there\r\n", "Subject:\r\n [SPAM]\r\n there\r\n" },
	/* beyond ASCII */
	{ "\xc3\xa9!", 0, "Subject: hello\r\n", "Subject: =?UTF-8?Q?=C3=A9!?= hello\r\n" },
	{ "\xc3\xa9!", 1, "Subject: hello\r\n", "Subject: \xc3\xa9! hello\r\n" },
	{ "\xc3\xa9!", 0, "Subject: =?UTF-8?Q?x?=\r\n",
	    "Subject: =?UTF-8?Q?=C3=A9!_?= =?UTF-8?Q?x?=\r\n" },
	{ "\xc3\xa9!", 0, "Subject: =?UTF-8?Q?=C3=A9!?= hello\r\n",
	    "Subject: =?UTF-8?Q?=C3=A9!?= hello\r\n" },
	{ "\xc3\xa9!", 0, "Subject: =?iso-8859-1?Q?=E9!_x?=\r\n",
	    "Subject: =?iso-8859-1?Q?=E9!_x?=\r\n" },
	{ "=?x", 0, "Subject: hello\r\n", "Subject: =?UTF-8?Q?=3D=3Fx?= hello\r\n" },
	/* two fields: programs differ in which they show */
	{ "[SPAM]", 0, "Subject: a\r\nSubject: [SPAM] b\r\nSubject: c\r\n",
	    "Subject: [SPAM] a\r\nSubject: [SPAM] b\r\nSubject: [SPAM] c\r\n" },
	/* no field of that name */
	{ "[SPAM]", 0, "Subjects: hello\r\n", "Subject: [SPAM]\r\nSubjects: hello\r\n" },
	{ "\xc3\xa9", 0, "", "Subject: =?UTF-8?Q?=C3=A9?=\r\n" },
};

static void
test_tag_subject(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(subjects); i++) {
		char *in = xasprintf("%s\r\nSubject: of the body\r\n", subjects[i].in);
		char *want = xasprintf(FLAG "%s\r\nSubject: of the body\r\n", subjects[i].want);

		check(in, subjects[i].prefix, subjects[i].utf8, NULL, want);
		free(in);
		free(want);
	}
}

/* Rules that changed the header: the prefix goes into what they made of it. */
static const struct {
	const char *in;
	struct rule_edit rules[4];
	const char *want;
} changed[] = {
	{ "Subject: hello\r\n\r\nbody\r\n", { { "Subject: hello", 14, "Subject: HELLO" } },
	    FLAG "Subject: [SPAM] HELLO\r\n\r\nbody\r\n" },
	{ "A: b\r\nSubject: hello\r\n\r\nbody\r\n", { { "A: b\r\n", 6, "" } },
	    FLAG "Subject: [SPAM] hello\r\n\r\nbody\r\n" },
	{ "A: b\r\nSubject: hello\r\n\r\nbody\r\n", { { "Subject: hello\r\n", 16, "" } },
	    FLAG "Subject: [SPAM]\r\nA: b\r\n\r\nbody\r\n" },
	{ "A: b\r\n\r\nbody\r\n", { { "A: b", 4, "Subject: new" } },
	    FLAG "Subject: [SPAM] new\r\n\r\nbody\r\n" },
	{ "Subject: [SPAM] x\r\n\r\nbody\r\n", { { "body", 4, "BODY" } },
	    FLAG "Subject: [SPAM] x\r\n\r\nBODY\r\n" },
	{ "Subject: [SPAM] x\r\nA: b\r\n\r\nbody\r\n", { { "A: b", 4, "A: c" } },
	    FLAG "Subject: [SPAM] x\r\nA: c\r\n\r\nbody\r\n" },
	/* the header ended at a line of text, and an empty line was put there */
	{ "Subject: x\r\nno field\r\n", { { "no field", 0, "\r\n" } },
	    FLAG "Subject: [SPAM] x\r\n\r\nno field\r\n" },
	{ "no field\r\n", { { "no field", 0, "\r\n" } },
	    FLAG "Subject: [SPAM]\r\n\r\nno field\r\n" },
	/* a mailbox line */
	{ "From a@b Mon\r\nSubject: x\r\n\r\n", { { "From", 0, "X-Mailbox-Line: " } },
	    FLAG "X-Mailbox-Line: From a@b Mon\r\nSubject: [SPAM] x\r\n\r\n" },
	{ "Subject: x\r\n\r\nbody\r\n",
	    { { "Subject: x\r\n\r\nbody", 12, "Subject: y\r\n" }, { "body", 4, "B" } },
	    FLAG "Subject: [SPAM] y\r\n\r\nB\r\n" },
	/* taken away together with the header's end: left alone */
	{ "Subject: x\r\n\r\nbody\r\n", { { "Subject", 16, "z" } }, FLAG "zdy\r\n" },
	{ "", { { NULL, 0, NULL } }, FLAG "Subject: [SPAM]\r\n" },
	{ "\r\n", { { NULL, 0, NULL } }, FLAG "Subject: [SPAM]\r\n\r\n" },
};

static void
test_tag_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(changed); i++)
		check(changed[i].in, "[SPAM]", 0, changed[i].rules, changed[i].want);
}

/* A line may not grow beyond 998 octets by what we put in. */
static void
test_tag_long_line(void **state)
{
	char x[995], *in, *want;

	(void)state;
	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	memcpy(x, "Subject: ", 9);
	in = xasprintf("%s\r\n\r\n", x);
	want = xasprintf(FLAG "Subject: [SPAM]\r\n %s\r\n\r\n", x + 9);
	check(in, "[SPAM]", 0, NULL, want);
	free(in);
	free(want);
}

static void
test_tag_header_only(void **state)
{
	struct arena *a = arena_new();
	struct edit_list out, rules;
	struct buf got = { 0 };
	struct tag_options none = { "", "", 0 }, ends = { "X-A: b\r\nX-C: d", "", 0 };

	(void)state;
	edit_list_init(&out, a);
	edit_list_init(&rules, a);
	tag_apply(&out, span_str("A: b\r\n\r\n"), &rules, &none);
	assert_int_equal(out.n, 0);
	tag_apply(&out, span_str("A: b\r\n\r\n"), &rules, &ends); /* one field all the same */
	assert_int_equal(edit_walk(span_str("A: b\r\n\r\n"), &out, collect, &got), 0);
	assert_string_equal(buf_cstr(&got), "X-A: b  X-C: d\r\nA: b\r\n\r\n");
	buf_fini(&got);
	arena_free(a);
}

static const struct {
	const char *in, *out;
} words[] = {
	{ "", "" },
	{ "plain text", "plain text" },
	{ "a\r\n b", "a b" },
	{ "=?utf-8?q?a_b=20c?=", "a b c" },
	{ "=?UTF-8*en?Q?a?=", "a" },
	{ "=?utf-8?b?YWJj?= =?us-ascii?Q?d?=", "abcd" },
	{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c" },
	{ "x =?utf-8?q?a?= y", "x a y" },
	{ "=?iso-8859-1?q?=E9?=", "\xc3\xa9" },
	{ "=?koi8-r?q?=E9?=", "=?koi8-r?q?=E9?=" },
	/* none of these is an encoded word */
	{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
	{ "=?utf-8?q?a", "=?utf-8?q?a" },
	{ "=?utf-8?q??", "=?utf-8?q??" },
	{ "=?"
	  "?=",
	    "=?"
	    "?=" },
	{ "=?=?=?=?=", "=?=?=?=?=" },
	{ "=?utf-8?q?a=4?=", "a=4" }, /* half an escape stays */
	{ "=?utf-8?b?YW?=", "a" },
};

static void
test_rfc2047_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(words); i++) {
		struct buf out = { 0 };

		rfc2047_decode(span_str(words[i].in), &out);
		assert_string_equal(buf_cstr(&out), words[i].out);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tag_subject),
		cmocka_unit_test(test_tag_changed),
		cmocka_unit_test(test_tag_long_line),
		cmocka_unit_test(test_tag_header_only),
		cmocka_unit_test(test_rfc2047_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
