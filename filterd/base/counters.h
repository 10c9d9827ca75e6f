/*
 * counters - what `filterctl status` shows
 *
 * One atomic counter for each line of counters.def, in a block the program makes once and hands on;
 * relaxed order, for nobody decides by them.  Counters of plugins have a place by their names,
 * which they get when they are first told of and keep; no more than COUNTERS_NAMED.  Threads: any,
 * and any processes.
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_NAMED 64
#define COUNTER_NAME   64 /* octets, with the NUL; longer ones are cut */
#define COUNTER_TEXT   128

struct counter_named {
	_Atomic int state; /* 0 free, 1 being named, 2 has its name */
	char name[COUNTER_NAME], text[COUNTER_TEXT];
	_Atomic int64_t n;
};

struct counters {
#define COUNTER(name, text) _Atomic int64_t name;
#include "base/counters.def"
#undef COUNTER
	struct counter_named named[COUNTERS_NAMED];
};

#define counter_add(c, name, n) atomic_fetch_add_explicit(&(c)->name, (n), memory_order_relaxed)
#define counter_inc(c, name)    counter_add(c, name, 1)
#define counter_get(c, name)    atomic_load_explicit(&(c)->name, memory_order_relaxed)

/* All zero; names stay. */
void counters_reset(struct counters *);
/* From now on it has a place and is shown, be it zero.  text: what it counts. */
int counters_name(struct counters *, const char *name, const char *text);
int counters_named_add(struct counters *, const char *name, int64_t n);
/* Each counter in the order of counters.def. */
void counters_each(const struct counters *,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg);
/* Those with names. */
void counters_named_each(const struct counters *,
    void (*f)(void *arg, const char *name, int64_t value, const char *text), void *arg);

#endif
