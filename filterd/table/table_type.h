/*
 * table_type - what a table type is, inside the room
 *
 * A type is one row: a name, how the text after the colon is read, and four functions.  table.c
 * lists the rows; a new type is a file with a row and a line there.  Everything that a table keeps
 * lives in its arena, apart from what the type itself frees in close().
 *
 * Threads: open and close one at a time for a table; get and each any, for a table never changes.
 */
#ifndef TABLE_TABLE_TYPE_H
#define TABLE_TABLE_TYPE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "table/table.h"

enum table_name_kind {
	TABLE_NAME_TEXT,    /* the type reads it itself: static, inline, fail */
	TABLE_NAME_FILE,    /* a file */
	TABLE_NAME_RULES,   /* a file, or { { rule }, { rule } ... } */
	TABLE_NAME_MEMBERS, /* { type:name, type:name ... } */
	TABLE_NAME_INDEX,   /* a file, and the suffix of what postmap made of it */
	TABLE_NAME_TABLE,   /* type:name */
};

struct table_type {
	const char *type, *text;
	enum table_name_kind name;
	const char *suffix; /* of TABLE_NAME_INDEX */
	/* 0; -1 err.  On -1 close() is called on what was built. */
	int (*open)(struct table *, struct err *);
	int (*get)(const struct table *, struct span key, struct arena *, struct table_hit *,
	    struct err *);
	void (*each)(const struct table *,
	    void (*f)(void *arg, const char *value, const char *file, int line), void *arg);
	/* The tables it is made of; NULL: it is none of others. */
	void (*members)(const struct table *, void (*f)(struct table *, void *arg), void *arg);
	void (*close)(struct table *); /* NULL: nothing to free; data may be half built */
};

/* Tables within tables (unionmap, pipemap) stop here. */
#define TABLE_DEPTH_MAX 8

struct table {
	const struct table_type *type;
	const char *full; /* "type:name" */
	const char *name; /* what follows the colon */
	const char *file; /* NULL: none */
	struct arena *mem;
	void *data;
	size_t rows;
	uint64_t digest; /* of the octets it was read from: has anything changed? */
	int is_pattern;
	atomic_uint refs;
	const char *away; /* it, or a member, is remote and could not be opened; NULL: open */
	const struct filterd_table_type *plugin_type; /* of table_type_plugin */
	const struct filterd_host *plugin_host;
	/* while it is opened */
	const struct table_open_options *options;
	int depth;
	table_warn_fn *warn;
	void *warn_arg;
};

extern const struct table_type table_type_btree, table_type_cdb, table_type_cidr, table_type_fail,
    table_type_hash, table_type_inline, table_type_lmdb, table_type_pcre, table_type_pipemap,
    table_type_proxy, table_type_regexp, table_type_static, table_type_texthash,
    table_type_unionmap, table_type_unix;
/* Stands for all types of plugins; table_plugin.c. */
extern const struct table_type table_type_plugin;

/* A member of a composite table that is being opened: as the table itself, one level deeper. */
struct table *table_open_member(struct table *, const char *type_name, struct err *) ATTR_MUST_USE;
struct table *table_ref(struct table *);
/* Every file that the table's text names, its members' included; text that is not well formed names
 * none. */
void table_files_each(const char *type_name, void (*f)(void *arg, const char *path), void *arg);

/* Tell the finding while the table is opened; line 0: the table as a whole. */
void table_warn(const struct table *, int line, const char *fmt, ...) ATTR_PRINTF(3, 4);

#endif
