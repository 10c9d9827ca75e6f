/*
 * explain_impl - a question of explain being answered (private to the files explain_*.c)
 *
 * explain_make.c makes the client, the addresses and the message that are asked about,
 * explain_run.c takes them through the stages, explain_reply.c words what a door would answer.
 * What is made lies in the arena.
 */
#ifndef CTL_EXPLAIN_IMPL_H
#define CTL_EXPLAIN_IMPL_H

#include "core/message.h"
#include "ctl/explain.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "rules/rules.h"
#include "rules/trace.h"

struct arena;
struct counters;

struct explain {
	const struct explain_options *o;
	struct counters *counters;
	struct snapshot *snapshot;
	const struct snap_listener *listener;
	struct rule_services opened, services; /* --no-dns: not all that was opened is used */
	struct arena *arena;
	struct rule_trace trace;
	struct rule_memory *memory;
	struct client client;
	struct transaction txn;
	struct message *message;
};

/* 0, or the exit status; what is wrong has been told. */
int explain_make_client(struct explain *);
int explain_make_path(struct explain *, const char *option, const char *text, struct path *);
int explain_make_message(struct explain *);

/* "554 5.7.1 text (id ...)", lines with LF between them; r NULL: it is not a recipient's. */
const char *explain_smtp_reply(
    struct explain *, const struct recipient *r, int code, const char *enhanced, const char *text);
/* "action=..."; state is that of the policy protocol. */
const char *explain_policy_reply(
    struct explain *, const char *state, const struct recipient *r, const struct verdict *);

#endif
