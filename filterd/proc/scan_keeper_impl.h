/*
 * scan_keeper_impl - the keeper's insides (private to proc/scan_keeper*.c)
 *
 * scan_keeper.c has its life and hears the supervisor; scan_keeper_check.c has a new configuration
 * looked at; scan_keeper_start.c forks generations; scan_keeper_hear.c hears them, and decides
 * which one serves.
 */
#ifndef PROC_SCAN_KEEPER_IMPL_H
#define PROC_SCAN_KEEPER_IMPL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "proc/scan_generation.h"
#include "proc/scan_keeper.h"

#define KEEPER_RETRY_MS     10000 /* between two attempts to load what cannot be loaded */
#define KEEPER_DELAY_MIN_MS 250
#define KEEPER_LOAD_MS      600000 /* who takes longer to load will never be done */

enum phase {
	NOBODY,
	LOADING,
	STARTING, /* told to go on: its scanners are being forked */
	SERVING,
	RETIRING,
};

/* Why another one is wanted; the strongest counts. */
enum wish { CONTENT, WISH_RETRY, WISH_CHANGED, WISH_ORDERED, WISH_NONE_THERE };

struct generation { /* its number is its board's */
	enum phase phase;
	enum wish wish;
	pid_t pid;
	int control;
	int64_t number, born_ms;
	int64_t time_limit_ms; /* what was configured when it was forked */
	char *folder;
	struct deadline kill_at;
	struct scan_report report;
};

struct keeper {
	const struct scan_keeper_options *o;
	struct scan_limits limits;
	pid_t checks; /* the process that looks at a new configuration; 0: none now */
	struct generation g[SCAN_BOARDS];
	int64_t next_number;
	char *folder; /* NULL: none now */
	int folder_fd, sigfd;
	enum wish wish;
	struct deadline not_before, retry_at, ready_at;
	int delay_ms, told_ready;
	int stopping, ending;
	struct deadline stop_at;
	char refused[SCAN_WHY_MAX]; /* said already: why what was loaded last is not used */
};

struct generation *keeper_in_phase(struct keeper *, enum phase);
size_t keeper_alive(const struct keeper *);
int keeper_board(const struct keeper *, const struct generation *);
void keeper_order(struct generation *, char what);
void keeper_want(struct keeper *, enum wish);
/* Wait a while with the next one, longer each time. */
void keeper_later(struct keeper *);
/* In a child: close what is the keeper's alone. */
void keeper_let_go(struct keeper *);
/* Once, whatever comes of it: a filterd that waits for its engines answers mail all the same. */
void keeper_ready(struct keeper *);
void keeper_retire(struct keeper *, struct generation *);
/* Fork a generation, if one is wanted and it is time. */
void keeper_start_wanted(struct keeper *);
void keeper_heard(struct keeper *, struct generation *);
/* Have the configuration looked at; when that is done and well it is used.  What looked at an older
 * one is killed: it would not say anything about this one. */
void keeper_check(struct keeper *);
void keeper_check_done(struct keeper *, int status);
void keeper_check_stop(struct keeper *);
void keeper_bury(struct keeper *);

#endif
