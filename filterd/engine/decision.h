/*
 * decision - what one transaction was, what was decided about it and by which steps
 *
 * The record that the decision log keeps (engine/decision_log.h) and that `filterctl explain`
 * prints: envelope, client, what became of each recipient, and the trace (rules/trace.h).
 *
 * Records are read from files, so parsing trusts nothing.  A parsed decision points into the octets
 * and the arena.
 */
#ifndef ENGINE_DECISION_H
#define ENGINE_DECISION_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;
struct buf;
struct err;
struct transaction;

/* So many recipients are written, the others counted. */
#define DECISION_RCPTS ((size_t)1000)
/* A record is not longer. */
#define DECISION_MAX ((size_t)4 * 1024 * 1024)

struct decision_rcpt { /* accepted at RCPT */
	struct span path;
	struct span fate; /* "deliver", "reject", ...; "" the message never came to its end */
	int code;         /* the reply after the data, */
	struct span reply;
	struct span list, file; /* and whose it was; "" none */
	int line;
	struct span decided; /* what the rules said, where the fate is a substitute; "" */
	struct span score;   /* "7.5 b=5 a=2.5"; "" nobody gave points */
};

struct decision {
	int64_t time_us; /* wall clock, when it was written down */
	struct span id, service, listener;
	struct span client_address, client_name, client_reverse, helo, protocol, login, queue_id;
	struct span source; /* who told of the client: "connection", "xforward", ... */
	int has_sender;
	struct span sender, message_id;
	int64_t size;
	size_t nrcpts; /* all there were */
	struct decision_rcpt *rcpts;
	size_t nshown; /* of these */
	size_t lost;   /* events that found no room in the trace */
	struct span trace;
};

/* Append the record of a transaction whose trace is not NULL. */
void decision_format(const struct transaction *, struct buf *);
/* 0, or -1 and ERR_SYSTEM: these octets are no record. */
int decision_parse(struct span, struct arena *, struct decision *, struct err *) ATTR_MUST_USE;
/* The record's id, without the rest: "" when there is none. */
struct span decision_id(struct span record);

#endif
