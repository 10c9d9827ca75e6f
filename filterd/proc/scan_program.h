/*
 * scan_program - what the program puts into the frame of keeper, generations and scanners
 *
 * proc knows processes, not what is scanned for.  Functions are called in the process that their
 * comment names, one at a time, each with arg.
 */
#ifndef PROC_SCAN_PROGRAM_H
#define PROC_SCAN_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"
#include "proc/scan_state.h"
#include "proc/scan_wire.h"

struct err;

struct scan_limits {
	int processes;             /* scanners; at most SCANNERS_MAX */
	const char *directory;     /* for temporary files */
	int64_t memory, file_size; /* octets */
	int64_t time_limit_ms;
	int64_t max_age_ms;         /* of a scanner */
	int64_t stop_time_limit_ms; /* for who may still ask, when all of filterd stops */
};

struct scan_task {
	struct span octets; /* the line in front, and the message */
	size_t lead;
	int fd;             /* the same, sealed */
	const char *folder; /* the scanner's own, empty */
	const char *plugin, *scan;
	struct deadline until;
};

/* Say something in a scanner, which has no log: the generation writes it. */
typedef void scan_log_fn(void *arg, enum log_level, const char *text);

enum scan_change {
	SCAN_SAME,
	SCAN_CHANGED, /* something that is in use is to be loaded again */
	SCAN_RETRY,   /* something that could not be loaded may be now */
};

struct scan_program {
	/* Keeper, at the start and at each reload: read the configuration.  limits: live until the
	 * next call.  -1: it is not used (told). */
	int (*configure)(void *arg, struct scan_limits *);
	/* A process of its own, before configure() at each reload: 0, or -1: the worker would not
	 * take the configuration. */
	int (*check)(void *arg);
	/* Keeper: check() said -1, or did not live to say anything; tell. */
	void (*refused)(void *arg);
	/* Generation: load everything, as configured; tell how that went: plugins of the report. */
	void (*open)(void *arg, struct scan_report *);
	/* Generation, once a second. */
	enum scan_change (*changed)(void *arg);
	/* Scanner, before it is confined. */
	void (*begin)(void *arg, const char *folder, scan_log_fn *, void *log_arg);
	/* Scanner: what scan_answer_add() is not told was not found. */
	void (*scan)(void *arg, const struct scan_task *, struct scan_answer *);
	void *arg;
};

#endif
