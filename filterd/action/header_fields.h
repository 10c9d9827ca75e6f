/*
 * header_fields - a header as a list of fields, for changes.c (private to action/)
 *
 * Ownership: lists are the arena's; texts and names point into the header's octets.
 */
#ifndef ACTION_HEADER_FIELDS_H
#define ACTION_HEADER_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;

#define FIELD_NONE SIZE_MAX

struct field {
	struct span text; /* with its last line end */
	struct span name; /* without the blanks that may stand in front of the colon; empty: it has
			     none */
	size_t value;     /* where it begins in the text */
	uint32_t hash;    /* of the text */
	size_t other;     /* the field of the other header that it is, or becomes; FIELD_NONE */
	/* header_fields_number() */
	size_t order;
	uint32_t nth;  /* from 1, among those of its name */
	uint32_t like; /* how many of its name there are */
};

struct header {
	struct field *v;
	size_t n;
	size_t len; /* octets; an empty line, or nothing, comes then */
};

/* The length of the line that begins there, with its line end. */
size_t header_line_len(struct span, size_t at);
/* The fields up to the first empty line. */
void header_fields_split(struct header *, struct span, struct arena *);
/* Count names, in whatever case, through both headers, as if the second one stood below the first.
 * A mail may have very many fields of one name, and all of them changed. */
void header_fields_number(struct header *, struct header *, struct arena *);
/* Can it be told?  One line end at its end, and others only in front of a blank. */
int field_can_be_told(const struct field *);
/* All behind the colon, without the last line end. */
struct span field_value(const struct field *);

#endif
