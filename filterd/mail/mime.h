/*
 * mime - a streaming walk over a message, one event a header field and a line of the body, as
 * Postfix sees it
 *
 * RFC 5322 and 2045-2046 read the way Postfix's cleanup reads them: the differences would be holes
 * after a migration.  One pass, no recursion; depth, part, header and boundary limits are reported,
 * not overrun.  The walk works on the contiguous normalised message (core/message.h) and reports
 * offsets into it.
 *
 * What is surprising, and Postfix's way all the same: boundaries match as prefixes and count from
 * the moment their Content-Type is read, whatever a later Content-Type says; an outer boundary ends
 * all inner parts; message/rfc822 and message/global are descended into whatever their encoding; a
 * bad line in a part's header makes the rest of the part body; only MIME-Version and the five
 * Content- fields of RFC 2045 and 2183 are MIME header fields.  Mail readers do otherwise in some
 * of it: mime_options.way and boundary walk as they do, and mime_index.ways and boundaries tell
 * when that is worth while (mail/parts.h does so).
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
	MIME_HDR_MULTIPART, /* a part's own header, and the MIME fields of any: mime_header_checks
			     */
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
	size_t lead;  /* octets of trace header that we put in front ourselves: what the sender's
			 first line was begins here */
	unsigned way; /* of enum mime_way; 0 is Postfix's */
	unsigned boundary;   /* 0: Postfix's; else the boundary of a multipart is this one of those
			      * that readers may take it to have, from 1 on; the first where it has
			      * fewer */
	int tell_boundaries; /* fill mime_index.boundaries; of no use for anything else */
};

/* Ways of mail readers that are not Postfix's; bits. */
enum mime_way {
	/* Nothing but blanks stands behind a boundary. */
	MIME_WAY_WHOLE_LINES = 1 << 0,
	/* The header of a part, or of an attached message, ends at an empty line or at a boundary,
	 * whatever stands there before; and it may begin with blanks. */
	MIME_WAY_WHOLE_HEADERS = 1 << 1,
};
enum { MIME_WAY_ALL = 3, MIME_BOUNDARIES_MAX = 4 };

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
	MIME_SEEN_LINES_CUT = 1 << 8, /* there were lines beyond mime_events.line_limit */
};

/* What mail readers are at odds about, or a program would not write; bits, in headers of whatever
 * depth. */
enum mime_odd {
	MIME_ODD_TYPES = 1 << 0,     /* several Content-Type fields in one header */
	MIME_ODD_ENCODINGS = 1 << 1, /* several Content-Transfer-Encoding fields, or words in one */
	MIME_ODD_NO_BOUNDARY = 1 << 2, /* a multipart without a boundary, or one that never comes */
	MIME_ODD_NO_END = 1 << 3,      /* ... or whose last boundary does not come */
	MIME_ODD_UNKNOWN_ENCODING = 1 << 4,
	MIME_ODD_ENCODED_CONTAINER = 1 << 5, /* a multipart or attached message in base64 or the
						like, which RFC 2045 forbids */
	MIME_ODD_READINGS =
	    1 << 6, /* two plausible readings: fields that contradict one another, or any of the
		     * above but several equal fields and a missing end */
};

struct mime_header {
	enum mime_class class;
	struct span raw;  /* all lines with CRLF, as in the message: what an edit replaces */
	struct span name; /* its name, as in text */
	struct span text; /* what a check is asked with: LF between lines, blank before the colon
			   * removed, cut at a NUL line by line; nothing is added once it has
			   * header_size_limit octets; no line end at the end.  Points into the
			   * message, or to memory that is valid during the event.  p is NULL with
			   * lazy_text when it would have to be made: mime_header_text() does. */
	int changed;      /* what is sent must be text, cut with mime_header_cut(), and not raw */
	struct mime_walk *walk; /* private */
};

/* The field's text, made if need be; valid during the event. */
struct span mime_header_text(const struct mime_header *);

struct mime_line { /* empty lines, and an empty last piece, are not reported */
	struct span
	    text;  /* one physical line, or a piece of at most line_length_limit; no line end */
	size_t at; /* offset of text in the message */
	size_t raw_len;  /* octets of the message that are this piece: text, and the line end of a
			    last piece */
	size_t segment;  /* offset of the piece within its segment (preamble, part, epilogue: each
			    starts at 0), a line end counted as one octet */
	int first, last; /* first and last piece of its line */
};

/* Events.  Each returns 0, or -1 to end the walk; NULL: not wanted (body lines are then skipped at
 * the speed of memchr).  A handler may set members to NULL while the walk goes on. */
struct mime_events {
	int (*header)(void *arg, const struct mime_header *);
	/* The primary header block ends here; `at` is where the body begins.  insert_blank: an
	 * empty line must be put at `at`, for the header ended at a line that is no header field.
	 */
	int (*end_of_header)(void *arg, size_t at, int insert_blank);
	int (*line)(void *arg, const struct mime_line *);
	size_t line_limit; /* lines at or beyond this offset of their segment are not wanted; 0: all
			      are */
	int lazy_text;     /* mime_header.text only where it costs nothing */
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
	size_t body_at;      /* where the primary header ends */
	size_t headers;      /* fields in all */
	size_t received;     /* Received: fields of the primary header */
	unsigned seen;       /* of enum mime_seen */
	unsigned odd;        /* of enum mime_odd */
	unsigned ways;       /* of enum mime_way: with these another walk may see it differently */
	unsigned boundaries; /* and with those up to this number, at most MIME_BOUNDARIES_MAX */
};

/* Walk the message: events as they come, the index at the end.  events NULL: index only.
 * 0; -1 when an event ended the walk (the index covers what was walked). */
int mime_walk(struct span message, const struct mime_options *, const struct mime_events *,
    struct arena *, struct mime_index *);
/* How many octets of a field's text are sent. */
size_t mime_header_cut(struct span text, size_t header_size_limit);
/* Is this a header field's line: `name:` with a name of printable ASCII?  Length of the name, 0 if
 * not. */
size_t mime_field_name(struct span line);

#endif
