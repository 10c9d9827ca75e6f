/* check_header, check_mime_header, check_nested_header, check_body: which keys they ask, where
 * these stand, what fails, and what is said of their tables while loading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/arena.h"
#include "base/err.h"
#include "core/message.h"
#include "rules/content_source.h"
#include "tests/lib/checks_world.h"
#include "tests/lib/content_world.h"
#include "tests/lib/option_pair.h"

#define FAILED "451 4.7.1 Service temporarily unavailable, try again later"

static const char nested_mail[] = "Subject: out\nContent-Type: multipart/mixed; boundary=b\n\n"
				  "preamble\n--b\nX-Part: 1\n\npart\n"
				  "--b\nContent-Type: message/rfc822\n\n"
				  "Subject: in\n\ninner\n--b--\nepilogue\n";

/* --- which keys --- */

static const struct {
	const char *check, *message;
	const char *keys; /* each with ';' behind it; LF is '|' */
} key_cases[] = {
	{ "check_header", "A: 1\nB: 2\n c\n\nbody\n", "A: 1;B: 2| c;" },
	{ "check_header", nested_mail, "Subject: out;" },
	{ "check_mime_header", nested_mail,
	    "Content-Type: multipart/mixed; boundary=b;X-Part: 1;Content-Type: message/rfc822;" },
	{ "check_nested_header", nested_mail, "Subject: in;" },
	{ "check_body", nested_mail, "preamble;--b;part;--b;inner;--b--;epilogue;" },
	/* decoded: another reading of a field follows it */
	{ "check_decoded_header",
	    "Subject:a\n\t=?utf-8?q?=C3=A9?=\nX: =?utf-8?q?a?=b\nY: p\xe9\nZ:\nContent-Type: "
	    "message/rfc822\n\nSubject: =?utf-8?q?in?=\n\n",
	    "Subject: a \xc3\xa9;X: ab;X: =?utf-8?q?a?=b;Y: p\xc3\xa9;Z: ;Content-Type: "
	    "message/rfc822;Subject: in;" },
	/* with what nobody sees, and without; a blank is a blank */
	{ "check_decoded_header", "X: =?utf-8?q?a=E2=80=8Bb=C2=A0c?=\n\n",
	    "X: a\xe2\x80\x8b"
	    "b\xc2\xa0"
	    "c;X: ab c;" },
	/* and put right where it runs from right to left */
	{ "check_decoded_header", "From: \"A\\b\"(x) c <a@b>\nX: \"a\"\n\n",
	    "From: \"A\\b\"(x) c <a@b>;From: Ab c <a@b>;X: \"a\";" },
	{ "check_decoded_header", "To: =?utf-8?q?=C3=A9?= (x)\n\n",
	    "To: \xc3\xa9 (x);To: \xc3\xa9;" },
	{ "check_decoded_header", "Subject: =?utf-8?q?=E2=80=AEcba=E2=80=ACd?=\n\n",
	    "Subject: \xe2\x80\xae"
	    "cba\xe2\x80\xac"
	    "d;Subject: cbad;Subject: abcd;" },
	/* what header_checks cuts and undoes */
	{ "check_header",
	    "Name : v\nS: a\x7f"
	    "b\n c\n\n",
	    "Name: v;S: a| c;" },
	{ "check_header", "From a\nX: y\n\n", "X-Mailbox-Line: From a;X: y;" },
	{ "check_body", "A: 1\n\nnul\x7fmore\n\n\x7f\nz", "nul;z;" },
};

static void
test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(key_cases); i++) {
		struct buf keys = { 0 };
		struct content_world c;
		const char *at;
		char list[100];

		content_world_init(&c);
		content_world_table(&c, "t", "/^((?s).*)$/ INFO <$1>\n");
		snprintf(list, sizeof(list), "%s pcre:%%s/t", key_cases[i].check);
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, list);
		assert_int_equal(content_world_begin(&c, key_cases[i].message), 0);
		trace_init(&c.w.trace, c.w.arena);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
		for (struct trace_reader r = { .all = span_make(c.w.trace.p, c.w.trace.len) };;) {
			struct trace_read e;

			if (trace_next(&r, &e) != 1)
				break;
			if (e.kind != TRACE_LOOKUP)
				continue;
			for (size_t k = 0; k < e.key.len; k++)
				buf_addc(&keys, e.key.p[k] == '\n' ? '|' : (char)e.key.p[k]);
			buf_addc(&keys, ';');
		}
		assert_string_equal(buf_cstr(&keys), key_cases[i].keys);
		at = rule_world_said(&c.w);
		assert_non_null(strstr(at, "info: END-OF-MESSAGE from "));
		buf_fini(&keys);
		content_world_fini(&c);
	}
}

/* --- as header_checks and its siblings do it --- */

static const struct {
	const char *rules[4], *message;
} same_cases[] = {
	{ { "/^A/ IGNORE\n/^C/ STRIP gone" }, "A: 1\n 2\nB: 3\nC: 4\n\n" },
	{ { "/^A: (.*)/ REPLACE B: $1" }, "A: 1\n\n" },
	{ { "/^A: (.*)/ PREPEND B: $1\n/^B/ REJECT" }, "A: 1\n\n" },
	{ { "/^A: (.*)/ REPLACE B : $1" }, "A: 1\n\n" },
	{ { "/^A: (1\\n)\\s(2)/ REPLACE B: $1$2" }, "A: 1\n 2\n\n" },
	{ { "/^A: (1\\n)\\s(2)/ PREPEND B: $1" }, "A: 1\n 2\n\n" },
	{ { "/^A: (.*)/ REPLACE B: $1" }, "A: 1\n 2\n\n" },
	{ { "/^A/ REPLACE Bcc: x\n/^B/ INFO" }, "A: 1\nB: 2\n\n" },
	{ { "/^A/ PASS\n/^B/ IGNORE" }, "A: 1\nB: x\n\n" },
	{ { NULL, "/^Content-T/ REPLACE X: a\n/^X-P/ IGNORE" }, nested_mail },
	{ { NULL, NULL, "/^Subject/ PREPEND X: in front" }, nested_mail },
	{ { NULL, NULL, NULL, "/^a/ IGNORE\n/^b/ REPLACE x\n/^c/ PREPEND y\n/^d/ STRIP" },
	    "X: y\n\na\nb\nc\nd\ne" },
	{ { NULL, NULL, NULL, "/^d/ REPLACE x" }, "X: y\n\na\nd" },
	{ { NULL, NULL, NULL, "/^nul$/ REPLACE x" }, "X: y\n\nnul\x7fmore\nb\x7f\n" },
	{ { NULL, NULL, NULL, "/^--b$/ REPLACE x\n/^inn/ IGNORE" }, nested_mail },
};

/* One piece of a line after the other. */
static void
long_line(struct buf *m)
{
	buf_adds(m, "X: y\n\n");
	for (int i = 0; i < 2048; i++)
		buf_addc(m, 'a');
	for (int i = 0; i < 2048; i++)
		buf_addc(m, 'b');
	buf_adds(m, "ab\nend\n");
}

static void
same(const char *const rules[4], const char *message)
{
	static const char *const checks[] = { "check_header", "check_mime_header",
		"check_nested_header", "check_body" };
	struct buf list = { 0 }, m = { 0 };
	struct content_world c;
	struct world old;

	world_init(&old, rules);
	old.opt.message_drop_headers = "bcc";
	assert_int_equal(world_compile(&old), 0);
	world_run(&old, crlf(&m, message));
	content_world_init(&c);
	for (size_t i = 0; i < 4; i++) {
		if (rules[i] == NULL)
			continue;
		content_world_table(&c, checks[i], rules[i]);
		buf_printf(&list, "%s pcre:%%s/%s, ", checks[i], checks[i]);
	}
	c.w.o.message_drop_headers = "bcc";
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, buf_cstr(&list));
	assert_int_equal(content_world_begin(&c, message), 0);
	(void)rule_world_ask(&c.w, RULE_CONTENT);
	assert_string_equal(content_world_sent(&c), world_sent(&old));
	content_world_fini(&c);
	world_fini(&old);
	buf_fini(&list);
	buf_fini(&m);
}

static void
test_same(void **state)
{
	static const char *const pieces[4] = { NULL, NULL, NULL, "/^a/ REPLACE x\n/^b/ PREPEND y" };
	struct buf m = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(same_cases); i++)
		same(same_cases[i].rules, same_cases[i].message);
	long_line(&m);
	same(pieces, buf_cstr(&m));
	buf_fini(&m);
	rule_world_listen(NULL); /* the other world had its own ear */
}

/* --- answers --- */

static const struct {
	const char *list, *table;         /* pcre:%s/t; NULL: none */
	const char *answer, *facts, *log; /* log: in it; NULL: nothing */
} answer_cases[] = {
	{ "check_header pcre:%s/t", "/^Subject: out$/ REJECT no", "554 5.7.1 no", "", NULL },
	{ "check_header pcre:%s/t", "/^Subject: in$/ REJECT no", "dunno", "", NULL },
	{ "check_mime_header pcre:%s/t", "/^X-Part: 1$/ DEFER no", "450 4.7.1 no", "", NULL },
	{ "check_mime_header pcre:%s/t", "/^Subject/ REJECT no", "dunno", "", NULL },
	{ "check_nested_header pcre:%s/t", "/^X-Part/ REJECT no", "dunno", "", NULL },
	{ "check_nested_header pcre:%s/t", "/^Subject: in$/ 550 no", "550 5.7.1 no", "", NULL },
	{ "check_decoded_header pcre:%s/t", "/(*UTF)^Subject: o.t$/ REJECT no", "554 5.7.1 no", "",
	    NULL },
	{ "check_decoded_header pcre:%s/t", "/(*UTF)^Nothing/ REJECT no", "dunno", "", NULL },
	{ "check_body pcre:%s/t", "/^inner$/ REJECT", "554 5.7.1 Message content rejected", "",
	    NULL },
	{ "check_body pcre:%s/t, reject", "/^inner$/ OK", "ok", "", NULL },
	{ "check_header fail:retry, reject", NULL, FAILED, "patterns=failed",
	    "on_failure = defer" },
	{ "{ check_body fail:retry, on_failure = accept }", NULL, "dunno", "patterns=failed",
	    "patterns: check_body could not be checked" },
	{ "{ check_mime_header fail:retry, on_failure = hold }", NULL, "dunno", "patterns=failed",
	    "on_failure = hold" },
	{ "{ check_nested_header fail:retry, on_failure = tag }", NULL, "dunno", "patterns=failed",
	    "on_failure = tag" },
	/* an answer that is none; a line on which a pattern takes too long, and what stands behind
	 * it */
	{ "check_body pcre:%s/t", "/^(x)?inner/ $1", FAILED, "patterns=failed", "an empty result" },
	{ "{ check_body pcre:%s/t, on_failure = accept }", "/^(x)?part$/ $1\n/^inner/ REJECT",
	    "554 5.7.1 Message content rejected", "patterns=failed", "an empty result" },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(answer_cases); i++) {
		struct content_world c;
		const char *said;

		content_world_init(&c);
		if (answer_cases[i].table != NULL)
			content_world_table(&c, "t", answer_cases[i].table);
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, answer_cases[i].list);
		assert_int_equal(content_world_begin(&c, nested_mail), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), answer_cases[i].answer);
		said = rule_world_said(&c.w);
		if (answer_cases[i].log == NULL)
			assert_string_equal(said, "");
		else if (strstr(said, answer_cases[i].log) == NULL)
			fail_msg("%s: %s", answer_cases[i].list, said);
		assert_non_null(strstr(content_world_facts(&c), answer_cases[i].facts));
		content_world_fini(&c);
	}
}

/* What is no UTF-8 no pattern that wants it can match; as a reader shows it it is. */
static void
test_no_utf8(void **state)
{
	static const char *const lists[][2] = { { "check_header pcre:%s/t", "dunno" },
		{ "check_decoded_header pcre:%s/t", "554 5.7.1 Message content rejected" } };

	(void)state;
	for (size_t i = 0; i < nitems(lists); i++) {
		struct content_world c;

		content_world_init(&c);
		content_world_table(&c, "t", "/(*UTF)^Subject: caf. \\x{65e5}/ REJECT\n");
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c, lists[i][0]);
		assert_int_equal(
		    content_world_begin(
			&c, "X: caf\xe9\nSubject: caf\xe9 =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=\n\n"),
		    0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), lists[i][1]);
		content_world_fini(&c);
	}
}

/* --- options --- */

static const char *
ask_content(struct rule_world *w)
{
	static const struct message_options o = { .memory_limit = (size_t)1 << 20,
		.spool_directory = "/nonexistent" };
	struct message *m = message_new(&o);
	struct buf text = { 0 };
	const char *answer;
	struct err err;
	uint8_t *p;

	buf_adds(&text, "A: 1\r\n\r\n");
	for (int i = 0; i < 100; i++)
		buf_adds(&text, "line\r\n");
	buf_adds(&text, "last\r\n");
	p = message_reserve(m, text.len, &err);
	assert_non_null(p);
	memcpy(p, buf_cstr(&text), text.len);
	message_commit(m, text.len);
	w->txn.message = m;
	answer = rule_world_ask(w, RULE_CONTENT);
	w->txn.message = NULL;
	message_free(m);
	buf_fini(&text);
	return answer;
}

/* What lies beyond the limit is not clean: a fact tells. */
static void
test_limit(void **state)
{
	static const struct {
		int64_t limit;
		const char *message, *facts;
	} rows[] = {
		{ 0, "A: 1\n\nline\nline\n", "" },
		{ 10, "A: 1\n\nline\nline\n", "" }, /* a line end counts as one octet */
		{ 10, "A: 1\n\nline\nline\nmore\n", "body=limit" },
		{ 9, "A: 1\n\nline\nline\n", "" }, /* a line that begins within it is seen */
		{ 5, "A: 1\n\nline\nline\n", "body=limit" },
		{ 5, "A: 1\n\nline\n\n", "" },
		/* each part has its own */
		{ 10, "Content-Type: multipart/x; boundary=b\n\n--b\n\nline\n--b\n\nline\n--b--\n",
		    "" },
		{ 10,
		    "Content-Type: multipart/x; boundary=b\n\n--b\n\nline\n--b\n\nline 2 is "
		    "long\n3\n--b--\n",
		    "body=limit" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct content_world c;

		print_message("%zu\n", i);
		content_world_init(&c);
		c.w.o.body_checks_size_limit = rows[i].limit;
		c.w.o.lists[LIST_CONTENT] = "check_body inline:{none=REJECT}";
		assert_int_equal(content_world_begin(&c, rows[i].message), 0);
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
		assert_string_equal(content_world_facts(&c), rows[i].facts);
		content_world_fini(&c);
	}
}

static const struct option_case option_cases[] = {
	{ .option = { "patterns_on_failure", "defer", "accept" },
	    .want = { FAILED, "dunno" },
	    .more = { { "content_restrictions", "check_body fail:retry" } },
	    .accepted = 1,
	    .ask = ask_content },
	{ .option = { "body_checks_size_limit", "100", "0" },
	    .want = { "dunno", "554 5.7.1 Message content rejected" },
	    .more = { { "content_restrictions", "check_body inline:{last=REJECT}" } },
	    .accepted = 1,
	    .ask = ask_content },
};

static void
test_options(void **state)
{
	(void)state;
	option_pairs(option_cases, nitems(option_cases));
}

/* --- load --- */

static const struct {
	const char *check, *row;
	const char *finding; /* in it; NULL: none */
} load_cases[] = {
	{ "check_header", "REJECT", NULL }, { "check_header", "451", NULL },
	{ "check_header", "550 5.7.1 no", NULL }, { "check_header", "DEFER_IF_PERMIT later", NULL },
	{ "check_header", "ours", NULL }, { "check_header", "permit_mynetworks, reject", NULL },
	{ "check_header", "REJCT", "is no action, and no list: \"REJCT\" is no restriction" },
	{ "check_header", "reject_virus, nothing", "is no restriction" },
	{ "check_header", "check_body pcre:/x", "a list in a table cannot name tables" },
	{ "check_header", "REDIRECT nobody", "needs user@domain" },
	{ "check_header", "BCC $1", NULL }, { "check_header", "$1 x", NULL },
	{ "check_header", "FILTER x", "needs transport:destination" },
	{ "check_header", "PREPEND x", "needs \"headername: headervalue\"" },
	{ "check_header", "REPLACE", "needs a text" }, { "check_header", "IGNORE", NULL },
	{ "check_body", "PREPEND x", NULL }, { "check_body", "REPLACE", "needs a text" },
	{ "check_body", "STRIP x", NULL }, { "check_mime_header", "REJCT", "is no action" },
	{ "check_nested_header", "REJCT", "is no action" },
	/* tables that are not about the content: access(5)'s own words */
	{ "check_recipient_access", "ours", NULL }, { "check_recipient_access", "OK", NULL },
	{ "check_recipient_access", "451", NULL }, /* a number */
	{ "check_recipient_access", "451 later", NULL },
	{ "check_recipient_access", "permit_mynetworks, reject", NULL },
	{ "check_recipient_access", "tag_if_score 3, reject_if_score 8", NULL },
	{ "check_recipient_access", "$1 x", NULL },
	{ "check_recipient_access", "REDIRECT nobody", NULL }, /* a warning when it matches */
	{ "check_recipient_access", "our",
	    "is no action, and no list: \"our\" is no restriction and no class of "
	    "smtpd_restriction_classes; did you mean ours?" },
	{ "check_recipient_access", "ours, reject_if_score x", "must be a number of points" },
	{ "check_recipient_access", "250 fine", "is no action, and no list" },
	{ "check_recipient_access", "STRIP x", "is no action, and no list" },
	{ "check_recipient_access", "check_body pcre:/x", "a list in a table cannot name tables" },
	{ "check_sender_access", "REJCT", "is no action" },
	{ "check_client_access", "REJCT", "is no action" },
	{ "check_reverse_client_hostname_access", "REJCT", "is no action" },
	{ "check_helo_access", "REJCT", "is no action" },
	{ "check_sasl_access", "REJCT", "is no action" },
	{ "check_sender_mx_access", "REJCT", "is no action" },
	{ "check_ccert_access", "REJCT", "is no action" },
	{ "", "REJCT", "is no action" }, /* a table alone: the recipient's */
};

struct found {
	struct buf text;
	size_t n;
};

static void
on_finding(void *arg, const struct rule_finding *f)
{
	struct found *to = arg;

	to->n++;
	buf_printf(&to->text, "%s %s:%d: %s\n", f->is_error ? "error" : "warning",
	    f->file == NULL ? "-" : f->file, f->line, f->text);
}

static const char *
ours(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "ours") == 0 ? "permit" : NULL;
}

static void
load(size_t i, int tolerant)
{
	char text[200], want[500];
	struct found found = { 0 };
	struct content_world c;
	struct rules *r;

	content_world_init(&c);
	snprintf(text, sizeof(text), "# x\n/(a)/ %s\n", load_cases[i].row);
	content_world_table(&c, "t", text);
	snprintf(text, sizeof(text), "%s pcre:%%s/t", load_cases[i].check);
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, text);
	c.w.o.smtpd_restriction_classes = "ours";
	c.w.o.site = ours;
	c.w.o.tolerant = tolerant;
	r = rules_compile(&c.w.o, c.w.tables, on_finding, &found);
	if (load_cases[i].finding == NULL) {
		assert_string_equal(buf_cstr(&found.text), "");
	} else {
		snprintf(
		    want, sizeof(want), "%s %s/t:2: ", tolerant ? "warning" : "error", c.folder);
		if (strncmp(buf_cstr(&found.text), want, strlen(want)) != 0 ||
		    strstr(buf_cstr(&found.text), load_cases[i].finding) == NULL)
			fail_msg("%s: %s", load_cases[i].row, buf_cstr(&found.text));
		assert_int_equal(found.n, 1);
	}
	assert_int_equal(r == NULL, load_cases[i].finding != NULL && !tolerant);
	rules_free(r);
	buf_fini(&found.text);
	content_world_fini(&c);
}

static void
test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++)
		for (int tolerant = 0; tolerant < 2; tolerant++)
			load(i, tolerant);
}

/* --- size --- */

/* Of this thread alone: the machine may be busy. */
static int64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Ten times the keys are not a hundred times the work. */
static int64_t
spent(size_t lines)
{
	struct content_world c;
	struct buf m = { 0 };
	int64_t best = INT64_MAX;

	content_world_init(&c);
	content_world_table(&c, "t", "/^line \\d+$/ IGNORE\n");
	c.w.o.body_checks_size_limit = 0;
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_body pcre:%s/t");
	assert_int_equal(content_world_begin(&c, "A: 1\n\n"), 0);
	buf_adds(&m, "A: 1\r\n\r\n");
	for (size_t i = 0; i < lines; i++)
		buf_printf(&m, "line %zu\r\n", i);
	for (int i = 0; i < 3; i++) {
		int64_t began;

		content_world_again(&c, buf_span(&m));
		began = cpu_us();
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
		if (cpu_us() - began < best)
			best = cpu_us() - began;
		assert_int_equal(c.w.txn.rcpts[0]->verdict.edits.n, lines);
	}
	buf_fini(&m);
	content_world_fini(&c);
	return best;
}

static void
test_many(void **state)
{
	int64_t few = spent(1000), many = spent(10000);

	(void)state;
	print_message("1,000 hits %lld us, 10,000 hits %lld us\n", (long long)few, (long long)many);
	assert_in_range(many, 0, few * 60 + 20000);
}

/* What strangers may make large takes neither long nor much memory, whatever is asked about it. */

static void
tiny_parts(struct buf *m)
{
	buf_adds(m, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 20000; i++)
		buf_adds(m, "--b\r\n\r\nx\r\n");
}

static void
nested_parts(struct buf *m)
{
	for (int i = 0; i < 5000; i++)
		buf_printf(m, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
}

static void
much_folding(struct buf *m)
{
	buf_adds(m, "Subject: a\r\n");
	for (int i = 0; i < 260000; i++)
		buf_adds(m, " b\r\n");
	buf_adds(m, "\r\n");
}

static void
many_fields(struct buf *m)
{
	for (int i = 0; i < 10000; i++)
		buf_printf(m, "X-%d: =?utf-8?q?a=C3=A9?= =?koi8-r?b?xeXF?= x\r\n", i);
	buf_adds(m, "\r\n");
}

static const struct {
	const char *what;
	void (*make)(struct buf *);
} large[] = {
	{ "20,000 parts", tiny_parts },
	{ "5,000 multiparts within one another", nested_parts },
	{ "1 MB of folding", much_folding },
	{ "10,000 fields", many_fields },
};

static void
test_large(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(large); i++) {
		struct content_world c;
		struct buf m = { 0 };
		int64_t began;

		content_world_init(&c);
		content_world_table(&c, "t", "/^nothing of this$/ REJECT\n");
		c.w.o.lists[LIST_CONTENT] = content_world_text(&c,
		    "check_header pcre:%s/t, check_mime_header pcre:%s/t, check_nested_header "
		    "pcre:%s/t, check_decoded_header pcre:%s/t, check_body pcre:%s/t");
		assert_int_equal(content_world_begin(&c, "A: 1\n\n"), 0);
		large[i].make(&m);
		content_world_again(&c, buf_span(&m));
		began = cpu_us();
		assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
		began = cpu_us() - began;
		print_message("%s: %lld us, %zu octets kept\n", large[i].what, (long long)began,
		    arena_used(c.w.arena));
		assert_in_range(arena_used(c.w.arena), 0, (size_t)20 << 20);
		assert_in_range(
		    began, 0, 5000000); /* 50 ms, on a machine that is 100 times slower */
		buf_fini(&m);
		content_world_fini(&c);
	}
}

/* --- in another list --- */

/* They never decide there, and change nothing that header_checks or another rule may want to
 * change, too: in the list, in a class, and in a row that nobody can see while loading. */
static const char *const elsewhere_lists[] = {
	"%s",
	"warn_if_reject %s",
	"score_if_reject 3 %s",
	"strict",
	"check_sender_access inline:{from.example=strict}",
};
static const char *const elsewhere_checks[] = {
	"check_header pcre:%s/t",
	"check_mime_header pcre:%s/t",
	"check_nested_header pcre:%s/t",
	"check_decoded_header pcre:%s/t",
	"check_body pcre:%s/t",
	"check_text pcre:%s/t",
	"check_url pcre:%s/t",
	"check_url_host pcre:%s/t",
};

static const char *
strict(void *arg, const char *name, struct rule_where *where)
{
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "strict") == 0 ? arg : NULL;
}

static void
elsewhere(const char *form, const char *check, const char *table)
{
	struct content_world c;
	char restriction[200], list[300];

	print_message("%s %s %s\n", form, check, table);
	content_world_init(&c);
	content_world_table(&c, "t", table);
	snprintf(restriction, sizeof(restriction), "%s", content_world_text(&c, check));
	snprintf(list, sizeof(list), form, restriction);
	c.w.o.site = strict;
	c.w.o.arg = restriction;
	c.w.o.smtpd_restriction_classes = "strict";
	c.w.o.lists[LIST_END_OF_DATA] = list;
	assert_int_equal(content_world_begin(&c, nested_mail), 0);
	assert_string_equal(rule_world_ask(&c.w, RULE_END_OF_DATA), "dunno");
	assert_int_equal(c.w.txn.verdict.edits.n + c.w.txn.verdict.prepends.n, 0);
	assert_int_equal(c.w.txn.verdict.score.n, 0);
	assert_string_equal(rule_world_said(&c.w), "");
	content_world_fini(&c);
}

static void
test_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(elsewhere_lists); i++)
		for (size_t k = 0; k < nitems(elsewhere_checks); k++) {
			elsewhere(elsewhere_lists[i], elsewhere_checks[k], "/./ REJECT\n");
			elsewhere(elsewhere_lists[i], elsewhere_checks[k], "/./ PREPEND X: y\n");
			if (strstr(elsewhere_checks[k], "header") == NULL)
				continue;
			elsewhere(elsewhere_lists[i], elsewhere_checks[k], "/./ IGNORE\n");
			elsewhere(elsewhere_lists[i], elsewhere_checks[k], "/./ STRIP\n");
			elsewhere(elsewhere_lists[i], elsewhere_checks[k], "/./ REPLACE X: y\n");
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
