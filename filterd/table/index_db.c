#include <string.h>

#include "table/index_db.h"

/* Where the first page has what, in both formats. */
enum {
	META_PAGE_NUMBER = 8,
	META_MAGIC = 12,
	META_VERSION = 16,
	META_PAGE_SIZE = 20,
	META_ENCRYPTION = 24, /* an octet */
	META_METAFLAGS = 26,  /* an octet: checksums, partitions */
	META_LAST_PAGE = 32,
	META_FLAGS = 48, /* duplicates, record numbers, tables within */
};
/* And every other page. */
enum {
	PAGE_NUMBER = 8,
	PAGE_NEXT = 16,
	PAGE_ENTRIES = 20, /* two octets */
	PAGE_USED = 22,    /* two octets: of an overflow page */
	PAGE_TYPE = 25,    /* an octet */
	PAGE_HEADER = 26,
};

static uint32_t
swapped(uint32_t n)
{
	return n >> 24 | (n >> 8 & 0xff00) | (n << 8 & 0xff0000) | n << 24;
}

static int
check_magic(struct db_file *f, uint32_t magic, struct err *err)
{
	uint32_t is = index_u32(f->meta + META_MAGIC), version = index_u32(f->meta + META_VERSION);

	if (is == swapped(magic))
		return index_damaged(
		    f->ix, err, "it comes from a machine with the other byte order");
	if (is == DB_BTREE_MAGIC && magic == DB_HASH_MAGIC)
		return index_damaged(f->ix, err, "it is a btree");
	if (is == DB_HASH_MAGIC && magic == DB_BTREE_MAGIC)
		return index_damaged(f->ix, err, "it is a hash");
	if (is != magic)
		return index_damaged(f->ix, err, "it is none of Berkeley DB's");
	if (version < 8 || version > 9)
		return index_damaged(f->ix, err, "its version is %u", version);
	return 0;
}

int
db_file_open(struct db_file *f, struct index *ix, uint32_t magic, struct err *err)
{
	f->ix = ix;
	if (index_read(ix, 0, f->meta, sizeof(f->meta), err) == -1 ||
	    check_magic(f, magic, err) == -1)
		return -1;
	f->page_size = index_u32(f->meta + META_PAGE_SIZE);
	f->pages = index_u32(f->meta + META_LAST_PAGE);
	if (f->page_size < 512 || f->page_size > 65536 ||
	    (f->page_size & (f->page_size - 1)) != 0 ||
	    index_u32(f->meta + META_PAGE_NUMBER) != 0 || f->pages++ == UINT32_MAX)
		return index_damaged(ix, err, "its first page is broken");
	if (f->meta[META_ENCRYPTION] != 0 || f->meta[META_METAFLAGS] != 0 ||
	    index_u32(f->meta + META_FLAGS) != 0)
		return index_damaged(ix, err,
		    "it has duplicate keys, checksums or others of what postmap never uses");
	return 0;
}

int
db_page_read(struct db_file *f, uint32_t number, struct db_page *pg, struct err *err)
{
	struct index *ix = f->ix;

	if (number == 0 || number >= f->pages)
		return index_damaged(ix, err, "it points to a page %u of %u", number, f->pages);
	if (index_read_buf(ix, (uint64_t)number * f->page_size, f->page_size, &ix->page, err) == -1)
		return -1;
	pg->p = (const uint8_t *)ix->page.p;
	pg->size = f->page_size;
	pg->type = pg->p[PAGE_TYPE];
	if (pg->type == DB_PAGE_NONE) {
		pg->next = 0;
		pg->entries = 0;
		return 0;
	}
	pg->next = index_u32(pg->p + PAGE_NEXT);
	pg->entries = index_u16(pg->p + PAGE_ENTRIES);
	if (index_u32(pg->p + PAGE_NUMBER) != number ||
	    (pg->type != DB_PAGE_OVERFLOW && PAGE_HEADER + 2 * (uint32_t)pg->entries > pg->size))
		return index_damaged(ix, err, "page %u is broken", number);
	return 0;
}

unsigned
db_page_at(const struct db_page *pg, unsigned entry)
{
	unsigned at = index_u16(pg->p + PAGE_HEADER + 2 * entry);

	return at >= PAGE_HEADER + 2 * pg->entries && at < pg->size ? at : 0;
}

/* All but the last are full, so the number of steps is bounded by what is really there. */
int
db_overflow_read(struct db_file *f, uint32_t page, uint32_t len, struct buf *out, struct err *err)
{
	struct index *ix = f->ix;
	uint8_t header[PAGE_HEADER];
	uint64_t at;

	buf_reset(out);
	while (len > 0) {
		uint32_t part = f->page_size - PAGE_HEADER;

		if (part > len)
			part = len;
		at = (uint64_t)page * f->page_size;
		if (page == 0 || page >= f->pages)
			return index_damaged(ix, err, "a long row is broken");
		if (index_read(ix, at, header, sizeof(header), err) == -1)
			return -1;
		if (header[PAGE_TYPE] != DB_PAGE_OVERFLOW ||
		    index_u32(header + PAGE_NUMBER) != page ||
		    index_u16(header + PAGE_USED) != part)
			return index_damaged(ix, err, "a long row is broken");
		if (index_read(ix, at + PAGE_HEADER, buf_reserve(out, part), part, err) == -1)
			return -1;
		out->len += part;
		len -= part;
		page = index_u32(header + PAGE_NEXT);
	}
	buf_add(out, "", 0);
	return 0;
}
