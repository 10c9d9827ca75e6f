#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/checks_world.h"

/*
 * Rules in the order header, mime, nested, body; the message; what is sent (NULL: the same), and
 * what is decided: "CODE ENH text", "hold", "discard", "filter=", ... , blanks between, "" nothing.
 */
static const struct {
	const char *rules[4];
	const char *message, *sent, *decided;
} run_cases[] = {
	/* refusing */
	{ { "/^Subject: a/ REJECT" }, "Subject: a\n\nb\n", NULL,
	    "550 5.7.1 message content rejected;" },
	{ { "/^Subject: (.*)/ REJECT 5.7.9 no $1" }, "Subject: a\n\nb\n", NULL, "550 5.7.9 no a;" },
	{ { "/^Subject: (.*)/ REJECT no $1" }, "Subject: a\n\tb\n\n", NULL, "550 5.7.1 no a  b;" },
	{ { "/^Subject: (.*)/ REJECT 4.7.1 no" }, "Subject: a\n\nb\n", NULL, "451 4.7.1 no;" },
	{ { "/^Subject: (.*)/ REJECT 2.7.1 no" }, "Subject: a\n\nb\n", NULL, "451 4.7.1 no;" },
	{ { NULL, NULL, NULL, "/bad/ REJECT body" }, "Subject: a\n\nb\na bad line\n", NULL,
	    "550 5.7.1 body;" },
	/* the first refusal stays, nothing is looked at behind it; HOLD in front does not save it
	 */
	{ { "/^A/ HOLD\n/^B/ REJECT one\n/^C/ REJECT two\n/^D/ BCC x@y" },
	    "A: 1\nB: 2\nC: 3\nD: 4\n\n", NULL, "550 5.7.1 one; hold" },
	{ { "/^A/ DISCARD\n/^B/ REJECT one" }, "A: 1\nB: 2\n\n", NULL, "discard" },
	{ { "/^A/ REJECT one\n/^B/ DISCARD" }, "A: 1\nB: 2\n\n", NULL, "550 5.7.1 one;" },
	/* effects: the last filter and redirect count, BCC add up but for doubles, PASS ends all */
	{ { "/^A/ FILTER a:b\n/^B/ FILTER c:\n/^C/ BCC x@y\n/^D/ BCC X@Y\n/^E/ BCC z@y" },
	    "A: 1\nB: 2\nC: 3\nD: 4\nE: 5\n\n", NULL, "filter=c: bcc=x@y bcc=z@y" },
	{ { "/^A/ REDIRECT a@b\n/^B/ HOLD" }, "A: 1\nB: 2\n\n", NULL, "redirect=a@b" },
	{ { "/^A/ HOLD\n/^B/ PASS\n/^C/ REJECT", NULL, NULL, "/./ REJECT" },
	    "A: 1\nB: 2\nC: 3\n\nb\n", NULL, "hold" },
	{ { "/^A/ TAG\n/^B/ TAG second" }, "A: 1\nB: 2\n\n", NULL, "tag= tag=second" },
	/* DUNNO ends the search for its line, in all tables of the list */
	{ { "/^A/ DUNNO\n/./ REJECT" }, "A: 1\n\n", NULL, "" },
	{ { "/^A/ OK\n/^B/ INFO\n/./ REJECT" }, "A: 1\nB: 2\n\n", NULL, "" },
	/* changing header fields */
	{ { "/^A/ IGNORE\n/^C/ STRIP gone" }, "A: 1\n 2\nB: 3\nC: 4\n\n", "B: 3\n\n", "" },
	{ { "/^A: (.*)/ REPLACE B: $1" }, "A: 1\n\n", "B: 1\n\n", "" },
	{ { "/^A: (.*)/ PREPEND B: $1\n/^B/ REJECT" }, "A: 1\n\n", "B: 1\nA: 1\n\n", "" },
	{ { "/^A: (.*)/ REPLACE B : $1" }, "A: 1\n\n", "B : 1\n\n", "" },
	{ { "/^Name: v$/ PREPEND Q: r" }, "Name : v\nName\t: w\n\n", "Q: r\nName: v\nName: w\n\n",
	    "" },
	/* what a pattern catches may have line ends: it stays a field */
	{ { "/^A: (1\\n)\\s(2)/ REPLACE B: $1$2" }, "A: 1\n 2\n\n", "B: 1\n\t2\n\n", "" },
	{ { "/^A: (1\\n)\\s(2)/ PREPEND B: $1" }, "A: 1\n 2\n\n", "B: 1\n\t\nA: 1\n 2\n\n", "" },
	{ { "/^A: (.*)/ REPLACE B: $1" }, "A: 1\n 2\n\n", "B: 1\n 2\n\n", "" },
	/* fields of message_drop_headers (here Bcc, X-Drop) go after they were looked at */
	{ { "/^Bcc: a/ INFO\n/^Bcc: b/ REJECT" }, "bcc: a\nX: y\nx-drop : 1\n 2\n\n", "X: y\n\n",
	    "" },
	{ { "/^Bcc/ PREPEND Bcc: kept" }, "Bcc: a\n\n", "Bcc: kept\n\n", "" },
	/* what a pattern caught goes into a command to the next hop only if it is an address */
	{ { "/^A: (.*)/ REDIRECT $1@b" }, "A: x\n\n", NULL, "redirect=x@b" },
	{ { "/^A: (.*)/ REDIRECT $1@b\n/^B/ REJECT" }, "A: x@y>\n RCPT TO:<z\nB: 2\n\n", NULL,
	    "451 4.3.0 Error: queue file write error;" },
	{ { "/^A: (.*)/ BCC $1" }, "A: x@y>\n\n", NULL,
	    "451 4.3.0 Error: queue file write error;" },
	{ { "/^A: (.*)/ BCC $1" }, "A: nobody\n\n", NULL, "" }, /* as Postfix: logged, no more */
	{ { "/^X/ REPLACE BCC : a" }, "X: a\nY: b\n\n", "Y: b\n\n", "" },
	{ { "/^Bcc/ REPLACE X: a" }, "Bcc: a\n\n", "X: a\n\n", "" },
	{ { NULL }, "Content-Type: multipart/x; boundary=B\n\n--B\nBcc: a\n\n", NULL, "" },
	{ { "/^A/ PASS" }, "A: 1\nBcc: x\n\n", "A: 1\n\n", "" },
	{ { NULL, "/^Content-T/ REPLACE Bcc: a" }, "Content-Type: x\n\n", "Bcc: a\n\n", "" },
	/* what Postfix does without any rule */
	{ { NULL }, "From a\nX: y\nbad\n", "X-Mailbox-Line: From a\nX: y\n\nbad\n", "" },
	{ { NULL }, " x\n", "\n x\n", "" },
	{ { NULL },
	    "S: a\x7f"
	    "b\n c\n\n",
	    "S: a\n c\n\n", "" },
	{ { "/^X-Mailbox-Line: From a/ IGNORE" }, "From a\nX: y\n\n", "X: y\n\n", "" },
	/* which list */
	{ { "/./ INFO", "/./ STRIP", "/./ REJECT" }, "A: 1\nContent-Type: message/rfc822\n\nX: y\n",
	    "A: 1\n\nX: y\n", "550 5.7.1 message content rejected;" },
	{ { NULL, "/^X/ REJECT part" }, "Content-Type: multipart/x; boundary=B\n\n--B\nX: y\n\n",
	    NULL, "550 5.7.1 part;" },
	/* body lines */
	{ { NULL, NULL, NULL, "/^a/ IGNORE\n/^b/ REPLACE x\n/^c/ PREPEND y\n/^d/ STRIP" },
	    "X: y\n\na\nb\nc\nd\ne", "X: y\n\nx\ny\nc\ne", "" },
	{ { NULL, NULL, NULL, "/^$/ REJECT" }, "X: y\n\n\n\n", NULL, "" }, /* empty: not asked */
	{ { NULL, NULL, NULL, "/^nul$/ REPLACE x" }, "X: y\n\nnul\x7fmore\nb\x7f\n",
	    "X: y\n\nx\nb0\n", "" },
	{ { NULL, NULL, NULL, "/^--B$/ REPLACE x\n/^X: z/ REJECT" },
	    "Content-Type: multipart/x; boundary=B\n\n--B\nX: z\n\n--B--\n",
	    "Content-Type: multipart/x; boundary=B\n\nx\nX: z\n\n--B--\n", "" },
	/* unless told otherwise a table that cannot answer defers, and ends the checks */
	{ { "fail:x", NULL, NULL, "/./ REJECT" }, "A: 1\nB: 2\n\nc\n", NULL,
	    "451 4.3.0 Error: queue file write error;" },
	/* so does one whose answer is empty, be it that the pair took no part in the match */
	{ { "/^A(b)?/ $1\n/^C/ REJECT" }, "A: 1\nC: 2\n\n", NULL,
	    "451 4.3.0 Error: queue file write error;" },
	{ { "/^A(b)?/ $1" }, "Ab: 1\n\n", NULL, "" }, /* "b" is no action: a warning */
	{ { "/^A/ REJECT first", NULL, NULL, "fail:x" }, "A: 1\n\nc\n", NULL, "550 5.7.1 first;" },
};

static const char *
decided(const struct verdict *v, struct buf *b)
{
	if (v->code != 0)
		buf_printf(b, "%d %s %s; ", v->code, v->enhanced, v->text);
	if (v->discard)
		buf_adds(b, "discard ");
	if (v->hold)
		buf_adds(b, "hold ");
	if (v->filter.arg != NULL)
		buf_printf(b, "filter=%s ", v->filter.arg);
	if (v->redirect.arg != NULL)
		buf_printf(b, "redirect=%s ", v->redirect.arg);
	for (size_t i = 0; i < v->bcc.n; i++)
		buf_printf(b, "bcc=%s ", v->bcc.v[i].arg);
	for (size_t i = 0; i < v->tags.n; i++)
		buf_printf(b, "tag=%s ", v->tags.v[i].arg);
	if (b->len > 0)
		b->p[--b->len] = '\0';
	return buf_cstr(b);
}

static void
test_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(run_cases); i++) {
		struct world w;
		struct buf m = { 0 }, d = { 0 };
		const char *sent = run_cases[i].sent;

		world_init(&w, run_cases[i].rules);
		w.opt.message_drop_headers = "bcc, x-drop content-type";
		assert_int_equal(world_compile(&w), 0);
		world_run(&w, crlf(&m, run_cases[i].message));
		if (strcmp(decided(&w.txn.verdict, &d), run_cases[i].decided) != 0)
			fail_msg("row %zu: decided \"%s\"", i, d.p);
		if (strcmp(world_sent(&w), sent != NULL ? sent : run_cases[i].message) != 0 &&
		    strchr(run_cases[i].message, '\x7f') == NULL)
			fail_msg("row %zu: sent \"%s\"", i, w.out.p);
		if (strchr(run_cases[i].message, '\x7f') != NULL)
			assert_string_equal(world_sent(&w), sent);
		buf_fini(&m);
		buf_fini(&d);
		world_fini(&w);
	}
}

/* Lines longer than line_length_limit are looked up, and changed, in pieces. */
static const struct {
	size_t len;       /* of a line of 'a's */
	const char *tail; /* behind it */
	const char *rule;
	size_t kept;      /* how many of the 'a's are left */
	const char *rest; /* what follows them */
} piece_cases[] = {
	{ 2047, "", "/^a/ IGNORE", 0, "n\n" },
	{ 2048, "", "/^a/ IGNORE", 0, "\nn\n" }, /* the line end was a piece of its own */
	{ 2048, "b", "/^a/ IGNORE", 0, "b\nn\n" },
	{ 2048, "b", "/^b/ IGNORE", 2048, "n\n" }, /* and here the line end is lost */
	{ 2048, "b", "/^a/ REPLACE x", 0, "xb\nn\n" },
	{ 2048, "b", "/^b/ REPLACE x", 2048, "x\nn\n" },
	{ 2048, "b", "/^b/ PREPEND x", 2048, "x\nb\nn\n" },
	{ 2048, "b", "/ab/ REPLACE x", 2048, "b\nn\n" }, /* nothing matches across the cut */
};

static void
test_run_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(piece_cases); i++) {
		const char *rules[4] = { NULL, NULL, NULL, piece_cases[i].rule };
		struct buf m = { 0 };
		struct world w;
		const char *sent;

		world_init(&w, rules);
		assert_int_equal(world_compile(&w), 0);
		buf_adds(&m, "X: y\r\n\r\n");
		for (size_t k = 0; k < piece_cases[i].len; k++)
			buf_addc(&m, 'a');
		buf_printf(&m, "%s\r\nn\r\n", piece_cases[i].tail);
		world_run(&w, buf_span(&m));
		sent = world_sent(&w) + strlen("X: y\n\n");
		assert_int_equal(strspn(sent, "a"), piece_cases[i].kept);
		assert_string_equal(sent + piece_cases[i].kept, piece_cases[i].rest);
		buf_fini(&m);
		world_fini(&w);
	}
}

static void
test_body_size_limit(void **state)
{
	/* The empty line is octet 0 of the segment; so the lines begin at 1, 4, 7. */
	static const struct {
		size_t limit;
		const char *sent;
	} rows[] = {
		{ 0, "X: y\n\nz\nz\nz\n" }, /* no limit */
		{ 1, "X: y\n\naa\naa\naa\n" },
		{ 2, "X: y\n\nz\naa\naa\n" },
		{ 4, "X: y\n\nz\naa\naa\n" },
		{ 5, "X: y\n\nz\nz\naa\n" },
		{ 8, "X: y\n\nz\nz\nz\n" },
	};
	static const char *const rules[4] = { NULL, NULL, NULL, "/a/ REPLACE z" };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct world w;

		world_init(&w, rules);
		w.opt.body_checks_size_limit = rows[i].limit;
		assert_int_equal(world_compile(&w), 0);
		world_run(&w, span_str("X: y\r\n\r\naa\r\naa\r\naa\r\n"));
		assert_string_equal(world_sent(&w), rows[i].sent);
		world_fini(&w);
	}
}

/* header_size_limit cuts what is sent, not what is looked at; REPLACE and PREPEND are cut too. */
static void
test_header_size_limit(void **state)
{
	static const char *const rules[4] = {
		"/cde$/ PREPEND X: found-and-this-is-a-long-word-too\n"
		"/^Y/ REPLACE Y: some-other-word-that-is-too-long"
	};
	struct world w;

	(void)state;
	world_init(&w, rules);
	w.opt.mime.header_size_limit = 30;
	assert_int_equal(world_compile(&w), 0);
	world_run(&w,
	    span_str(
		"Subject: aaaaaaaaaaaaaaaaaaaabbcde\r\nY: y\r\nZ: 12345678901234567890123456\r\n"
		" cut\r\n\r\n"));
	assert_string_equal(world_sent(&w),
	    "X: found-and-this-is-a-long-wo\nSubject: aaaaaaaaaaaaaaaaaaaab\n"
	    "Y: some-other-word-that-is-too\nZ: 12345678901234567890123456\n\n");
	assert_true(fact_has(&w.txn.facts, FACT_HEADER_OVER_LIMIT));
	world_fini(&w);
}

static void
test_soft_bounce(void **state)
{
	static const struct {
		const char *rule;
		int code;
		const char *enhanced;
	} rows[] = {
		{ "/./ REJECT x", 450, "4.7.1" },
		{ "/./ REJECT 5.3.2 x", 450, "4.3.2" },
		{ "/./ REJECT 4.3.2 x", 451, "4.3.2" },
		{ "/./ REJECT 2.3.2 x", 451, "4.3.2" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		const char *rules[4] = { rows[i].rule };
		struct world w;

		world_init(&w, rules);
		w.opt.soft_bounce = 1;
		assert_int_equal(world_compile(&w), 0);
		world_run(&w, span_str("A: b\r\n\r\n"));
		assert_int_equal(w.txn.verdict.code, rows[i].code);
		assert_string_equal(w.txn.verdict.enhanced, rows[i].enhanced);
		assert_int_equal(w.txn.verdict.outcome, OUTCOME_DEFER);
		world_fini(&w);
	}
}

/* The nesting limit refuses at the end, and DISCARD and REJECT come before it. */
static void
test_nesting(void **state)
{
	static const struct {
		const char *first, *last;
		int discard, code;
		const char *text;
	} rows[] = {
		{ "X: y", "X: y", 0, 550, "MIME nesting exceeds safety limit" },
		{ "A: discard", "X: y", 1, 0, NULL },
		{ "X: y", "A: discard", 1, 0, NULL },
		{ "X: y", "A: reject", 0, 550, "no" },
		{ "A: pass", "X: y", 0, 550, "MIME nesting exceeds safety limit" },
	};
	static const char *const rules[4] = { NULL,
		"/^A: discard/ DISCARD\n/^A: reject/ REJECT no\n/^A: pass/ PASS" };
	static const char *const no_header[4] = {
		"/^A: discard/ DISCARD\n/^A: reject/ REJECT no\n/^A: pass/ PASS"
	};

	(void)state;
	for (size_t i = 0; i < 2 * nitems(rows); i++) {
		struct world w;
		struct buf m = { 0 };

		/* In odd rounds the lists are one, as without mime_header_checks. */
		world_init(&w, i & 1 ? no_header : rules);
		if (i & 1)
			w.opt.mime_header_checks = w.opt.header_checks;
		else
			w.opt.header_checks = w.opt.mime_header_checks;
		w.opt.mime.nesting_limit = 1;
		assert_int_equal(world_compile(&w), 0);
		buf_printf(&m, "%s\r\nContent-Type: multipart/x", rows[i / 2].first);
		for (int k = 0; k < 4; k++)
			buf_printf(&m, "; boundary=b%d", k);
		buf_printf(&m, "\r\n\r\n--b2\r\n%s\r\n\r\n", rows[i / 2].last);
		world_run(&w, buf_span(&m));
		assert_true(fact_has(&w.txn.facts, FACT_MIME_LIMIT_DEPTH));
		assert_int_equal(w.txn.verdict.discard, rows[i / 2].discard);
		assert_int_equal(w.txn.verdict.code, rows[i / 2].code);
		if (rows[i / 2].text != NULL)
			assert_string_equal(w.txn.verdict.text, rows[i / 2].text);
		buf_fini(&m);
		world_fini(&w);
	}
}

/* nul_in_header, header_over_limit, non_header_line: postfix, reject, hold. */
static void
test_odd_headers(void **state)
{
	static const char nul[] = "S: a\0b\r\n\r\n";
	static const char longer[] = "S: 1234567890123456789012345678901234567890\r\n\r\n";
	static const char text[] = "S: a\r\nno header\r\n";
	const struct {
		struct span message;
		size_t option;
		const char *parameter;
	} rows[] = {
		{ { (const uint8_t *)nul, sizeof(nul) - 1 },
		    offsetof(struct content_check_options, header_nul), "nul_in_header" },
		{ { (const uint8_t *)longer, sizeof(longer) - 1 },
		    offsetof(struct content_check_options, header_over), "header_over_limit" },
		{ { (const uint8_t *)text, sizeof(text) - 1 },
		    offsetof(struct content_check_options, non_header_line), "non_header_line" },
	};

	(void)state;
	for (size_t i = 0; i < 3 * nitems(rows); i++) {
		int outcome = (int)(i % 3);
		struct world w;
		const struct verdict *v = &w.txn.verdict;

		world_init(&w, NULL);
		w.opt.mime.header_size_limit = 40;
		*(int *)(void *)((char *)&w.opt + rows[i / 3].option) = outcome;
		assert_int_equal(world_compile(&w), 0);
		world_run(&w, rows[i / 3].message);
		assert_int_equal(v->code, outcome == 1 ? 550 : 0);
		assert_int_equal(v->hold, outcome == 2);
		if (outcome == 1)
			assert_string_equal(v->origin.list, rows[i / 3].parameter);
		if (outcome == 2)
			assert_string_equal(v->hold_origin.list, rows[i / 3].parameter);
		world_fini(&w);
	}
}

static void
test_facts_and_names(void **state)
{
	static const char message[] =
	    "From x\r\nMessage-ID:\r\n\t<a@b>\r\nsubject : one\r\n two \r\n"
	    "Subject: three\r\nReceived: x\r\nno header\r\n";
	struct world w;

	(void)state;
	world_init(&w, NULL);
	assert_int_equal(world_compile(&w), 0);
	assert_false(content_checks_any(w.checks));
	world_run(&w, span_str(message));
	assert_string_equal(w.txn.message_id, "<a@b>");
	assert_string_equal(w.txn.subject, "one two");
	assert_int_equal(w.index.received, 1);
	assert_true(fact_has(&w.txn.facts, FACT_HEADER_NON_HEADER));
	assert_false(fact_has(&w.txn.facts, FACT_HEADER_NONE));
	assert_string_equal(world_said(), "");
	world_fini(&w);
}

static void
test_failed_table(void **state)
{
	static const char *const rules[4] = { NULL, NULL, NULL, "fail:x" };
	struct world w;

	(void)state;
	world_init(&w, rules);
	assert_int_equal(world_compile(&w), 0);
	world_run(&w, span_str("A: b\r\n\r\none\r\ntwo\r\n"));
	assert_true(fact_has(&w.txn.facts, FACT_CHECK_FAILED));
	assert_int_equal(w.txn.verdict.outcome, OUTCOME_DEFER);
	assert_string_equal(w.txn.verdict.origin.list, "body_checks");
	assert_non_null(strstr(world_said(), "WARNING"));
	assert_null(
	    strstr(strstr(world_said(), "WARNING") + 1, "WARNING")); /* one, not one a line */
	world_fini(&w);
}

/* message_time_limit: what it cuts off has failed. */
static void
test_deadline(void **state)
{
	static const char *const rules[4] = { NULL, NULL, NULL, "/never/ REJECT" };
	struct buf m = { 0 };
	struct world w;

	(void)state;
	world_init(&w, rules);
	assert_int_equal(world_compile(&w), 0);
	buf_adds(&m, "X: y\r\n\r\n");
	for (size_t i = 0; i < 100; i++)
		buf_adds(&m, "line\r\n");
	world_run(&w, buf_span(&m));
	assert_int_equal(w.txn.verdict.code, 0);
	world_forget(&w);
	w.deadline = deadline_in_ms(0);
	world_run(&w, buf_span(&m));
	assert_int_equal(w.txn.verdict.code, 451);
	assert_true(fact_has(&w.txn.facts, FACT_CHECK_FAILED));
	assert_non_null(strstr(world_said(), "message_time_limit"));
	buf_fini(&m);
	world_fini(&w);
}

static void
test_noted_is_bounded(void **state)
{
	static const char *const rules[4] = { NULL };
	struct buf m = { 0 };
	struct world w;

	(void)state;
	world_init(&w, rules);
	assert_int_equal(world_compile(&w), 0);
	buf_adds(&m, "Message-ID: <a@b>\r\nSubject: ");
	for (size_t i = 0; i < 50000; i++)
		buf_addc(&m, 's');
	buf_adds(&m, "\r\n\r\n");
	world_run(&w, buf_span(&m));
	assert_string_equal(w.txn.message_id, "<a@b>");
	assert_int_equal(strlen(w.txn.subject), 998);
	buf_fini(&m);
	world_fini(&w);
}

static void
test_log(void **state)
{
	static const char *const rules[4] = {
		"/^Subject/ WARN why\n/^X/ IGNORE\n/^Y/ DUNNO\n/^Z/ nonsense", NULL, NULL,
		"/bad/ REJECT 5.7.3 no bad"
	};
	struct world w;
	struct buf m = { 0 };

	(void)state;
	world_init(&w, rules);
	w.opt.postfix_strict = 1;
	assert_int_equal(world_compile(&w), 0);
	world_run(&w, crlf(&m, "Subject: a\n\tb\x01\nX: 1\nY: 1\nZ: 1\n\nbad\n"));
	assert_non_null(strstr(world_said(),
	    "ID1: warning: header Subject: a??b? from mail.example[192.0.2.1]; "
	    "from=<s@a.example> to=<r@b.example> proto=ESMTP helo=<helo.example> rule=/tmp/"));
	assert_non_null(strstr(world_said(), "/header:1: why\n"));
	assert_non_null(strstr(world_said(), "reject: body bad from "));
	assert_non_null(strstr(world_said(), "/body:1: 5.7.3 no bad\n"));
	assert_non_null(strstr(world_said(), "/header:4: \"nonsense\": is no action"));
	assert_null(strstr(world_said(), "X: 1"));
	assert_null(strstr(world_said(), "Y: 1"));
	assert_int_equal(w.txn.verdict.origin.line, 1);
	assert_non_null(strstr(w.txn.verdict.origin.file, "/body"));
	/* At most 200 octets of what was looked at. */
	buf_reset(&m);
	buf_adds(&m, "Subject: ");
	for (int i = 0; i < 300; i++)
		buf_addc(&m, 'x');
	buf_adds(&m, "\r\n\r\n");
	world_forget(&w);
	world_run(&w, buf_span(&m));
	assert_non_null(strstr(world_said(), "xx from mail"));
	assert_int_equal(strstr(world_said(), " from mail") - strstr(world_said(), "Subject"), 200);
	buf_fini(&m);
	world_fini(&w);
}

/* The patterns that the books show. */
static const struct {
	const char *message;
	int code;
	const char *text;
} book_cases[] = {
	{ "Subject: free mortgage quote\n\n", 550, "message content rejected" },
	{ "Subject: Repair Your Credit today\n\n", 550, "message content rejected" },
	{ "Subject: hello\n\n", 0, NULL },
	{ "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: x/y;\n name=\"a "
	  "b.EXE\"\n\n",
	    550, "message content rejected" },
	{ "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: x/y; name=a.txt\n\n", 0,
	    NULL },
	{ "X: y\n\nwill increase your sales by 100\n", 550, "message content rejected" },
	{ "X: y\n\nLowest rates ever!\n", 550, "message content rejected" },
	{ "X: y\n\nlowest rates ever\n", 0, NULL },
	{ "X: y\n\nThis is in compliance of strict rules\n", 550, "message content rejected" },
	{ "X: y\n\nvi<!-- x -->agra\n", 550, "Suspicious embedded HTML comments" },
	{ "X: y\n\nvi <!-- x -->agra\n", 0, NULL },
};

static void
test_books(void **state)
{
	static const char header[] = "/free mortgage quote/ REJECT\n/repair your credit/ REJECT\n"
				     "/name ?=\"?.*\\.(bat|com|dll|exe|hta|pif|vbs)\"?/ REJECT\n";
	static const char body[] =
	    "/increase your sales by/ REJECT\n/lowest rates.*\\!/ REJECT\n"
	    "/in compliance (with|of) strict/ REJECT\n"
	    "/[[:alpha:]]<!--.*-->[[:alpha:]]/ REJECT Suspicious embedded HTML comments\n";
	static const char *const rules[4] = { header, NULL, NULL, body };

	(void)state;
	for (size_t i = 0; i < nitems(book_cases); i++) {
		struct world w;
		struct buf m = { 0 };

		world_init(&w, rules);
		w.opt.mime_header_checks = w.opt.header_checks;
		assert_int_equal(world_compile(&w), 0);
		world_run(&w, crlf(&m, book_cases[i].message));
		assert_int_equal(w.txn.verdict.code, book_cases[i].code);
		if (book_cases[i].text != NULL)
			assert_string_equal(w.txn.verdict.text, book_cases[i].text);
		buf_fini(&m);
		world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_pieces),
		cmocka_unit_test(test_body_size_limit),
		cmocka_unit_test(test_header_size_limit),
		cmocka_unit_test(test_soft_bounce),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_odd_headers),
		cmocka_unit_test(test_facts_and_names),
		cmocka_unit_test(test_failed_table),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_noted_is_bounded),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_books),
	};

	return cmocka_run_group_tests(tests, world_listen, world_unlisten);
}
