/*
 * lmdb - a tree of sorted pages, as liblmdb 0.9 writes it (data version 1) on this machine
 *
 * Two first pages take turns: that of the later transaction leads to the tree.  What a transaction
 * changes it writes elsewhere, so the tree stays whole until the pages are used again, which the
 * writer's lock keeps from happening under a reader.
 */
#include <string.h>

#include "table/index.h"

#define LMDB_MAGIC   0xbeefc0deu
#define LMDB_VERSION 1
#define NO_PAGE      UINT64_MAX
/* liblmdb's own limit for a cursor. */
#define DEPTH_MAX 32

enum {
	/* a page */
	PAGE_FLAGS = 10,
	PAGE_LOWER = 12, /* where the list of entries ends */
	PAGE_COUNT = 12, /* four octets: the pages of a long value */
	PAGE_HEADER = 16,
	/* a first page */
	META_MAGIC = 16,
	META_VERSION = 20,
	META_PAGE_SIZE = 40, /* of the free list's record */
	META_FLAGS = 92,     /* of the tree's record */
	META_ENTRIES = 120,
	META_ROOT = 128,
	META_LAST_PAGE = 136,
	META_TXN = 144,
	META_END = 152,
	/* an entry */
	NODE_FLAGS = 4,
	NODE_KEY_SIZE = 6,
	NODE_HEADER = 8,
};
enum { FLAG_BRANCH = 1, FLAG_LEAF = 2, FLAG_OVERFLOW = 4, FLAG_META = 8, FLAG_LEAF2 = 0x20 };
enum { NODE_BIG = 1 };

struct tree {
	struct index *ix;
	uint32_t page_size;
	uint64_t root, pages, entries;
};

struct page {
	const uint8_t *p;
	unsigned entries;
	int leaf;
};

struct node {
	struct span key;
	const uint8_t *p, *data, *end; /* end: the page's */
};

/* 1 with *txn, 0 it is none, -1. */
static int
meta_read(struct tree *t, uint64_t at, uint8_t *meta, uint64_t *txn, struct err *err)
{
	if (index_read(t->ix, at, meta, META_END, err) == -1)
		return -1;
	*txn = index_u64(meta + META_TXN);
	return (index_u16(meta + PAGE_FLAGS) & FLAG_META) != 0 &&
	       index_u32(meta + META_MAGIC) == LMDB_MAGIC;
}

static int
meta_use(struct tree *t, const uint8_t *meta, struct err *err)
{
	if (index_u32(meta + META_VERSION) != LMDB_VERSION)
		return index_damaged(
		    t->ix, err, "its version is %u", index_u32(meta + META_VERSION));
	if (index_u16(meta + META_FLAGS) != 0)
		return index_damaged(t->ix, err,
		    "it has duplicate keys or others of what postmap "
		    "never uses");
	t->root = index_u64(meta + META_ROOT);
	t->pages = index_u64(meta + META_LAST_PAGE) + 1;
	t->entries = index_u64(meta + META_ENTRIES);
	return 0;
}

static int
tree_open(struct tree *t, struct index *ix, struct err *err)
{
	uint8_t first[META_END], second[META_END];
	uint64_t txn1, txn2;
	int has1, has2;

	t->ix = ix;
	if ((has1 = meta_read(t, 0, first, &txn1, err)) == -1)
		return -1;
	t->page_size = index_u32(first + META_PAGE_SIZE);
	if (!has1 || t->page_size < 256 || t->page_size > 65536 ||
	    (t->page_size & (t->page_size - 1)) != 0)
		return index_damaged(ix, err, "its first page is broken");
	if ((has2 = meta_read(t, t->page_size, second, &txn2, err)) == -1)
		return -1;
	if (!has2 || index_u32(second + META_PAGE_SIZE) != t->page_size)
		return index_damaged(ix, err, "its second page is broken");
	return meta_use(t, txn2 > txn1 ? second : first, err);
}

static int
page_read(struct tree *t, uint64_t number, struct buf *b, struct page *pg, struct err *err)
{
	unsigned flags, lower;

	if (number < 2 || number >= t->pages || number > INT64_MAX / t->page_size)
		return index_damaged(t->ix, err, "it points to a page that is not there");
	if (index_read_buf(t->ix, number * t->page_size, t->page_size, b, err) == -1)
		return -1;
	pg->p = (const uint8_t *)b->p;
	flags = index_u16(pg->p + PAGE_FLAGS);
	lower = index_u16(pg->p + PAGE_LOWER);
	pg->leaf = (flags & FLAG_LEAF) != 0;
	if (index_u64(pg->p) != number || (flags & (FLAG_OVERFLOW | FLAG_META | FLAG_LEAF2)) != 0 ||
	    pg->leaf == ((flags & FLAG_BRANCH) != 0) || lower < PAGE_HEADER ||
	    lower > t->page_size || lower % 2 != 0)
		return index_damaged(t->ix, err, "page %llu is broken", (unsigned long long)number);
	pg->entries = (lower - PAGE_HEADER) / 2;
	return 0;
}

static int
node_get(struct tree *t, const struct page *pg, unsigned n, struct node *node, struct err *err)
{
	unsigned at = index_u16(pg->p + PAGE_HEADER + 2 * n);
	size_t key_len;

	if (at < PAGE_HEADER + 2 * pg->entries || at + NODE_HEADER > t->page_size)
		goto bad;
	node->p = pg->p + at;
	node->end = pg->p + t->page_size;
	key_len = index_u16(node->p + NODE_KEY_SIZE);
	if (at + NODE_HEADER + key_len > t->page_size)
		goto bad;
	node->key = span_make(node->p + NODE_HEADER, key_len);
	node->data = node->p + NODE_HEADER + key_len;
	return 0;
bad:
	return index_damaged(t->ix, err, "a row is broken");
}

static uint64_t
node_below(const struct node *node)
{
	return index_u32(node->p) | (uint64_t)index_u16(node->p + NODE_FLAGS) << 32;
}

/* A long value lies in pages of its own, one behind the other. */
static int
value_read_big(struct tree *t, uint64_t number, uint32_t len, struct buf *b, struct err *err)
{
	uint8_t header[PAGE_HEADER];

	if (number < 2 || number >= t->pages || number > INT64_MAX / t->page_size)
		return index_damaged(t->ix, err, "a long row is broken");
	if (index_read(t->ix, number * t->page_size, header, sizeof(header), err) == -1)
		return -1;
	if (index_u64(header) != number || (index_u16(header + PAGE_FLAGS) & FLAG_OVERFLOW) == 0 ||
	    (uint64_t)index_u32(header + PAGE_COUNT) * t->page_size < (uint64_t)len + PAGE_HEADER)
		return index_damaged(t->ix, err, "a long row is broken");
	return index_read_buf(t->ix, number * t->page_size + PAGE_HEADER, len, b, err);
}

/* The value, in the page or, when it is long, in *b. */
static int
node_value(
    struct tree *t, const struct node *node, struct buf *b, struct span *value, struct err *err)
{
	uint32_t len = index_u32(node->p);
	unsigned flags = index_u16(node->p + NODE_FLAGS);
	size_t room = (size_t)(node->end - node->data);

	if (flags == NODE_BIG && room >= sizeof(uint64_t)) {
		if (value_read_big(t, index_u64(node->data), len, b, err) == -1)
			return -1;
		*value = buf_span(b);
		return 0;
	}
	if (flags != 0 || len > room)
		return index_damaged(t->ix, err, "a row is broken");
	*value = span_make(node->data, len);
	return 0;
}

/* The last entry whose key is not behind the one looked for; *diff compares that one with it.
 * entries: none.  On a branch the first entry has no key and is before every one. */
static int
page_search(struct tree *t, const struct page *pg, struct span key, unsigned *found,
    struct node *node, int *diff, struct err *err)
{
	unsigned low = 0, high = pg->entries;
	struct node n;

	*diff = 1;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int d;

		if (node_get(t, pg, mid, &n, err) == -1)
			return -1;
		d = mid == 0 && !pg->leaf ? 1 : index_compare(key, n.key);
		if (d < 0) {
			high = mid;
		} else {
			low = mid + 1;
			*diff = d;
			*node = n;
		}
	}
	*found = low == 0 ? pg->entries : low - 1;
	return 0;
}

static int
lmdb_find(struct index *ix, struct span key, struct buf *value, struct err *err)
{
	struct tree t;
	struct page pg;
	struct node node;
	struct span octets;
	unsigned n;
	int diff;

	if (tree_open(&t, ix, err) == -1)
		return -1;
	if (t.root == NO_PAGE)
		return 0;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (page_read(&t, t.root, &ix->page, &pg, err) == -1 ||
		    page_search(&t, &pg, key, &n, &node, &diff, err) == -1)
			return -1;
		if (n == pg.entries && !pg.leaf)
			return index_damaged(ix, err, "a page has no entries");
		if (!pg.leaf) {
			t.root = node_below(&node);
			continue;
		}
		if (n == pg.entries || diff != 0)
			return 0;
		if (node_value(&t, &node, value, &octets, err) == -1)
			return -1;
		if (octets.p != (const uint8_t *)value->p) {
			buf_reset(value);
			buf_add_span(value, octets);
		}
		return 1;
	}
	return index_damaged(ix, err, "its tree has no end");
}

/* --- all rows --- */

struct walk {
	struct tree tree;
	uint64_t left; /* pages: a circle must end */
	index_row_fn *row;
	void *arg;
	struct buf page[DEPTH_MAX];
};

static int walk_page(struct walk *, uint64_t number, int depth, struct err *);

static int
walk_entry(struct walk *w, const struct page *pg, unsigned n, int depth, struct err *err)
{
	struct node node;
	struct span value;

	if (node_get(&w->tree, pg, n, &node, err) == -1)
		return -1;
	if (!pg->leaf)
		return walk_page(w, node_below(&node), depth + 1, err);
	if (node_value(&w->tree, &node, &w->tree.ix->value, &value, err) == -1)
		return -1;
	return w->row(w->arg, node.key, value);
}

static int
walk_page(struct walk *w, uint64_t number, int depth, struct err *err)
{
	struct page pg;

	if (depth == DEPTH_MAX || w->left-- == 0)
		return index_damaged(w->tree.ix, err, "its tree has no end");
	if (page_read(&w->tree, number, &w->page[depth], &pg, err) == -1)
		return -1;
	for (unsigned n = 0; n < pg.entries; n++)
		if (walk_entry(w, &pg, n, depth, err) == -1)
			return -1;
	return 0;
}

static int
lmdb_walk(struct index *ix, index_row_fn *row, void *arg, struct err *err)
{
	struct walk w = { .row = row, .arg = arg };
	uint64_t size;
	int rc = 0;

	if (tree_open(&w.tree, ix, err) == -1 || index_size(ix, &size, err) == -1)
		return -1;
	/* Not the number the file gives, which may be nonsense. */
	w.left = size / w.tree.page_size;
	if (w.tree.root != NO_PAGE)
		rc = walk_page(&w, w.tree.root, 0, err);
	for (int i = 0; i < DEPTH_MAX; i++)
		buf_fini(&w.page[i]);
	return rc;
}

static const struct index_format lmdb_format = {
	.lock = INDEX_LOCK_FCNTL,
	.find = lmdb_find,
	.walk = lmdb_walk,
};

static int
lmdb_open(struct table *t, struct err *err)
{
	return index_open(t, &lmdb_format, err);
}

const struct table_type table_type_lmdb = {
	.type = "lmdb",
	.text = "sorted file NAME.lmdb of LMDB, made by postmap",
	.name = TABLE_NAME_INDEX,
	.suffix = ".lmdb",
	.open = lmdb_open,
	.get = index_get,
	.each = index_each,
	.close = index_close,
};
