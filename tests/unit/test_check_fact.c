/* check_fact, and the facts about the message that it has found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/message.h"
#include "core/score.h"
#include "tests/lib/rule_world.h"

#define REFUSED "554 5.7.1 Message content rejected"
#define FROM    "From: a@example.com\n"
#define MULTI   FROM "Content-Type: multipart/mixed; boundary=b\n\n"
#define BASE64  FROM "Content-Transfer-Encoding: base64\n\n"
#define QP      FROM "Content-Transfer-Encoding: quoted-printable\n\n"

/* --- facts --- */

static const struct {
	const char *message, *facts;
} fact_cases[] = {
	{ FROM "Subject: s\n\nbody\n", "" },
	/* the header: fields that there may be one of */
	{ "Subject: s\n\nbody\n", "from=missing" },
	{ "From: nobody\n\nx\n", "from=missing" },
	{ "From: <>\n\nx\n", "from=missing" },
	{ "from : a@example.com\n\nx\n", "" }, /* readers take that for one, and so does Postfix */
	{ FROM FROM "\nx\n", "from=multiple header=duplicate:from" },
	{ "From: x\n" FROM "\nx\n", "from=multiple header=duplicate:from" },
	{ "From: a@example.com, b@example.com\n\nx\n", "from=several_addresses" },
	{ "From: a@example.com\n <b@example.com>\n\nx\n", "from=several_addresses" },
	{ FROM "Subject: s\nSUBJECT: t\n\nx\n", "header=duplicate:subject" },
	{ FROM "To: a@b\nto: c@d\nTo: e@f\nDate: x\nDate: x\n\nx\n",
	    "header=duplicate:date header=duplicate:to" },
	{ FROM "Message-ID: <1>\nMessage-Id: <2>\nCc: a\nCc: b\nReply-To: a\nReply-To: b\n\nx\n",
	    "header=duplicate:reply-to header=duplicate:cc header=duplicate:message-id" },
	{ FROM "Bcc: a\nBcc: b\nSender: a\nSender: b\nIn-Reply-To: a\nIn-Reply-To: b\n"
	       "References: a\nReferences: b\n\nx\n",
	    "header=duplicate:sender header=duplicate:bcc header=duplicate:in-reply-to "
	    "header=duplicate:references" },
	{ FROM "Received: a\nReceived: b\nKeywords: a\nKeywords: b\nX: 1\nX: 1\n\nx\n", "" },
	/* those of an attached message are its own */
	{ FROM "Subject: s\nContent-Type: message/rfc822\n\nFrom: x@y\nSubject: t\n\nx\n", "" },
	{ FROM "body\n", "header=non_header_line mime=ambiguous" },
	/* fields of MIME */
	{ FROM "Content-Type: text/plain\nContent-Type: text/plain\n\nx\n",
	    "mime=duplicate_content_type" },
	{ FROM "Content-Type: text/plain\nContent-Type: text/html\n\nx\n",
	    "mime=duplicate_content_type mime=ambiguous" },
	{ MULTI "--b\nContent-Type: text/plain\ncontent-type: text/html\n\nx\n--b--\n",
	    "mime=duplicate_content_type mime=ambiguous" },
	{ FROM "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: 7BIT\n\nx\n",
	    "mime=duplicate_encoding" },
	{ FROM "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\neA==\n",
	    "mime=duplicate_encoding mime=ambiguous" },
	{ FROM "Content-Type: message/partial; number=2; total=3\n\nx\n", "mime=partial" },
	{ FROM "Content-Type: message/rfc822\n\nx: y\n\nx\n", "" },
	{ FROM "Content-Transfer-Encoding: base65\n\nx\n", "mime=unknown_encoding mime=ambiguous" },
	{ FROM "Content-Transfer-Encoding: 8bit\n\nx\n", "" },
	{ FROM "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n#86)C\n`\nend\n", "" },
	/* boundaries */
	{ MULTI "--b\n\nx\n--b--\n", "" },
	{ MULTI "--b\n\nx\n--b\n\ny\n--b--\nepilogue\n", "" },
	{ MULTI "--b \n\nx\n--b--\t\n", "" },
	{ MULTI "--b\n\nx\n--b--x\n--b\n\ny\n--b--\n", "mime=ambiguous" },
	{ MULTI "--b\n\nx\n--b\nno field\nA: b\n\ny\n--b--\n", "mime=ambiguous" },
	{ FROM "Content-Type: multipart/mixed; boundary*=''b\n\n--b\n\nx\n--b--\n",
	    "mime=missing_boundary mime=ambiguous" },
	{ FROM "Content-Type: multipart/mixed; boundary=b; boundary*=''b\n\n--b\n\nx\n--b--\n",
	    "" },
	{ FROM "Content-Type: multipart/mixed; boundary=b; boundary*=''c\n\n--b\n\nx\n--c\n\ny\n"
	       "--c--\n--b--\n",
	    "mime=ambiguous" },
	{ MULTI "--b\n\nx\n", "mime=missing_end" },
	{ MULTI "x\n", "mime=missing_boundary mime=ambiguous" },
	{ MULTI "", "mime=missing_boundary mime=ambiguous" },
	{ FROM "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n",
	    "mime=missing_boundary mime=ambiguous" },
	{ FROM "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\n\nx\n--b--\n",
	    "mime=ambiguous" },
	{ FROM "Content-Type: multipart/mixed; boundary=b; boundary=b\n\n--b\n\nx\n--b--\n", "" },
	/* of one inside: its own end is missing, or it is there */
	{ MULTI "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n--b--\n", "" },
	{ MULTI "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\n",
	    "mime=missing_end" },
	{ MULTI "--b\nContent-Type: multipart/mixed; boundary=c\n\n--b--\n",
	    "mime=missing_boundary mime=ambiguous" },
	{ MULTI "--b\nContent-Type: multipart/mixed; boundary=c\n\nx\n--b\n\nx\n",
	    "mime=missing_boundary mime=missing_end mime=ambiguous" },
	/* an encoding round what has encodings inside */
	{ FROM "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n"
	       "LS1iDQoNCngNCi0tYi0tDQo=\n",
	    "mime=missing_boundary mime=encoded_container mime=ambiguous" },
	{ FROM "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
	       "From: x@y\n\nx\n",
	    "mime=encoded_container mime=ambiguous" },
	{ FROM "Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nFrom: x@y\n\nx\n",
	    "" },
	/* encodings */
	{ BASE64 "eHh4\neHg=\n", "" },
	{ BASE64 "eHh4!\n", "mime=bad_base64 mime=ambiguous" },
	{ BASE64 "eHh\n", "mime=bad_base64 mime=ambiguous" },        /* no padding */
	{ BASE64 "eHg=\neHh4\n", "mime=bad_base64 mime=ambiguous" }, /* more behind it */
	{ QP "a=3Db=\nc\n", "" },
	{ QP "a=b\n", "mime=bad_quoted_printable mime=ambiguous" },
	{ QP "a= \nb\n", "mime=bad_quoted_printable mime=ambiguous" },
	{ MULTI "--b\nContent-Transfer-Encoding: base64\n\n?\n--b\n"
		"Content-Transfer-Encoding: quoted-printable\n\n=\x01\n--b--\n",
	    "mime=bad_base64 mime=bad_quoted_printable mime=ambiguous" },
	/* names of one file */
	{ FROM "Content-Type: text/plain; name=\"a.txt\"\n"
	       "Content-Disposition: attachment; filename=\"a.txt\"\n\nx\n",
	    "" },
	{ FROM "Content-Type: text/plain; name=\"a.txt\"\n"
	       "Content-Disposition: attachment; filename=\"a.exe\"\n\nx\n",
	    "mime=ambiguous" },
};

struct world {
	struct rule_world w;
	struct message *message;
};

/* LF as CRLF; '\1' as NUL. */
static void
put(struct message *m, const char *text)
{
	struct err err;

	for (; *text != '\0'; text++) {
		uint8_t *p = message_reserve(m, 2, &err);
		size_t n = 0;

		assert_non_null(p);
		if (*text == '\n')
			p[n++] = '\r';
		p[n++] = (uint8_t)(*text == '\1' ? '\0' : *text);
		message_commit(m, n);
	}
}

static void
start(struct world *x, const char *text)
{
	static const struct message_options opt = { .memory_limit = 1 << 24,
		.spool_directory = "/nonexistent" };

	if (rule_world_compile(&x->w) == -1)
		fail_msg("%s", buf_cstr(&x->w.findings));
	x->message = message_new(&opt);
	put(x->message, text);
	x->w.txn.message = x->message;
}

static void
begin(struct world *x, enum rule_list_id id, const char *list, const char *text)
{
	memset(x, 0, sizeof(*x));
	rule_world_init(&x->w);
	x->w.o.lists[id] = list;
	start(x, text);
	rule_world_accept(&x->w);
}

static void
end(struct world *x)
{
	rules_scan_end(&x->w.txn);
	rule_world_fini(&x->w);
	message_free(x->message);
}

static void
assert_facts(struct world *x, const char *message, const char *want)
{
	struct buf got = { 0 };

	facts_format(&x->w.txn.facts, &got);
	if (strcmp(buf_cstr(&got), want) != 0)
		fail_msg("%s\nhas: %s\nnot: %s", message, buf_cstr(&got), want);
	buf_fini(&got);
}

static void
test_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(fact_cases); i++) {
		struct world x;

		begin(&x, LIST_CONTENT, "check_fact inline:{none=REJECT}", fact_cases[i].message);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		assert_facts(&x, fact_cases[i].message, fact_cases[i].facts);
		end(&x);
		/* Nobody asks: nothing is looked for. */
		begin(&x, LIST_CONTENT, "reject", fact_cases[i].message);
		(void)rule_world_ask(&x.w, RULE_CONTENT);
		assert_facts(&x, fact_cases[i].message, "");
		end(&x);
	}
}

static void
test_nul(void **state)
{
	struct world x;

	(void)state;
	begin(&x, LIST_CONTENT, "check_fact inline:{{mime=REJECT}}", FROM "X: \1y\n\nx\n");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), REFUSED);
	assert_facts(&x, "nul", "header=nul mime=nul_in_header mime=ambiguous");
	end(&x);
}

/* A walk of its own at the end of data, where header checks have not had their turn. */
static void
test_end_of_data(void **state)
{
	struct world x;

	(void)state;
	begin(&x, LIST_END_OF_DATA, "check_fact texthash:/dev/null", MULTI "x\n");
	assert_string_equal(rule_world_ask(&x.w, RULE_END_OF_DATA), "dunno");
	assert_facts(&x, "end of data", "mime=missing_boundary mime=ambiguous");
	end(&x);
	/* Before the message there are others. */
	begin(&x, LIST_RECIPIENT, "check_fact inline:{client=REJECT}", MULTI "x\n");
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), "dunno");
	assert_facts(&x, "RCPT", "");
	fact_set(&x.w.txn.facts, FACT_CLIENT_UNTOLD);
	assert_string_equal(rule_world_ask(&x.w, RULE_RCPT), REFUSED);
	end(&x);
}

/* --- keys --- */

static const struct {
	const char *rows; /* inline: "=" in a key ends it, so keys come from a pattern */
	const char *answer;
} key_cases[] = {
	/* facts: mime=limit:depth, virus=Worm.A:x:y, example=odd */
	{ "/^mime=limit:depth$/ REJECT", REFUSED },
	{ "/^mime=limit$/ REJECT", REFUSED },
	{ "/^mime$/ REJECT", REFUSED },
	{ "/^mime=depth$/ REJECT", "dunno" },
	{ "/^virus=Worm.A:x:y$/ REJECT", REFUSED },
	{ "/^virus=Worm.A$/ REJECT", REFUSED },
	{ "/^virus=Worm.A:x$/ REJECT", "dunno" }, /* the detail is "x:y" */
	{ "/^example=odd$/ REJECT", REFUSED },
	{ "/^example=odd:$/ REJECT", "dunno" },
	/* the whole one before the shorter ones, and one fact is looked up once */
	{ "/^mime$/ REJECT short\n/^mime=limit:depth$/ 550 whole", "550 5.7.1 whole" },
	{ "/^mime=limit:depth$/ DUNNO\n/^mime/ REJECT", "dunno" },
	{ "/^mime=limit$/ DUNNO\n/^mime$/ REJECT\n/^example$/ OK", "ok" },
	{ "/^mime/ WARN\n/^virus/ 550 virus", "550 5.7.1 virus" },
};

static void
set_facts(struct world *x)
{
	fact_set(&x->w.txn.facts, FACT_MIME_LIMIT_DEPTH);
	facts_tell(&x->w.txn.facts, x->w.arena, "clamav", "virus", "Worm.A", "x:y");
	facts_tell(&x->w.txn.facts, x->w.arena, "example", "example", "odd", NULL);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fputc('\n', f);
	fclose(f);
}

static void
test_keys(void **state)
{
	const char *path = *state;
	char list[300];

	for (size_t i = 0; i < nitems(key_cases); i++) {
		struct world x;
		const char *answer;

		write_file(path, key_cases[i].rows);
		snprintf(list, sizeof(list), "check_fact regexp:%s", path);
		begin(&x, LIST_CONTENT, list, FROM "\nx\n");
		set_facts(&x);
		answer = rule_world_ask(&x.w, RULE_CONTENT);
		if (strcmp(answer, key_cases[i].answer) != 0)
			fail_msg("%s: %s", key_cases[i].rows, answer);
		end(&x);
	}
}

/* What a check tells between two lists, or two recipients, is found by the second. */
static void
test_later_facts(void **state)
{
	struct world x;
	struct score *own;

	(void)state;
	begin(&x, LIST_CONTENT,
	    "check_fact inline:{{mime=SCORE 1},{virus=SCORE 2},{example=SCORE 4}}", MULTI "x\n");
	own = &x.w.txn.rcpts[0]->verdict.score;
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_int_equal(own->total, 2000); /* missing_boundary and ambiguous */
	*own = (struct score){ 0 };
	set_facts(&x);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_int_equal(own->total, 9000);
	end(&x);
}

/* Facts of texts and URLs are there whoever has asked for them before, or nobody: what becomes of a
 * recipient's copy must not depend on who else gets one. */
#define HIDDEN "Content-Type: text/html; charset=x v=w\n\n<p style=\"display:none\">z</p>hello\n"

static const struct {
	const char *list, *message;
} decoded_cases[] = {
	{ "check_fact regexp:%s", HIDDEN },
	{ "check_text inline:{z=REJECT}, check_fact regexp:%s", HIDDEN },
	{ "check_url inline:{z=REJECT}, check_fact regexp:%s", HIDDEN },
	{ "check_fact inline:{z=REJECT}, check_text inline:{z=REJECT}, check_fact regexp:%s",
	    HIDDEN },
};

static void
test_decoded(void **state)
{
	const char *path = *state;
	char list[300];

	for (size_t i = 0; i < nitems(decoded_cases); i++) {
		struct world x;

		print_message("%s\n", decoded_cases[i].list);
		write_file(path, "/^text=hidden$/ REJECT");
		snprintf(list, sizeof(list), decoded_cases[i].list, path);
		begin(&x, LIST_CONTENT, list, decoded_cases[i].message);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), REFUSED);
		/* again, for another recipient */
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), REFUSED);
		end(&x);
	}
}

/* So it is with the limit of check_body, although that stands behind. */
static void
test_body_limit(void **state)
{
	struct buf message = { 0 };
	struct world x;

	(void)state;
	buf_adds(&message, FROM "\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&message, "%60d\n", i);
	for (int many = 0; many < 2; many++) {
		begin(&x, LIST_CONTENT,
		    "check_fact inline:{body=REJECT}, check_body inline:{z=REJECT}",
		    many ? buf_cstr(&message) : FROM "\nx\n");
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), many ? REFUSED : "dunno");
		end(&x);
	}
	buf_fini(&message);
}

/* Several details of a fact: each is asked for, and a row about the fact answers once. */
static void
test_details(void **state)
{
	static const struct {
		const char *rows;
		int64_t points;
	} cases[] = {
		{ "/^text=limit:size$/ SCORE 1\n/^text=limit:parts$/ SCORE 2", 3000 },
		{ "/^text=limit:parts$/ SCORE 2", 2000 }, { "/^text=limit$/ SCORE 4", 4000 },
		{ "/^text$/ SCORE 4", 4000 },
		{ "/^text=limit:size$/ SCORE 1\n/^text=limit$/ SCORE 4", 5000 },
		{ "/^text=limit:html$/ SCORE 8", 8000 }, /* told later */
	};
	const char *path = *state;
	char list[300];

	for (size_t i = 0; i < nitems(cases); i++) {
		struct world x;
		struct score *own;

		print_message("%s\n", cases[i].rows);
		write_file(path, cases[i].rows);
		snprintf(list, sizeof(list), "check_fact regexp:%s", path);
		begin(&x, LIST_CONTENT, list, FROM "\nx\n");
		own = &x.w.txn.rcpts[0]->verdict.score;
		fact_set_detail(&x.w.txn.facts, FACT_TEXT_LIMIT, "size");
		fact_set_detail(&x.w.txn.facts, FACT_TEXT_LIMIT, "parts");
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		if (strstr(cases[i].rows, "html") != NULL) {
			fact_set_detail(&x.w.txn.facts, FACT_TEXT_LIMIT, "html");
			assert_int_equal(own->total, 0);
			assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		}
		assert_int_equal(own->total, cases[i].points);
		end(&x);
	}
}

/* A detail that comes to be known once a row has answered for the fact, with others in between, is
 * one more reading of it. */
static void
test_details_apart(void **state)
{
	static const struct {
		const char *rows;
		int64_t before, after;
	} cases[] = {
		{ "/^text=limit$/ SCORE 4", 4000, 4000 }, { "/^text$/ SCORE 4", 4000, 4000 },
		{ "/^text=limit$/ SCORE 4\n/^text=limit:html$/ SCORE 1", 4000, 5000 },
		{ "/^text=limit:size$/ DUNNO\n/^text=limit$/ SCORE 4", 0, 4000 },
		{ "/^urls=limit$/ SCORE 1\n/^text=limit$/ SCORE 4", 5000, 5000 },
		{ "/=limit$/ SCORE 1", 2000, 2000 }, /* one of each fact */
	};
	const char *path = *state;
	char list[300];

	for (size_t i = 0; i < nitems(cases); i++) {
		struct world x;
		struct score *own;

		print_message("%s\n", cases[i].rows);
		write_file(path, cases[i].rows);
		snprintf(list, sizeof(list), "check_fact regexp:%s", path);
		begin(&x, LIST_CONTENT, list, FROM "\nx\n");
		own = &x.w.txn.rcpts[0]->verdict.score;
		fact_set_detail(&x.w.txn.facts, FACT_TEXT_LIMIT, "size");
		fact_set_detail(&x.w.txn.facts, FACT_URLS_LIMIT, "count");
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		assert_int_equal(own->total, cases[i].before);
		fact_set_detail(&x.w.txn.facts, FACT_TEXT_LIMIT, "html");
		fact_set_detail(&x.w.txn.facts, FACT_URLS_LIMIT, "hosts");
		*own = (struct score){ 0 };
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
		assert_int_equal(own->total, cases[i].after);
		end(&x);
	}
}

/* --- whose copy it is --- */

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	const char *const *lists = arg;

	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "anns") == 0 ? lists[0] : strcmp(name, "bobs") == 0 ? lists[1] : NULL;
}

static void
put_parts(struct buf *m)
{
	buf_adds(m, MULTI "--b\nContent-Type: text/html\n\n<p style=\"display:none\">h</p>a");
	for (int i = 0; i < 200; i++)
		buf_adds(m, "<div><div><div><div><div>\n");
	buf_adds(m, "x\n--b\n\nphrase\n--b\n\n");
	for (int i = 0; i < 500; i++)
		buf_adds(m, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n");
	buf_adds(m, "--b--\n");
}

/* Ann's list ends in the middle of the text: what it has told by then is not all there is to tell,
 * and Bob's answer is the same whether she gets a copy, and who comes first. */
static void
test_order(void **state)
{
	static const struct {
		const char *rows, *bob;
	} cases[] = {
		{ "/^text=limit$/ SCORE 2", "dunno" }, /* 2 points, not 4 */
		{ "/^text$/ SCORE 1.5", "dunno" },     /* of two facts, with three details */
		{ "/^text=limit:html$/ SCORE 2\n/^text=limit:size$/ SCORE 2",
		    "554 5.7.1 Message score too high" },
		{ "/^text=limit:(html|size)$/ 550 $1", "550 5.7.1 html" },
		{ "/^text=limit:html$/ 550 html\n/^text=limit:size$/ 550 size", "550 5.7.1 html" },
		/* which one comes first */
		{ "/^text=hidden$/ 550 hidden\n/^text=limit:size$/ 550 size", "550 5.7.1 size" },
		/* URLs are found in text, and told of behind it */
		{ "/^text=limit:size$/ 550 size\n/^urls=limit/ 550 urls", "550 5.7.1 size" },
	};
	static const char *const orders[] = { "b", "ab", "ba", "aba", "bab" };
	const char *path = *state;
	struct buf m = { 0 };
	char bobs[300];
	const char *lists[] = { "check_text pcre:{{/phrase/ REJECT}}", bobs };

	put_parts(&m);
	snprintf(bobs, sizeof(bobs), "check_fact regexp:%s, reject_if_score 4", path);
	for (size_t i = 0; i < nitems(cases) * nitems(orders); i++) {
		const char *order = orders[i % nitems(orders)];
		struct world x;

		print_message("%s: %s\n", order, cases[i / nitems(orders)].rows);
		write_file(path, cases[i / nitems(orders)].rows);
		memset(&x, 0, sizeof(x));
		rule_world_init(&x.w);
		x.w.o.site = site;
		x.w.o.arg = lists;
		x.w.o.smtpd_restriction_classes = "anns, bobs";
		x.w.o.text_check_size_limit = 15000;
		x.w.o.url_check_size_limit = 100;
		x.w.o.lists[LIST_CONTENT] =
		    "check_recipient_access inline:{a@local.example=anns, b@local.example=bobs}";
		start(&x, buf_cstr(&m));
		for (const char *who = order; *who != '\0'; who++) {
			rule_world_rcpt(&x.w, *who == 'a' ? "a@local.example" : "b@local.example");
			rule_world_accept(&x.w);
		}
		for (size_t k = 0; order[k] != '\0'; k++)
			assert_string_equal(rule_world_ask_for(&x.w, k),
			    order[k] == 'a' ? REFUSED : cases[i / nitems(orders)].bob);
		end(&x);
	}
	buf_fini(&m);
}

static const struct {
	const char *row, *finding; /* NULL: fine */
} load_cases[] = {
	{ "SCORE 2.5", NULL },
	{ "score -1 name", NULL },
	{ "SCORE", "needs a number of points" },
	{ "SCORE many", "needs a number of points" },
	{ "SCORES 1", "is no action" },
	{ "tag_if_score 3, reject_if_score 8", NULL },
	{ "tag_if_score x", "must be a number of points" },
	{ "IGNORE", "has no line of the message here" },
};

static void
test_load(void **state)
{
	char list[200];

	(void)state;
	for (size_t i = 0; i < nitems(load_cases); i++) {
		struct rule_world w;

		rule_world_init(&w);
		snprintf(list, sizeof(list), "check_fact inline:{{mime=%s}}", load_cases[i].row);
		w.o.lists[LIST_CONTENT] = list;
		assert_int_equal(rule_world_compile(&w), load_cases[i].finding == NULL ? 0 : -1);
		if (load_cases[i].finding != NULL &&
		    strstr(buf_cstr(&w.findings), load_cases[i].finding) == NULL)
			fail_msg("%s: %s", load_cases[i].row, buf_cstr(&w.findings));
		rule_world_fini(&w);
	}
}

static int
make_path(void **state)
{
	static char path[] = "/tmp/test_check_fact.XXXXXX";
	int fd = mkstemp(path);

	if (fd == -1)
		return -1;
	close(fd);
	*state = path;
	return rule_world_listen(state);
}

static int
remove_path(void **state)
{
	return unlink(*state) | rule_world_unlisten(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_end_of_data),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_later_facts),
		cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_details_apart),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
