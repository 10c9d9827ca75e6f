#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "engine/snapshot.h"
#include "front/accept.h"
#include "front/doors.h"
#include "front/milter_door.h"
#include "front/policy_session.h"
#include "front/session.h"
#include "net/dial.h"

/* A reply to somebody who gets no session. */
static void
turn_away(struct doors *d, enum listener_kind kind, int fd, const struct sockaddr_storage *sa,
    const char *reply, const char *why)
{
	char addr[64];

	sockaddr_text(sa, addr, sizeof(addr), NULL);
	log_warn(NULL, NULL, "connection from %s refused: %s", addr, why);
	counter_inc(d->opt.counters, sessions_refused);
	/* A new connection's send buffer is empty, so this never waits.  The other protocols know
	 * no complaint but the end of the connection. */
	if (listener_kind_relays(kind))
		(void)!send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* What the next hop can do is known nearly always; then greeting needs no waiting. */
static void
run_smtp(struct doors *d, const struct snap_listener *l, struct smtp_session *s)
{
	struct hop_caps caps;

	if (passage_caps_known(d->opt.pool, &l->next_hop, &caps))
		doors_run(d, &s->f);
	else
		doors_greet_later(d, &s->f);
}

static void
accept_one(
    struct doors *d, struct snapshot *snap, size_t i, int fd, const struct sockaddr_storage *sa)
{
	const struct snap_listener *l = snapshot_listener(snap, i);
	int64_t limit = l->params->smtpd_client_connection_count_limit;
	enum listener_kind kind = l->conf->kind;

	if (!net_list_match(l->allowed, sa)) {
		turn_away(d, kind, fd, sa, "554 5.7.1 Access denied\r\n", "not in allowed_clients");
		return;
	}
	if ((int64_t)doors_count_listener(d, i) >= l->params->listener_connection_limit) {
		turn_away(d, kind, fd, sa, "421 4.3.2 Too many connections\r\n",
		    "listener_connection_limit");
		return;
	}
	/* An MTA that asks has many clients and one address. */
	if (listener_kind_relays(kind) && limit > 0 &&
	    (int64_t)doors_count_client(d, sa) >= limit) {
		turn_away(d, kind, fd, sa, "421 4.7.0 Too many connections from you\r\n",
		    "smtpd_client_connection_count_limit");
		return;
	}
	if (kind == LISTENER_POLICY)
		doors_run(d, policy_session_new(d, fd, i, sa));
	else if (kind == LISTENER_MILTER)
		doors_run(d, milter_door_new(d, fd, i, sa));
	else
		run_smtp(d, l, session_new(d, fd, i, sa));
}

void
accept_all(struct doors *d, size_t i)
{
	struct snapshot *snap = doors_snapshot(d);

	for (;;) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof(sa);
		int fd = accept4(d->listen_fds[i], (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);

		if (fd == -1 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd == -1) {
			if (errno != EAGAIN && !(errno == EINVAL && d->stopping))
				log_error(NULL, NULL, "accept: %s", strerror(errno));
			break;
		}
		accept_one(d, snap, i, fd, &sa);
	}
	snapshot_unref(snap);
}
