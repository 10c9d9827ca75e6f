/*
 * content_walk - the header fields and body lines of a message, for restrictions
 *
 * One walk a transaction (mail/mime.h), when the first of them wants to know; body lines are kept
 * only if some list of the configuration asks about them.  What there is, is what header_checks and
 * its siblings see.
 *
 * Ownership: all of it lives in the transaction's arena.
 */
#ifndef RULES_CONTENT_WALK_H
#define RULES_CONTENT_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "mail/mime.h"

struct rule_run;

#define CONTENT_CLASSES (MIME_HDR_NESTED + 1)

struct content_field {
	struct span text; /* as checks are asked with it */
	enum mime_class class;
	size_t name_len;
	size_t at, len; /* of the message, all lines */
};

struct content_line { /* there may be millions */
	size_t at;
	uint32_t text_len, raw_len;
};

struct content_walk {
	struct span message;
	struct content_field *fields; /* in order */
	size_t nfields, fields_cap;
	struct { /* by class: numbers of fields */
		size_t *v;
		size_t n, cap;
	} of[CONTENT_CLASSES];
	unsigned seen, odd;          /* enum mime_seen, enum mime_odd */
	struct content_line **lines; /* in pieces of CONTENT_LINES */
	size_t nlines, pieces_cap;
};
#define CONTENT_LINES ((size_t)512)

/* NULL: the message has not come yet. */
const struct content_walk *content_walk(struct rule_run *);

#endif
