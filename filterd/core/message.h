/*
 * message - the octets of one message, read-only once complete
 *
 * One contiguous view.  Every line ends in CRLF, dot-stuffing is undone, a bare LF has become CRLF
 * and a stray CR a blank (Postfix cleanup's rule), so header checks, body checks and the next hop
 * all see the same octets (PITFALLS A5).  NULs are kept.
 *
 * Small messages sit in a buffer that is used again; above message_memory_limit they are in an
 * unlinked file of spool_directory, mapped.  message_forget() lets a reader that is done with a
 * stretch drop it from our memory.
 *
 * Ownership: the session has one message and resets it for each transaction.
 * Threads: one at a time.
 */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct err;
struct message;

/* What the messages of one process take of memory together; several threads may use it. */
struct message_budget {
	_Atomic size_t used;
	_Atomic size_t limit;
};

struct message_options {
	size_t memory_limit;         /* octets kept in memory before a file is used */
	const char *spool_directory; /* for the file */
	/* Above its limit a file is used from MESSAGE_SMALL octets on.  NULL: no such limit.  It
	 * lives longer than the message and is set by message_new() alone. */
	struct message_budget *budget;
};
#define MESSAGE_SMALL ((size_t)64 * 1024)

struct message *message_new(const struct message_options *);
void message_free(struct message *); /* NULL is fine */
void message_reset(struct message *);
/* For the next message; only when it is reset. */
void message_set_options(struct message *, const struct message_options *);

/* Octets of memory it keeps for the next message. */
size_t message_kept(const struct message *);

/* Room for at least `want` octets at the end, to be filled by the caller (normalised already) and
 * then committed.  NULL: the spool file could not grow (disk full: err ERR_SYSTEM). */
uint8_t *message_reserve(struct message *, size_t want, struct err *) ATTR_MUST_USE;
void message_commit(struct message *, size_t n);
size_t message_len(const struct message *);
/* What the receiver knows of it: every line ends in CRLF, no other CR or LF is there, no line
 * begins with a dot.  Who sends it on need not look again. */
void message_set_dotless(struct message *);
int message_is_dotless(const struct message *);

/* The whole message, valid until reset.  After this nothing is added. */
struct span message_view(struct message *);
/* Octets below `offset` will not be read again soon: for a mapped file, unmap their pages. */
void message_forget(struct message *, size_t offset);

#endif
