/*
 * lines - the text behind a table, and its logical lines
 *
 * A logical line starts with text; lines that start with white space continue it; empty lines and
 * lines whose first character is # are left out, also in the middle.  Its number is that of its
 * first line.
 *
 * Ownership: lines_open() reads all of the text, lines_close() frees it; a line is valid until the
 *	next call and may be cut in place.
 * Limits: TABLE_FILE_MAX octets.
 */
#ifndef TABLE_LINES_H
#define TABLE_LINES_H

#include "base/attr.h"
#include "base/buf.h"

struct err;
struct table;

#define TABLE_FILE_MAX ((size_t)256 << 20)

struct lines {
	const struct table *table; /* whose warnings these are */
	struct buf all, line;
	size_t at;
	int number; /* of the line that starts at `at` */
};

/* The table's file, or the rules written in braces in its name, one a line.  Sets the table's
 * digest.  -1: err, ERR_CONFIG for text in braces that is not well formed, else ERR_SYSTEM. */
int lines_open(struct lines *, struct table *, struct err *) ATTR_MUST_USE;
/* The next logical line, without white space at its end; NULL at the end. */
char *lines_next(struct lines *, int *number);
void lines_close(struct lines *);
/* Cut a line into key and value as postmap(1) does: 1; 0: it is none, which was told as a warning.
 * White space inside "..." belongs to the key; the quotes stay part of it, for that is how Postfix
 * quotes an address it looks up. */
int lines_row(const struct table *, char *line, int number, char **key, char **value);

/* Postfix's white space: ASCII only. */
int lines_blank(char c);
int lines_alnum(char c);
/* Without white space at both ends, in place. */
char *lines_trim(char *);
/* Past white space. */
char *lines_skip_blank(char *);

#endif
