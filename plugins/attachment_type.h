/*
 * attachment_type - what an attachment is, by its name, its declared types and its octets
 */
#ifndef PLUGINS_ATTACHMENT_TYPE_H
#define PLUGINS_ATTACHMENT_TYPE_H

#include "plugins/attachment_name.h"

/* Bits. */
enum att_class {
	ATT_PROGRAM = 1 << 0, /* what a system runs */
	ATT_SCRIPT = 1 << 1,  /* what something that is installed runs */
	ATT_ARCHIVE = 1 << 2,
	ATT_OFFICE = 1 << 3, /* documents, some of which are archives */
	ATT_PDF = 1 << 4,
	ATT_IMAGE = 1 << 5,
	ATT_MEDIA = 1 << 6,
	ATT_TEXT = 1 << 7,
};

/* Of a MIME type; 0: none of these, or any of them. */
unsigned att_class_of_type(const char *type);
/* Of what stands behind the last dot of the name; inner: of what stands between the last two. */
unsigned att_class_of_name(const struct att_reading *, unsigned *inner);

struct att_claims {
	unsigned name;     /* by extension, of all names */
	unsigned inner;    /* and of those in front of it */
	unsigned declared; /* by declared type */
};
/* Do these and what was detected differ so that somebody may take it for harmless who should not?
 */
int att_mismatch(const struct att_claims *, unsigned detected);

#endif
