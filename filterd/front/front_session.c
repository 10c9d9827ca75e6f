#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "core/client.h"
#include "core/transaction.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "net/dial.h"
#include "net/fiber.h"
#include "net/stream.h"

/* What may wait for a peer that sends and does not read. */
#define REPLIES_MAX ((size_t)128 * 1024)

void
front_session_init(struct front_session *s, const struct session_kind *kind, struct doors *d,
    int fd, size_t i, const struct sockaddr_storage *peer)
{
	s->kind = kind;
	s->doors = d;
	s->stream = stream_new(fd);
	s->listener_index = i;
	s->peer_sa = *peer;
	decision_id_make(s->id, sizeof(s->id));
	s->snapshot = doors_snapshot(d);
	s->listener = snapshot_listener(s->snapshot, i);
	doors_session_add(d, s);
}

void
front_session_fini(struct front_session *s)
{
	doors_session_remove(s->doors, s);
	stream_free(s->stream);
	snapshot_unref(s->snapshot);
}

/* Where it is connected to, as policy servers are told; nothing for a unix socket. */
static void
our_side(const struct front_session *s, struct client *c)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	int port;

	if (getsockname(stream_fd(s->stream), (struct sockaddr *)&sa, &len) == -1 ||
	    sa.ss_family == AF_UNIX)
		return;
	sockaddr_text(&sa, c->server_addr, sizeof(c->server_addr), &port);
	snprintf(c->server_port, sizeof(c->server_port), "%d", port);
}

void
front_session_peer(const struct front_session *s, struct client *c)
{
	int port;

	client_init(c);
	c->sa = s->peer_sa;
	sockaddr_text(&s->peer_sa, c->addr, sizeof(c->addr), &port);
	snprintf(c->port, sizeof(c->port), "%d", port);
	c->source = SOURCE_PEER;
	our_side(s, c);
}

const struct params *
front_session_params(const struct front_session *s)
{
	return s->listener->params;
}

int
front_session_renew(struct front_session *s)
{
	struct snapshot *now, *old = s->snapshot;

	/* Ours is held, so no other one can be in its place. */
	if (atomic_load(&s->doors->snapshot) == old)
		return 0;
	now = doors_snapshot(s->doors);
	s->snapshot = now;
	s->listener = snapshot_listener(now, s->listener_index);
	snapshot_unref(old);
	return 1;
}

void
front_session_begin(struct front_session *s)
{
	atomic_store(&s->between, 0);
}

void
front_session_park(struct front_session *s, int between, int64_t timeout_ms)
{
	if (stream_peek(s->stream).len == 0)
		stream_park(s->stream);
	atomic_store(&s->between, between);
	s->watch = stream_watch(s->stream);
	s->wait_write = 0;
	s->park_until_ms = clock_ms() + timeout_ms;
}

int
front_session_flush(struct front_session *s, int log_first)
{
	struct err err;

	if (stream_queued(s->stream) == 0)
		return 0;
	/* What was decided is in the log before the client learns of it: one write for all who are
	 * at this point when the events at hand have been worked on. */
	if (log_first && log_batch_pending())
		net_pause();
	if (log_first)
		log_batch_flush();
	return stream_flush(s->stream, deadline_in_ms(s->listener->params->smtpd_timeout), &err);
}

int
front_session_behind(const struct front_session *s)
{
	return stream_queued(s->stream) > REPLIES_MAX;
}

int
front_session_more(struct front_session *s)
{
	return stream_undrained(s->stream) ? stream_try_fill(s->stream) : -2;
}
