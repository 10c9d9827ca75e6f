#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "core/edit.h"

void
edit_list_init(struct edit_list *l, struct arena *arena)
{
	*l = (struct edit_list){ .arena = arena };
}

/* Room for one more. */
static struct edit *
grown(struct arena *a, struct edit *v, size_t n, size_t *cap)
{
	struct edit *more;

	if (n < *cap)
		return v;
	*cap = *cap == 0 ? 8 : *cap * 2;
	more = arena_alloc(a, *cap * sizeof(*more));
	if (n > 0)
		memcpy(more, v, n * sizeof(*more));
	return more;
}

/* Does it come before what is added at this place later?  What is put where something is taken away
 * comes before that. */
static int
stays_before(const struct edit *e, size_t at, size_t del)
{
	return e->at < at || (e->at == at && (e->del == 0 || del > 0));
}

static int
is_free(const struct edit *v, size_t n, size_t at, size_t del)
{
	size_t low = 0, high = n;

	while (low < high) { /* the first one that ends behind `at` */
		size_t mid = low + (high - low) / 2;

		if (v[mid].at + v[mid].del <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low == n || v[low].at >= at + del;
}

int
edit_is_free(const struct edit_list *l, size_t at, size_t del)
{
	return is_free(l->v, l->n, at, del) && is_free(l->late, l->nlate, at, del);
}

/* Into an array that has room.  edit_is_free() has been asked. */
static struct edit *
put(struct edit *v, size_t n, const struct edit *e)
{
	size_t i;

	/* Checks run from top to bottom, so the place is nearly always the end. */
	for (i = n; i > 0 && !stays_before(&v[i - 1], e->at, e->del); i--)
		;
	assert(i == 0 || v[i - 1].at + v[i - 1].del <= e->at);
	assert(i == n || e->at + e->del <= v[i].at);
	memmove(&v[i + 1], &v[i], (n - i) * sizeof(*v));
	v[i] = *e;
	return &v[i];
}

/* What is taken away has no octets to keep, and there may be very many of these. */
static struct span
kept(struct edit_list *l, struct span ins)
{
	return ins.len == 0 ? span_make(NULL, 0) : arena_span(l->arena, ins);
}

static struct edit *
add(struct edit_list *l, const struct edit *e)
{
	edit_settle(l);
	l->v = grown(l->arena, l->v, l->n, &l->cap);
	return put(l->v, l->n++, e);
}

struct edit *
edit_add(struct edit_list *l, size_t at, size_t del, struct span ins)
{
	struct edit e = { .at = at, .del = del };

	if (!edit_is_free(l, at, del))
		return NULL;
	e.ins = kept(l, ins);
	return add(l, &e);
}

struct edit *
edit_add_kept(struct edit_list *l, size_t at, size_t del, struct span ins)
{
	struct edit e = { .at = at, .del = del, .ins = ins };

	return edit_is_free(l, at, del) ? add(l, &e) : NULL;
}

void
edit_list_reserve(struct edit_list *l, size_t n)
{
	struct edit *v;

	if (n <= l->cap)
		return;
	v = arena_alloc(l->arena, n * sizeof(*v));
	if (l->n > 0)
		memcpy(v, l->v, l->n * sizeof(*v));
	l->v = v;
	l->cap = n;
}

struct edit *
edit_add_later(struct edit_list *l, size_t at, size_t del, struct span ins)
{
	struct edit e = { .at = at, .del = del };

	if (!edit_is_free(l, at, del))
		return NULL;
	e.ins = kept(l, ins);
	if (l->nlate > 0 && !stays_before(&l->late[l->nlate - 1], at, del))
		edit_settle(l); /* another pass has begun */
	l->late = grown(l->arena, l->late, l->nlate, &l->late_cap);
	return put(l->late, l->nlate++, &e);
}

void
edit_settle(struct edit_list *l)
{
	size_t from = l->n, late = l->nlate, n = l->n + l->nlate;

	if (late == 0)
		return;
	if (l->n == 0) {
		*l = (struct edit_list){
			.arena = l->arena, .v = l->late, .n = late, .cap = l->late_cap
		};
		return;
	}
	if (n > l->cap)
		edit_list_reserve(l, n > l->cap * 2 ? n : l->cap * 2);
	for (size_t to = n; late > 0; to--) {
		const struct edit *e = &l->late[late - 1];

		if (from == 0 || stays_before(&l->v[from - 1], e->at, e->del)) {
			assert(from == 0 || l->v[from - 1].at + l->v[from - 1].del <= e->at);
			assert(to == n || e->at + e->del <= l->v[to].at);
			l->v[to - 1] = l->late[--late];
		} else {
			l->v[to - 1] = l->v[from - 1];
			from--;
		}
	}
	l->n = n;
	l->nlate = 0;
}

/* Without room behind its last edit nothing is added to a list in place. */
void
edit_list_share(struct edit_list *to, struct edit_list *from)
{
	edit_settle(from);
	from->cap = from->n;
	from->late = NULL;
	from->late_cap = 0;
	*to = *from;
}

int
edit_list_shared(const struct edit_list *a, const struct edit_list *b)
{
	return a->n == b->n && (a->n == 0 || a->v == b->v);
}

int
edit_list_same(const struct edit_list *a, const struct edit_list *b)
{
	size_t na = a == NULL ? 0 : a->n, nb = b == NULL ? 0 : b->n;

	if (na != nb)
		return 0;
	if (na == 0 || a->v == b->v)
		return 1;
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
