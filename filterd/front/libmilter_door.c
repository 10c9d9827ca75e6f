#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "engine/snapshot.h"
#include "front/libmilter_conn.h"
#include "front/libmilter_door.h"
#include "net/dial.h"

/* The library writes a reply when the callback has returned, and nobody can see it. */
#define WRITE_MS 250

/* The library hands nothing of ours to a callback before the connection has something. */
static struct door {
	struct libmilter_options opt;
	struct sockaddr_storage
	    peer; /* the socket's own address, as good as any that can connect to this listener */
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t connections, messages; /* open, and those of them inside a message */
	size_t inside;                /* callbacks at work */
	struct deadline written;      /* by then the last one's reply will have been */
	int stopping, closed;         /* no new messages; nothing at all */
	void *left;                   /* tree of struct left */
} door = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* What the MTA offered on a connection whose SMTP session is over: after QUIT_NC the next one comes
 * without an offer, and the library does not tell QUIT_NC from QUIT.  So one is kept for each of
 * its addresses, of which there are as many as there ever were connections at one time. */
struct left {
	const SMFICTX *ctx; /* first: the key */
	struct milter_options offer;
};

static int
left_compare(const void *a, const void *b)
{
	const struct left *x = a, *y = b;

	return x->ctx < y->ctx ? -1 : x->ctx > y->ctx;
}

static void
left_keep(const SMFICTX *ctx, const struct milter_options *offer)
{
	struct left *l = xcalloc(1, sizeof(*l)), **at;

	*l = (struct left){ ctx, *offer };
	pthread_mutex_lock(&door.lock);
	at = tsearch(l, &door.left, left_compare);
	if (at != NULL && *at != l)
		(*at)->offer = *offer;
	pthread_mutex_unlock(&door.lock);
	if (at == NULL || *at != l)
		free(l);
}

static int
left_get(const SMFICTX *ctx, struct milter_options *offer)
{
	struct left key = { .ctx = ctx }, **at;

	pthread_mutex_lock(&door.lock);
	at = tfind(&key, &door.left, left_compare);
	if (at != NULL)
		*offer = (*at)->offer;
	pthread_mutex_unlock(&door.lock);
	return at != NULL;
}

/* --- connections --- */

struct counters *
conn_counters(void)
{
	return door.opt.world->counters;
}

static int
is_welcome(void)
{
	struct snapshot *s = door.opt.world->snapshot(door.opt.world->arg);
	const struct snap_listener *l = snapshot_listener(s, door.opt.listener_index);
	const char *why = NULL;

	pthread_mutex_lock(&door.lock);
	if (door.stopping)
		why = "filterd stops";
	else if (door.connections >= (size_t)l->params->listener_connection_limit)
		why = "listener_connection_limit is reached";
	pthread_mutex_unlock(&door.lock);
	if (why == NULL && !net_list_match(l->allowed, &door.peer))
		why = "not in allowed_clients";
	if (why != NULL) {
		log_warn(NULL, NULL, "connection to %s refused: %s", l->conf->name, why);
		counter_inc(conn_counters(), sessions_refused);
	}
	snapshot_unref(s);
	return why == NULL;
}

static void
count_connection(int n)
{
	pthread_mutex_lock(&door.lock);
	door.connections += (size_t)n;
	pthread_mutex_unlock(&door.lock);
	counter_add(conn_counters(), sessions_now, n);
	if (n > 0)
		counter_inc(conn_counters(), sessions);
}

/* Not welcome, or not with such an offer. */
static struct conn *
conn_drop(struct conn *c)
{
	milter_session_free(c->session);
	count_connection(-1);
	free(c);
	return NULL;
}

struct conn *
conn_open(const SMFICTX *ctx, const struct milter_options *offer)
{
	struct conn *c;
	struct err err;

	if (!is_welcome())
		return NULL;
	c = xcalloc(1, sizeof(*c));
	count_connection(1);
	c->session = milter_session_new(door.opt.world, door.opt.listener_index, &door.peer);
	if (milter_session_negotiate(c->session, offer, &c->wishes, &err) == -1) {
		log_warn(NULL, NULL, "%s", err.text);
		return conn_drop(c);
	}
	left_keep(ctx, offer);
	return c;
}

struct conn *
conn_open_again(const SMFICTX *ctx)
{
	struct milter_options offer;

	return left_get(ctx, &offer) ? conn_open(ctx, &offer) : NULL;
}

void
conn_close(struct conn *c)
{
	pthread_mutex_lock(&door.lock);
	door.messages -= (size_t)c->counted;
	pthread_mutex_unlock(&door.lock);
	(void)conn_drop(c);
}

int
conn_enter(int *stopping)
{
	int open;

	pthread_mutex_lock(&door.lock);
	open = !door.closed;
	door.inside += (size_t)open;
	*stopping = door.stopping;
	pthread_mutex_unlock(&door.lock);
	return open;
}

void
conn_leave(struct conn *c)
{
	pthread_mutex_lock(&door.lock);
	if (c != NULL && c->counted == milter_session_between(c->session)) {
		c->counted = !c->counted;
		door.messages += c->counted ? 1 : (size_t)-1;
	}
	door.inside--;
	door.written = deadline_in_ms(WRITE_MS);
	pthread_cond_broadcast(&door.changed);
	pthread_mutex_unlock(&door.lock);
}

/* --- life --- */

static void *
door_main(void *unused)
{
	int rc, stopping;

	(void)unused;
	rc = smfi_main();
	pthread_mutex_lock(&door.lock);
	stopping = door.stopping;
	pthread_mutex_unlock(&door.lock);
	if (!stopping) {
		log_error(NULL, NULL, "libmilter ended by itself (%d)", rc);
		_exit(EX_SOFTWARE);
	}
	return NULL;
}

int
libmilter_door_start(const struct libmilter_options *o, struct err *err)
{
	struct smfiDesc d;
	socklen_t len = sizeof(door.peer);
	char at[32];

	door.opt = *o;
	if (getsockname(o->fd, (struct sockaddr *)&door.peer, &len) == -1) {
		err_set(err, ERR_SYSTEM, "getsockname: %s", strerror(errno));
		return -1;
	}
	libmilter_callbacks(&d);
	snprintf(at, sizeof(at), "fd:%d", o->fd);
	if (smfi_register(d) != MI_SUCCESS || smfi_setconn(at) != MI_SUCCESS ||
	    smfi_settimeout(o->timeout_s) != MI_SUCCESS || smfi_opensocket(0) != MI_SUCCESS) {
		err_set(err, ERR_SYSTEM,
		    "libmilter does not take the listening socket; its reason is in syslog");
		return -1;
	}
	/* Not on this thread, for the library blocks signals on its own: a signal to the process
	 * that this one ignores must not be one that the library waits for. */
	if (pthread_create(&door.thread, NULL, door_main, NULL) != 0) {
		err_set(err, ERR_SYSTEM, "cannot start a thread");
		return -1;
	}
	return 0;
}

/* Until *n is 0: 1, or 0: not in time. */
static int
wait_until_none(const size_t *n, struct deadline until)
{
	struct timespec pause;

	while (*n > 0 && !deadline_passed(until)) {
		clock_gettime(CLOCK_REALTIME, &pause);
		pause.tv_sec += 1;
		pthread_cond_timedwait(&door.changed, &door.lock, &pause);
	}
	return *n == 0;
}

/* A successor may bind now, and who connects is refused.  The library would complain of a socket
 * that is shut down again and again, or give up everything at once, so before that it gets one that
 * nobody can connect to; a poll(2) under way looks at that one too, once it is woken. */
static void
stop_listening(void)
{
	int old = fcntl(door.opt.fd, F_DUPFD_CLOEXEC, 0), quiet = eventfd(0, EFD_CLOEXEC);

	if (old != -1 && quiet != -1 && dup3(quiet, door.opt.fd, O_CLOEXEC) != -1)
		shutdown(old, SHUT_RDWR);
	if (old != -1)
		close(old);
	if (quiet != -1)
		close(quiet);
}

int
libmilter_door_stop(int time_limit_ms)
{
	struct deadline until = deadline_in_ms(time_limit_ms);
	int gone;

	pthread_mutex_lock(&door.lock);
	door.stopping = 1;
	pthread_mutex_unlock(&door.lock);
	stop_listening();
	pthread_mutex_lock(&door.lock);
	gone = wait_until_none(&door.messages, until);
	door.closed = gone;
	gone = gone && wait_until_none(&door.inside, deadline_in_ms(time_limit_ms));
	until = door.written;
	if (!gone)
		log_warn(
		    NULL, NULL, "%zu messages were broken off at stop_time_limit", door.messages);
	pthread_mutex_unlock(&door.lock);
	if (gone)
		poll(NULL, 0, deadline_poll_ms(until));
	return gone ? 0 : -1;
}
