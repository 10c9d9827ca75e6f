/*
 * hold_cmd - what the files of `filterctl hold` share
 */
#ifndef CTL_HOLD_CMD_H
#define CTL_HOLD_CMD_H

#include <jansson.h>

#include "action/hold.h"
#include "base/attr.h"
#include "core/client.h"
#include "core/transaction.h"
#include "ctl/ctl_cmd.h"

struct counters;
struct hop_pool;
struct snap_listener;
struct snapshot;

/* --- ctl_hold.c --- */

/* The store and, for release and requeue, what sends.  As root the process becomes the owner of
 * hold_directory, so what it makes there belongs to whom it should and no held message is looked at
 * by root. */
struct hold_cmd {
	struct hold_store *store;
	struct conf *conf;         /* list, show, delete, reindex */
	struct snapshot *snapshot; /* release, requeue */
	const struct params *params;
	struct counters *counters;
	struct hop_pool *pool;
};

/* 0, or an exit status: it has been told. */
int hold_cmd_open(struct hold_cmd *, const struct ctl_env *, int sends);
void hold_cmd_close(struct hold_cmd *);

/* --- ctl_hold_show.c --- */

int hold_cmd_list(struct hold_cmd *, int argc, char **argv);
int hold_cmd_show(struct hold_cmd *, int argc, char **argv);

/* --- ctl_hold_send.c --- */

int hold_cmd_release(struct hold_cmd *, int argc, char **argv);
int hold_cmd_requeue(struct hold_cmd *, int argc, char **argv);

/* --- hold_txn.c: a held message as a transaction --- */

struct hold_txn {
	struct transaction txn;
	struct client client;
	struct arena *arena;
	struct message *message;
};

/* For these recipients of the entry, in order.  -1: the message does not fit into
 * spool_directory. */
int hold_txn_make(struct hold_txn *, const struct hold_message *, const size_t *rcpts, size_t n,
    const struct params *, struct err *) ATTR_MUST_USE;
void hold_txn_fini(struct hold_txn *);

#endif
