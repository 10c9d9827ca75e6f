/*
 * index_write - make an index of a text file, as postmap(1) does
 *
 * The index is written beside the one that is there, which it replaces only when it is complete and
 * on disk; so readers, Postfix's too, have the old one or the new one, and a failure changes
 * nothing.
 *
 * Threads: one, and no other in the process: root becomes the source's owner meanwhile, as in
 * postmap, so that who owns the folder cannot make root write elsewhere.
 */
#ifndef TABLE_INDEX_WRITE_H
#define TABLE_INDEX_WRITE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"
#include "table/table.h"

struct index_write_options {
	enum index_nul {
		INDEX_NUL_USUAL,
		INDEX_NUL_YES,
		INDEX_NUL_NO
	} nul; /* after key and value */
	int keep_case;
	int keep_root;  /* do not become the source's owner */
	int plain_mode; /* 0644, whatever the source's mode */
	int no_warning; /* of two rows with one key */
	int replace;    /* the last row of several with one key, not the first */
};

/* type_name: "hash:/etc/filterd/map".  0; -1: err. */
int index_write(const char *type_name, const struct index_write_options *, table_warn_fn *,
    void *arg, struct err *) ATTR_MUST_USE;

/* --- what writes a format --- */

struct index_writer {
	const char *type;
	const char *suffix;
	int nul; /* Postfix's way when nothing is said */
	/* path is an empty file; size: of the source.  NULL: err. */
	void *(*begin)(const char *path, size_t size, struct err *);
	/* 1 stored; 0 the key is there already and stays; -1 err. */
	int (*put)(void *, struct span key, struct span value, int replace, struct err *);
	/* Write it out.  0, -1; ends it in any case. */
	int (*finish)(void *, struct err *);
	void (*abort)(void *);
};

extern const struct index_writer index_writer_btree, index_writer_cdb, index_writer_hash,
    index_writer_lmdb;

#endif
