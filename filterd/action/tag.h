/*
 * tag - what the action TAG does to a message: a header field, and text in front of the subject
 *
 * The prefix is compared with the subject as a reader sees it (RFC 2047 decoded), so a message that
 * has it is not given it again.  A prefix with octets above 127 goes out as an encoded word, or as
 * it is when the message is SMTPUTF8.  Every Subject: field of the message's own header gets it,
 * for programs differ in which of two they show; without any, one is added.
 *
 * Ownership: results live in the list's arena.
 */
#ifndef ACTION_TAG_H
#define ACTION_TAG_H

#include "base/span.h"
#include "core/edit.h"

struct tag_options {
	const char *header;         /* "X-Spam-Flag: YES"; "" none */
	const char *subject_prefix; /* "" none */
	int smtputf8;
};

/* A field of a message's own header, as Postfix's cleanup finds them. */
struct tag_field {
	size_t at, end;   /* its lines, with their line ends */
	struct span name; /* empty: a line "From " of a mailbox */
};

/* The next one, of `end` 0 the first: 1; 0: there is no more. */
int tag_next_field(struct span message, struct tag_field *);

/* Add the tag to `out`, and the edits of `rules` with it: where they change the header that the
 * prefix goes into, the two become one. */
void tag_apply(struct edit_list *out, struct span message, const struct edit_list *rules,
    const struct tag_options *);

#endif
