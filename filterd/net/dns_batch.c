/* The callers' side: look-ups that start together (net/dns.h). */
#include "base/arena.h"
#include "net/dns_packet.h"
#include "net/dns_private.h"

struct dns_query {
	struct dns_query *next;
	struct dns_batch *batch;
	struct dns_entry *entry;         /* counted; NULL when result is there */
	const struct dns_result *result; /* in the arena */
};

struct dns_batch {
	struct dns *dns;
	struct arena *arena;
	struct dns_query *queries;
	struct dns_waiter *waiter; /* NULL: nothing had to be asked so far */
	int unsent;
};

struct dns_batch *
dns_batch_new(struct dns *dns, struct arena *a)
{
	struct dns_batch *b = arena_calloc(a, sizeof(*b));

	b->dns = dns;
	b->arena = a;
	return b;
}

void
dns_batch_end(struct dns_batch *b)
{
	if (b == NULL)
		return;
	dns_send(b); /* others may have joined in */
	for (struct dns_query *q = b->queries; q != NULL; q = q->next) {
		if (q->entry == NULL)
			continue;
		dns_cache_leave(b->dns->cache, q->entry, b->waiter);
		dns_entry_unref(q->entry);
		q->entry = NULL;
	}
	b->queries = NULL;
	dns_waiter_unref(b->waiter);
	b->waiter = NULL;
}

/* --- results --- */

static uint32_t
older(uint32_t ttl, uint32_t by)
{
	return ttl > by ? ttl - by : 0;
}

/* Copy the answer, with what is left of its time. */
static const struct dns_result *
take(struct dns_batch *b, const struct dns_entry *e, const struct dns_result *answer)
{
	struct dns_result *r = dns_result_copy(answer, e->size, b->arena);
	int64_t age = (clock_ms() - e->made_ms) / 1000;
	struct dns_rr *rr = (struct dns_rr *)(uintptr_t)r->rr; /* ours: just copied */

	if (age <= 0)
		return r;
	r->ttl = older(r->ttl, (uint32_t)age);
	for (size_t i = 0; i < r->n; i++)
		rr[i].ttl = older(rr[i].ttl, (uint32_t)age);
	return r;
}

static const struct dns_result *
without_records(struct dns_batch *b, enum dns_outcome outcome)
{
	struct dns_result *r = arena_calloc(b->arena, sizeof(*r));

	r->outcome = outcome;
	return r;
}

/* Has it been answered?  Then the result is taken. */
static int
look(struct dns_query *q)
{
	const struct dns_result *answer;

	if (q->entry == NULL)
		return 1;
	answer = atomic_load_explicit(&q->entry->answer, memory_order_acquire);
	if (answer == NULL)
		return 0;
	q->result = take(q->batch, q->entry, answer);
	dns_entry_unref(q->entry);
	q->entry = NULL;
	return 1;
}

const struct dns_result *
dns_result(struct dns_query *q)
{
	static const struct dns_result timeout = { .outcome = DNS_TIMEOUT };

	look(q);
	return q->result != NULL ? q->result : &timeout;
}

/* --- asking --- */

/* Nothing is known: ask, or join who asks. */
static void
ask(struct dns_query *q, const struct dns_key *key, int64_t now)
{
	struct dns_batch *b = q->batch;
	struct dns *dns = b->dns;
	int made;

	if (b->waiter == NULL && (b->waiter = dns_waiter_get(&dns->waiters)) == NULL) {
		q->result = without_records(b, DNS_BUSY);
		return;
	}
	q->entry = dns_cache_join(dns->cache, key, now, b->waiter, &made);
	b->unsent = 1;
	if (!made)
		dns_count(dns->joined);
	else if (dns_submit(dns, dns_entry_ref(q->entry)) == -1)
		dns_settle(dns, dns_entry_ref(q->entry), DNS_BUSY);
	look(q);
}

struct dns_query *
dns_start(struct dns_batch *b, struct span name, enum dns_type type)
{
	struct dns_query *q = arena_calloc(b->arena, sizeof(*q));
	int64_t now = clock_ms();
	struct dns_key key;

	q->batch = b;
	q->next = b->queries;
	b->queries = q;
	dns_count(b->dns->started);
	if (dns_cache_key(b->dns->cache, name, type, &key) == -1) {
		q->result = without_records(b, DNS_BAD_NAME);
		return q;
	}
	q->entry = dns_cache_find(b->dns->cache, &key, now);
	if (q->entry == NULL) {
		ask(q, &key, now);
		return q;
	}
	dns_count(b->dns->cached);
	look(q);
	return q;
}

void
dns_send(struct dns_batch *b)
{
	if (b->unsent)
		dns_kick(b->dns);
	b->unsent = 0;
}

/* --- waiting --- */

int
dns_wait(struct dns_batch *b, struct deadline d)
{
	dns_send(b);
	return b->waiter == NULL || dns_waiter_wait(b->waiter, 0, d);
}

int
dns_wait_query(struct dns_query *q, struct deadline d)
{
	struct dns_batch *b = q->batch;
	int left;

	dns_send(b);
	for (;;) {
		/* Counted first: if it comes after we have looked, one less is left. */
		left = b->waiter == NULL ? 0 : dns_waiter_left(b->waiter);
		if (look(q))
			return 1;
		if (left == 0 || !dns_waiter_wait(b->waiter, left - 1, d))
			return look(q);
	}
}
