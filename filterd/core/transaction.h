/*
 * transaction - what arrived: envelope, message, and what was noticed and decided about it
 *
 * Connection, session, transaction and recipient have four lives.  A transaction begins at MAIL and
 *ends with the final reply of DATA or BDAT, with RSET, EHLO, STARTTLS or the connection (PITFALLS
 *A7): transaction_end() frees all of it.
 *
 * Ownership: the session owns one transaction struct and its arena; everything a transaction points
 *to is in the arena, in the message, or in the configuration snapshot it holds. Threads: one at a
 *time.
 */
#ifndef CORE_TRANSACTION_H
#define CORE_TRANSACTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/client.h"
#include "core/facts.h"
#include "core/verdict.h"

struct arena;
struct message;
struct rule_memory;
struct rule_services;
struct rule_trace;
struct rule_txn;  /* rules/rule_txn.h */
struct snapshot;  /* engine/snapshot.h */
struct table_set; /* table/table.h */

/* A path as it came and as it is understood (PITFALLS A13: policy reads the parsed form, the next
 * hop gets the original octets). */
struct path {
	const char *octets; /* between < and >, as sent; "" is the null path */
	const char *local;  /* unquoted local part */
	const char *domain; /* "" when there is none */
	const char *addr;   /* local@domain, the form tables are asked with */
	const char *params; /* ESMTP parameters as sent, without XFORWARD's; "" when none */
};

enum rcpt_fate { /* what became of this recipient's copy, for the final log line */
	FATE_NONE,
	FATE_DELIVERED,
	FATE_HELD,
	FATE_DISCARDED,
	FATE_REJECTED,
	FATE_DEFERRED,
};

struct recipient {
	struct path path;
	int notify_never; /* DSN NOTIFY=NEVER was asked */
	struct verdict verdict;
	uint64_t policy; /* rules/policy_digest.h; 0 unless on_mixed = split asks for it */
	int put_off;     /* refused at RCPT because of that alone: no fault of the client's */
	/* filled by action/relay: the reply after the data */
	enum rcpt_fate fate;
	int code;
	const char *reply; /* whole text behind the code, with the enhanced code */
	const char *hop;   /* next hop's text, or NULL */
	const char
	    *decided; /* what the rules said, when the fate is a substitute ("reject"); or NULL */
	const struct origin *by; /* the rule behind a fate that is none of the next hop's: its own,
				    or of another recipient where all had to agree; or NULL */
};

struct transaction {
	struct arena *arena;
	char id[24];                 /* decision id: in every log line and refusal */
	const char *service;         /* for log lines: "smtp" or "lmtp" */
	const char *listener;        /* its name */
	const struct client *client; /* whom policy looks at: the XFORWARD client if there is one */
	const struct client *peer;   /* who is really connected; NULL: the same */
	struct snapshot *snapshot;   /* configuration this transaction began with */
	struct table_set *tables;    /* table versions taken at MAIL */

	struct rule_txn *rules; /* what the restrictions keep of it; NULL: not asked yet */
	/* What the restrictions ask about the session (rules/rules.h, struct rule_ask). */
	struct rule_memory *memory;           /* what outlives a transaction; NULL: nothing does */
	const struct rule_services *services; /* NULL: the DNS and the like cannot be asked */
	struct rule_trace *trace;             /* NULL: none is kept */
	int has_helo;                         /* HELO was given */
	int deferrals_by_name; /* the door hands defer_if_permit and defer_if_reject on as such */
	int pipelined;         /* commands came ahead of their turn */
	int may_split;   /* a recipient can be put off at RCPT, and one reply will be for all those
			    that are accepted: on_mixed = split has a meaning */
	int client_late; /* XFORWARD tells of the client, after CONNECT and HELO: their lists are
			    asked at RCPT whatever smtpd_delay_reject says */

	struct path sender;
	int64_t size;            /* of MAIL's SIZE=, later of the message; 0: not known */
	int body_8bit, smtputf8; /* BODY=8BITMIME, SMTPUTF8 were given */
	struct recipient **rcpts;
	size_t nrcpts, rcpts_cap;

	struct message *message;
	size_t lead; /* octets at the front of the message that we put there ourselves */
	const char
	    *message_id;     /* from the header, "" when there is none; set by the content checks */
	const char *subject; /* raw, "" when there is none */
	struct facts facts;
	struct verdict verdict; /* the whole message's */

	int64_t started_us, data_us, checked_us; /* monotonic: MAIL, end of data, verdict */
};

void transaction_init(struct transaction *, struct arena *);
/* A recipient with an empty verdict that is asked about; it is not among the transaction's until it
 * is accepted. */
struct recipient *transaction_candidate(struct transaction *);
void transaction_accept(struct transaction *, struct recipient *);
/* Both at once. */
struct recipient *transaction_add_rcpt(struct transaction *);
/* Unique on this host: time, process, count; 13 or more of [0-9A-Za-z]. */
void decision_id_make(char *out, size_t size);
/* When it was made, in seconds since the epoch: 0, or -1: it is none. */
int decision_id_time(struct span id, int64_t *seconds);

#endif
