/*
 * doors - what sessions share (private to front/)
 */
#ifndef FRONT_DOORS_H
#define FRONT_DOORS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "action/relay.h"
#include "core/message.h"
#include "front/door.h"
#include "front/front_session.h"
#include "front/milter_session.h"

struct net_watch;
struct watch_slot;
struct worker;

#define READY_MAX 64
/* Stacks kept for the next command. */
#define SPARE_FIBERS 32

struct doors {
	struct door_options opt;
	struct milter_world milter;
	int *listen_fds;
	int epoll;
	int wake;                 /* eventfd that ends idle threads at stop */
	struct watch_slot *slots; /* by descriptor */
	size_t nslots;

	pthread_mutex_t conf_lock;
	struct snapshot *_Atomic snapshot; /* changes under the lock, and is compared without */

	pthread_mutex_t list_lock;
	struct front_session *sessions;
	size_t nsessions;
	size_t *per_listener;
	pthread_cond_t all_gone;

	pthread_mutex_t msg_lock;
	struct message **spare; /* receive buffers kept for the next message */
	size_t nspare, spare_octets;
	size_t nspare_low; /* the least nspare of this second */
	struct message_budget budget;
	struct fiber **fibers; /* stacks kept for the next command */
	size_t nfibers;

	pthread_mutex_t thread_lock;
	pthread_cond_t threads_gone;
	int threads; /* running */
	int min_threads;
	_Atomic int stopping;
	struct front_session *late; /* paused until the events fetched are worked on, */
	struct front_session *turn; /* and whose turn it is now; */
	int turn_came;              /* since the last fetch */
	pthread_cond_t leader_gone;
	int followers;         /* threads that wait for the lead */
	struct worker *leader; /* the one thread that fetches events; NULL: none does */
	struct epoll_event ready[READY_MAX]; /* events fetched and not worked on yet */
	int ready_at, nready;
	int64_t busy_since_ms; /* the leader's present event; 0: it is waiting for one, and only
				* it may fetch: a second one's events would overwrite these */
	pthread_t tidy;
};

struct message *doors_message_get(struct doors *, const struct params *);
void doors_message_put(struct doors *, struct message *);
void doors_session_add(struct doors *, struct front_session *);
void doors_session_remove(struct doors *, struct front_session *);
/* Of the peer's address, for smtpd_client_connection_count_limit. */
size_t doors_count_client(struct doors *, const struct sockaddr_storage *);
size_t doors_count_listener(struct doors *, size_t i);
/* --- workers.c --- */
int workers_start(struct doors *); /* -1: not even one thread */
/* The session has paused; by a thread of these alone. */
void workers_later(struct doors *, struct front_session *);
/* Once a second. */
void workers_tidy(struct doors *);
/* When no session is left. */
void workers_end(struct doors *);

/* --- watch.c --- */
/* Events that are not about a session's descriptor: data.u64 is WATCH_STOP, or WATCH_LISTENER and
 * its number. */
#define WATCH_LISTENER ((uint64_t)1 << 62)
#define WATCH_STOP     ((uint64_t)1 << 63)
int watch_start(struct doors *); /* -1: errno */
/* The session waits for what it has noted.  1: it does, and may have been woken already; 0: it need
 * not, let it run. */
int watch_wait(struct doors *, struct front_session *);
/* The session that waited for this event; NULL: none. */
struct front_session *watch_event(struct doors *, const struct epoll_event *);
/* The peer has stopped sending, or the one of an earlier descriptor of this number had. */
int watch_hung_up(const struct doors *, const struct net_watch *);
/* Has an event come since the session last waited for it to read, or may one have come? */
int watch_stirred(const struct doors *, const struct net_watch *);

/* --- run.c --- */
/* Run a session while it has input, then park or free it. */
void doors_run(struct doors *, struct front_session *);
/* Let a thread pick the session up as soon as it is writable. */
void doors_greet_later(struct doors *, struct front_session *);

#endif
