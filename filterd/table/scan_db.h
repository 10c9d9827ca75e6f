/*
 * scan_db - many patterns looked for in one pass over a text
 *
 * By Vectorscan.  The patterns are written by pattern_tree; a database tells which of them may be
 * in a text.  Built without Vectorscan, or on a processor it does not know, there are no databases.
 *
 * Ownership: the caller's, each with its _free.
 * Threads: a database any; a room one at a time.
 */
#ifndef TABLE_SCAN_DB_H
#define TABLE_SCAN_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct scan_db;
struct scan_room; /* what one scan writes into */

struct scan_expr {
	unsigned id;
	int caseless, multiline;
	int floats; /* tree_floats(); nothing to the database */
	const char *text;
};

/* What was found: each id at most once, in no order. */
struct scan_hits {
	uint64_t *bits; /* by id; the caller's, zero */
	unsigned *ids;  /* room for all */
	unsigned limit; /* ids are below it */
	size_t n;
};

/* Can databases be made and used here?  NULL, or why not. */
const char *scan_db_missing(void);
/* The version of what makes databases, and the kind of processor they are made for. */
void scan_db_identity(char *out, size_t size);

/* Compile; patterns that cannot be taken are removed from v, and *n set to what is left.  NULL:
 * why.  May take seconds. */
struct scan_db *scan_db_compile(
    struct scan_expr *v, size_t *n, char *why, size_t whysize) ATTR_MUST_USE;
/* Octets to be freed with free(3); -1: not to be had. */
int scan_db_save(const struct scan_db *, struct span *) ATTR_MUST_USE;
/* Of scan_db_save(), on this kind of machine.  NULL: no database. */
struct scan_db *scan_db_load(struct span) ATTR_MUST_USE;
void scan_db_free(struct scan_db *); /* NULL is fine */
size_t scan_db_size(const struct scan_db *);

struct scan_room *scan_room_new(const struct scan_db *) ATTR_MUST_USE; /* NULL: no memory */
size_t scan_room_size(const struct scan_room *);
void scan_room_free(struct scan_room *); /* NULL is fine */

/* -1: could not be done; what hits holds then says nothing. */
int scan_db_scan(
    const struct scan_db *, struct scan_room *, struct span text, struct scan_hits *) ATTR_MUST_USE;

#endif
