/*
 * content_ref - what mail/content.h must do, said once more line by line over a whole message
 *
 * Slow and obvious; tests and the fuzz target compare the state machine with it.
 */
#ifndef TESTS_CONTENT_REF_H
#define TESTS_CONTENT_REF_H

#include "base/buf.h"
#include "mail/content.h"

struct content_ref {
	struct buf out;
	unsigned seen;
	int done;
	size_t used; /* octets up to and with the end */
};

/* in: everything the client sent.  Without an end in it, only the complete lines are in out. */
void content_ref_run(struct content_ref *, enum content_mode, const uint8_t *in, size_t n);
void content_ref_fini(struct content_ref *);

/* Feed the same through content_feed() in pieces: cuts[] are the octets of each piece, repeated.
 * Returns 0, or -1 with the difference printed on stderr. */
int content_ref_compare(
    enum content_mode, const uint8_t *in, size_t n, const size_t *cuts, size_t ncuts);

#endif
