#include "base/counters.h"

void
counters_each(const struct counters *c,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg)
{
#define COUNTER(name, text) f(arg, #name, counter_get(c, name), text);
#include "base/counters.def"
#undef COUNTER
}
