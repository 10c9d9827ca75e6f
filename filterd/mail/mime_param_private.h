/*
 * mime_param_private - what the files of mime_param share; nobody else includes it
 */
#ifndef MAIL_MIME_PARAM_PRIVATE_H
#define MAIL_MIME_PARAM_PRIVATE_H

#include "base/buf.h"
#include "base/span.h"

/* More pieces than a name can sensibly have. */
#define MIME_PIECES_MAX 64

struct mime_piece {
	unsigned number;
	int encoded; /* %HH */
	int odd;     /* its number begins with a 0 */
	struct span value;
	int quoted;
};

struct mime_pieces {
	struct mime_piece plain, star; /* name=, name*= */
	struct mime_piece last_plain, last_star;
	int has_plain, has_star;              /* how many; 2: or more */
	struct mime_piece v[MIME_PIECES_MAX]; /* name*N=, name*N*=, as they stand */
	size_t n;
	int more; /* pieces than these */
};

/* All that the field value says of the parameter; the value must stay. */
void mime_pieces_read(struct span field_value, const char *wanted, struct mime_pieces *);

/* The numbered ones in their order; of two with one number the first or last counts, or with ALL
 * one behind the other.  STRICT: up to the first number that is missing, and without odd ones.
 * Writes at most MIME_PIECES_MAX. */
enum mime_pieces_way { MIME_PIECES_FIRST, MIME_PIECES_LAST, MIME_PIECES_ALL, MIME_PIECES_STRICT };
size_t mime_pieces_join(const struct mime_pieces *, enum mime_pieces_way, struct mime_piece *out);

/* Append the field value as it is without comments (RFC 5322), within each other or not closed.
 * 1: there were some. */
int mime_param_without_comments(struct span field_value, struct buf *out);

#endif
