#include <stddef.h>

#include "tests/bench/bench_heap.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

static _Thread_local uint64_t count;

uint64_t
bench_heap_count(void)
{
	return count;
}

void *
__wrap_malloc(size_t n)
{
	count++;
	return __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	count++;
	return __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	count++;
	return __real_realloc(p, n);
}
