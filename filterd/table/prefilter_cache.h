/*
 * prefilter_cache - compiled databases on disk
 *
 * One file each in a folder of their own, named by all that they were made from: the patterns, the
 * version of the library, the kind of processor.  A file is written aside and renamed; it is used
 * only if it and its folder belong to us and nobody else can write to them, and its length and
 * digest are right.  Those not used for long, and those beyond a number, are removed when one is
 * added.  Nothing depends on the folder: without it databases are compiled at each start.
 *
 * Threads: any.
 */
#ifndef TABLE_PREFILTER_CACHE_H
#define TABLE_PREFILTER_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct scan_expr;

#define PREFILTER_CACHE_FILES 64
#define PREFILTER_CACHE_DAYS  30
#define PREFILTER_CACHE_MAX   ((size_t)1 << 30) /* octets of one */

struct prefilter_key {
	char name[33]; /* of the file */
	uint8_t digest[32];
};

void prefilter_cache_key(const struct scan_expr *, size_t n, struct prefilter_key *);
/* 1 with the octets in out, empty before; 0: there is none; -1: there is one, which err says cannot
 * be used. */
int prefilter_cache_read(
    const char *folder, const struct prefilter_key *, struct buf *out, struct err *) ATTR_MUST_USE;
/* Makes the folder if need be. */
int prefilter_cache_write(const char *folder, const struct prefilter_key *, const struct buf *,
    struct err *) ATTR_MUST_USE;

#endif
