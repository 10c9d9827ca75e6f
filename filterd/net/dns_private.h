/*
 * dns_private - the resolver's parts among themselves (net/dns.h)
 *
 * dns.c makes the resolver and is its thread; dns_batch.c is the callers' side; dns_ask.c sends
 * questions and judges replies; dns_servers.c knows whom to ask.
 */
#ifndef NET_DNS_PRIVATE_H
#define NET_DNS_PRIVATE_H

#include <ares.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/dns.h"
#include "net/dns_cache.h"
#include "net/dns_waiter.h"

struct arena;
struct dns_job;
struct err;

#define DNS_SERVERS_MAX 8

/* A server is a channel of its own, so that we choose who is asked next, and know who said what. */
struct dns_server {
	struct dns *dns;
	ares_channel channel;
};

struct dns {
	struct dns_options o; /* numbers filled in; no texts */
	struct dns_cache *cache;
	struct dns_waiters waiters;
	pthread_t thread;
	int wake_fd; /* an eventfd(2) the thread looks at */

	pthread_mutex_t lock; /* the queue */
	struct dns_entry *queue, **queue_end;
	unsigned queued;
	int asleep, stopping;

	_Atomic uint64_t started, cached, joined, sent, outcomes[DNS_OUTCOMES];

	/* The thread's own. */
	struct dns_server server[DNS_SERVERS_MAX];
	unsigned nservers;
	unsigned first;         /* the server that is asked first, */
	int64_t first_until_ms; /* until then, if it is not the first of all */
	struct dns_job *again;  /* to be sent to the next server */
	unsigned in_flight;
	struct arena *arena; /* of one reply */
	struct pollfd *fds;  /* of the channels, and whose they are */
	struct dns_server **fd_server;
	size_t nfds, room;
};

#define dns_count(counter) atomic_fetch_add_explicit(&(counter), 1, memory_order_relaxed)

/* --- dns.c --- */

/* The entry is to be asked; its reference goes with it.  -1: the queue is full. */
int dns_submit(struct dns *, struct dns_entry *);
/* Wake the thread if there is something in the queue. */
void dns_kick(struct dns *);

/* --- dns_ask.c --- */

/* Ask; the entry gets its answer sooner or later.  Takes the reference. */
void dns_ask(struct dns *, struct dns_entry *);
/* What is to be asked again. */
void dns_ask_again(struct dns *);
/* What is to be asked again, at the resolver's end. */
void dns_give_up(struct dns *);
/* The outcome as an answer, without asking.  Takes the reference. */
void dns_settle(struct dns *, struct dns_entry *, enum dns_outcome);

/* --- dns_servers.c --- */

/* Open a channel for each server.  -1: err. */
int dns_servers_open(struct dns *, const struct dns_options *, struct err *) ATTR_MUST_USE;
void dns_servers_close(struct dns *);

#endif
