/*
 * decision_file_impl - what the files of decision_file share
 */
#ifndef ENGINE_DECISION_FILE_IMPL_H
#define ENGINE_DECISION_FILE_IMPL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/span.h"

#define BLOCK_MAGIC 0x46446431u /* "FDd1" */
#define BLOCK_HEAD  ((size_t)16)
#define BLOCK_MAX   ((uint32_t)16 * 1024 * 1024)
#define INDEX_ENTRY ((size_t)16) /* hash of the id, offset of its block */

struct block_head {
	uint32_t magic, raw, packed, check;
};

/* The name of a day's file. */
void decision_day_name(int64_t day, char out[16]);
uint64_t decision_hash(struct span id);
void decision_put_u32(struct buf *, uint32_t);
/* 1: it begins like a block. */
int decision_block_head(struct span octets, struct block_head *);
int decision_block_make(struct span raw, struct buf *out);

/* Both files of a day; -1: errno.  flags of open(2). */
struct day_files {
	int data, index;
};
int decision_day_open(const char *directory, int64_t day, int flags, struct day_files *);
void decision_day_close(struct day_files *);

/* The blocks that the index does not know, of which each id and its block's offset go to f; what is
 * no block is skipped. */
int decision_unindexed(
    const struct day_files *, void (*f)(void *arg, off_t block, struct span record), void *arg);

#endif
