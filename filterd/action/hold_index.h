/*
 * hold_index - what is held, in SQLite, for lists and sums
 *
 * A copy of each file's head.  The files are the truth: every function here may fail, and the store
 * goes on without.  A database that cannot be read is removed and made again empty; hold_repair.c
 * fills it.
 *
 * Threads: one at a time (hold_store.c has the lock).  Processes: any number, SQLite's WAL and busy
 * time-out.  A database that another process removed and made anew is noticed and opened.
 */
#ifndef ACTION_HOLD_INDEX_H
#define ACTION_HOLD_INDEX_H

#include <stdint.h>

#include "action/hold.h"
#include "action/hold_file.h"

struct hold_index;

struct hold_row {
	char id[HOLD_ID_MAX];
	int64_t time, disk; /* seconds; octets of the file */
	int64_t mtime_ns;   /* of the file: a row with another one is stale */
	enum hold_class class;
	char *states, *json; /* malloc'd; NULL where only the row's numbers were asked for */
};
void hold_row_fini(struct hold_row *);

struct hold_index *hold_index_open(const char *directory, struct err *) ATTR_MUST_USE;
/* One of our own, empty, for as long as the file cannot be had (a full disk).  Others do not see
 * it, nor it what they do. */
struct hold_index *hold_index_open_memory(struct err *) ATTR_MUST_USE;
int hold_index_in_memory(const struct hold_index *);
void hold_index_close(struct hold_index *); /* NULL is fine */

int hold_index_begin(struct hold_index *, struct err *) ATTR_MUST_USE;
int hold_index_commit(struct hold_index *, struct err *) ATTR_MUST_USE;

/* The entry gives what lists are filtered by. */
int hold_index_put(struct hold_index *, const struct hold_row *, const struct hold_entry *,
    struct err *) ATTR_MUST_USE;
int hold_index_remove(struct hold_index *, const char *id, struct err *) ATTR_MUST_USE;
/* The sums anew from the rows. */
int hold_index_recount(struct hold_index *, struct err *) ATTR_MUST_USE;
/* Remove the database and begin an empty one. */
int hold_index_reset(struct hold_index *, struct err *) ATTR_MUST_USE;
/* Numbers of one row: 1, 0 absent, -1. */
int hold_index_get(
    struct hold_index *, const char *id, struct hold_row *, struct err *) ATTR_MUST_USE;

struct hold_sums {
	int64_t all, evictable; /* octets; of class spam and virus */
};
int hold_index_sums(struct hold_index *, struct hold_sums *, struct err *) ATTR_MUST_USE;

enum hold_order { HOLD_ORDER_ALL, HOLD_ORDER_EVICTABLE };
/* The next rows behind (time, id), oldest first, at most max: how many, or -1.  filter NULL: all.
 * With HOLD_ORDER_EVICTABLE only spam and virus; states and json only with `full`. */
struct hold_after {
	int64_t time;
	char id[HOLD_ID_MAX];
};
int hold_index_page(struct hold_index *, enum hold_order, const struct hold_filter *, int64_t now_s,
    const struct hold_after *, int full, struct hold_row *rows, int max,
    struct err *) ATTR_MUST_USE;

#endif
