#include <sched.h>
#include <string.h>

#include "base/counters.h"
#include "base/span.h"

void
counters_reset(struct counters *c)
{
#define COUNTER(name, text) atomic_store_explicit(&c->name, 0, memory_order_relaxed);
#include "base/counters.def"
#undef COUNTER
	for (size_t i = 0; i < COUNTERS_NAMED; i++)
		atomic_store_explicit(&c->named[i].n, 0, memory_order_relaxed);
}

enum { NAME_FREE, NAME_BEING_SET, NAME_SET };

/* Who names one is done in a moment, unless his process died in it: its place is then lost. */
#define NAMING_TRIES 1000

/* 1: this place has the name, which it may have been given now. */
static int
is_named(struct counter_named *p, const char *name, const char *text)
{
	int state = atomic_load_explicit(&p->state, memory_order_acquire);

	if (state == NAME_FREE &&
	    atomic_compare_exchange_strong(&p->state, &state, NAME_BEING_SET)) {
		span_copy(span_str(name), p->name, sizeof(p->name));
		span_copy(span_str(text), p->text, sizeof(p->text));
		atomic_store_explicit(&p->state, NAME_SET, memory_order_release);
		return 1;
	}
	for (int i = 0; state != NAME_SET && i < NAMING_TRIES; i++) {
		sched_yield();
		state = atomic_load_explicit(&p->state, memory_order_acquire);
	}
	return state == NAME_SET && strncmp(p->name, name, sizeof(p->name) - 1) == 0;
}

static struct counter_named *
place(struct counters *c, const char *name, const char *text)
{
	for (size_t i = 0; i < COUNTERS_NAMED; i++)
		if (is_named(&c->named[i], name, text))
			return &c->named[i];
	return NULL;
}

int
counters_name(struct counters *c, const char *name, const char *text)
{
	return place(c, name, text) == NULL ? -1 : 0;
}

int
counters_named_add(struct counters *c, const char *name, int64_t n)
{
	struct counter_named *p = place(c, name, "");

	if (p == NULL)
		return -1;
	atomic_fetch_add_explicit(&p->n, n, memory_order_relaxed);
	return 0;
}

void
counters_each(const struct counters *c,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg)
{
#define COUNTER(name, text) f(arg, #name, counter_get(c, name), text);
#include "base/counters.def"
#undef COUNTER
}

void
counters_named_each(const struct counters *c,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg)
{
	for (size_t i = 0; i < COUNTERS_NAMED; i++) {
		const struct counter_named *p = &c->named[i];

		if (atomic_load_explicit(&p->state, memory_order_acquire) == NAME_SET)
			f(arg, p->name, atomic_load_explicit(&p->n, memory_order_relaxed), p->text);
	}
}
