/*
 * wire - message content as it goes onto the wire
 *
 * Turns pieces of a message, cut anywhere, into a list of buffers for one gathering write: lines
 * end in CRLF, a line that begins with a dot gets a second one, a CR that ends no line becomes a
 * blank, an LF without CR becomes CRLF.  Whatever the input, the only CRLF "." CRLF is the one of
 * wire_end(), and no CR or LF stands alone (PITFALLS A1).
 *
 * Clean stretches are referred to, not copied, so pieces must stay until wire_sent().
 *
 * Ownership: embedded in its owner; a zeroed struct is ready; wire_fini() frees.
 * Threads: one at a time.  No I/O.
 */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/span.h"

#define WIRE_IOV 64
#define WIRE_MAX ((size_t)1024 * 1024) /* octets queued before wire_add() wants them sent */

enum wire_at {
	WIRE_LINE, /* at the start of a line */
	WIRE_TEXT,
	WIRE_CR, /* behind a CR that has not been written yet */
};

struct wire {
	enum wire_at at;
	size_t n; /* buffers in v */
	size_t bytes;
	struct iovec v[WIRE_IOV];
	uint8_t *scratch; /* short stretches are copied together here */
	size_t scratch_used;
};

/* A new message: at the start of a line, nothing queued. */
void wire_begin(struct wire *);
/* Take octets of the piece; returns how many.  Fewer than all: v is full, write it and say
 * wire_sent(), then go on with the rest. */
size_t wire_add(struct wire *, struct span piece) ATTR_MUST_USE;
/* As wire_add, for octets of a text of which is known that every line ends in CRLF, that no other
 * CR or LF is in it, and that no line begins with a dot: they are not looked through again.  The
 * piece may begin and end inside a line; where it begins nothing is taken on trust, so an edit in
 * front of it may have made its first octet the start of a line. */
size_t wire_add_known(struct wire *, struct span piece) ATTR_MUST_USE;
/* The end of the last line, if it lacks one, and the final dot; there is always room for it. */
void wire_end(struct wire *);
/* What v holds has been written. */
void wire_sent(struct wire *);
void wire_fini(struct wire *);

/* How many octets can go out as they are: up to a dot at the start of a line, a CR that no LF
 * follows in these octets, or an LF without CR.  line_start: p[0] begins a line. */
size_t wire_scan(const uint8_t *p, size_t n, int line_start);

#endif
