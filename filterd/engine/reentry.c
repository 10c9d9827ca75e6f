#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/keyhash.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/message.h"
#include "core/transaction.h"
#include "engine/reentry.h"
#include "mail/received.h"

#define SLOTS   8192
#define KEEP_MS ((int64_t)3600 * 1000)
/* Its own id, the one of the round before, and those of a few hosts between. */
#define LOOK_AT 6
/* In a loop each message would say it fifty times. */
#define TELL_MS 60000

struct slot {
	_Atomic uint64_t key; /* of listener and id */
	_Atomic int64_t at_ms;
};

struct reentry {
	struct counters *counters;
	struct keyhash hash;
	_Atomic int64_t told_ms;
	_Atomic int any; /* something was noted; where no client says IDENT nothing is */
	struct slot slots[SLOTS];
};

struct reentry *
reentry_new(struct counters *counters)
{
	struct reentry *r = xcalloc(1, sizeof(*r));

	r->counters = counters;
	keyhash_init(&r->hash);
	atomic_store(&r->told_ms, -TELL_MS);
	return r;
}

void
reentry_free(struct reentry *r)
{
	free(r);
}

/* Of listener and id; ids in mail are whatever a stranger writes. */
static uint64_t
key_of(const struct reentry *r, const struct transaction *t, struct span id)
{
	return keyhash(&r->hash, id.p, id.len) ^
	       keyhash(&r->hash, t->listener, strlen(t->listener) + 1);
}

static int
is_known(struct reentry *r, uint64_t key)
{
	const struct slot *s = &r->slots[key % SLOTS];

	return atomic_load(&s->key) == key && clock_ms() - atomic_load(&s->at_ms) < KEEP_MS;
}

static void
tell(struct reentry *r, const struct transaction *t, const char *id)
{
	int64_t now = clock_ms(), told = atomic_load(&r->told_ms);

	if (now - told < TELL_MS || !atomic_compare_exchange_strong(&r->told_ms, &told, now))
		return;
	log_warn(t->service, t->id,
	    "a message that listener %s passed on as %s comes through it again: has the smtpd that "
	    "takes mail back a content_filter of its own? (master.cf: -o content_filter=)",
	    t->listener, id);
}

void
reentry_look(struct reentry *r, struct transaction *t)
{
	struct span ids[LOOK_AT];
	size_t n;

	if (!atomic_load_explicit(&r->any, memory_order_relaxed))
		return;
	n = received_ids(message_view(t->message), ids, LOOK_AT);
	for (size_t i = 0; i < n; i++) {
		const char *id;

		/* The client's own: it has said it twice if it tries again. */
		if (span_eq_str(ids[i], t->client->ident) || !is_known(r, key_of(r, t, ids[i])))
			continue;
		id = arena_str(t->arena, ids[i]);
		if (id == NULL)
			continue;
		fact_set_detail(&t->facts, FACT_LOOP_REENTRY, id);
		counter_inc(r->counters, reentries);
		tell(r, t, id);
		return;
	}
}

static int
passed_on(const struct transaction *t)
{
	for (size_t i = 0; i < t->nrcpts; i++)
		if (t->rcpts[i]->fate == FATE_DELIVERED)
			return 1;
	return 0;
}

void
reentry_note(struct reentry *r, const struct transaction *t)
{
	struct slot *s;
	uint64_t key;

	if (t->client->ident[0] == '\0' || !passed_on(t))
		return;
	key = key_of(r, t, span_str(t->client->ident));
	s = &r->slots[key % SLOTS];
	atomic_store(&s->key, key);
	atomic_store(&s->at_ms, clock_ms());
	atomic_store_explicit(&r->any, 1, memory_order_relaxed);
}
