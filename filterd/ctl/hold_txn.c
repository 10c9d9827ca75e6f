#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/message.h"
#include "ctl/hold_cmd.h"
#include "mail/syntax.h"

/* The octets came through our own door and were understood then; should they not be now they stand
 * for themselves. */
static void
fill_path(struct path *p, struct arena *a, const char *octets, const char *params)
{
	struct mail_path parsed;

	p->octets = arena_strdup(a, octets);
	p->params = arena_strdup(a, params);
	p->local = p->addr = p->octets;
	p->domain = "";
	if (octets[0] == '\0' || syntax_address(a, span_str(p->octets), 1, &parsed) == -1)
		return;
	p->local = parsed.local;
	p->domain = parsed.domain;
	p->addr = parsed.addr;
}

static void
fill_address(struct client *c)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->sa;

	if (inet_pton(AF_INET, c->addr, &v4->sin_addr) == 1)
		c->sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, c->addr, &v6->sin6_addr) == 1)
		c->sa.ss_family = AF_INET6;
}

static void
fill_client(struct client *c, const struct hold_entry *e)
{
	client_init(c);
	c->source = (enum client_source)e->client_source;
	snprintf(c->addr, sizeof(c->addr), "%s", e->client_addr);
	snprintf(c->name, sizeof(c->name), "%s", e->client_name);
	snprintf(c->reverse_name, sizeof(c->reverse_name), "%s", e->client_reverse);
	snprintf(c->helo, sizeof(c->helo), "%s", e->client_helo);
	snprintf(c->proto, sizeof(c->proto), "%s", e->client_proto);
	snprintf(c->port, sizeof(c->port), "%s", e->client_port);
	snprintf(c->login, sizeof(c->login), "%s", e->client_login);
	snprintf(c->ident, sizeof(c->ident), "%s", e->queue_id);
	c->name_state = strcmp(c->name, "unknown") == 0 ? ATTR_UNKNOWN : ATTR_KNOWN;
	c->reverse_state = strcmp(c->reverse_name, "unknown") == 0 ? ATTR_UNKNOWN : ATTR_KNOWN;
	fill_address(c);
}

static int
fill_message(struct hold_txn *h, struct span octets, const struct params *p, struct err *err)
{
	const struct message_options o = { .memory_limit = (size_t)p->message_memory_limit,
		.spool_directory = p->spool_directory };
	uint8_t *to;

	h->message = message_new(&o);
	to = message_reserve(h->message, octets.len + 1, err);
	if (to == NULL)
		return -1;
	memcpy(to, octets.p, octets.len);
	message_commit(h->message, octets.len);
	h->txn.message = h->message;
	return 0;
}

int
hold_txn_make(struct hold_txn *h, const struct hold_message *m, const size_t *rcpts, size_t n,
    const struct params *p, struct err *err)
{
	const struct hold_entry *e = &m->entry;
	struct transaction *t = &h->txn;

	memset(h, 0, sizeof(*h));
	h->arena = arena_new();
	transaction_init(t, h->arena);
	decision_id_make(t->id, sizeof(t->id));
	fill_client(&h->client, e);
	t->client = &h->client;
	t->service = "hold";
	t->listener = arena_strdup(h->arena, e->listener);
	t->message_id = arena_strdup(h->arena, e->message_id);
	t->subject = arena_strdup(h->arena, e->subject);
	t->body_8bit = e->body_8bit;
	t->smtputf8 = e->smtputf8;
	t->started_us = t->data_us = clock_us();
	fill_path(&t->sender, h->arena, e->sender, e->sender_params);
	for (size_t i = 0; i < n; i++) {
		const struct hold_rcpt *from = &e->rcpts[rcpts[i]];
		struct recipient *r = transaction_add_rcpt(t);

		fill_path(&r->path, h->arena, from->path, from->params);
		r->notify_never = strcasestr(from->params, "NOTIFY=NEVER") != NULL;
	}
	return fill_message(h, m->octets, p, err);
}

void
hold_txn_fini(struct hold_txn *h)
{
	message_free(h->message);
	arena_free(h->arena);
	memset(h, 0, sizeof(*h));
}
