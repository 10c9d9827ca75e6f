#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/err.h"
#include "base/xmem.h"
#include "client/hop_private.h"
#include "client/pool.h"
#include "net/stream.h"

#define HELO_MAX      256
#define PARK_AFTER_MS 1000

/* One next hop: what it can do, and its kept connections, the latest used first. */
struct peer {
	struct peer *next;
	char text[sizeof(((struct next_hop *)0)->text)];
	int known;
	struct hop_caps caps;
	struct hop *idle;
	int nidle;
};

struct hop_pool {
	uint32_t magic;
#define POOL_MAGIC 0x9001a11eu
	pthread_mutex_t lock; /* over all below; never held while anything waits */
	struct hop_options options;
	char helo_name[HELO_MAX];
	struct peer *peers; /* the latest used first */
	size_t npeers;
	struct counters *counters;
};

struct hop_pool *
pool_new(const struct hop_options *options, struct counters *counters)
{
	struct hop_pool *p = xcalloc(1, sizeof(*p));

	p->magic = POOL_MAGIC;
	pthread_mutex_init(&p->lock, NULL);
	p->counters = counters;
	pool_set_options(p, options);
	return p;
}

void
pool_set_options(struct hop_pool *p, const struct hop_options *options)
{
	pthread_mutex_lock(&p->lock);
	p->options = *options;
	snprintf(p->helo_name, sizeof(p->helo_name), "%s", options->helo_name);
	p->options.helo_name = p->helo_name;
	pthread_mutex_unlock(&p->lock);
}

/* Without the lock: it writes to them. */
static void
quit_all(struct hop *list)
{
	struct hop *next;

	for (; list != NULL; list = next) {
		next = list->next;
		hop_quit(list);
	}
}

void
pool_free(struct hop_pool *p)
{
	struct peer *peer, *next_peer;

	if (p == NULL)
		return;
	for (peer = p->peers; peer != NULL; peer = next_peer) {
		next_peer = peer->next;
		quit_all(peer->idle);
		free(peer);
	}
	pthread_mutex_destroy(&p->lock);
	p->magic = 0;
	free(p);
}

static struct peer *
find_peer(struct hop_pool *p, const char *text)
{
	struct peer *peer;

	for (struct peer **at = &p->peers; (peer = *at) != NULL; at = &peer->next)
		if (strcmp(peer->text, text) == 0) {
			*at = peer->next;
			peer->next = p->peers;
			p->peers = peer;
			return peer;
		}
	return NULL;
}

/* Forget the one that was not used for longest; its kept connections, for quit_all(). */
static struct hop *
drop_last(struct hop_pool *p)
{
	struct peer **at = &p->peers;
	struct hop *idle;

	while ((*at)->next != NULL)
		at = &(*at)->next;
	idle = (*at)->idle;
	free(*at);
	*at = NULL;
	p->npeers--;
	return idle;
}

/* *surplus: connections for quit_all(), when there is no lock any more. */
static struct peer *
need_peer(struct hop_pool *p, const char *text, struct hop **surplus)
{
	struct peer *peer = find_peer(p, text);

	*surplus = NULL;
	if (peer != NULL)
		return peer;
	if (p->npeers == POOL_PEERS_MAX)
		*surplus = drop_last(p);
	peer = xcalloc(1, sizeof(*peer));
	snprintf(peer->text, sizeof(peer->text), "%s", text);
	peer->next = p->peers;
	p->peers = peer;
	p->npeers++;
	return peer;
}

static struct hop *
take_idle(struct hop_pool *p, const struct next_hop *to)
{
	struct hop *h = NULL;
	struct peer *peer;

	pthread_mutex_lock(&p->lock);
	peer = find_peer(p, to->text);
	if (peer != NULL && peer->idle != NULL) {
		h = peer->idle;
		peer->idle = h->next;
		peer->nidle--;
		h->next = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return h;
}

/* A kept connection that speaks without being asked says goodbye; one at its end is gone. */
static int
still_there(struct hop *h)
{
	return !stream_stirred(h->s) || stream_try_fill(h->s) == -2;
}

static struct hop *
connect_new(struct hop_pool *p, const struct next_hop *to, struct deadline d, struct err *err)
{
	char helo[HELO_MAX];
	struct hop_options o;
	struct hop *h, *surplus;
	struct peer *peer;

	pthread_mutex_lock(&p->lock);
	o = p->options;
	memcpy(helo, p->helo_name, sizeof(helo));
	pthread_mutex_unlock(&p->lock);

	h = hop_open(to, helo, o.connect_timeout_ms, o.helo_timeout_ms, d, err);
	if (p->counters != NULL) {
		if (h == NULL)
			counter_inc(p->counters, hop_failures);
		else
			counter_inc(p->counters, hop_connections);
	}
	if (h == NULL)
		return NULL;
	pthread_mutex_lock(&p->lock);
	peer = need_peer(p, to->text, &surplus);
	peer->known = 1;
	peer->caps = h->caps;
	pthread_mutex_unlock(&p->lock);
	quit_all(surplus);
	return h;
}

struct hop *
pool_get(
    struct hop_pool *p, const struct next_hop *to, int fresh, struct deadline d, struct err *err)
{
	struct hop *h = NULL;

	assert(p->magic == POOL_MAGIC);
	while (!fresh && (h = take_idle(p, to)) != NULL && !still_there(h))
		hop_close(h);
	if (h == NULL)
		h = connect_new(p, to, d, err);
	if (h != NULL)
		h->uses++;
	return h;
}

int
hop_reused(const struct hop *h)
{
	return h->uses > 1;
}

void
pool_put(struct hop_pool *p, struct hop *h)
{
	struct hop *surplus;
	struct peer *peer;

	if (!hop_idle(h)) {
		pool_break(p, h);
		return;
	}
	if (h->personal) {
		hop_quit(h);
		return;
	}
	h->idle_since_ms = clock_ms();
	pthread_mutex_lock(&p->lock);
	peer = need_peer(p, h->target.text, &surplus);
	if ((p->options.max_reuse == 0 || h->uses < p->options.max_reuse) &&
	    peer->nidle < p->options.max_idle) {
		h->next = peer->idle;
		peer->idle = h;
		peer->nidle++;
		h = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	quit_all(surplus);
	if (h != NULL)
		hop_quit(h);
}

void
pool_break(struct hop_pool *p, struct hop *h)
{
	if (h == NULL)
		return;
	if (h->broken && p->counters != NULL)
		counter_inc(p->counters, hop_failures);
	hop_close(h);
}

int
pool_caps(struct hop_pool *p, const struct next_hop *to, struct hop_caps *caps)
{
	struct peer *peer;
	int known;

	pthread_mutex_lock(&p->lock);
	peer = find_peer(p, to->text);
	known = peer != NULL && peer->known;
	if (known)
		*caps = peer->caps;
	pthread_mutex_unlock(&p->lock);
	return known;
}

int
pool_learn(struct hop_pool *p, const struct next_hop *to, struct hop_caps *caps, struct deadline d,
    struct err *err)
{
	struct hop *h;

	if (pool_caps(p, to, caps))
		return 0;
	h = pool_get(p, to, 0, d, err);
	if (h == NULL)
		return -1;
	*caps = h->caps;
	pool_put(p, h);
	return 0;
}

/* Take what is too old off the end of the list; let those that rest give their buffers back. */
static struct hop *
tidy_peer(struct peer *peer, int64_t now, int limit_ms)
{
	struct hop **at = &peer->idle, *old;

	for (; *at != NULL; at = &(*at)->next) {
		int64_t unused = now - (*at)->idle_since_ms;

		if (unused >= limit_ms)
			break;
		if (unused >= PARK_AFTER_MS && stream_peek((*at)->s).len == 0)
			stream_park((*at)->s);
	}
	/* The latest used is in front, so all behind an old one are older. */
	old = *at;
	*at = NULL;
	for (struct hop *h = old; h != NULL; h = h->next)
		peer->nidle--;
	return old;
}

void
pool_tidy(struct hop_pool *p)
{
	struct hop *old = NULL, *h, *next;
	int64_t now = clock_ms();

	pthread_mutex_lock(&p->lock);
	for (struct peer *peer = p->peers; peer != NULL; peer = peer->next) {
		struct hop *list = tidy_peer(peer, now, p->options.idle_limit_ms);

		for (h = list; h != NULL; h = next) {
			next = h->next;
			h->next = old;
			old = h;
		}
	}
	pthread_mutex_unlock(&p->lock);
	quit_all(old);
}
