/*
 * bench_heap - how often this thread has asked the heap for memory
 *
 * The program is linked with --wrap for malloc, calloc and realloc.
 */
#ifndef TESTS_BENCH_BENCH_HEAP_H
#define TESTS_BENCH_BENCH_HEAP_H

#include <stdint.h>

uint64_t bench_heap_count(void);

#endif
