/*
 * front_session - one connection, of whatever protocol, as threads and parking see it (private to
 * front/)
 *
 * The first member of each protocol's session.  The connection runs on a thread while there is
 * input; inside a command it waits as a fiber, and may go on in another thread.  Between commands
 * it has none, so all that must survive a command is in the session.
 *
 * Threads: one at a time.  Others look, under the doors' list lock, at `next`, `prev`, `peer_sa`
 * and the atomics; who has made wake_by_ms WAKE_BUSY, at `watch` and `wait_write` too.  `later` is
 * under the doors' thread lock.
 */
#ifndef FRONT_FRONT_SESSION_H
#define FRONT_FRONT_SESSION_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/clock.h"

struct client;
struct doors;
struct front_session;
struct net_watch;
struct params;
struct snap_listener;
struct snapshot;
struct stream;

#define WAKE_BUSY (-1)

/* What a protocol does with its connections. */
struct session_kind {
	/* Work while there is input, in a fiber; `over` says how it ended.  When it is not over the
	 * session wants to be parked, and has said so (front_session_park()). */
	void (*run)(struct front_session *);
	/* When its fiber is done; never waits.  Ends with front_session_fini(). */
	void (*free)(struct front_session *);
	/* Once a second while the session lives, running or not, from another thread, under the
	 * doors' list lock: short.  NULL: nothing to do. */
	void (*tick)(struct front_session *, int64_t now_ms);
};

struct front_session {
	struct front_session *next, *prev; /* the doors' list */
	const struct session_kind *kind;
	struct doors *doors;
	struct stream *stream;
	size_t listener_index;
	char id[24]; /* for log lines outside a transaction */
	struct sockaddr_storage peer_sa;
	struct snapshot *snapshot;            /* changed for the present one where a protocol may */
	const struct snap_listener *listener; /* of that snapshot */

	/* How it sleeps: as a fiber inside a command, without one between commands. */
	struct fiber *fiber;         /* NULL: parked, or not started */
	struct front_session *later; /* the doors' list of those that go on without an event */
	int goes_on;                 /* it paused to be in that list */
	int over;                    /* the fiber's last word: the session is at its end */
	struct net_watch *watch;     /* what it waits for, */
	int wait_write;
	int64_t park_until_ms; /* and until when */
	_Atomic int64_t
	    wake_by_ms; /* when waiting ends at the latest; 0: it runs; WAKE_BUSY: being woken */
	_Atomic int timed_out; /* it was woken because of that */
	_Atomic int between;   /* parked between transactions */
	_Atomic int told_to_stop;
};

/* The struct is zeroed.  Takes the descriptor and the present configuration, and adds the session
 * to the doors' list: from then on other threads see it. */
void front_session_init(struct front_session *, const struct session_kind *, struct doors *, int fd,
    size_t listener_index, const struct sockaddr_storage *peer);
/* All but the struct's own memory, the owner's to free. */
void front_session_fini(struct front_session *);
/* Who is connected, as a client. */
void front_session_peer(const struct front_session *, struct client *);
/* The parameters of the session's snapshot and listener. */
const struct params *front_session_params(const struct front_session *);
/* Take the present configuration: 1, or 0 when the session has it already. */
int front_session_renew(struct front_session *);
/* Begin to work: nobody who stops the doors wakes the session from now on. */
void front_session_begin(struct front_session *);
/* Nothing to do: wait for input, at most so long; an idle session's buffers are given back.
 * between: not inside a transaction, so it is woken when it is told to stop. */
void front_session_park(struct front_session *, int between, int64_t timeout_ms);
/* Send what is queued, within smtpd_timeout; log_first: lines about it are written before.  0, or
 * -1: the peer is lost. */
int front_session_flush(struct front_session *, int log_first) ATTR_MUST_USE;
/* Is so much queued that the peer must read before it may say more? */
int front_session_behind(const struct front_session *);
/* Take what no event will tell of: 1 got some, 0 end of file, -1 failure, -2 nothing there. */
int front_session_more(struct front_session *);

#endif
