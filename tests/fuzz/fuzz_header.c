/*
 * Header and body checks with every action, on any message: the edits stay in order and apply, and
 * what is sent has only whole lines where the message had.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "core/transaction.h"
#include "rules/content_checks.h"
#include "table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
    "/^A(.*)/ REPLACE B$1\n/^C(.*)/ PREPEND D$1\n/^E(.*)/ IGNORE\n/^F/ STRIP\n/^G(.*)/ REPLACE $1\n"
    "/^H/ HOLD\n/^I(.*)/ BCC $1\n/^J(.*)/ REDIRECT $1\n/^K(.*)/ FILTER $1\n/^L/ TAG\n"
    "/^M(.*)/ REJECT $1\n/^N/ DISCARD\n/^O/ PASS\n/^P(.*)/ WARN $1\n/^Q(.*)/ PREPEND $1\n"
    "/^R(.*)/ INFO $1\n/^S/ nonsense\n/^T((.|\\n)*)/ REPLACE T: $1\n/^--(.*)/ REPLACE --x$1\n";

static struct { /* made once: the target is asked with one message after another */
	struct table_registry *tables;
	struct content_checks *checks[2];
	struct message *message;
	struct arena *arena;
} made;

static void
make(void)
{
	static const struct message_options mo = { .memory_limit = 1 << 20,
		.spool_directory = "/tmp" };
	const struct log_options quiet = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_INFO
	};
	char path[] = "/tmp/fuzz_header.XXXXXX", name[64];
	int fd = mkstemp(path);
	struct content_check_options o = {
		.message_drop_headers = "bcc, X", .body_checks_size_limit = 300, .postfix_strict = 1
	};

	if (fd == -1 || write(fd, rules, sizeof(rules) - 1) != (ssize_t)sizeof(rules) - 1 ||
	    log_open(&quiet, NULL) == -1)
		abort();
	close(fd);
	snprintf(name, sizeof(name), "pcre:%s", path);
	o.header_checks = o.mime_header_checks = o.nested_header_checks = o.body_checks = name;
	made.tables = table_registry_new(NULL);
	o.mime = (struct mime_options){ .line_length_limit = 512,
		.header_size_limit = 200,
		.nesting_limit = 2,
		.boundary_length_limit = 20 };
	made.checks[0] = content_checks_compile(&o, made.tables, NULL, NULL);
	o.postfix_strict = o.soft_bounce = 1;
	o.header_nul = 1;
	o.header_over = o.non_header_line = 2;
	made.checks[1] = content_checks_compile(&o, made.tables, NULL, NULL);
	unlink(path);
	made.message = message_new(&mo);
	made.arena = arena_new();
}

static int
count(void *arg, struct span piece)
{
	*(size_t *)arg += piece.len;
	return 0;
}

/* As the door gives it: CRLF, no other CR. */
static void
fill(const uint8_t *p, size_t n)
{
	struct err err;
	uint8_t *out = message_reserve(made.message, 2 * n + 2, &err);
	size_t at = 0;

	if (out == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			out[at++] = '\r';
		out[at++] = p[i] == '\r' ? ' ' : p[i];
	}
	message_commit(made.message, at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client;
	struct transaction t;
	struct mime_index ix;
	size_t sent = 0;

	if (made.tables == NULL)
		make();
	if (size < 2)
		return 0;
	client_init(&client);
	transaction_init(&t, made.arena);
	t.client = &client;
	t.sender.octets = "";
	t.message = made.message;
	t.tables = table_set_take(made.tables);
	t.lead = data[1];
	fill(data + 2, size - 2);
	content_checks_run(made.checks[data[0] & 1], &t, deadline_never(), &ix);
	edit_walk(message_view(made.message), &t.verdict.edits, count, &sent);
	if (sent != edit_result_len(&t.verdict.edits, message_view(made.message).len))
		abort();
	if ((t.verdict.outcome == OUTCOME_DUNNO) != (t.verdict.code == 0))
		abort();
	table_set_release(t.tables);
	message_reset(made.message);
	arena_reset(made.arena);
	return 0;
}
