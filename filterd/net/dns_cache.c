#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "net/dns_cache.h"
#include "net/dns_waiter.h"

/* So many locks, for threads that ask at the same time. */
#define SHARDS 16

/* An answer of one address takes about this; there are as many buckets as answers. */
#define USUAL_SIZE 512

struct dns_link {
	struct dns_link *next;
	struct dns_waiter *waiter;
};

struct shard {
	pthread_mutex_t lock;
	struct dns_entry **bucket;
	TAILQ_HEAD(, dns_entry) used; /* with an answer; least recently used first */
	size_t bytes, entries;
	uint64_t evicted;
};

struct dns_cache {
	struct keyhash keyhash;
	size_t nbuckets;  /* of a shard; a power of two */
	size_t max_bytes; /* of a shard */
	struct shard shard[SHARDS];
};

struct dns_cache *
dns_cache_new(size_t size)
{
	struct dns_cache *c = xcalloc(1, sizeof(*c));

	keyhash_init(&c->keyhash);
	c->max_bytes = size / SHARDS;
	c->nbuckets = 16;
	while (c->nbuckets < c->max_bytes / USUAL_SIZE)
		c->nbuckets *= 2;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&c->shard[i].lock, NULL);
		c->shard[i].bucket = xcalloc(c->nbuckets, sizeof(struct dns_entry *));
		TAILQ_INIT(&c->shard[i].used);
	}
	return c;
}

static struct shard *
shard_of(struct dns_cache *c, const struct dns_key *key)
{
	return &c->shard[key->hash >> 60];
}

static struct dns_entry **
bucket_of(struct dns_cache *c, const struct dns_key *key)
{
	return &shard_of(c, key)->bucket[key->hash & (c->nbuckets - 1)];
}

static size_t
weight(const struct dns_entry *e)
{
	return sizeof(*e) + e->size;
}

/* --- entries --- */

struct dns_entry *
dns_entry_ref(struct dns_entry *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

void
dns_entry_unref(struct dns_entry *e)
{
	if (e == NULL || atomic_fetch_sub(&e->refs, 1) > 1)
		return;
	assert(e->waiters == NULL);
	free(atomic_load(&e->answer));
	free(e);
}

int
dns_cache_key(struct dns_cache *c, struct span name, enum dns_type type, struct dns_key *key)
{
	if (dns_name_parse(name, &key->name) == -1)
		return -1;
	dns_name_lower(&key->name);
	key->type = (unsigned)type;
	/* Nobody outside chooses the type. */
	key->hash = keyhash(&c->keyhash, key->name.p, key->name.len) + key->type;
	return 0;
}

static struct dns_entry **
find(struct dns_cache *c, const struct dns_key *key)
{
	struct dns_entry **at = bucket_of(c, key);

	for (; *at != NULL; at = &(*at)->next) {
		const struct dns_key *k = &(*at)->key;

		if (k->hash == key->hash && k->type == key->type && k->name.len == key->name.len &&
		    memcmp(k->name.p, key->name.p, key->name.len) == 0)
			break;
	}
	return at;
}

/* The table's own count goes with it. */
static void
drop(struct dns_cache *c, struct shard *s, struct dns_entry *e)
{
	struct dns_entry **at = find(c, &e->key);

	assert(*at == e);
	*at = e->next;
	if (atomic_load(&e->answer) != NULL) {
		TAILQ_REMOVE(&s->used, e, used);
		s->bytes -= weight(e);
		s->entries--;
	}
	dns_entry_unref(e);
}

void
dns_cache_free(struct dns_cache *c)
{
	struct shard *s;

	if (c == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		s = &c->shard[i];
		while (!TAILQ_EMPTY(&s->used))
			drop(c, s, TAILQ_FIRST(&s->used));
		free(s->bucket);
		pthread_mutex_destroy(&s->lock);
	}
	free(c);
}

/* The entry, if it is good still or has no answer yet; one that is too old goes.  Locked. */
static struct dns_entry *
find_good(struct dns_cache *c, struct shard *s, const struct dns_key *key, int64_t now)
{
	struct dns_entry *e = *find(c, key);

	if (e == NULL || atomic_load(&e->answer) == NULL)
		return e;
	if (now >= e->until_ms) {
		drop(c, s, e);
		return NULL;
	}
	TAILQ_REMOVE(&s->used, e, used);
	TAILQ_INSERT_TAIL(&s->used, e, used);
	return e;
}

struct dns_entry *
dns_cache_find(struct dns_cache *c, const struct dns_key *key, int64_t now)
{
	struct shard *s = shard_of(c, key);
	struct dns_entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_good(c, s, key, now);
	if (e != NULL && atomic_load(&e->answer) == NULL)
		e = NULL;
	if (e != NULL)
		dns_entry_ref(e);
	pthread_mutex_unlock(&s->lock);
	return e;
}

/* --- asking --- */

static struct dns_entry *
entry_new(struct dns_cache *c, const struct dns_key *key)
{
	struct dns_entry *e = xcalloc(1, sizeof(*e)), **bucket = bucket_of(c, key);

	e->key = *key;
	atomic_init(&e->answer, NULL);
	atomic_init(&e->refs, 1);
	e->next = *bucket;
	*bucket = e;
	return e;
}

static void
link_waiter(struct dns_entry *e, struct dns_waiter *w)
{
	struct dns_link *l = xmalloc(sizeof(*l));

	l->waiter = dns_waiter_ref(w);
	l->next = e->waiters;
	e->waiters = l;
	dns_waiter_expect(w);
}

struct dns_entry *
dns_cache_join(
    struct dns_cache *c, const struct dns_key *key, int64_t now, struct dns_waiter *w, int *made)
{
	struct shard *s = shard_of(c, key);
	struct dns_entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_good(c, s, key, now);
	*made = e == NULL;
	if (e == NULL)
		e = entry_new(c, key);
	if (atomic_load(&e->answer) == NULL)
		link_waiter(e, w);
	dns_entry_ref(e);
	pthread_mutex_unlock(&s->lock);
	return e;
}

void
dns_cache_leave(struct dns_cache *c, struct dns_entry *e, struct dns_waiter *w)
{
	struct shard *s = shard_of(c, &e->key);
	struct dns_link **at, *l;

	pthread_mutex_lock(&s->lock);
	for (at = &e->waiters; *at != NULL && (*at)->waiter != w; at = &(*at)->next)
		;
	if ((l = *at) != NULL)
		*at = l->next;
	pthread_mutex_unlock(&s->lock);
	if (l == NULL)
		return; /* it is being told just now */
	dns_waiter_unref(w);
	free(l);
}

/* --- answers --- */

static void
make_room(struct dns_cache *c, struct shard *s)
{
	while (s->bytes > c->max_bytes && !TAILQ_EMPTY(&s->used)) {
		drop(c, s, TAILQ_FIRST(&s->used));
		s->evicted++;
	}
}

static void
tell(struct dns_link *l)
{
	struct dns_link *next;

	for (; l != NULL; l = next) {
		next = l->next;
		dns_waiter_done(l->waiter);
		dns_waiter_unref(l->waiter);
		free(l);
	}
}

void
dns_cache_answer(struct dns_cache *c, struct dns_entry *e, struct dns_result *answer, size_t size,
    unsigned ttl, int64_t now)
{
	struct shard *s = shard_of(c, &e->key);
	struct dns_link *waiters;

	assert(atomic_load(&e->answer) == NULL);
	pthread_mutex_lock(&s->lock);
	if (ttl == 0)
		drop(c, s, e); /* while it has no answer, so that none is counted */
	e->size = size;
	e->made_ms = now;
	e->until_ms = now + (int64_t)ttl * 1000;
	atomic_store(&e->answer, answer);
	if (ttl != 0) {
		TAILQ_INSERT_TAIL(&s->used, e, used);
		s->bytes += weight(e);
		s->entries++;
		make_room(c, s);
	}
	waiters = e->waiters;
	e->waiters = NULL;
	pthread_mutex_unlock(&s->lock);
	tell(waiters);
}

void
dns_cache_stats(struct dns_cache *c, uint64_t *entries, uint64_t *bytes, uint64_t *evicted)
{
	*entries = *bytes = *evicted = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shard[i];

		pthread_mutex_lock(&s->lock);
		*entries += s->entries;
		*bytes += s->bytes;
		*evicted += s->evicted;
		pthread_mutex_unlock(&s->lock);
	}
}
