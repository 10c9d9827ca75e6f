#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/message.h"
#include "tests/lib/content_world.h"
#include "tests/lib/tmpdir.h"

void
content_world_init(struct content_world *c)
{
	static const struct message_options o = { .memory_limit = (size_t)1 << 28,
		.spool_directory = "/nonexistent" };

	memset(c, 0, sizeof(*c));
	rule_world_init(&c->w);
	c->folder = tmpdir_make();
	c->message = message_new(&o);
}

void
content_world_fini(struct content_world *c)
{
	rules_scan_end(&c->w.txn);
	rule_world_fini(&c->w);
	tmpdir_remove(c->folder);
	message_free(c->message);
	buf_fini(&c->text);
	buf_fini(&c->sent);
}

void
content_world_table(struct content_world *c, const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", c->folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

const char *
content_world_text(struct content_world *c, const char *text)
{
	buf_reset(&c->text);
	for (const char *p = text; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 's') {
			buf_adds(&c->text, c->folder);
			p++;
		} else {
			buf_addc(&c->text, *p);
		}
	}
	return buf_cstr(&c->text);
}

static void
take(struct content_world *c, struct span s)
{
	struct err err;
	uint8_t *p = message_reserve(c->message, s.len + 1, &err);

	assert_non_null(p);
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	message_commit(c->message, s.len);
	c->w.txn.message = c->message;
}

int
content_world_begin(struct content_world *c, const char *message)
{
	struct buf text = { 0 };

	if (rule_world_compile(&c->w) == -1)
		return -1;
	rule_world_accept(&c->w);
	for (const char *p = message; *p != '\0'; p++) {
		if (*p == '\n')
			buf_addc(&text, '\r');
		buf_addc(&text, *p == 0x7f ? '\0' : *p);
	}
	take(c, buf_span(&text));
	buf_fini(&text);
	(void)rule_world_said(&c->w);
	return 0;
}

void
content_world_again(struct content_world *c, struct span message)
{
	rules_scan_end(&c->w.txn);
	rule_world_again(&c->w);
	rule_world_accept(&c->w);
	message_reset(c->message);
	take(c, message);
	(void)rule_world_said(&c->w);
}

static int
append(void *arg, struct span piece)
{
	struct buf *b = arg;

	for (size_t i = 0; i < piece.len; i++)
		if (piece.p[i] != '\r')
			buf_addc(b, piece.p[i] == '\0' ? '0' : (char)piece.p[i]);
	return 0;
}

const char *
content_world_sent(struct content_world *c)
{
	const struct verdict *v = &c->w.txn.rcpts[0]->verdict;

	buf_reset(&c->sent);
	for (size_t i = 0; i < v->prepends.n; i++)
		buf_printf(&c->sent, "%s\n", v->prepends.v[i].arg);
	assert_int_equal(edit_walk(message_view(c->message), &v->edits, append, &c->sent), 0);
	return buf_cstr(&c->sent);
}

const char *
content_world_facts(struct content_world *c)
{
	buf_reset(&c->sent);
	facts_format(&c->w.txn.facts, &c->sent);
	return buf_cstr(&c->sent);
}
