/*
 * pkcs7 - what an S/MIME file (RFC 5652, ContentInfo in BER) holds, as far as no key is needed
 *
 * Of signed data the content, which stands there in the clear.  Lengths that are too long end with
 * the octets; the signatures are nobody's business here.
 *
 * The content may come in pieces.  They point into the octets.
 * Threads: any.  The time is in proportion to the octets' length.
 */
#ifndef MAIL_PKCS7_H
#define MAIL_PKCS7_H

#include <stddef.h>

#include "base/span.h"

enum pkcs7_kind {
	PKCS7_NONE, /* nothing of the below, or signed data without content */
	PKCS7_SIGNED,
	PKCS7_ENCRYPTED,
};

struct pkcs7_pieces { /* private */
	struct span rest;
	size_t
	    open; /* octet strings made of others, if their length is not known; 1 is the whole */
};

enum pkcs7_kind pkcs7_look(struct span octets, struct pkcs7_pieces *);
/* The next piece: 1, or 0 when there is none. */
int pkcs7_next(struct pkcs7_pieces *, struct span *piece);

#endif
