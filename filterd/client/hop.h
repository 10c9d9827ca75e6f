/*
 * hop - one SMTP or LMTP connection to a next hop
 *
 * Speaks the client side of RFC 5321 and 2033 with pipelining.  It transports: envelope octets and
 *parameters go out as they are given, the one writer of message content (hop_content) owns CRLF and
 *dot-stuffing and lets no stray CR or LF leave (DESIGN.md, decision 4).  Replies are matched to
 *commands one to one (PITFALLS A8); anything else breaks the connection.
 *
 * Ownership: a connection is lent by the pool (client/pool.h) and given back or broken.
 * Results: 0, or -1 with err: ERR_RETRY could not connect, deadline, 421, connection lost; ERR_PEER
 *protocol broken. A reply of 4xx or 5xx is not a failure: it is in struct hop_reply. Threads: one
 *at a time.
 */
#ifndef CLIENT_HOP_H
#define CLIENT_HOP_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/span.h"

struct err;
struct arena;
struct hop;
struct client;

/* What a next hop said it can do: bits; the order is that of EHLO lines we pass on. */
enum hop_cap {
	CAP_PIPELINING = 1 << 0,
	CAP_SIZE = 1 << 1,
	CAP_8BITMIME = 1 << 2,
	CAP_SMTPUTF8 = 1 << 3,
	CAP_DSN = 1 << 4,
	CAP_ENHANCEDSTATUSCODES = 1 << 5,
	CAP_CHUNKING = 1 << 6,
	CAP_XFORWARD = 1 << 7,
};

struct hop_caps {
	unsigned bits;     /* of enum hop_cap */
	long long size;    /* SIZE's number, 0: no limit told */
	unsigned xforward; /* which attributes XFORWARD takes: bits of enum xforward_attr */
};

enum xforward_attr {
	XF_NAME = 1 << 0,
	XF_ADDR = 1 << 1,
	XF_PORT = 1 << 2,
	XF_PROTO = 1 << 3,
	XF_HELO = 1 << 4,
	XF_IDENT = 1 << 5,
	XF_SOURCE = 1 << 6,
};

/* A reply: code, and the text of all its lines joined by LF, cleaned (client text never holds
 * controls, is at most 510 octets a line); the enhanced code is split off when there is one. */
struct hop_reply {
	int code;
	char enhanced[12]; /* "" when there was none */
	const char *text;  /* arena memory */
};

/* What the transaction needs to tell the next hop. */
struct hop_rcpt {
	const char *path;       /* octets between < and > */
	const char *params;     /* "NOTIFY=NEVER ORCPT=rfc822;x", or "" */
	struct hop_reply reply; /* to RCPT */
	struct hop_reply final; /* LMTP: after the data; SMTP: a copy of the one reply */
};

struct hop_envelope {
	const char *mail_path, *mail_params; /* sender's */
	const struct client
	    *client; /* passed on by XFORWARD where the next hop takes it; NULL: none */
	struct hop_rcpt *rcpts;
	size_t nrcpts;
	struct hop_reply mail, data; /* replies to MAIL and DATA */
	struct arena *arena;         /* for reply texts */
};

const struct next_hop *hop_target(const struct hop *);
const struct hop_caps *hop_caps(const struct hop *);
/* Does it take 8BITMIME, SMTPUTF8, DSN, SIZE as these parameters ask?  NULL yes; else the missing
 * extension's name. */
const char *hop_refuses_params(const struct hop *, const char *mail_params);

/* MAIL, all RCPT and DATA in one write (where it pipelines), and all their replies.  After it, in
 * the envelope: data.code 354 with at least one RCPT accepted: the data is open.  When every RCPT
 * was refused the data is not open, whatever the peer answered to DATA.  all_or_none: when any RCPT
 * is refused the data is not opened. */
int hop_begin(struct hop *, struct hop_envelope *, int all_or_none, struct deadline,
    struct err *) ATTR_MUST_USE;

/* The same step by step, for the SMTP door that passes MAIL and RCPT on as they come. */
int hop_mail(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;
int hop_rcpt(
    struct hop *, struct hop_envelope *, size_t i, struct deadline, struct err *) ATTR_MUST_USE;
int hop_data(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;

/* Content with the dot still unsent.  Pieces may begin and end anywhere in a line. */
int hop_content(struct hop *, struct span piece, struct deadline, struct err *) ATTR_MUST_USE;
/* End the last line if needed, send the final dot; it is the point of no return. */
int hop_dot(struct hop *, struct deadline, struct err *) ATTR_MUST_USE;
/* The reply, or with LMTP one a recipient that RCPT accepted, into rcpts[].final. */
int hop_final(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;
/* Forget a transaction that has not opened its data. */
int hop_rset(struct hop *, struct deadline, struct err *) ATTR_MUST_USE;

#endif
