/* The life of a milter session and of its messages. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/xmem.h"
#include "core/message.h"
#include "front/milter_session_private.h"
#include "net/dial.h"

struct milter_session *
milter_session_new(
    const struct milter_world *world, size_t listener_index, const struct sockaddr_storage *peer)
{
	struct milter_session *s = xcalloc(1, sizeof(*s));

	s->world = world;
	s->listener_index = listener_index;
	sockaddr_text(peer, s->peer, sizeof(s->peer), NULL);
	client_init(&s->client);
	s->client.source = SOURCE_MILTER;
	decision_id_make(s->id, sizeof(s->id));
	milter_renew(s);
	return s;
}

void
milter_forget_client(struct milter_session *s)
{
	milter_end_transaction(s);
	for (size_t i = 0; i < KEPT_SCOPES; i++)
		milter_kept_drop(s, (enum milter_scope)i);
	engine_memory_free(s->memory);
	s->memory = NULL;
	client_init(&s->client);
	s->client.source = SOURCE_MILTER;
	s->has_helo = s->simulated = s->judged = 0;
}

void
milter_session_free(struct milter_session *s)
{
	if (s == NULL)
		return;
	milter_forget_client(s);
	milter_macros_free(s);
	snapshot_unref(s->snapshot);
	buf_fini(&s->text);
	free(s->tls);
	free(s);
}

void
milter_session_again(struct milter_session *s)
{
	milter_forget_client(s);
	milter_macros_forget(s, MILTER_AT_CONNECT);
	decision_id_make(s->id, sizeof(s->id));
}

void
milter_renew(struct milter_session *s)
{
	struct snapshot *now = s->world->snapshot(s->world->arg);

	snapshot_unref(s->snapshot);
	s->snapshot = now;
	s->listener = snapshot_listener(now, s->listener_index);
}

void
milter_event(struct milter_session *s, struct milter_answer *out)
{
	if (s->answered)
		milter_end_transaction(s);
	*out = (struct milter_answer){ .what = MILTER_GO_ON };
}

void
milter_session_idle(struct milter_session *s)
{
	if (s->answered)
		milter_end_transaction(s);
	buf_fini(&s->text);
}

void
milter_end_transaction(struct milter_session *s)
{
	if (s->message != NULL)
		s->world->message_put(s->world->arg, s->message);
	s->message = NULL;
	engine_end(&s->txn);
	arena_free(s->arena);
	s->arena = NULL;
	s->client.login_sender = NULL;
	s->rcpts_asked = 0;
	s->in_message = s->answered = s->in_body = s->over_size = s->no_space = 0;
	milter_kept_drop(s, KEPT_MESSAGE);
}

void
milter_abort(struct milter_session *s)
{
	milter_end_transaction(s);
	milter_macros_forget(s, MILTER_AT_MAIL);
}

void
milter_describe(struct milter_session *s, struct transaction *t)
{
	t->service = "milter";
	t->listener = s->listener->conf->name;
	t->client = &s->client;
	t->memory = s->memory;
	t->services = s->world->services;
	t->has_helo = s->has_helo;
	/* A reload may have changed smtpd_delay_reject since: nobody gets by unasked. */
	t->client_late = !s->judged;
}

int
milter_session_between(const struct milter_session *s)
{
	return !s->in_message || s->answered;
}

const char *
milter_session_id(const struct milter_session *s)
{
	return s->txn.id[0] != '\0' ? s->txn.id : s->id;
}
