/*
 * index_db - what the hash and btree files of Berkeley DB have in common: pages
 *
 * Versions 8 and 9 of both formats, which libdb 4.2 to 5.3 write, as this machine writes them:
 * numbers in its byte order, no checksums, no encryption, no duplicate keys.
 */
#ifndef TABLE_INDEX_DB_H
#define TABLE_INDEX_DB_H

#include "table/index.h"

#define DB_HASH_MAGIC  0x061561u
#define DB_BTREE_MAGIC 0x053162u
#define DB_META_SIZE   512

enum db_page_type {
	DB_PAGE_NONE = 0, /* a hole in a hash file: an empty page */
	DB_PAGE_HASH_UNSORTED = 2,
	DB_PAGE_INTERNAL = 3,
	DB_PAGE_LEAF = 5,
	DB_PAGE_OVERFLOW = 7,
	DB_PAGE_HASH = 13,
};

struct db_file {
	struct index *ix;
	uint32_t page_size, pages;
	uint8_t meta[DB_META_SIZE];
};

struct db_page {
	const uint8_t *p; /* in ix->page, until the next page is read */
	uint32_t size;
	uint32_t next;
	unsigned entries;
	enum db_page_type type;
};

/* Read the first page. */
int db_file_open(struct db_file *, struct index *, uint32_t magic, struct err *) ATTR_MUST_USE;
/* Read a page into ix->page and look at its header. */
int db_page_read(struct db_file *, uint32_t number, struct db_page *, struct err *) ATTR_MUST_USE;
/* The entry's offset; 0: it is not inside the page's data. */
unsigned db_page_at(const struct db_page *, unsigned entry);
/* What is kept in a chain of overflow pages, into *out. */
int db_overflow_read(
    struct db_file *, uint32_t page, uint32_t len, struct buf *out, struct err *) ATTR_MUST_USE;

#endif
