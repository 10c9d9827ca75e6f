/*
 * relay_private - one run of the relay, for relay*.c only
 */
#ifndef ACTION_RELAY_PRIVATE_H
#define ACTION_RELAY_PRIVATE_H

#include "action/delivered.h"
#include "action/fate.h"
#include "action/relay.h"
#include "client/hop.h"

/* One transaction at a next hop: a step of the plan without those who were served before. */
struct delivery {
	const struct plan_step *step;
	size_t *who; /* recipients of the transaction */
	size_t nwho;
	struct hop_envelope own, *envelope; /* envelope: own, or the one the door opened */
	size_t nown;     /* the first of the envelope's recipients: who's own, or step->to; behind
			    them are copies (BCC) */
	struct hop *hop; /* NULL: given back, broken, or never had */
	int open;        /* at 354, the dot not sent */
};

struct relay {
	struct transaction *t;
	const struct plan *plan;
	const struct relay_options *o;
	struct relay_door *door;
	const struct hop_client *client;
	struct delivery *deliveries;
	size_t ndeliveries;
	struct held held;
	struct delivered_digest digest;
	int have_digest;
	size_t served;        /* recipients whose copy a next hop took in this run */
	int failed;           /* some recipient was not served */
	int unknown;          /* a dot was sent and no reply came */
	const char *not_sent; /* the reply of those who wait for others, to tell them apart */
	/* the reply text made last: recipients of one transaction mostly share it */
	const char *last_text, *last_reply;
	int last_code;
};

/* --- relay_result.c: what becomes of a recipient.  The first result stays. --- */

void result_set(struct relay *, size_t rcpt, int code, const char *reply, const char *hop);
/* From a next hop's reply; soft_bounce is applied. */
void result_reply(struct relay *, const struct delivery *, size_t rcpt, const struct hop_reply *);
void result_reply_all(struct relay *, const struct delivery *, const struct hop_reply *);
/* The same reply of ours for all of a delivery: "4.4.1 text". */
void result_all(struct relay *, const struct delivery *, int code, const char *reply);
/* For all who have no result yet. */
void result_rest(struct relay *, int code, const char *reply);
/* One reply for all, and fates that agree with it. */
void result_one_reply(struct relay *);

/* --- relay_delivery.c --- */

/* Get the next hop to 354.  0, or -1: the results are set. */
int delivery_open(struct relay *, struct delivery *);
/* Take over the transaction that the door has opened.  As above; 1: it is lost, open another. */
int delivery_take_over(struct relay *, struct delivery *, struct hop *, struct hop_envelope *);
int delivery_content(struct relay *, struct delivery *);
/* Dot and reply. */
void delivery_finish(struct relay *, struct delivery *);
/* Break it off if its data is open; no results. */
void delivery_break(struct relay *, struct delivery *);

#endif
