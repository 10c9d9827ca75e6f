#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/xmem.h"
#include "table/rows.h"

/* Eight octets at a time: a look-up is what restriction lists do most. */
static uint64_t
word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Fewer than eight. */
static uint64_t
word_of(struct span s)
{
	uint64_t w = 0;

	for (size_t i = 0; i < s.len; i++)
		w = w << 8 | s.p[i];
	return w;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* ASCII letters to lower case: the high bit of each octet says whether it is one. */
static uint64_t
fold(uint64_t w)
{
	uint64_t low = w & EACH(0x7f);
	uint64_t from_a = low + EACH(0x80 - 'A'), behind_z = low + EACH(0x80 - 'Z' - 1);

	return w | ((from_a & ~behind_z & ~w & EACH(0x80)) >> 2);
}

static uint64_t
mix(uint64_t h, uint64_t w)
{
	h = (h ^ fold(w)) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint32_t
hash(struct span key)
{
	uint64_t h = key.len;

	if (key.len < 8) {
		h = mix(h, word_of(key));
	} else {
		for (size_t i = 0; i + 8 < key.len; i += 8)
			h = mix(h, word_at(key.p + i));
		h = mix(h, word_at(key.p + key.len - 8)); /* may overlap the one before */
	}
	return (uint32_t)(h ^ h >> 15);
}

/* Of equal length; folded is in lower case already. */
static int
equal(const char *folded, struct span key)
{
	const uint8_t *p = (const uint8_t *)folded;

	if (key.len < 8)
		return word_of(span_make(p, key.len)) == fold(word_of(key));
	for (size_t i = 0; i + 8 < key.len; i += 8)
		if (word_at(p + i) != fold(word_at(key.p + i)))
			return 0;
	return word_at(p + key.len - 8) == fold(word_at(key.p + key.len - 8));
}

static void
slot_put(struct rows *r, struct row *row, uint32_t h)
{
	size_t i = h & (r->slots - 1);

	while (r->slot[i].row != NULL)
		i = (i + 1) & (r->slots - 1);
	r->slot[i] = (struct row_slot){ .row = row, .hash = h };
}

static void
grow(struct rows *r)
{
	struct row_slot *old = r->slot;
	size_t n = r->slots;

	r->slots = n == 0 ? 32 : n * 2;
	r->slot = xcalloc(r->slots, sizeof(*r->slot));
	for (size_t i = 0; i < n; i++)
		if (old[i].row != NULL)
			slot_put(r, old[i].row, old[i].hash);
	free(old);
}

struct row *
rows_add(struct rows *r, struct arena *a, const char *key, const char *value, int line)
{
	size_t len = strlen(key);
	struct row *row = arena_alloc(a, sizeof(*row) + len + 1);

	if (r->n * 2 >= r->slots)
		grow(r);
	assert(len < UINT32_MAX); /* TABLE_FILE_MAX is far below */
	*row = (struct row){ .value = value, .key_len = (uint32_t)len, .line = line };
	memcpy(row->key, key, len + 1);
	text_lower(row->key);
	if (r->last == NULL)
		r->first = row;
	else
		r->last->next = row;
	r->last = row;
	r->n++;
	slot_put(r, row, hash(span_make(row->key, len)));
	return row;
}

struct row *
rows_find(const struct rows *r, struct span key)
{
	uint32_t h;

	if (r->n == 0)
		return NULL;
	h = hash(key);
	for (size_t i = h & (r->slots - 1); r->slot[i].row != NULL; i = (i + 1) & (r->slots - 1)) {
		struct row *row = r->slot[i].row;

		if (r->slot[i].hash == h && row->key_len == key.len && equal(row->key, key))
			return row;
	}
	return NULL;
}

void
rows_each(const struct rows *r, const char *file,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	for (const struct row *row = r->first; row != NULL; row = row->next)
		f(arg, row->value, file, row->line);
}

void
rows_fini(struct rows *r)
{
	free(r->slot);
	memset(r, 0, sizeof(*r));
}
