/*
 * policy_session - one connection that speaks the policy delegation protocol (private to front/)
 *
 * Requests come one after another on a connection that is kept open.  Those with one `instance` are
 * about one message: they share a transaction, its decision id, configuration and look-ups.  The
 * first request with another instance drops it (PITFALLS B7).
 */
#ifndef FRONT_POLICY_SESSION_H
#define FRONT_POLICY_SESSION_H

#include "base/attr.h"
#include "core/client.h"
#include "core/transaction.h"
#include "engine/pipeline.h"
#include "front/front_session.h"
#include "mail/policy_syntax.h"

struct arena;
struct err;

struct policy_session {
	struct front_session f;
	char peer[64]; /* its address, for log lines */
	int log_first; /* a line about what is queued must be in the log before it goes out */

	/* The instance under way. */
	struct arena *arena;
	struct transaction txn;
	char instance[256]; /* "" none */
	struct client client;
	struct client_tls tls;

	struct arena *spare; /* empty between requests */
};

/* What a protocol_state means here. */
struct policy_stage {
	const char *name;
	enum stage stage;    /* STAGE_NONE: nothing is asked */
	const char *rejects; /* what Postfix puts in front of our text: "Recipient address" */
};

/* --- policy_session.c --- */
struct front_session *policy_session_new(
    struct doors *, int fd, size_t listener_index, const struct sockaddr_storage *peer);

/* --- policy_txn.c --- */
/* NULL: there is no such state. */
const struct policy_stage *policy_stage_find(const char *protocol_state);
/* The name in "<NAME>: Recipient address rejected: ". */
const char *policy_subject(
    const struct policy_session *, const struct policy_stage *, const struct policy_request *);
/* The request's client and envelope into the transaction under way; *rcpt: whom RCPT is about, or
 * NULL.  -1: it holds what no Postfix sends (err, ERR_PEER). */
int policy_txn_fill(struct policy_session *, const struct policy_stage *,
    const struct policy_request *, struct recipient **rcpt, struct err *) ATTR_MUST_USE;

#endif
