#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xmem.h"

/* One block fits what an ordinary transaction needs, so most see a single malloc in a session. */
#define ARENA_BLOCK 4000
#define ARENA_ALIGN (_Alignof(max_align_t))

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(max_align_t) uint8_t bytes[];
};

struct arena {
	struct block *head;
	size_t used;
};

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = next;
	b->size = size;
	b->used = 0;
	return b;
}

struct arena *
arena_new(void)
{
	struct arena *a = xmalloc(sizeof(*a));

	a->head = NULL;
	a->used = 0;
	return a;
}

void
arena_reset(struct arena *a)
{
	struct block *b = a->head, *next;

	a->used = 0;
	if (b == NULL)
		return;
	/* The oldest block has the ordinary size; it is the one to keep. */
	for (; b->next != NULL; b = next) {
		next = b->next;
		free(b);
	}
	if (b->size > ARENA_BLOCK) {
		free(b);
		b = NULL;
	} else {
		b->used = 0;
	}
	a->head = b;
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->head;
	void *p;

	if (size > SIZE_MAX - 64)
		abort();
	size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (b == NULL || b->size - b->used < size)
		b = a->head = block_new(size > ARENA_BLOCK ? size : ARENA_BLOCK, b);
	p = b->bytes + b->used;
	b->used += size;
	a->used += size;
	return p;
}

void *
arena_calloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

struct span
arena_span(struct arena *a, struct span s)
{
	uint8_t *p = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return span_make(p, s.len);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return (char *)(uintptr_t)arena_span(a, span_str(s)).p;
}

char *
arena_str(struct arena *a, struct span s)
{
	if (s.len > 0 && memchr(s.p, 0, s.len) != NULL)
		return NULL;
	return (char *)(uintptr_t)arena_span(a, s).p;
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	struct block *b = a->head;
	size_t room = b == NULL ? 0 : b->size - b->used;
	char *s = b == NULL ? NULL : (char *)b->bytes + b->used, *to;
	va_list again;
	int n;

	/* What fits is printed once, to where it will stand. */
	va_copy(again, ap);
	n = vsnprintf(s, room, fmt, again);
	va_end(again);
	if (n < 0)
		abort();
	to = arena_alloc(a, (size_t)n + 1);
	if (to != s)
		vsnprintf(to, (size_t)n + 1, fmt, ap);
	return to;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

struct arena_mark
arena_mark(const struct arena *a)
{
	return (struct arena_mark){
		.block = a->head, .in_block = a->head == NULL ? 0 : a->head->used, .used = a->used
	};
}

void
arena_rewind(struct arena *a, const struct arena_mark *m)
{
	while (a->head != m->block) {
		struct block *b = a->head;

		a->head = b->next;
		free(b);
	}
	if (a->head != NULL)
		a->head->used = m->in_block;
	a->used = m->used;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
