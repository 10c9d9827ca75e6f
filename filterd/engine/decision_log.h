/*
 * decision_log - the decisions of the last days, for `filterctl explain ID`
 *
 * Who ends a transaction hands in its record (engine/decision.h); one thread writes what has come
 * into the files of the day (engine/decision_file.h).  Mail never waits for it: when the queue is
 * full, or the disk, or today alone takes max_size, records are dropped and counted
 * (decisions_lost).
 *
 * Threads: any.
 */
#ifndef ENGINE_DECISION_LOG_H
#define ENGINE_DECISION_LOG_H

#include <stdint.h>

struct arena;
struct counters;
struct decision_log;
struct rule_trace;
struct transaction;

/* decision_log_days and decision_log_max_size; 0 days: nothing is kept. */
struct decision_limits {
	int64_t days, max_size;
};
struct decision_log *decision_log_new(
    const char *directory, const struct decision_limits *, struct counters *);
void decision_log_set(struct decision_log *, const struct decision_limits *);
/* Writes what has come; NULL is fine. */
void decision_log_free(struct decision_log *);

/* A trace for a transaction, with room that was used before; NULL when decisions are not kept.  It
 * is given back when the transaction ends. */
struct rule_trace *decision_log_trace(struct decision_log *, struct arena *);
void decision_log_trace_end(struct decision_log *, struct rule_trace *);
/* Keep what the transaction's trace, which came from here, tells of. */
void decision_log_put(struct decision_log *, const struct transaction *);

#endif
