#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "core/edit.h"

void
edit_list_init(struct edit_list *l, struct arena *arena)
{
	*l = (struct edit_list){ .arena = arena };
}

static void
grow(struct edit_list *l)
{
	size_t cap = l->cap == 0 ? 8 : l->cap * 2;
	struct edit *v = arena_alloc(l->arena, cap * sizeof(*v));

	if (l->n > 0)
		memcpy(v, l->v, l->n * sizeof(*v));
	l->v = v;
	l->cap = cap;
}

/* Does a new one come before this one?  What is put where something is taken away does. */
static int
comes_before(size_t at, size_t del, const struct edit *e)
{
	return e->at > at || (e->at == at && e->del > 0 && del == 0);
}

/* Behind how many of them a new one comes. */
static size_t
place(const struct edit_list *l, size_t at, size_t del)
{
	size_t low = 0, high = l->n;

	/* A check runs from top to bottom, so it is nearly always the end. */
	if (high > 0 && !comes_before(at, del, &l->v[high - 1]))
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (comes_before(at, del, &l->v[mid]))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct edit *
edit_add(struct edit_list *l, size_t at, size_t del, struct span ins)
{
	size_t i = place(l, at, del);

	if ((i > 0 && l->v[i - 1].at + l->v[i - 1].del > at) || (i < l->n && at + del > l->v[i].at))
		return NULL;
	if (l->n == l->cap)
		grow(l);
	memmove(&l->v[i + 1], &l->v[i], (l->n - i) * sizeof(*l->v));
	l->v[i] = (struct edit){ .at = at, .del = del, .ins = arena_span(l->arena, ins) };
	l->n++;
	return &l->v[i];
}

int
edit_list_same(const struct edit_list *a, const struct edit_list *b)
{
	size_t na = a == NULL ? 0 : a->n, nb = b == NULL ? 0 : b->n;

	if (na != nb)
		return 0;
	for (size_t i = 0; i < na; i++)
		if (a->v[i].at != b->v[i].at || a->v[i].del != b->v[i].del ||
		    !span_eq(a->v[i].ins, b->v[i].ins))
			return 0;
	return 1;
}

size_t
edit_result_len(const struct edit_list *l, size_t len)
{
	if (l == NULL)
		return len;
	for (size_t i = 0; i < l->n; i++)
		len = len - l->v[i].del + l->v[i].ins.len;
	return len;
}

int
edit_walk(struct span message, const struct edit_list *edits,
    int (*f)(void *arg, struct span piece), void *arg)
{
	size_t at = 0, n = edits == NULL ? 0 : edits->n;

	for (size_t i = 0; i < n; i++) {
		const struct edit *e = &edits->v[i];

		assert(e->at >= at && e->at + e->del <= message.len);
		if (e->at > at && f(arg, span_make(message.p + at, e->at - at)) == -1)
			return -1;
		if (e->ins.len > 0 && f(arg, e->ins) == -1)
			return -1;
		at = e->at + e->del;
	}
	if (message.len > at)
		return f(arg, span_make(message.p + at, message.len - at));
	return 0;
}
