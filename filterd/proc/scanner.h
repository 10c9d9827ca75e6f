/*
 * scanner - a scanner's life: take a job, answer, be there for the next
 *
 * A forked child of its generation.  It lets go of everything it need not have, is confined
 * (sandbox.h), and serves until it is told to retire, which it does after the message in hand.
 * What parses the message may take it over; so its parent believes nothing it says, and keeps no
 * secret from it that it can help.
 */
#ifndef PROC_SCANNER_H
#define PROC_SCANNER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "proc/scan_program.h"

/* What parent and scanner share, a page for each scanner. */
struct scanner_page {
	_Atomic int ready;       /* enum scan_confined: it serves */
	_Atomic int retire;      /* the parent's: take no other job.  SIGTERM wakes who waits */
	_Atomic int64_t over_at; /* clock_ms() at which it is to be killed; 0: it waits for a job */
	_Atomic int64_t messages;
};

struct scanner_options {
	const struct scan_program *program;
	const struct scan_limits *limits;
	struct scanner_page *page;
	const char *folder;
	int jobs; /* the queue's end for reading */
	int talk; /* to the parent: a level and a text each */
};

/* The datagrams on `talk`. */
#define SCANNER_TALK_MAX 1001

void scanner_live(const struct scanner_options *) ATTR_NORETURN;

#endif
