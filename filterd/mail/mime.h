/*
 * mime - a streaming walk over a message, one event a header field and a line of the body, as
 * Postfix sees it
 *
 * RFC 5322 and 2045-2046 read the way Postfix's cleanup reads them (../rules of thumb in the manual
 * page under "MIME"): the differences would be holes after a migration.  One pass, no recursion;
 * depth, part, header and boundary limits are reported, not overrun.  The walk works on the
 * contiguous normalised message (core/message.h) and reports offsets into it.
 *
 * Ownership: mime_index and all it points to live in the arena given.
 * Threads: any, one walk at a time.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;

enum mime_class {           /* which list looks at a header field */
	MIME_HDR_PRIMARY,   /* header_checks */
	MIME_HDR_MULTIPART, /* a part's own header, and MIME-Version/Content-* of the primary:
			       mime_header_checks */
	MIME_HDR_NESTED,    /* of an attached message: nested_header_checks */
};

struct mime_options {
	size_t line_length_limit;     /* body pieces; Postfix line_length_limit, 2048 */
	size_t header_size_limit;     /* 102400; the field is cut there */
	size_t header_count_limit;    /* fields in all, 0 none */
	int nesting_limit;            /* mime_nesting_limit, 100 */
	size_t parts_limit;           /* parts in all, 0 none */
	size_t boundary_length_limit; /* mime_boundary_length_limit, 2048 */
	int disable_mime;             /* disable_mime_input_processing */
};

enum mime_seen { /* bits */
	MIME_SEEN_DEPTH = 1 << 0,
	MIME_SEEN_PARTS = 1 << 1,
	MIME_SEEN_BOUNDARY_CUT = 1 << 2,
	MIME_SEEN_HEADER_CUT = 1 << 3,
	MIME_SEEN_HEADER_NUL = 1 << 4,
	MIME_SEEN_NON_HEADER =
	    1 << 5, /* the primary header ended without an empty line, at a line of text */
	MIME_SEEN_HEADER_COUNT = 1 << 6,
	MIME_SEEN_NO_HEADER = 1 << 7,
};

struct mime_header {
	enum mime_class class;
	struct span raw;  /* all lines with CRLF, as in the message: what an edit replaces */
	struct span text; /* what a check is asked with: LF between lines, blank before the colon
			   * removed, cut at header_size_limit; no line end at the end.  Often
			   * points into the message. */
	size_t name_len;  /* length of the field name in text */
	int changed; /* text differs from raw by more than line ends: the emitted field must be text
		      */
};

struct mime_line {
	struct span
	    text;  /* one physical line, or a piece of at most line_length_limit; no line end */
	size_t at; /* offset of text in the message */
	size_t segment;  /* offset of the line's start within its segment (preamble, part, epilogue:
			    each starts at 0) */
	int first, last; /* first and last piece of its line */
};

/* Events.  Each returns 0, or -1 to end the walk; NULL: not wanted (body lines are then skipped at
 * the speed of memchr). */
struct mime_events {
	int (*header)(void *arg, const struct mime_header *);
	/* The header block that ends here was the primary one; `at` is where the body begins.
	 * insert_blank: an empty line must be put at `at`, for the header ended at a line that is
	 * no header field. */
	int (*end_of_header)(void *arg, size_t at, int insert_blank);
	int (*line)(void *arg, const struct mime_line *);
	/* header_checks and body_checks both off from here on: not called again */
	void *arg;
};

struct mime_part { /* one a part, in order of appearance; [0] is the message */
	size_t header_at, body_at, body_end; /* offsets */
	int depth, parent;                   /* parent -1 for the message */
	const char *type;                    /* "text/plain", lower case */
	const char *encoding;                /* "base64", lower case; "" none given */
	const char *charset;                 /* lower case, "" none given */
};

struct mime_index {
	struct mime_part *parts;
	size_t nparts;
	size_t body_at;  /* where the primary header ends */
	size_t headers;  /* fields in all */
	size_t received; /* Received: fields of the primary header */
	unsigned seen;   /* of enum mime_seen */
};

/* Walk the message: events as they come, the index at the end.  events NULL: index only.
 * 0; -1 when an event ended the walk (the index covers what was walked). */
int mime_walk(struct span message, const struct mime_options *, const struct mime_events *,
    struct arena *, struct mime_index *);

#endif
