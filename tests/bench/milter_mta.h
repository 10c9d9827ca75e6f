/*
 * milter_mta - the MTA's side of a milter connection, as Postfix plays it
 *
 * One connection, one thread, blocking.  What the filter wants is honoured: steps that are not
 * sent, steps that are not answered, the macros asked for.  As Postfix does, what needs no answer
 * is gathered until something does, each command has its macros in front of it, also each header
 * field and each body chunk, body chunks have 65,535 octets, and an ABORT follows each message.
 *
 * Ownership: the struct is the caller's, mta_close() empties it.  Messages must live longer.
 * Results: enum milter_reply, or 0 when the filter is gone or breaks the protocol.
 */
#ifndef TESTS_BENCH_MILTER_MTA_H
#define TESTS_BENCH_MILTER_MTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/milter_syntax.h"
#include "tests/bench/bench_net.h"

#define MTA_CHUNK 65535

/* A message: fields as "NAME NUL blank VALUE NUL", one behind the other, and a body with CRLF. */
struct mta_message {
	char *fields, *body;
	size_t *field; /* where each begins; [nfields] is the end */
	size_t nfields, body_len;
};

struct mta_messages {
	struct mta_message *m;
	size_t n;
};

/* One of about `size` octets with as many fields as mail of these days has; or the files of a
 * folder, in the order of their names. */
struct mta_messages mta_message_make(size_t size);
struct mta_messages mta_message_load(const char *folder);

struct mta {
	int fd;
	uint32_t steps;
	char asked[MILTER_ATS][512]; /* " i {mail_addr} ", where has_list; else Postfix's choice */
	int has_list[MILTER_ATS];
	const char *queue_id;
	struct buf out;
	char in[8192];
	size_t in_at, in_len;
	long changes; /* packets that change the message */
};

/* Connect, negotiate, CONNECT and HELO.  Ends the program when nobody listens there. */
int mta_open(struct mta *, const struct bench_addr *);
/* All up to the last body chunk.  queue_id must live until mta_end(). */
int mta_begin(struct mta *, const struct mta_message *, const char *queue_id);
/* End of message. */
int mta_end(struct mta *);
/* The message is over, with an answer or before it. */
void mta_abort(struct mta *);
void mta_close(struct mta *);

#endif
