/*
 * passage - what the next hop can do, and a transaction opened there while the client still speaks
 *
 * verify_recipients_at_next_hop: MAIL and RCPT go through as they come, so the next hop's replies
 * to RCPT reach the client.  What is open is handed to relay_run() with the message, or ended here
 * when the transaction is.
 *
 * Ownership: a struct passage is embedded in a session; passage_end() leaves nothing behind.
 * Threads: one at a time.
 */
#ifndef ACTION_PASSAGE_H
#define ACTION_PASSAGE_H

#include "base/attr.h"
#include "base/clock.h"
#include "client/hop.h"

struct err;
struct hop_pool;
struct next_hop;
struct transaction;

struct passage {
	struct hop *hop; /* NULL: nothing is open */
	struct hop_envelope envelope;
	size_t cap;
	int lost; /* the next hop failed: what is left of the transaction is refused for now, */
	struct hop_reply why; /* with this reply: its parting words, or ours about it */
};

/* What the next hop announced; a poorer EHLO of ours in its place would make Postfix convert or
 * bounce.  _known never waits: 1 or 0. The other one connects when it is not remembered. */
int passage_caps_known(struct hop_pool *, const struct next_hop *, struct hop_caps *);
int passage_caps(struct hop_pool *, const struct next_hop *, struct hop_caps *, struct deadline,
    struct err *) ATTR_MUST_USE;

/* MAIL.  0: its reply is in envelope.mail, maybe a refusal; -1: lost.  A kept connection that has
 * grown stale gets one try with a new one. */
int passage_mail(struct passage *, struct hop_pool *, const struct next_hop *,
    const struct transaction *, struct deadline, struct err *) ATTR_MUST_USE;
/* RCPT.  1 taken, 0 refused; *reply is the next hop's; -1: lost. */
int passage_rcpt(struct passage *, struct hop_pool *, const char *path, const char *params,
    struct hop_reply *reply, struct deadline, struct err *) ATTR_MUST_USE;
/* RSET what is open, if anything, and be as new.  A next hop that hangs is not waited for
 * (action/hop_release.h). */
void passage_end(struct passage *, struct hop_pool *, struct deadline);
/* The same without waiting: what is open is broken off. */
void passage_break(struct passage *, struct hop_pool *);

#endif
