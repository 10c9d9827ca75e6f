/*
 * cf_file - main.cf's lines: NAME = VALUE with file and line
 *
 * As in postconf(5): a line that begins with white space goes on with the line before it; empty
 * lines and lines whose first character other than white space is # are skipped, also between the
 * two; white space round name and value does not count.  The pieces of a value are joined by one
 * blank.  A name that is set again is a warning and the later value holds.
 *
 * Ours: `include PATH`, relative to the folder of the file it stands in, at most CF_INCLUDE_DEPTH
 * deep.
 *
 * Ownership: strings live in the arena of cf_file_new().
 * Limits: CF_FILE_MAX octets a file, CF_LINE_MAX a logical line, CF_ENTRIES_MAX lines in all.
 */
#ifndef CONF_CF_FILE_H
#define CONF_CF_FILE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

#define CF_INCLUDE_DEPTH 10
#define CF_FILE_MAX      (16u << 20)
#define CF_LINE_MAX      (1u << 20)
#define CF_ENTRIES_MAX   20000

struct arena;
struct cf_file;
struct reporter;

struct cf_entry {
	const char *name;  /* NULL: a line that begins with white space and follows nothing */
	const char *value; /* joined */
	const char *raw;   /* as it stands in the file, comments cut out, line ends kept */
	const char *file;
	int line;       /* of the name */
	int value_line; /* of the beginning of raw */
};

struct cf_file *cf_file_new(struct arena *, struct reporter *);
void cf_file_free(struct cf_file *); /* NULL is fine */
/* Findings are told; what could be read is there afterwards. */
void cf_file_read(struct cf_file *, const char *path);
/* The same from memory, where `include` is an error. */
void cf_file_text(struct cf_file *, struct span text, const char *name);

/* The entry that holds, or NULL. */
const struct cf_entry *cf_file_get(const struct cf_file *, const char *name);
/* All entries in the order of the files; those overridden later are among them. */
size_t cf_file_count(const struct cf_file *);
const struct cf_entry *cf_file_at(const struct cf_file *, size_t i);
/* The pieces of a value that stands on several lines, joined by one blank. */
const char *cf_join(struct arena *, struct span raw);
/* The line of an octet of entry->raw. */
int cf_entry_line(const struct cf_entry *, size_t offset);

#endif
