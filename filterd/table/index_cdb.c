/*
 * cdb - D. J. Bernstein's constant data base
 *
 * 256 pairs (place, slots) lead to as many hash tables behind the rows; a slot is (hash, place of
 * the row); a row is key length, value length, key, value.  Numbers have four octets, the lowest
 * first.
 */
#include "table/index.h"

enum { HEADER = 2048, PAIR = 8 };

static uint32_t
number_at(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
hash_of(struct span key)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < key.len; i++)
		h = ((h << 5) + h) ^ key.p[i];
	return h;
}

static int
pair_read(struct index *ix, uint64_t at, uint32_t *a, uint32_t *b, struct err *err)
{
	uint8_t pair[PAIR];

	if (index_read(ix, at, pair, sizeof(pair), err) == -1)
		return -1;
	*a = number_at(pair);
	*b = number_at(pair + 4);
	return 0;
}

/* 1 with the value when the row at the place has the key, 0, -1. */
static int
row_find(struct index *ix, uint32_t at, struct span key, struct buf *value, struct err *err)
{
	uint32_t key_len, value_len;

	if (at < HEADER)
		return index_damaged(ix, err, "a row is broken");
	if (pair_read(ix, at, &key_len, &value_len, err) == -1)
		return -1;
	if (key_len != key.len)
		return 0;
	if (index_read_buf(ix, (uint64_t)at + PAIR, key_len, &ix->key, err) == -1)
		return -1;
	if (!span_eq(buf_span(&ix->key), key))
		return 0;
	return index_read_buf(ix, (uint64_t)at + PAIR + key_len, value_len, value, err) == -1 ? -1
											      : 1;
}

static int
cdb_find(struct index *ix, struct span key, struct buf *value, struct err *err)
{
	uint32_t h = hash_of(key), place, slots, slot, row_hash, row;
	uint64_t size;
	int rc;

	if (index_size(ix, &size, err) == -1 ||
	    pair_read(ix, (uint64_t)(h % 256) * PAIR, &place, &slots, err) == -1)
		return -1;
	if (slots == 0)
		return 0;
	if (place < HEADER || (uint64_t)place + (uint64_t)slots * PAIR > size)
		return index_damaged(ix, err, "it points out of itself");
	slot = h / 256 % slots;
	for (uint32_t i = 0; i < slots; i++) {
		if (pair_read(ix, place + (uint64_t)slot * PAIR, &row_hash, &row, err) == -1)
			return -1;
		if (row == 0)
			return 0;
		if (row_hash == h && (rc = row_find(ix, row, key, value, err)) != 0)
			return rc;
		slot = slot + 1 == slots ? 0 : slot + 1;
	}
	return 0;
}

/* Where the rows end: the first of the tables is behind them. */
static int
rows_end(struct index *ix, uint32_t *end, struct err *err)
{
	uint32_t place, slots;
	uint64_t size;

	*end = UINT32_MAX;
	if (index_read_buf(ix, 0, HEADER, &ix->page, err) == -1 || index_size(ix, &size, err) == -1)
		return -1;
	for (int i = 0; i < HEADER; i += PAIR) {
		place = number_at((const uint8_t *)ix->page.p + i);
		slots = number_at((const uint8_t *)ix->page.p + i + 4);
		if (slots == 0)
			continue;
		if (place < HEADER || (uint64_t)place + (uint64_t)slots * PAIR > size)
			return index_damaged(ix, err, "it points out of itself");
		if (place < *end)
			*end = place;
	}
	if (*end == UINT32_MAX)
		*end = HEADER; /* no rows */
	return 0;
}

static int
cdb_walk(struct index *ix, index_row_fn *row, void *arg, struct err *err)
{
	uint32_t end, key_len, value_len;
	uint64_t at = HEADER;

	if (rows_end(ix, &end, err) == -1)
		return -1;
	while (at < end) {
		if (pair_read(ix, at, &key_len, &value_len, err) == -1)
			return -1;
		at += PAIR;
		if (at + key_len + value_len > end)
			return index_damaged(ix, err, "a row is broken");
		if (index_read_buf(ix, at, key_len, &ix->key, err) == -1 ||
		    index_read_buf(ix, at + key_len, value_len, &ix->value, err) == -1)
			return -1;
		if (row(arg, buf_span(&ix->key), buf_span(&ix->value)) == -1)
			return -1;
		at += (uint64_t)key_len + value_len;
	}
	return 0;
}

static const struct index_format cdb_format = {
	.lock = INDEX_LOCK_NONE,
	.find = cdb_find,
	.walk = cdb_walk,
};

static int
cdb_open(struct table *t, struct err *err)
{
	return index_open(t, &cdb_format, err);
}

const struct table_type table_type_cdb = {
	.type = "cdb",
	.text = "constant file NAME.cdb, made by postmap",
	.name = TABLE_NAME_INDEX,
	.suffix = ".cdb",
	.open = cdb_open,
	.get = index_get,
	.each = index_each,
	.close = index_close,
};
