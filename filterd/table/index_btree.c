/* btree - a tree of sorted pages, as Berkeley DB writes it */
#include "table/index_db.h"

enum { META_ROOT = 88 };
/* An item of a leaf: length, kind, octets; or kind, page, length of what lies elsewhere.  One of a
 * page above: length, kind, page below, count, and the octets or such an item. */
enum {
	ITEM_KIND = 2,
	ITEM_DATA = 3,
	ITEM_PAGE = 4,
	ITEM_LEN = 8,
	ITEM_OVERFLOW_SIZE = 12,
	BRANCH_PAGE = 4,
	BRANCH_DATA = 12,
	KIND_DATA = 1,
	KIND_OVERFLOW = 3,
	KIND_DELETED = 0x80,
};

/* 512 octets a page and two rows a page make less. */
#define DEPTH_MAX 64

/* What stands at the offset, in an item whose octets begin at `data`.  Long ones are read into *b.
 */
static int
octets_at(struct db_file *f, const struct db_page *pg, unsigned at, unsigned data, struct buf *b,
    struct span *octets, struct err *err)
{
	const uint8_t *item = pg->p + at, *over;
	unsigned kind;
	uint32_t len;

	if (at == 0 || at + data > pg->size)
		return index_damaged(f->ix, err, "a row is broken");
	kind = item[ITEM_KIND] & ~(unsigned)KIND_DELETED;
	if (kind == KIND_DATA) {
		len = index_u16(item);
		if (at + data + len > pg->size)
			return index_damaged(f->ix, err, "a row is broken");
		*octets = span_make(item + data, len);
		return 0;
	}
	over = data == BRANCH_DATA ? item + BRANCH_DATA : item;
	if (kind != KIND_OVERFLOW || (size_t)(over - pg->p) + ITEM_OVERFLOW_SIZE > pg->size)
		return index_damaged(f->ix, err, "a row is broken");
	if (db_overflow_read(f, index_u32(over + ITEM_PAGE), index_u32(over + ITEM_LEN), b, err) ==
	    -1)
		return -1;
	*octets = buf_span(b);
	return 0;
}

/* The last of n entries, `step` apart, whose key is not behind the one looked for; *diff compares
 * that one with it.  n: none.  On a page above the leaves the first entry is before every key. */
static int
page_search(struct db_file *f, const struct db_page *pg, struct span key, unsigned step,
    unsigned data, unsigned *found, int *diff, struct err *err)
{
	unsigned low = 0, high = pg->entries / step, mid;
	struct span octets;
	int d;

	*diff = 1;
	while (low < high) {
		mid = low + (high - low) / 2;
		d = 1;
		if (mid > 0 || data == ITEM_DATA) {
			if (octets_at(f, pg, db_page_at(pg, mid * step), data, &f->ix->key, &octets,
				err) == -1)
				return -1;
			d = index_compare(key, octets);
		}
		if (d < 0) {
			high = mid;
		} else {
			low = mid + 1;
			*diff = d;
		}
	}
	*found = low == 0 ? pg->entries : (low - 1) * step;
	return 0;
}

static int
page_read(struct db_file *f, uint32_t number, struct db_page *pg, struct err *err)
{
	if (db_page_read(f, number, pg, err) == -1)
		return -1;
	if ((pg->type != DB_PAGE_LEAF || pg->entries % 2 != 0) &&
	    (pg->type != DB_PAGE_INTERNAL || pg->entries == 0))
		return index_damaged(f->ix, err, "page %u is not one of a btree", number);
	return 0;
}

/* The leaf where the key must be; key.p NULL: the first. */
static int
leaf_find(struct db_file *f, struct span key, struct db_page *pg, struct err *err)
{
	uint32_t number = index_u32(f->meta + META_ROOT);
	unsigned n, at;
	int diff;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (page_read(f, number, pg, err) == -1)
			return -1;
		if (pg->type == DB_PAGE_LEAF)
			return 0;
		n = 0;
		if (key.p != NULL && page_search(f, pg, key, 1, BRANCH_DATA, &n, &diff, err) == -1)
			return -1;
		at = n < pg->entries ? db_page_at(pg, n) : 0;
		if (at == 0 || at + BRANCH_DATA > pg->size)
			return index_damaged(f->ix, err, "page %u is broken", number);
		number = index_u32(pg->p + at + BRANCH_PAGE);
	}
	return index_damaged(f->ix, err, "its tree has no end");
}

static int
deleted(const struct db_page *pg, unsigned entry)
{
	unsigned at = db_page_at(pg, entry);

	return at != 0 && at + ITEM_DATA <= pg->size && (pg->p[at + ITEM_KIND] & KIND_DELETED) != 0;
}

static int
btree_find(struct index *ix, struct span key, struct buf *value, struct err *err)
{
	struct db_file f;
	struct db_page pg;
	struct span octets;
	unsigned n;
	int diff;

	if (db_file_open(&f, ix, DB_BTREE_MAGIC, err) == -1 || leaf_find(&f, key, &pg, err) == -1 ||
	    page_search(&f, &pg, key, 2, ITEM_DATA, &n, &diff, err) == -1)
		return -1;
	if (n == pg.entries || diff != 0 || deleted(&pg, n) || deleted(&pg, n + 1))
		return 0;
	if (octets_at(&f, &pg, db_page_at(&pg, n + 1), ITEM_DATA, value, &octets, err) == -1)
		return -1;
	if (octets.p != (const uint8_t *)value->p) {
		buf_reset(value);
		buf_add_span(value, octets);
	}
	return 1;
}

static int
leaf_walk(
    struct db_file *f, const struct db_page *pg, index_row_fn *row, void *arg, struct err *err)
{
	struct span k, v;

	for (unsigned n = 0; n < pg->entries; n += 2) {
		if (octets_at(f, pg, db_page_at(pg, n), ITEM_DATA, &f->ix->key, &k, err) == -1 ||
		    octets_at(f, pg, db_page_at(pg, n + 1), ITEM_DATA, &f->ix->value, &v, err) ==
			-1)
			return -1;
		if (!deleted(pg, n) && !deleted(pg, n + 1) && row(arg, k, v) == -1)
			return -1;
	}
	return 0;
}

static int
btree_walk(struct index *ix, index_row_fn *row, void *arg, struct err *err)
{
	struct db_file f;
	struct db_page pg;

	if (db_file_open(&f, ix, DB_BTREE_MAGIC, err) == -1 ||
	    leaf_find(&f, span_make(NULL, 0), &pg, err) == -1)
		return -1;
	for (uint32_t left = f.pages; left > 0; left--) {
		if (leaf_walk(&f, &pg, row, arg, err) == -1)
			return -1;
		if (pg.next == 0)
			return 0;
		if (page_read(&f, pg.next, &pg, err) == -1)
			return -1;
		if (pg.type != DB_PAGE_LEAF)
			break;
	}
	return index_damaged(ix, err, "a chain of pages is broken");
}

static const struct index_format btree_format = {
	.lock = INDEX_LOCK_FLOCK,
	.find = btree_find,
	.walk = btree_walk,
};

static int
btree_open(struct table *t, struct err *err)
{
	return index_open(t, &btree_format, err);
}

const struct table_type table_type_btree = {
	.type = "btree",
	.text = "sorted file NAME.db of Berkeley DB, made by postmap",
	.name = TABLE_NAME_INDEX,
	.suffix = ".db",
	.open = btree_open,
	.get = index_get,
	.each = index_each,
	.close = index_close,
};
