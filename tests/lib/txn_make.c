#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "tests/lib/txn_make.h"

static void
make_path(struct path *p, struct arena *a, const char *addr)
{
	const char *at = strchr(addr, '@');

	p->octets = p->addr = addr;
	p->local = arena_printf(a, "%.*s", (int)(at - addr), addr);
	p->domain = at + 1;
	p->params = "";
}

struct message *
txn_make_message(const char *text)
{
	const struct message_options options = { .memory_limit = 1 << 20,
		.spool_directory = "/tmp" };
	struct message *m = message_new(&options);
	size_t len = strlen(text);
	struct err err;
	uint8_t *p;

	p = message_reserve(m, len + 1, &err);
	assert(p != NULL);
	memcpy(p, text, len);
	message_commit(m, len);
	return m;
}

void
txn_make_of(struct txn_made *m, size_t nrcpts, struct message *message)
{
	m->arena = arena_new();
	transaction_init(&m->txn, m->arena);
	decision_id_make(m->txn.id, sizeof(m->txn.id));
	client_init(&m->client);
	m->txn.client = &m->client;
	m->txn.service = "lmtp";
	m->txn.listener = "lmtp:127.0.0.1:10025";
	make_path(&m->txn.sender, m->arena, "sender@example.com");
	for (size_t i = 0; i < nrcpts; i++)
		make_path(&transaction_add_rcpt(&m->txn)->path, m->arena,
		    arena_printf(m->arena, "r%zu@example.org", i));
	m->txn.message = m->message = message;
	m->borrowed = 1;
}

void
txn_make(struct txn_made *m, size_t nrcpts, const char *text)
{
	txn_make_of(m, nrcpts, txn_make_message(text));
	m->borrowed = 0;
}

void
txn_unmake(struct txn_made *m)
{
	if (!m->borrowed)
		message_free(m->message);
	arena_free(m->arena);
}
