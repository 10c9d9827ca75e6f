/*
 * prefilter_make - give tables of patterns their prefilters
 *
 * From the cache, or for few patterns and else by compiling, which takes a millisecond a pattern
 *and is done by a thread of its own: meanwhile the rules of the table are tried one by one, with
 *the same results.
 *
 * Ownership: prefilter_maker_new() gives to the caller; tables are kept as long as they wait.
 * Threads: any.  The thread is there while it has work; it cannot be interrupted, so whoever frees
 *	the maker leaves it alone with the table it is at.
 */
#ifndef TABLE_PREFILTER_MAKE_H
#define TABLE_PREFILTER_MAKE_H

struct buf;
struct prefilter_maker;
struct table;

/* Now, for one table of type pcre or regexp.  folder NULL: no cache. */
void prefilter_make(struct table *, const char *folder);

struct prefilter_maker *prefilter_maker_new(const char *folder);
/* For the table and its members, in the background. */
void prefilter_maker_add(struct prefilter_maker *, struct table *);
void prefilter_maker_free(struct prefilter_maker *); /* NULL is fine */

/* How the patterns of the table and its members are looked for; empty: there is nothing to say, as
 * of fewer than PREFILTER_MIN. */
void prefilter_status(const struct table *, struct buf *);

#endif
