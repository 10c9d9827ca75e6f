/*
 * mime_impl - what the files of the MIME walker share; nobody else includes it
 */
#ifndef MAIL_MIME_IMPL_H
#define MAIL_MIME_IMPL_H

#include "base/buf.h"
#include "mail/mime.h"

struct arena;

/* --- mime_type.c: the value of Content-Type and Content-Transfer-Encoding --- */

enum mime_kind { MIME_KIND_OTHER, MIME_KIND_MULTIPART, MIME_KIND_MESSAGE };

struct mime_type {
	enum mime_kind kind; /* MESSAGE: one that is taken apart, message/rfc822 or message/global
			      */
	int digest; /* multipart/digest: its parts are messages unless they say otherwise */
	struct span type, subtype;
	struct span charset; /* of text */
};

/* Read the value behind "Content-Type:"; spans point into it or into the arena.  As in Postfix a
 * type other than text, message and multipart changes no kind: what was a message by an earlier
 * field, or by the digest around it, is taken apart still.  A value without a type makes it text.
 * 1: a multipart, whose boundaries are in params; else 0. */
int mime_type_parse(struct span value, struct arena *, struct mime_type *, struct span *params);
/* The next boundary= of a multipart's parameters: 1, or 0 when there is no more. */
int mime_type_boundary(struct span *params, struct arena *, struct span *boundary);
/* The word of Content-Transfer-Encoding; empty when there is none. */
struct span mime_encoding_parse(struct span value);

/* --- mime_field.c: a header field's lines and its text --- */

struct mime_field {
	size_t at, end;         /* its lines in the message */
	size_t len, next;       /* of its first line, without the line end; where the second is */
	size_t name_len, colon; /* from `at`; both 0 for a "From " line */
};

/* Fills h but for its class.  Its text is made when it is not as in the message, or, if
 * only the line ends differ, with `want`. */
void mime_field_read(
    struct mime_walk *, const struct mime_field *, int want, struct mime_header *h);

/* --- mime.c --- */

struct mime_delim { /* a boundary that counts */
	struct span text;
	int digest;
	int owner;          /* the part whose header named it */
	int opened, closed; /* it, or another of the owner's, has come; and so the last one */
};

struct mime_odd_head {          /* of the part header at hand */
	struct span type;       /* the value of the first Content-Type */
	unsigned types, codecs; /* how many; 1 << enum codec of those given */
	struct span boundary;   /* the first */
	size_t boundaries;
	/* What counts as the multipart's, and what it might have instead. */
	struct span pushed, others[MIME_BOUNDARIES_MAX];
	size_t npushed, nothers;
};

struct mime_walk {
	const uint8_t *base;
	size_t at, end;
	const struct mime_options *opt;
	const struct mime_events *ev;
	struct arena *arena;
	struct mime_index *index;

	struct buf text; /* of the field at hand, when it is not as in the message */
	struct mime_field field;

	int in_header;
	enum mime_class class; /* of the header block at hand */
	int primary;
	struct mime_type type; /* of the part at hand */
	size_t segment;        /* how far into the body's segment we are */

	struct mime_delim *delims; /* innermost last */
	size_t ndelims, delims_cap;
	size_t parts_cap;
	int part;     /* the part at hand, or, beyond parts_limit, its nearest ancestor */
	int unlisted; /* the part at hand is beyond parts_limit */
	struct mime_odd_head odd;
	struct words *words; /* what the index says of the part at hand, once it said something */
};

/* Length of the line at `at` without its line end, *next the offset behind it; nothing at or
 * beyond `bound` is looked at. */
size_t mime_line_len(const struct mime_walk *, size_t at, size_t bound, size_t *next);
void mime_push_boundary(struct mime_walk *, struct span);

/* --- mime_part.c: the index --- */

void mime_part_open(struct mime_walk *, int parent);
void mime_part_body(struct mime_walk *);
/* End the parts below `owner`; it is the part at hand afterwards. */
void mime_part_close(struct mime_walk *, int owner, size_t at);
void mime_part_type(struct mime_walk *);
void mime_part_encoding(struct mime_walk *, struct span);

/* --- mime_odd.c: what enum mime_odd tells of --- */

void mime_odd_type(struct mime_walk *, struct span raw_value);
void mime_odd_boundary(struct mime_walk *, struct span); /* of the Content-Type at hand */
void mime_odd_type_end(struct mime_walk *, int multipart);
void mime_odd_encoding(struct mime_walk *, struct span value);
void mime_odd_header_end(struct mime_walk *);
/* The line of boundary number i has come; those inside it will not any more. */
void mime_odd_boundary_line(struct mime_walk *, size_t i, int closing);
void mime_odd_end(struct mime_walk *);

/* --- mime_way.c: where mail readers part with Postfix --- */

/* Which of our boundaries stands in this line, if any: its number + 1, else 0.  len: of what is
 * looked at. */
size_t mime_boundary_at(struct mime_walk *, size_t at, size_t len, int *closing);
/* Does nothing stand behind a boundary that ends before `at`, but blanks up to `end`? */
int mime_way_line(struct mime_walk *, struct span boundary, size_t at, size_t end);
/* The line at w->at is no header field.  1: it is passed over, or *f says which field it is after
 * all; 0: it ends the header. */
int mime_way_no_field(struct mime_walk *, size_t bound, int first, struct mime_field *f);
/* The value of a multipart's Content-Type, with its parameters, and the end of its header. */
void mime_way_type(struct mime_walk *, struct span value, struct span params);
void mime_way_header_end(struct mime_walk *);

/* mime_skip.c: p is where a line starts; the first line from there on that starts with "--", or
 * end. */
const uint8_t *mime_find_dashes(const uint8_t *p, const uint8_t *end);

#endif
