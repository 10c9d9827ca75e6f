#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/process_id.h"
#include "core/transaction.h"

void
transaction_init(struct transaction *t, struct arena *arena)
{
	memset(t, 0, sizeof(*t));
	t->arena = arena;
	t->message_id = t->subject = "";
	verdict_init(&t->verdict, arena);
}

struct recipient *
transaction_candidate(struct transaction *t)
{
	struct recipient *r = arena_calloc(t->arena, sizeof(*r));

	verdict_init(&r->verdict, t->arena);
	return r;
}

void
transaction_accept(struct transaction *t, struct recipient *r)
{
	if (t->nrcpts == t->rcpts_cap) {
		size_t cap = t->rcpts_cap == 0 ? 4 : t->rcpts_cap * 2;
		struct recipient **v = arena_alloc(t->arena, cap * sizeof(struct recipient *));

		if (t->nrcpts > 0)
			memcpy(v, t->rcpts, t->nrcpts * sizeof(*v));
		t->rcpts = v;
		t->rcpts_cap = cap;
	}
	t->rcpts[t->nrcpts++] = r;
}

struct recipient *
transaction_add_rcpt(struct transaction *t)
{
	struct recipient *r = transaction_candidate(t);

	transaction_accept(t, r);
	return r;
}

/* Without vowels, so that no word of any language comes out; 52 characters. */
static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

static char *
put(char *p, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = digits[v % (sizeof(digits) - 1)];
		v /= sizeof(digits) - 1;
	}
	return p + n;
}

void
decision_id_make(char *out, size_t size)
{
	/* A counter may be file-level state: it orders nothing but itself. */
	static _Atomic uint32_t count;
	uint32_t n = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	uint64_t us = (uint64_t)clock_wall_us();
	char id[17], *p = id;

	p = put(p, us / 1000000, 6);
	p = put(p, us % 1000000, 4);
	p = put(p, (uint64_t)process_id(), 4);
	p = put(p, n, 3);
	span_copy(span_make(id, (size_t)(p - id)), out, size);
}

int
decision_id_time(struct span id, int64_t *seconds)
{
	int64_t v = 0;

	if (id.len < 13 || id.len > 23)
		return -1;
	for (size_t i = 0; i < id.len; i++) {
		const char *at = id.p[i] == '\0' ? NULL : strchr(digits, id.p[i]);

		if (at == NULL)
			return -1;
		if (i < 6)
			v = v * (int64_t)(sizeof(digits) - 1) + (at - digits);
	}
	*seconds = v;
	return 0;
}
