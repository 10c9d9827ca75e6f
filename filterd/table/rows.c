#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/xmem.h"
#include "table/rows.h"

static uint8_t
fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static uint32_t
hash(struct span key)
{
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ fold(key.p[i])) * 0x01000193u;
	return h ^ (h >> 15);
}

static void
slot_put(struct rows *r, size_t number)
{
	struct row *row = &r->row[number];
	size_t i = hash(span_make(row->key, row->key_len)) & (r->slots - 1);

	while (r->slot[i] != 0)
		i = (i + 1) & (r->slots - 1);
	r->slot[i] = (uint32_t)number + 1;
}

static void
grow(struct rows *r)
{
	assert(r->cap < UINT32_MAX / 4); /* TABLE_FILE_MAX allows far fewer rows */
	r->cap = r->cap == 0 ? 16 : r->cap * 2;
	r->row = xreallocarray(r->row, r->cap, sizeof(*r->row));
	free(r->slot);
	r->slots = r->cap * 2;
	r->slot = xcalloc(r->slots, sizeof(*r->slot));
	for (size_t i = 0; i < r->n; i++)
		slot_put(r, i);
}

struct row *
rows_add(struct rows *r, char *key, const char *value, int line)
{
	struct row *row;

	if (r->n == r->cap)
		grow(r);
	row = &r->row[r->n];
	*row = (struct row){
		.key = text_lower(key), .value = value, .key_len = strlen(key), .line = line
	};
	slot_put(r, r->n++);
	return row;
}

struct row *
rows_find(const struct rows *r, struct span key)
{
	size_t i;

	if (r->n == 0)
		return NULL;
	for (i = hash(key) & (r->slots - 1); r->slot[i] != 0; i = (i + 1) & (r->slots - 1)) {
		struct row *row = &r->row[r->slot[i] - 1];

		if (row->key_len == key.len && span_case_eq(span_make(row->key, row->key_len), key))
			return row;
	}
	return NULL;
}

void
rows_each(const struct rows *r, const char *file,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	for (size_t i = 0; i < r->n; i++)
		f(arg, r->row[i].value, file, r->row[i].line);
}

void
rows_fini(struct rows *r)
{
	free(r->row);
	free(r->slot);
	memset(r, 0, sizeof(*r));
}
