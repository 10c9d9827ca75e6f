/*
 * relay - carry out a plan: hold copies, transactions at next hops, and the fate of each recipient
 *
 * DESIGN.md decision 3 to the letter.  Order: hold copies on disk and every transaction at 354
 * before the first dot; a refusal before that aborts all.  Just before the first dot the client is
 * asked for once more: if it has gone everything is broken off.  After the first 250 a later
 * failure is 4xx `indeterminate`, and the recipients already served are remembered on disk and not
 * served again on the retry.
 *
 * Results are in each recipient: fate, code, reply, hop, decided.  Nothing here writes to the
 * client. Threads: any; one transaction each.
 */
#ifndef ACTION_RELAY_H
#define ACTION_RELAY_H

#include "action/plan.h"
#include "base/clock.h"

struct counters;
struct delivered;
struct hold_store;
struct hop;
struct hop_envelope;
struct hop_pool;

struct relay_options {
	struct hop_pool *pool;
	struct hold_store *hold;     /* NULL: no store, holding is 451 4.3.5 */
	struct delivered *delivered; /* NULL: nothing is remembered */
	struct counters *counters;
	/* All of it: who waits for our reply must still be there when it comes (PITFALLS B10). When
	 * it passes before the first dot everything is broken off. */
	struct deadline until;
	int mail_timeout_ms; /* each reply to MAIL, RCPT and DATA (smtp_mail_timeout) */
	int xfer_timeout_ms; /* sending the message (smtp_data_xfer_timeout) */
	int done_timeout_ms; /* the reply to the final dot (smtp_data_done_timeout) */
	int soft_bounce;
	int reply_each; /* the door answers each recipient after the data (LMTP) */
	int pass_xforward;
};

/* The door's side. */
struct relay_door {
	int (*client_gone)(void *arg); /* 1: the peer has hung up */
	void *arg;
	/* verify_recipients_at_next_hop: a transaction with MAIL and RCPT done; used when
	 * plan->as_is, else reset.  Always given back or broken by relay_run(). */
	struct hop *open_hop;
	struct hop_envelope *open_envelope;
};

void relay_run(
    struct transaction *, const struct plan *, const struct relay_options *, struct relay_door *);

#endif
