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

void
txn_make(struct txn_made *m, size_t nrcpts, const char *text)
{
	const struct message_options options = { .memory_limit = 1 << 20,
		.spool_directory = "/tmp" };
	size_t len = strlen(text);
	struct err err;
	uint8_t *p;

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
	m->message = message_new(&options);
	p = message_reserve(m->message, len + 1, &err);
	assert(p != NULL);
	memcpy(p, text, len);
	message_commit(m->message, len);
	m->txn.message = m->message;
}

void
txn_unmake(struct txn_made *m)
{
	message_free(m->message);
	arena_free(m->arena);
}
