/*
 * doors - what sessions share (private to front/)
 */
#ifndef FRONT_DOORS_H
#define FRONT_DOORS_H

#include <pthread.h>
#include <stdatomic.h>

#include "action/relay.h"
#include "base/blocking.h"
#include "front/door.h"
#include "front/session.h"

struct message;

struct doors {
	struct door_options opt;
	int *listen_fds;
	int epoll;
	int wake; /* eventfd that ends idle threads at stop */

	pthread_mutex_t conf_lock;
	struct snapshot *snapshot;

	pthread_mutex_t list_lock;
	struct smtp_session *sessions;
	size_t nsessions;
	size_t *per_listener;
	pthread_cond_t all_gone;

	pthread_mutex_t msg_lock;
	struct message **spare; /* receive buffers kept for the next message */
	size_t nspare;
	struct fiber **fibers; /* stacks kept for the next command */
	size_t nfibers;

	pthread_mutex_t thread_lock;
	pthread_cond_t threads_gone;
	int threads; /* running */
	int min_threads;
	_Atomic int idle; /* in epoll_wait */
	_Atomic int stopping;
	_Atomic int64_t last_idle_ms; /* when a thread last had nothing to do */
	struct blocking_hook hook;
	pthread_t tidy;
};

struct message *doors_message_get(struct doors *, const struct params *);
void doors_message_put(struct doors *, struct message *);
void doors_session_add(struct doors *, struct smtp_session *);
void doors_session_remove(struct doors *, struct smtp_session *);
/* Of the peer's address, for smtpd_client_connection_count_limit. */
size_t doors_count_client(struct doors *, const struct sockaddr_storage *);
size_t doors_count_listener(struct doors *, size_t i);
/* Run a session while it has input, then park or free it. */
void doors_run(struct doors *, struct smtp_session *);
/* Let a thread pick the session up as soon as it is writable. */
void doors_greet_later(struct doors *, struct smtp_session *);

#endif
