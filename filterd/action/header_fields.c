#include <stdlib.h>
#include <string.h>

#include "action/header_fields.h"
#include "base/arena.h"
#include "mail/header.h"

size_t
header_line_len(struct span s, size_t at)
{
	const uint8_t *lf = memchr(s.p + at, '\n', s.len - at);

	return lf == NULL ? s.len - at : (size_t)(lf - s.p) + 1 - at;
}

static int
is_empty_line(struct span s, size_t at)
{
	return s.p[at] == '\n' || (s.p[at] == '\r' && at + 1 < s.len && s.p[at + 1] == '\n');
}

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static uint32_t
hash_of(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 16777619u;
	return h;
}

static void
field_set(struct field *f, struct span text)
{
	size_t colon = span_find(text, ':'), n = colon;

	while (n > 0 && is_blank(text.p[n - 1]))
		n--;
	*f = (struct field){ .text = text, .hash = hash_of(text), .other = FIELD_NONE };
	if (colon == text.len || !header_name_valid(span_make(text.p, n)))
		return;
	f->name = span_make(text.p, n);
	f->value = colon + 1;
}

void
header_fields_split(struct header *h, struct span s, struct arena *a)
{
	size_t lines = 0, end;

	*h = (struct header){ 0 };
	for (size_t at = 0; at < s.len && !is_empty_line(s, at); at = h->len) {
		h->len = at + header_line_len(s, at);
		lines++;
	}
	h->v = arena_alloc(a, (lines + 1) * sizeof(*h->v));
	for (size_t at = 0; at < h->len; at = end) {
		end = at + header_line_len(s, at);
		while (end < h->len && is_blank(s.p[end]))
			end += header_line_len(s, end);
		field_set(&h->v[h->n++], span_make(s.p + at, end - at));
	}
}

static int
fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int
compare_names(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return fold(a.p[i]) - fold(b.p[i]);
	return (a.len > b.len) - (a.len < b.len);
}

/* By name, and those of one name as they stand. */
static int
compare_fields(const void *x, const void *y)
{
	const struct field *a = *(struct field *const *)x, *b = *(struct field *const *)y;
	int rc = compare_names(a->name, b->name);

	return rc != 0 ? rc : (a->order > b->order) - (a->order < b->order);
}

static size_t
add_fields(struct field **all, size_t n, struct header *h)
{
	for (size_t i = 0; i < h->n; i++) {
		h->v[i].order = n;
		all[n++] = &h->v[i];
	}
	return n;
}

void
header_fields_number(struct header *first, struct header *second, struct arena *a)
{
	struct field **all = arena_alloc(a, (first->n + second->n + 1) * sizeof(struct field *));
	size_t n = add_fields(all, add_fields(all, 0, first), second), end;

	qsort(all, n, sizeof(struct field *), compare_fields);
	for (size_t i = 0; i < n; i = end) {
		for (end = i; end < n && compare_names(all[i]->name, all[end]->name) == 0; end++)
			all[end]->nth = (uint32_t)(end - i + 1);
		for (size_t k = i; k < end; k++)
			all[k]->like = (uint32_t)(end - i);
	}
}

int
field_can_be_told(const struct field *f)
{
	struct span t = f->text;

	if (f->name.len == 0 || t.len < 2 || t.p[t.len - 1] != '\n' || t.p[t.len - 2] != '\r')
		return 0;
	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] == '\0' || (t.p[i] == '\r' && t.p[i + 1] != '\n') ||
		    (t.p[i] == '\n' && t.p[i - 1] != '\r'))
			return 0;
	}
	return 1;
}

struct span
field_value(const struct field *f)
{
	return span_make(f->text.p + f->value, f->text.len - f->value - 2);
}
