#include "base/counters.h"

void
counters_reset(struct counters *c)
{
#define COUNTER(name, text) atomic_store_explicit(&c->name, 0, memory_order_relaxed);
#include "base/counters.def"
#undef COUNTER
}

void
counters_each(const struct counters *c,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg)
{
#define COUNTER(name, text) f(arg, #name, counter_get(c, name), text);
#include "base/counters.def"
#undef COUNTER
}
