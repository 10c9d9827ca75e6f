/*
 * milter_packets - packets become events, answers become packets (private to front/)
 *
 * The wire side of milter_session.h, without the connection: which packet may come when, which
 * event it is, and what an answer and its changes are on the wire.
 *
 * Order: OPTNEG first and once.  What belongs to a message wants MAIL before it; DATA may come
 * behind the header too (PITFALLS H7).  MAIL, HELO or CONNECT in a message end it as ABORT does,
 * for an MTA need not say ABORT about a message it has refused itself.  Anything else out of order
 * is a broken peer: a packet passed over in silence would leave the MTA waiting.
 *
 * Ownership: struct milter_packets is embedded and zeroed; its session is the caller's.
 * Threads: one at a time; an event may wait.
 */
#ifndef FRONT_MILTER_PACKETS_H
#define FRONT_MILTER_PACKETS_H

#include "base/attr.h"
#include "mail/milter_syntax.h"

struct arena;
struct buf;
struct err;
struct milter_answer;
struct milter_session;

enum milter_phase {
	MILTER_PHASE_NEW,      /* nothing negotiated yet */
	MILTER_PHASE_IDLE,     /* no message */
	MILTER_PHASE_ENVELOPE, /* MAIL has come, */
	MILTER_PHASE_HEADERS,  /* a header field, */
	MILTER_PHASE_BODY,     /* their end, or body */
};

struct milter_packets {
	struct milter_session *session;
	enum milter_phase phase;
	int connected;         /* CONNECT has come */
	uint32_t steps;        /* granted */
	struct arena *scratch; /* of the packet under way */
};

enum milter_then { MILTER_BREAK = -1, MILTER_READ_ON, MILTER_CLOSE };

/* Serve a packet; what it is answered with is added to the buffer.  MILTER_BREAK: err says why,
 * ERR_PEER. */
enum milter_then milter_packets_serve(struct milter_packets *, const struct milter_packet *,
    struct buf *out, struct err *) ATTR_MUST_USE;
/* The answer to a command, with the changes of an END.  steps: as granted. */
void milter_packets_answer(struct buf *, uint32_t steps, const struct milter_answer *);
/* Give back what is of no use while no packet is there. */
void milter_packets_rest(struct milter_packets *);

#endif
