/*
 * counters - what `filterctl status` shows
 *
 * One atomic counter for each line of counters.def, in a block the program makes once and hands on;
 * relaxed order, for nobody decides by them. Threads: any.
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct counters {
#define COUNTER(name, text) _Atomic int64_t name;
#include "base/counters.def"
#undef COUNTER
};

#define counter_add(c, name, n) atomic_fetch_add_explicit(&(c)->name, (n), memory_order_relaxed)
#define counter_inc(c, name)    counter_add(c, name, 1)
#define counter_get(c, name)    atomic_load_explicit(&(c)->name, memory_order_relaxed)

void counters_reset(struct counters *);
/* Each counter in the order of counters.def. */
void counters_each(const struct counters *,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg);

#endif
