/*
 * pipeline - the waist: which lists run at which stage, and the verdict
 *
 * engine_ask() is all a door knows of policy.  At STAGE_END it fills the transaction's verdict and
 * each recipient's; where no message has come, only smtpd_end_of_data_restrictions are asked and
 * the outcome is in *v, as at the other stages.  Left of it code speaks a wire protocol; right of
 * it code has never heard of one.
 */
#ifndef ENGINE_PIPELINE_H
#define ENGINE_PIPELINE_H

#include "base/clock.h"
#include "base/span.h"
#include "core/transaction.h"

struct snap_listener;

enum stage { STAGE_NONE, STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END };

struct snapshot;

/* A transaction of the listener begins: it keeps its configuration's tables as they are now, to
 * engine_end().  Its services are set. */
void engine_begin(struct transaction *, struct snapshot *, const struct snap_listener *);
/* Tell the trace, if there is one, what the client was told about the last question; in the form of
 * the wire. */
void engine_replied(struct transaction *, struct span wire);
/* What was decided so far goes to the decision log, if there is one and anything was asked; what
 * comes later is another record of the same id.  For who answers long before the end. */
void engine_record(struct transaction *);
/* It is over: it is recorded, all it held is given back, the struct is zeroed. */
void engine_end(struct transaction *);

/* What the lists of CONNECT and HELO leave for RCPT, kept by who keeps the session; one follows one
 * client.  NULL is fine for engine_memory_free(). */
struct rule_memory *engine_memory_new(void);
void engine_memory_free(struct rule_memory *);

/* Can a stage of this listener end in a refusal, whoever the client is?  Pure; for who may tell an
 * MTA beforehand that it need not wait for an answer. */
int engine_answers(const struct snap_listener *, enum stage);

void engine_ask(struct transaction *, const struct snap_listener *, enum stage, struct recipient *,
    struct deadline, struct verdict *);

#endif
