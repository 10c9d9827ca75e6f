/*
 * index - tables in the files that postmap(1) writes: hash, btree, lmdb, cdb
 *
 * The formats are read by code of our own, with pread(2) and a check before every step, and the
 * libraries are linked only where files are written (index_write.h).  Reasons: a damaged file must
 * not crash the daemon (liblmdb follows pointers of its mapping: of 60 damaged copies 14 killed
 * postmap -q); no state means that any thread may look up and that there is no cache that would
 * mix pages of two versions.
 *
 * What Postfix does, seen with strace(1) on Debian's 3.7: postmap rewrites an existing .db in
 * place: it opens it, takes flock(LOCK_EX), truncates, writes, syncs, and closes it, which is the
 * unlocking.  Its readers take flock(LOCK_SH) around each look-up.  A .lmdb is changed in place by
 * one copy-on-write transaction; postmap waits for an exclusive fcntl(2) lock on the whole file and
 * turns it into a shared one before it writes, readers take a shared one around each look-up.  A
 * .cdb is written as another file and renamed.  We take the locks of these readers, for each
 * look-up; so a look-up sees an old index or a new one and never half of one.  A file that was
 * renamed over keeps living as long as the table.
 *
 * Keys are folded (ASCII letters, PITFALLS B15) and looked up with a NUL at the end and then
 * without, as Postfix does; a value ends at its first NUL.
 *
 * Results: 1, 0, -1 with ERR_CONFIG for a damaged file, ERR_RETRY for one that stays locked.
 * Threads: index_get() any, one at a time for a table: a lock of the file belongs to the open
 * file, not to a thread.
 */
#ifndef TABLE_INDEX_H
#define TABLE_INDEX_H

#include <pthread.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "table/table_type.h"

struct index;

/* -1: stop walking. */
typedef int index_row_fn(void *arg, struct span key, struct span value);

struct index_format {
	enum index_lock { INDEX_LOCK_NONE, INDEX_LOCK_FLOCK, INDEX_LOCK_FCNTL } lock;
	/* Both run while the file is locked.  find: *value gets what stands under exactly this key;
	 * 1, 0, -1.  walk: every row; 0, -1. */
	int (*find)(struct index *, struct span key, struct buf *value, struct err *);
	int (*walk)(struct index *, index_row_fn *, void *arg, struct err *);
};

struct index {
	const struct index_format *format;
	const struct table *table;
	const char *path; /* with the suffix */
	int fd;
	pthread_mutex_t lock;               /* all below, and the file's lock */
	struct buf page, key, value, chunk; /* the format's */
};

/* What a type's functions are made of.  index_open() looks at the whole file once. */
int index_open(struct table *, const struct index_format *, struct err *) ATTR_MUST_USE;
int index_get(
    const struct table *, struct span key, struct arena *, struct table_hit *, struct err *);
void index_each(const struct table *,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);
void index_close(struct table *);

/* --- for the formats --- */

/* n octets at the place.  -1: err; also when the file ends before. */
int index_read(struct index *, uint64_t at, void *p, size_t n, struct err *) ATTR_MUST_USE;
/* The same into a buffer, in place of what it had.  Its memory grows by what was read, so a length
 * that is nonsense costs nothing. */
int index_read_buf(
    struct index *, uint64_t at, uint64_t n, struct buf *, struct err *) ATTR_MUST_USE;
/* -1, with err: the file is damaged, or not what it should be. */
int index_damaged(const struct index *, struct err *, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* -1; 0 when *size is known. */
int index_size(struct index *, uint64_t *size, struct err *) ATTR_MUST_USE;

/* Numbers as this machine has them, at any address. */
uint16_t index_u16(const void *);
uint32_t index_u32(const void *);
uint64_t index_u64(const void *);
/* As memcmp(3); of two where one begins the other the shorter is less. */
int index_compare(struct span, struct span);

#endif
