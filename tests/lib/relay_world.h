/*
 * relay_world - all that a run of the relay needs, for its tests: two next hops A and B, a pool, a
 * hold store, a memory of who was served, and a transaction with three recipients a, b, c
 */
#ifndef TESTS_LIB_RELAY_WORLD_H
#define TESTS_LIB_RELAY_WORLD_H

#include "action/delivered.h"
#include "action/hold.h"
#include "action/relay.h"
#include "base/arena.h"
#include "base/counters.h"
#include "client/pool.h"
#include "core/client.h"
#include "core/message.h"
#include "core/transaction.h"
#include "tests/lib/fake_hop.h"

#define RELAY_RCPTS 3
#define RELAY_TEXT  "Subject: test\r\n\r\n.a line\r\nlast\r\n"

struct world {
	char dir[64], spool[80], memory[80], hold_dir[80];
	struct fake_hop *fakes[2];
	struct hop_pool *pool;
	struct hold_store *hold;
	struct delivered *delivered;
	struct counters counters;
	struct message *message;
	struct arena *arena;
	struct transaction txn;
	struct client client;
	struct plan plan;
	struct relay_options o;
	struct relay_door door;
	int gone;
};

extern const struct hop_options world_pool_options;

/* The log goes nowhere from here on: next hops fail on purpose. */
void world_quiet(void);
void world_open(struct world *, enum hop_protocol);
void world_close(struct world *);
/* The same message again. */
void world_again(struct world *);
/* "A:01 B:2", "H:0 A:12" (hold), "D:012" (discard), "R:0 A:12" (refuse); "A:012+x@y" adds a copy,
 * "A:012>x@y" redirects. */
void world_plan(struct world *, const char *text);
void world_run(struct world *);
/* Messages in the hold store. */
int world_held(struct world *);

#endif
