/*
 * prefilter - which rules of a table of patterns are worth trying with a text
 *
 * One pass over the text (scan_db.h) says which patterns may match it; the others do not, and are
 * not tried.  A pattern that cannot be looked for so, and one behind a `!`, is always tried.  The
 * engine of the table decides about each that is left, in the order of the rules, so results are
 * those of trying all of them; only a pattern that would have run into a limit without matching is
 * now known not to match.
 *
 * A table is read without a prefilter, and gets it when it is made.
 *
 * Ownership: the table's, once it has it.  Threads: any.
 */
#ifndef TABLE_PREFILTER_H
#define TABLE_PREFILTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;
struct pattern_source;
struct pattern_table;
struct prefilter;
struct scan_db;
struct scan_expr;

/* A table of fewer patterns is quicker without for lines: a pattern costs 40 ns a line, the pass as
 * much as two of them.  Texts above PATTERN_LONG are asked about however few there are, for the
 * time that the pass takes does not depend on what stands in the text. */
#define PREFILTER_MIN 8

/* The patterns of a table as a database takes them, in the arena. */
size_t prefilter_list(
    const struct pattern_table *, struct arena *, struct scan_expr **) ATTR_MUST_USE;
/* For the table whose patterns are listed; v, n: those that the database knows.  Takes the database
 * over.  NULL: no memory for a look-up. */
struct prefilter *prefilter_new(const struct pattern_table *, struct scan_db *,
    const struct scan_expr *v, size_t n) ATTR_MUST_USE;
void prefilter_free(struct prefilter *);          /* NULL is fine */
size_t prefilter_known(const struct prefilter *); /* patterns */
size_t prefilter_size(const struct prefilter *);  /* octets of memory now */

/* Is it certain that the pattern of such a table does not match the text?  It is compiled for this
 * one answer. */
int prefilter_rules_out(
    const struct pattern_table *, const struct pattern_source *, struct span text);

/* --- a look-up --- */

struct prefilter_probe;

/* Look at the text.  NULL: try all rules. */
struct prefilter_probe *prefilter_ask(struct prefilter *, struct span text) ATTR_MUST_USE;
/* Is it certain that no rule holds for any part of the text that begins and ends where words may?
 */
int prefilter_none(struct prefilter *, struct span text);
/* The first rule at or behind `from` that is to be tried; as many as there are rules: none. */
size_t prefilter_next(struct prefilter_probe *, size_t from);
/* Is it certain that the rule's pattern (second: the other one of `/a/!/b/`) does not match? */
int prefilter_absent(const struct prefilter_probe *, size_t rule, int second);
void prefilter_done(struct prefilter_probe *);

#endif
