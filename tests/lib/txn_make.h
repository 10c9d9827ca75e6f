/*
 * txn_make - a transaction for tests: sender, recipients and message without a session
 */
#ifndef TESTS_LIB_TXN_MAKE_H
#define TESTS_LIB_TXN_MAKE_H

#include "core/client.h"
#include "core/message.h"
#include "core/transaction.h"

struct txn_made {
	struct transaction txn;
	struct arena *arena;
	struct message *message;
	int borrowed; /* the message is */
	struct client client;
};

/* Recipients are r0@example.org, r1@...; text is the message, CRLF lines. */
void txn_make(struct txn_made *, size_t nrcpts, const char *text);
/* The same with a message of the caller's, who frees it. */
void txn_make_of(struct txn_made *, size_t nrcpts, struct message *);
struct message *txn_make_message(const char *text);
void txn_unmake(struct txn_made *);

#endif
