/* A policy request as client and transaction (front/policy_session.h). */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "front/policy_session.h"
#include "front/told.h"

/* More accepted recipients than any MTA lets one message have. */
#define RCPTS_MAX 100000

static const struct policy_stage stages[] = {
	{ "CONNECT", STAGE_CONNECT, "Client host" },
	{ "HELO", STAGE_HELO, "Helo command" },
	{ "EHLO", STAGE_HELO, "Helo command" },
	{ "MAIL", STAGE_MAIL, "Sender address" },
	{ "RCPT", STAGE_RCPT, "Recipient address" },
	{ "DATA", STAGE_DATA, "Data command" },
	{ "BDAT", STAGE_DATA, "Data command" },
	{ "END-OF-MESSAGE", STAGE_END, "End-of-data" },
	/* Nothing of ours is about these. */
	{ "VRFY", STAGE_NONE, "" },
	{ "ETRN", STAGE_NONE, "" },
};

const struct policy_stage *
policy_stage_find(const char *state)
{
	for (size_t i = 0; i < nitems(stages); i++)
		if (strcmp(stages[i].name, state) == 0)
			return &stages[i];
	return NULL;
}

const char *
policy_subject(const struct policy_session *s, const struct policy_stage *stage,
    const struct policy_request *r)
{
	char label[400];

	switch (stage->stage) {
	case STAGE_CONNECT:
		client_label(&s->client, label, sizeof(label));
		return arena_strdup(s->arena, label);
	case STAGE_HELO:
		return r->helo_name;
	case STAGE_MAIL:
		return r->sender;
	case STAGE_RCPT:
		return r->recipient;
	case STAGE_NONE:
	case STAGE_DATA:
	case STAGE_END:
		break;
	}
	return stage->name;
}

/* --- the client --- */

/* A name that was cut could be another one's. */
static int
put(char *to, size_t size, const char *attribute, const char *value, struct err *err)
{
	size_t n = strlen(value);

	if (n >= size) {
		err_set(err, ERR_PEER, "%s is too long", attribute);
		return -1;
	}
	memcpy(to, value, n + 1);
	return 0;
}

#define PUT(c, member, r, attribute, err)                                                          \
	put((c)->member, sizeof((c)->member), #attribute, (r)->attribute, err)

/* What is none no Postfix sends. */
static int
put_address(struct client *c, const char *text, struct err *err)
{
	if (told_address(c, text) == 0)
		return 0;
	err_set(err, ERR_PEER, "client_address \"%.60s\" is none", text);
	return -1;
}

static int
put_name(char *to, size_t size, enum attr_state *state, const char *attribute, const char *value,
    struct err *err)
{
	if (value[0] == '\0' || strcmp(value, "unknown") == 0)
		return 0;
	*state = ATTR_KNOWN;
	return put(to, size, attribute, value, err);
}

/* What is no xtext came from somebody older than Postfix 2.2.11. */
static const char *
decoded(struct policy_session *s, const char *xtext)
{
	return told_xtext(s->arena, xtext);
}

static void
fill_tls(struct policy_session *s, const struct policy_request *r)
{
	s->client.tls = NULL;
	if (r->encryption_protocol[0] == '\0')
		return;
	s->tls = (struct client_tls){ .protocol = r->encryption_protocol,
		.cipher = r->encryption_cipher,
		.keysize = r->encryption_keysize,
		.ccert_subject = decoded(s, r->ccert_subject),
		.ccert_issuer = decoded(s, r->ccert_issuer),
		.ccert_fingerprint = decoded(s, r->ccert_fingerprint),
		.ccert_pubkey_fingerprint = decoded(s, r->ccert_pubkey_fingerprint) };
	s->client.tls = &s->tls;
}

static int
fill_client(struct policy_session *s, const struct policy_request *r, struct err *err)
{
	struct client *c = &s->client;

	client_init(c);
	c->source = SOURCE_POLICY;
	c->login_sender = r->sasl_sender[0] == '\0' ? NULL : r->sasl_sender;
	fill_tls(s, r);
	if (put_address(c, r->client_address, err) == -1 ||
	    put_name(c->name, sizeof(c->name), &c->name_state, "client_name", r->client_name,
		err) == -1 ||
	    put_name(c->reverse_name, sizeof(c->reverse_name), &c->reverse_state,
		"reverse_client_name", r->reverse_client_name, err) == -1)
		return -1;
	return PUT(c, port, r, client_port, err) == -1 || PUT(c, helo, r, helo_name, err) == -1 ||
		       PUT(c, proto, r, protocol_name, err) == -1 ||
		       PUT(c, ident, r, queue_id, err) == -1 ||
		       PUT(c, login, r, sasl_username, err) == -1 ||
		       PUT(c, login_method, r, sasl_method, err) == -1 ||
		       PUT(c, server_addr, r, server_address, err) == -1 ||
		       PUT(c, server_port, r, server_port, err) == -1
		   ? -1
		   : 0;
}

/* --- the envelope --- */

/* Postfix has parsed the address: quotes, backslashes and routes are undone, so a quote is part of
 * the name, and the domain is behind the last @. */
static struct path
path_of(struct policy_session *s, const char *text)
{
	return told_path(s->arena, text);
}

/* Those of DATA and later: how many there are is known, and who it is when it is one alone. */
static int
fill_accepted(struct policy_session *s, const struct policy_request *r, struct err *err)
{
	struct transaction *t = &s->txn;
	struct recipient *one = transaction_candidate(t);

	if (r->recipient_count > RCPTS_MAX) {
		err_set(err, ERR_PEER, "recipient_count above %d", RCPTS_MAX);
		return -1;
	}
	one->path = path_of(s, r->recipient_count == 1 ? r->recipient : "");
	for (int64_t i = 0; i < r->recipient_count; i++)
		transaction_accept(t, one);
	return 0;
}

int
policy_txn_fill(struct policy_session *s, const struct policy_stage *stage,
    const struct policy_request *r, struct recipient **rcpt, struct err *err)
{
	struct transaction *t = &s->txn;

	*rcpt = NULL;
	if (fill_client(s, r, err) == -1)
		return -1;
	t->has_helo = r->helo_name[0] != '\0';
	t->sender = path_of(s, r->sender);
	t->size = r->size;
	t->nrcpts = 0;
	if (stage->stage == STAGE_RCPT) {
		*rcpt = transaction_candidate(t);
		(*rcpt)->path = path_of(s, r->recipient);
	}
	if (stage->stage == STAGE_DATA || stage->stage == STAGE_END)
		return fill_accepted(s, r, err);
	return 0;
}
