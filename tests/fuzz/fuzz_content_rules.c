/*
 * Every restriction that reads the message, on any message: two recipients with one policy get one
 * answer, edits stay in order and apply, and what was beyond a limit is told.  The first octet
 * chooses the limits.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/message.h"
#include "core/transaction.h"
#include "rules/rules.h"
#include "table/table.h"
#include "tests/fuzz/rules_world.h"

#define RECIPIENTS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For what is a line of the message, and for what is not. */
static const char edits[] =
    "/^A(.*)/ REPLACE B$1\n/^C(.*)/ PREPEND D: $1\n/^E/ IGNORE\n/^F/ STRIP\n/^G(.*)/ REPLACE $1\n"
    "/^H/ HOLD\n/^M(.*)/ REJECT $1\n/^T((.|\\n)*)/ REPLACE T: $1\n/^--(.*)/ REPLACE --x$1\n";
static const char effects[] =
    "/^H/ HOLD\n/^I/ BCC b@from.example\n/^J/ REDIRECT x@from.example\n/^K/ FILTER "
    "smtp:x\n/^L(.*)/ TAG $1\n"
    "/^M(.*)/ REJECT $1\n/^N/ DISCARD\n/^O/ OK\n/^P(.*)/ WARN $1\n/^Q(.*)/ SCORE 2 $1\n"
    "/^R/ SCORE -1\n/^S/ cls_a\n/^C(.*)/ PREPEND D: $1\n/v[i1]agra/ SCORE 3 pill\n"
    "/^https?:/ SCORE 1 link\n/limit/ TAG limit\n";

static const char lists[] =
    "check_message_size { >100 SCORE 1 }, check_recipient_count { >1 SCORE 1 }, "
    "check_fact pcre:@, check_decoded_header pcre:%, check_decoded_header pcre:@, "
    "check_header pcre:%, check_mime_header pcre:%, check_nested_header pcre:%, "
    "check_text pcre:@, check_url pcre:@, check_url_host pcre:@, check_body pcre:%, "
    "score_if_reject 2 check_body pcre:@, tag_if_score 3, hold_if_score 5, reject_if_score 9";

static struct { /* made once: the target is asked with one message after another */
	struct table_registry *tables;
	struct rules *rules[2];
	struct message *message;
	struct client client;
} made;

static void
must(int true)
{
	if (!true)
		abort();
}

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	(void)name;
	*where = (struct rule_where){ 0 };
	return "check_text pcre:{ {/a/ SCORE 1 text} }, tag_if_score 1";
}

static void
wrong(void *arg, const struct rule_finding *f)
{
	(void)arg;
	if (f->is_error) {
		fprintf(stderr, "%s\n", f->text);
		abort();
	}
}

/* The path of a table; it stays. */
static void
put_table(struct buf *out, const char *text)
{
	/* A file that has just been changed is waited for, unless its time is yet to come. */
	const struct timespec late[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
	int fd = memfd_create("table", MFD_CLOEXEC);

	must(fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	     futimens(fd, late) == 0);
	buf_printf(out, "/proc/self/fd/%d", fd);
}

static void
put_lists(struct buf *out)
{
	struct buf line = { 0 }, text = { 0 };

	put_table(&line, edits);
	put_table(&text, effects);
	for (const char *p = lists; *p != '\0'; p++) {
		if (*p == '%' || *p == '@')
			buf_add_span(out, buf_span(*p == '%' ? &line : &text));
		else
			buf_addc(out, *p);
	}
	buf_fini(&line);
	buf_fini(&text);
}

static void
make(void)
{
	static const struct message_options mo = { .memory_limit = (size_t)1 << 26,
		.spool_directory = "/nonexistent" };
	struct rule_options o = *rules_world_options();
	struct buf list = { 0 };

	put_lists(&list);
	o.lists[LIST_RELAY] = o.lists[LIST_RECIPIENT] = "";
	o.lists[LIST_CONTENT] = buf_cstr(&list);
	o.smtpd_restriction_classes = "cls_a";
	o.site = site;
	made.tables = table_registry_new(NULL);
	made.rules[0] = rules_compile(&o, made.tables, wrong, NULL);
	o.body_checks_size_limit = 60;
	o.text_check_size_limit = 100;
	o.url_check_count_limit = 2;
	o.url_check_size_limit = 80;
	o.text_fold_homoglyphs = 1;
	o.mime.line_length_limit = 40;
	o.mime.header_size_limit = 120;
	o.mime.nesting_limit = 1;
	o.mime.parts_limit = 4;
	made.rules[1] = rules_compile(&o, made.tables, wrong, NULL);
	must(made.rules[0] != NULL && made.rules[1] != NULL);
	made.message = message_new(&mo);
	client_init(&made.client);
	snprintf(made.client.addr, sizeof(made.client.addr), "192.0.2.10");
	buf_fini(&list);
}

/* As the door gives it: CRLF, no other CR. */
static void
fill(const uint8_t *p, size_t n)
{
	struct err err;
	uint8_t *out = message_reserve(made.message, 2 * n + 2, &err);
	size_t at = 0;

	must(out != NULL);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			out[at++] = '\r';
		out[at++] = p[i] == '\r' ? ' ' : p[i];
	}
	message_commit(made.message, at);
}

static int
count(void *arg, struct span piece)
{
	*(size_t *)arg += piece.len;
	return 0;
}

static void
ask(const struct rules *rules, struct transaction *t, size_t i)
{
	static const struct rule_services none = { 0 };
	struct rule_ask question = { .txn = t,
		.stage = RULE_CONTENT,
		.recipient = t->rcpts[i],
		.services = &none,
		.deadline = deadline_in_ms(100000) };
	const struct edit_list *done = &t->rcpts[i]->verdict.edits;
	struct verdict v;
	size_t sent = 0;

	verdict_init(&v, t->arena);
	rules_ask(rules, &question, &v);
	t->rcpts[i]->verdict.outcome = v.outcome;
	t->rcpts[i]->verdict.code = v.code;
	t->rcpts[i]->verdict.text = v.text;
	edit_walk(message_view(t->message), done, count, &sent);
	must(sent == edit_result_len(done, message_view(t->message).len));
	must((v.code == 0) == (v.outcome == OUTCOME_DUNNO || v.outcome == OUTCOME_OK));
}

static int
same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void
same(const struct verdict *a, const struct verdict *b)
{
	must(a->outcome == b->outcome && a->code == b->code && same_text(a->text, b->text));
	must(a->hold == b->hold && a->discard == b->discard && a->tags.n == b->tags.n);
	must(a->prepends.n == b->prepends.n && a->bcc.n == b->bcc.n);
	must(edit_result_len(&a->edits, 1 << 20) == edit_result_len(&b->edits, 1 << 20));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct path sender = { .octets = "s@from.example",
		.local = "s",
		.domain = "from.example",
		.addr = "s@from.example",
		.params = "" };
	static const struct path rcpt = { .octets = "r@local.example",
		.local = "r",
		.domain = "local.example",
		.addr = "r@local.example",
		.params = "" };
	struct transaction t;
	struct arena *arena;

	if (size < 1)
		return 0;
	if (made.tables == NULL)
		make();
	arena = arena_new();
	transaction_init(&t, arena);
	t.service = "smtp";
	t.client = &made.client;
	t.sender = sender;
	t.message = made.message;
	t.tables = table_set_take(made.tables);
	for (size_t i = 0; i < RECIPIENTS; i++)
		transaction_add_rcpt(&t)->path = rcpt;
	fill(data + 1, size - 1);
	for (size_t i = 0; i < RECIPIENTS; i++)
		ask(made.rules[data[0] & 1], &t, i);
	same(&t.rcpts[0]->verdict, &t.rcpts[1]->verdict);
	rules_scan_end(&t);
	table_set_release(t.tables);
	message_reset(made.message);
	arena_free(arena);
	return 0;
}
