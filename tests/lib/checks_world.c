#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "table/table.h"
#include "tests/lib/checks_world.h"

/* What the log said during a run; the hook has no argument, so this is the one place for it. */
static struct buf said;

static void
hear(enum log_level level, const char *line)
{
	if (level == LOG_LEVEL_WARN)
		buf_adds(&said, "WARNING ");
	buf_adds(&said, line);
}

static const char *const list_names[] = { "header", "mime", "nested", "body" };

static void
on_finding(void *arg, const struct rule_finding *f)
{
	struct world *w = arg;

	buf_printf(&w->findings, "%s %s:%d: %s\n", f->is_error ? "error" : "warning", f->parameter,
	    f->line, f->text);
}

/* rules: up to four pcre tables: header, mime, nested, body; NULL none. */
void
world_init(struct world *w, const char *const rules[4])
{
	const char **values[4] = { &w->opt.header_checks, &w->opt.mime_header_checks,
		&w->opt.nested_header_checks, &w->opt.body_checks };

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/filterd-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->deadline = deadline_never();
	w->opt.body_checks_size_limit = 51200;
	w->opt.mime = (struct mime_options){ .line_length_limit = 2048,
		.header_size_limit = 102400,
		.nesting_limit = 100,
		.boundary_length_limit = 2048 };
	w->tables = table_registry_new(NULL);
	for (size_t i = 0; i < 4; i++) {
		FILE *f;

		if (rules == NULL || rules[i] == NULL)
			continue;
		if (strncmp(rules[i], "fail:", 5) == 0) {
			*values[i] = rules[i];
			continue;
		}
		snprintf(w->lists[i], sizeof(w->lists[i]), "%s/%s", w->dir, list_names[i]);
		f = fopen(w->lists[i], "w");
		assert_non_null(f);
		fputs(rules[i], f);
		fclose(f);
		snprintf(w->lists[i], sizeof(w->lists[i]), "pcre:%s/%s", w->dir, list_names[i]);
		*values[i] = w->lists[i];
	}
}

int
world_compile(struct world *w)
{
	w->checks = content_checks_compile(&w->opt, w->tables, on_finding, w);
	if (w->checks == NULL)
		return -1;
	w->set = table_set_take(w->tables);
	return 0;
}

/* The message has CRLF. */
void
world_run(struct world *w, struct span message)
{
	static const struct message_options o = { .memory_limit = 1 << 22,
		.spool_directory = "/tmp" };
	struct recipient *rcpt;
	struct err err;
	uint8_t *p;

	buf_reset(&said);
	w->message = message_new(&o);
	p = message_reserve(w->message, message.len + 1, &err);
	assert_non_null(p);
	if (message.len > 0)
		memcpy(p, message.p, message.len);
	message_commit(w->message, message.len);
	w->arena = arena_new();
	client_init(&w->client);
	snprintf(w->client.name, sizeof(w->client.name), "mail.example");
	snprintf(w->client.addr, sizeof(w->client.addr), "192.0.2.1");
	snprintf(w->client.helo, sizeof(w->client.helo), "helo.example");
	snprintf(w->client.proto, sizeof(w->client.proto), "ESMTP");
	transaction_init(&w->txn, w->arena);
	w->txn.client = &w->client;
	w->txn.message = w->message;
	w->txn.tables = w->set;
	w->txn.service = "lmtp";
	snprintf(w->txn.id, sizeof(w->txn.id), "ID1");
	w->txn.sender.octets = "s@a.example";
	rcpt = transaction_add_rcpt(&w->txn);
	rcpt->path.octets = "r@b.example";
	content_checks_run(w->checks, &w->txn, w->deadline, &w->index);
}

static int
put(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

/* The message as it would be sent, with LF. */
const char *
world_sent(struct world *w)
{
	struct buf b = { 0 };

	buf_reset(&w->out);
	assert_int_equal(edit_walk(message_view(w->message), &w->txn.verdict.edits, put, &b), 0);
	assert_int_equal(
	    b.len, edit_result_len(&w->txn.verdict.edits, message_view(w->message).len));
	for (size_t i = 0; i < b.len; i++) {
		if (b.p[i] != '\r')
			buf_addc(&w->out, b.p[i] == '\0' ? '0' : b.p[i]);
	}
	buf_fini(&b);
	return buf_cstr(&w->out);
}

void
world_forget(struct world *w)
{
	message_free(w->message);
	arena_free(w->arena);
	w->message = NULL;
	w->arena = NULL;
}

void
world_fini(struct world *w)
{
	for (size_t i = 0; i < 4; i++) {
		const char *path = strchr(w->lists[i], ':');

		if (path != NULL)
			unlink(path + 1);
	}
	rmdir(w->dir);
	world_forget(w);
	table_set_release(w->set);
	content_checks_free(w->checks);
	table_registry_free(w->tables);
	buf_fini(&w->findings);
	buf_fini(&w->out);
}

struct span
crlf(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_addc(b, '\r');
		buf_addc(b, *text == '\x7f' ? '\0' : *text); /* DEL stands for NUL here */
	}
	return buf_span(b);
}

const char *
world_said(void)
{
	return buf_cstr(&said);
}

int
world_listen(void **state)
{
	(void)state;
	log_set_hook(hear);
	return 0;
}

int
world_unlisten(void **state)
{
	(void)state;
	log_set_hook(NULL);
	buf_fini(&said);
	return 0;
}
