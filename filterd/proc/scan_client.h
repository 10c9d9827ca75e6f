/*
 * scan_client - a worker has a message looked at in a scanner process
 *
 * The job goes into the queue that all scanners read (scan_wire.h).  A scanner that dies, that does
 * not answer within the time limit, or that answers what is no answer has cost the message one
 * attempt; the second is made in another one, and after that the scan has failed.  While the queue
 * is full the caller waits, until its deadline.
 *
 * Ownership: a call is the caller's, who ends it; lead and message stay his, unchanged until then.
 *	What is answered is in the arena of the question.
 * Results: -1 with err, ERR_RETRY: nothing was found out.
 * Threads: any number of calls at a time, a call has one; in a fiber the fiber waits (net/fiber.h).
 */
#ifndef PROC_SCAN_CLIENT_H
#define PROC_SCAN_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"
#include "proc/scan_wire.h"

struct arena;
struct err;
struct scan_call;
struct scan_client;
struct scan_state;

struct scan_client_options {
	int jobs;              /* the queue's end for writing; not closed */
	int64_t time_limit_ms; /* of an attempt, from when a scanner has it */
	struct scan_state
	    *state; /* who is asked whether there will be scanners at all; NULL: nobody */
};

struct scan_client *scan_client_new(const struct scan_client_options *);
void scan_client_free(struct scan_client *); /* NULL is fine; no call is open */
void scan_client_set_time_limit(struct scan_client *, int64_t ms);

/* Nothing is sent yet. */
struct scan_call *scan_call_begin(struct scan_client *, struct span lead, struct span message);
/* 0: *records are what a scanner said, which may be that it could not do it. */
int scan_call_ask(struct scan_call *, const char *plugin, const char *scan, struct deadline,
    struct arena *, struct scan_record **records, size_t *n, struct err *) ATTR_MUST_USE;
void scan_call_end(struct scan_call *); /* NULL is fine */

#endif
