/*
 * fake_hop - an SMTP or LMTP server for tests, on a unix socket, that does what it is told
 *
 * A thread a connection.  Ordinary answers come by themselves; rules change them, and limits break
 * a connection at a given octet of what it writes or reads.  Data ends at CRLF "." CRLF only.
 *
 * Threads: rules and limits are set before the first connection or while none is busy; the rest is
 * behind a lock.
 */
#ifndef TESTS_LIB_FAKE_HOP_H
#define TESTS_LIB_FAKE_HOP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/endpoint.h"

struct fake_hop;

#define FAKE_BREAK "BREAK" /* instead of a reply: close */
#define FAKE_HANG  "HANG"  /* instead of a reply: none, until the other side closes */
#define FAKE_SLOW  "SLOW " /* in front of a reply: it comes after 300 ms */

struct fake_rule {
	const char *verb;  /* "GREETING", "EHLO", "RCPT", "DATA", "." (after the data) ... */
	const char *match; /* in the command line; for "." in the RCPT line; NULL: any */
	const char *reply; /* "550 5.1.1 no\r\n", FAKE_BREAK, FAKE_HANG */
};

struct fake_message {    /* what was taken with a 250 */
	char *mail;      /* "MAIL FROM:<...> ..." */
	char *rcpts;     /* "RCPT TO:<...>\n..." accepted ones; LMTP: whose final reply was 250 */
	struct buf data; /* dots undone */
};

struct fake_hop *fake_hop_new(enum hop_protocol, const struct fake_rule *, size_t nrules);
void fake_hop_free(struct fake_hop *);
const struct next_hop *fake_hop_target(const struct fake_hop *);
/* What EHLO says behind the first line, "250-PIPELINING\r\n...250 SIZE\r\n"; NULL: the default. */
void fake_hop_ehlo(struct fake_hop *, const char *);
void fake_hop_rules(struct fake_hop *, const struct fake_rule *, size_t);
/* Connection number `conn` (from 0; -1: each) closes once it has written or read so many octets. */
void fake_hop_break(struct fake_hop *, int conn, long after_written, long after_read);

size_t fake_hop_connections(struct fake_hop *);
size_t fake_hop_messages(struct fake_hop *);
const struct fake_message *fake_hop_message(struct fake_hop *, size_t i);
/* All that connection i read and wrote. */
const char *fake_hop_read(struct fake_hop *, size_t conn);
size_t fake_hop_read_len(struct fake_hop *, size_t conn);
size_t fake_hop_written_len(struct fake_hop *, size_t conn);
/* Wait until no connection is open. */
void fake_hop_settle(struct fake_hop *);

#endif
