/*
 * hop - one SMTP or LMTP connection to a next hop
 *
 * Speaks the client side of RFC 5321 and 2033 with pipelining.  It transports: envelope octets and
 * parameters go out as they are given (SIZE and BODY=7BIT, which ask for nothing, are left out
 * where the next hop does not know them); the one writer of message content (hop_content,
 * client/wire.h) owns CRLF and dot-stuffing and lets no stray CR or LF leave (DESIGN.md,
 * decision 4).  Replies are matched to commands one to one (PITFALLS A8); anything else breaks the
 * connection.
 *
 * Ownership: a connection is lent by the pool (client/pool.h) and given back or broken.
 * Results: 0, or -1 with err: ERR_RETRY deadline, 421, connection lost; ERR_PEER protocol broken.
 * After -1 the connection is good for pool_break() only.  err's text says what happened without
 * naming the next hop, so it may be handed to a client.  A reply of 4xx or 5xx is not a failure:
 * it is in struct hop_reply.
 * Threads: one at a time.
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
	CAP_XCLIENT = 1 << 8,
};

struct hop_caps {
	unsigned bits;     /* of enum hop_cap */
	long long size;    /* SIZE's number, 0: no limit told */
	unsigned xforward; /* which attributes XFORWARD takes: bits of enum xforward_attr */
	unsigned xclient;  /* the same of XCLIENT */
};

enum xforward_attr {
	XF_NAME = 1 << 0,
	XF_ADDR = 1 << 1,
	XF_PORT = 1 << 2,
	XF_PROTO = 1 << 3,
	XF_HELO = 1 << 4,
	XF_IDENT = 1 << 5,
	XF_SOURCE = 1 << 6,
	XF_REVERSE_NAME = 1 << 7, /* XCLIENT's from here on */
	XF_LOGIN = 1 << 8,
};

/* A reply: code, and the text of all its lines joined by LF, cleaned (client text never holds
 * controls, is at most 510 octets a line); the enhanced code is split off when there is one. */
struct hop_reply {
	int code;
	char enhanced[12]; /* "" when there was none */
	const char *text;  /* arena memory */
};

/* Whom XFORWARD and XCLIENT speak of.  NULL or "" is an attribute nobody knows: [UNAVAILABLE]. */
struct hop_client {
	const char *name, *addr, *port, *proto, *helo, *ident;
	int local; /* SOURCE=LOCAL */
	/* It was told of by XCLIENT.  A next hop that takes XCLIENT from us is told so too; such a
	 * connection serves this client only and is not kept. */
	int xclient;
	const char *reverse_name, *login;
	int name_tempfail, reverse_tempfail; /* nobody knows just now: [TEMPUNAVAIL] */
};

/* What the transaction needs to tell the next hop. */
struct hop_rcpt {
	const char *path;       /* octets between < and > */
	const char *params;     /* "NOTIFY=NEVER ORCPT=rfc822;x", or "" */
	struct hop_reply reply; /* to RCPT; code 0: none came */
	struct hop_reply final; /* LMTP: after the data; SMTP: a copy of the one reply; of a
				   recipient that was refused: a copy of `reply` */
};

struct hop_envelope {
	const char *mail_path, *mail_params; /* sender's */
	const struct hop_client *client;     /* passed on by XFORWARD where the next hop takes it;
						NULL: none */
	struct hop_rcpt *rcpts;
	size_t nrcpts;
	struct hop_reply mail, data; /* replies to MAIL and DATA */
	int reply_ms; /* each reply may take so long, within the deadline; 0: only that counts */
	struct arena *arena; /* for reply texts */
};

const struct next_hop *hop_target(const struct hop *);
const struct hop_caps *hop_caps(const struct hop *);
/* Does it take what these parameters of MAIL or RCPT ask (8BITMIME, SMTPUTF8, DSN)?  NULL yes; else
 * the missing extension's name. */
const char *hop_refuses_params(const struct hop *, const char *params);
/* After -1: what the next hop said when it broke off (a 421, or a refusal before its turn); code 0:
 * nothing.  Valid until the connection is given back or broken. */
const struct hop_reply *hop_farewell(const struct hop *);
/* Has nothing come back since the transaction began, but perhaps a 421?  Then a failure on a kept
 * connection only says that it had grown stale. */
int hop_unanswered(const struct hop *);
/* Does the connection still stand? */
int hop_standing(const struct hop *);
/* Does it stand between transactions, fit for pool_put()? */
int hop_idle(const struct hop *);

/* XFORWARD, MAIL, all RCPT and DATA in one write (where it pipelines; very many recipients go in
 * windows), and all their replies.  Afterwards data.code is 354 only when the data is open: MAIL
 * and at least one RCPT were accepted, with all_or_none every RCPT.  Otherwise the transaction is
 * to be forgotten with hop_rset() when the connection still stands (hop_standing()): a peer that
 * opened data we do not want is left without one, RSET not being legal there. */
int hop_begin(struct hop *, struct hop_envelope *, int all_or_none, struct deadline,
    struct err *) ATTR_MUST_USE;

/* The same step by step, for the SMTP door that passes MAIL and RCPT on as they come. */
int hop_mail(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;
int hop_rcpt(
    struct hop *, struct hop_envelope *, size_t i, struct deadline, struct err *) ATTR_MUST_USE;
int hop_data(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;

/* Content with the dot still unsent.  Pieces may begin and end anywhere in a line.  They are not
 * copied: a piece must stay as it is until hop_flush() or hop_dot(), which send what is queued;
 * about a megabyte is queued at most. */
int hop_content(struct hop *, struct span piece, struct deadline, struct err *) ATTR_MUST_USE;
/* The same for octets of a message that is known to have no line with a dot (wire_add_known). */
int hop_content_known(struct hop *, struct span piece, struct deadline, struct err *) ATTR_MUST_USE;
int hop_flush(struct hop *, struct deadline, struct err *) ATTR_MUST_USE;
/* Send what is queued, the end of the last line if it lacks one, and the final dot, in one write;
 * it is the point of no return.  -1: the dot has not left, so the message is not there. */
int hop_dot(struct hop *, struct deadline, struct err *) ATTR_MUST_USE;
/* The reply, or with LMTP one a recipient that RCPT accepted, into rcpts[].final.  A 421 is the
 * reply for all who still wait for one.  After -1 those without a reply have final.code 0: nobody
 * knows what became of their copies. */
int hop_final(struct hop *, struct hop_envelope *, struct deadline, struct err *) ATTR_MUST_USE;
/* Forget a transaction that has not opened its data. */
int hop_rset(struct hop *, struct deadline, struct err *) ATTR_MUST_USE;

#endif
