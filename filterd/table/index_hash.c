/* hash - extended linear hashing, as Berkeley DB writes it: a bucket is a chain of pages */
#include "table/index_db.h"

/* In the first page, behind what all formats have. */
enum {
	META_MAX_BUCKET = 72,
	META_HIGH_MASK = 76,
	META_LOW_MASK = 80,
	META_CHARKEY = 92,
	META_SPARES = 96,
	SPARES = 32,
};
/* An item starts with its kind. */
enum {
	ITEM_DATA = 1,
	ITEM_OVERFLOW = 3, /* three unused octets, page, length */
	ITEM_OVERFLOW_SIZE = 12,
};

/* Of a file that is sound: postmap's have one page a bucket and seldom a second. */
#define CHAIN_MAX 65536

struct item {
	const uint8_t *p;
	size_t len;
};

static uint32_t
hash_of(struct span key)
{
	uint32_t h = 0;

	for (size_t i = 0; i < key.len; i++)
		h = h * 16777619u ^ key.p[i];
	return h;
}

static int
file_open(struct db_file *f, struct index *ix, struct err *err)
{
	if (db_file_open(f, ix, DB_HASH_MAGIC, err) == -1)
		return -1;
	/* Berkeley DB's own proof that both sides mean the same function, with the NUL. */
	if (index_u32(f->meta + META_CHARKEY) != hash_of(span_make("%$sniglet^&", 12)))
		return index_damaged(ix, err, "its hash function is unknown");
	if (index_u32(f->meta + META_MAX_BUCKET) >= f->pages)
		return index_damaged(ix, err, "its first page is broken");
	return 0;
}

/* The bucket's first page: buckets lie in groups, each twice as large as all before it. */
static uint32_t
bucket_page(const struct db_file *f, uint32_t bucket)
{
	unsigned group = 0;

	while (group < SPARES - 1 && ((uint64_t)1 << group) < (uint64_t)bucket + 1)
		group++;
	return bucket + index_u32(f->meta + META_SPARES + 4 * group);
}

static uint32_t
bucket_of(const struct db_file *f, struct span key)
{
	uint32_t h = hash_of(key), bucket = h & index_u32(f->meta + META_HIGH_MASK);

	if (bucket > index_u32(f->meta + META_MAX_BUCKET))
		bucket &= index_u32(f->meta + META_LOW_MASK);
	return bucket;
}

static int
bucket_read(struct db_file *f, uint32_t number, struct db_page *pg, struct err *err)
{
	if (db_page_read(f, number, pg, err) == -1)
		return -1;
	if ((pg->type != DB_PAGE_HASH && pg->type != DB_PAGE_HASH_UNSORTED &&
		pg->type != DB_PAGE_NONE) ||
	    pg->entries % 2 != 0)
		return index_damaged(f->ix, err, "page %u is not one of a hash", number);
	return 0;
}

/* Items fill the page from its end: each reaches to the one before it. */
static int
item_get(
    struct db_file *f, const struct db_page *pg, unsigned n, struct item *item, struct err *err)
{
	unsigned at = db_page_at(pg, n), end = n == 0 ? pg->size : db_page_at(pg, n - 1);

	if (at == 0 || at >= end ||
	    (pg->p[at] != ITEM_DATA &&
		(pg->p[at] != ITEM_OVERFLOW || end - at < ITEM_OVERFLOW_SIZE)))
		return index_damaged(f->ix, err, "a row is broken");
	item->p = pg->p + at;
	item->len = end - at;
	return 0;
}

/* The item's octets; long ones are read into *b. */
static int
item_octets(
    struct db_file *f, struct item item, struct buf *b, struct span *octets, struct err *err)
{
	if (*item.p == ITEM_DATA) {
		*octets = span_make(item.p + 1, item.len - 1);
		return 0;
	}
	if (db_overflow_read(f, index_u32(item.p + 4), index_u32(item.p + 8), b, err) == -1)
		return -1;
	*octets = buf_span(b);
	return 0;
}

/* 1 with the value, 0, -1. */
static int
page_find(struct db_file *f, const struct db_page *pg, struct span key, struct buf *value,
    struct err *err)
{
	struct index *ix = f->ix;
	struct item item;
	struct span octets;

	for (unsigned n = 0; n < pg->entries; n += 2) {
		if (item_get(f, pg, n, &item, err) == -1)
			return -1;
		if (*item.p == ITEM_OVERFLOW && index_u32(item.p + 8) != key.len)
			continue;
		if (item_octets(f, item, &ix->key, &octets, err) == -1)
			return -1;
		if (!span_eq(octets, key))
			continue;
		if (item_get(f, pg, n + 1, &item, err) == -1 ||
		    item_octets(f, item, value, &octets, err) == -1)
			return -1;
		if (*item.p == ITEM_DATA) {
			buf_reset(value);
			buf_add_span(value, octets);
		}
		return 1;
	}
	return 0;
}

static int
hash_find(struct index *ix, struct span key, struct buf *value, struct err *err)
{
	struct db_file f;
	struct db_page pg;
	uint32_t number;
	int rc;

	if (file_open(&f, ix, err) == -1)
		return -1;
	number = bucket_page(&f, bucket_of(&f, key));
	for (int i = 0; i < CHAIN_MAX; i++) {
		if (bucket_read(&f, number, &pg, err) == -1)
			return -1;
		if ((rc = page_find(&f, &pg, key, value, err)) != 0 || pg.next == 0)
			return rc;
		number = pg.next;
	}
	return index_damaged(ix, err, "a chain of pages has no end");
}

static int
page_walk(
    struct db_file *f, const struct db_page *pg, index_row_fn *row, void *arg, struct err *err)
{
	struct item key, value;
	struct span k, v;

	for (unsigned n = 0; n < pg->entries; n += 2)
		if (item_get(f, pg, n, &key, err) == -1 ||
		    item_get(f, pg, n + 1, &value, err) == -1 ||
		    item_octets(f, key, &f->ix->key, &k, err) == -1 ||
		    item_octets(f, value, &f->ix->value, &v, err) == -1 || row(arg, k, v) == -1)
			return -1;
	return 0;
}

/* By buckets: pages that no bucket has yet hold anything. */
static int
hash_walk(struct index *ix, index_row_fn *row, void *arg, struct err *err)
{
	struct db_file f;
	struct db_page pg;
	uint32_t number, left;

	if (file_open(&f, ix, err) == -1)
		return -1;
	left = f.pages; /* a page in two chains would be counted twice, and for ever in a circle */
	for (uint32_t bucket = 0; bucket <= index_u32(f.meta + META_MAX_BUCKET); bucket++) {
		number = bucket_page(&f, bucket);
		do {
			if (left-- == 0)
				return index_damaged(ix, err, "a chain of pages has no end");
			if (bucket_read(&f, number, &pg, err) == -1 ||
			    page_walk(&f, &pg, row, arg, err) == -1)
				return -1;
		} while ((number = pg.next) != 0);
	}
	return 0;
}

static const struct index_format hash_format = {
	.lock = INDEX_LOCK_FLOCK,
	.find = hash_find,
	.walk = hash_walk,
};

static int
hash_open(struct table *t, struct err *err)
{
	return index_open(t, &hash_format, err);
}

const struct table_type table_type_hash = {
	.type = "hash",
	.text = "hashed file NAME.db of Berkeley DB, made by postmap",
	.name = TABLE_NAME_INDEX,
	.suffix = ".db",
	.open = hash_open,
	.get = index_get,
	.each = index_each,
	.close = index_close,
};
