/*
 * table - lookup tables, `type:name`
 *
 * Postfix's table types with Postfix's meaning of key and value; what a key means is the caller's.
 * A look-up answers found, absent or could not find out: 1, 0, -1 (DESIGN.md, decision 9).
 *
 * A struct table is immutable once open; a changed file makes a new one.  The registry gives each
 * distinct `type:name` of a configuration a number; a table_set holds one version of each, and a
 * transaction keeps the set it took at MAIL to its end.
 *
 * Ownership: registry by the configuration snapshot; sets are counted.  Values go into the caller's
 * arena. Threads: look-ups any; registry_add() while loading only; one thread refreshes.
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "plugins/filterd_plugin.h"

struct arena;
struct buf;
struct counters;
struct err;
struct table;
struct table_registry;
struct table_set;

/* Where a value came from, for `rule=FILE:LINE`.  file lives as long as the table set. */
struct table_hit {
	const char *value; /* arena or table memory */
	const char *file;  /* NULL: no file (inline, static) */
	int line;          /* 0: the file has none (hash, lmdb, ...) */
};

/* Look up one key.  A type that folds case (texthash, inline, ...) does so itself.  1 found, 0
 * absent, -1 err (ERR_RETRY; ERR_CONFIG for a broken table).  In a table of patterns -1 says that
 * one of them could not be decided, ERR_LIMIT; hit->value is what the first one behind it that
 * holds says, for who wants to know what is hidden there, NULL: none does. */
int table_get(const struct table *, struct span key, struct arena *, struct table_hit *,
    struct err *) ATTR_MUST_USE;
/* 1: no part of the text that begins and ends where a word may is in the table, as one look at all
 * of it can tell; 0: that is not known. */
int table_rules_out(const struct table *, struct span text);
/* "pcre:/etc/filterd/x" */
const char *table_name(const struct table *);
/* regexp, pcre, cidr, static...: the whole string only, no parents or prefixes (POSTFIX.md, "Lookup
 * keys"). */
int table_is_pattern(const struct table *);
/* Visit every rule of a pattern table or row of an indexed one, in order: what a load-time check of
 * values needs.  A result with $1 in it is given as written. */
void table_each(const struct table *,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);

/* --- the tables of one configuration --- */

struct table_finding { /* a warning about a file: a rule that was dropped, a duplicate key */
	const char *file;
	int line;
	const char *text;
};
typedef void table_warn_fn(void *arg, const struct table_finding *);

/* Table types of a plugin. */
struct table_plugin {
	const struct filterd_host *host; /* of that plugin */
	const struct filterd_table_type *types;
};
struct table_plugins {
	const struct table_plugin *v;
	size_t n;
};

/* How much one pattern may take with one text; a pattern that would take more could not find out.
 * 0: the default. */
struct table_limits {
	uint32_t match, depth;
	uint32_t heap_kb;
};
#define TABLE_PATTERN_MATCH_LIMIT                                                                  \
	100000 /* DESIGN, decision 7: 0.2 ms where PCRE2's own take 28                             \
		*/
#define TABLE_PATTERN_DEPTH_LIMIT 100000
#define TABLE_PATTERN_HEAP_KB     20480

struct table_registry *table_registry_new(struct counters *);
/* Before any table is added. */
void table_registry_limits(struct table_registry *, const struct table_limits *);
/* Before any table is added; they live as long as the registry.  One of a type that is_remote which
 * cannot be opened is a warning, here and in tables opened by themselves: it answers -1.  The
 * registry tries again at each refresh. */
void table_registry_plugins(struct table_registry *, const struct table_plugins *);
void table_registry_free(struct table_registry *);
/* Open `type:name` (once) and return its number; -1: unknown type, or the file cannot be opened or
 * read; err names file and line. Bad rules inside a file are warnings, as in Postfix, told through
 * warn (may be NULL). broken: on failure install a table that answers -1 with this error instead of
 * failing (config_errors = postfix). */
int table_registry_add(struct table_registry *, const char *type_name, int broken, table_warn_fn *,
    void *arg, struct err *) ATTR_MUST_USE;
size_t table_registry_count(const struct table_registry *);

/* Tell of patterns that a text can make backtrack without end (table/pattern_lint.h), by trying:
 * takes seconds for a table with many such. */
void table_registry_lint(struct table_registry *, table_warn_fn *, void *arg);

/* Look at the files behind the tables (stat); read the changed ones.  An unreadable or broken new
 * version keeps the old one: one error line in the log and counter tables_stale.  Call at most once
 * a second, from one thread. */
void table_registry_refresh(struct table_registry *);
/* From now on each table of many patterns, also one that is read later, is looked through in one
 * pass, as soon as a thread has made what that needs (table/prefilter_make.h); that is kept in the
 * folder.  Once, by who asks many times. */
void table_registry_prefilter(struct table_registry *, const char *folder);

/* About a table, for `filterctl status`. */
struct table_status {
	const char *name;
	size_t rows;
	const char *stale_error; /* keeps an old version; NULL: none */
	const char *patterns;    /* how many patterns are looked for; "": nothing to say */
};
void table_registry_each(
    struct table_registry *, void (*f)(void *arg, const struct table_status *), void *arg);

/* The present set, counted. */
struct table_set *table_set_take(struct table_registry *);
void table_set_release(struct table_set *); /* NULL is fine */
const struct table *table_set_get(const struct table_set *, int number);

/* --- single tables, for `filterctl query` --- */

struct table_open_options {
	const struct table_plugins *plugins; /* NULL: none */
	const struct table_limits *limits;   /* NULL: the defaults */
};

struct table *table_open(
    const char *type_name, table_warn_fn *, void *arg, struct err *) ATTR_MUST_USE;
/* The same with options; plugins must outlive the table. */
struct table *table_open_with(const struct table_open_options *, const char *type_name,
    table_warn_fn *, void *arg, struct err *) ATTR_MUST_USE;
void table_close(struct table *); /* NULL is fine */
/* As table_registry_prefilter(), for one table and at once.  folder NULL: nothing is kept. */
void table_prefilter(struct table *, const char *folder);
void table_lint(const struct table *, table_warn_fn *, void *arg);
/* As in table_status. */
void table_patterns(const struct table *, struct buf *);

/* What host->table_answer() does. */
void table_plugin_answer(struct filterd_table_answer *, struct filterd_octets);

/* Is there a type of this name without any plugin? */
int table_type_exists(const char *type);
/* Every type there is, for `filterctl types` and error messages. */
void table_types_each(void (*f)(void *arg, const char *type, const char *text), void *arg);

#endif
