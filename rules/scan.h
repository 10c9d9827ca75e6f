/*
 * scan - have a message looked at in a scanner process
 *
 * What parses a stranger's attachments runs apart (DESIGN.md, decision 15).  Rules only know these
 * functions; the program fills them in (struct rule_services), where there are scanners.  A session
 * hands the message over once; any number of scans may be asked in it.
 *
 * Results: -1 with err means that nothing was found out, never that there is nothing: no scanner
 *	took it in time, or those that tried (two, one after the other) died or hung.
 * Threads: a session has one at a time; in a fiber the fiber waits (net/fiber.h).
 */
#ifndef RULES_SCAN_H
#define RULES_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"
#include "plugins/filterd_plugin.h"

struct arena;
struct err;
struct scan_session;

struct scan_fact {
	const char *subject, *value, *detail; /* detail NULL: none */
};
struct scan_count {
	const char *counter;
	uint64_t n;
};

/* All in the arena of the question. */
struct scan_found {
	struct filterd_scan_answer answer;
	struct scan_fact *facts;
	size_t nfacts;
	struct scan_count *counts;
	size_t ncounts;
};

struct scan_ops {
	/* Nothing is sent yet.  lead: the line that is put in front, with its CRLF.  Both must stay
	 * as they are until the end. */
	struct scan_session *(*begin)(void *arg, struct span lead, struct span message);
	/* 0: *found is what the scanner said, which may be that it failed (answer.failed). */
	int (*ask)(struct scan_session *, const char *plugin, const char *scan, struct deadline,
	    struct arena *, struct scan_found *, struct err *);
	void (*end)(struct scan_session *); /* NULL is fine */
	void *arg;
};

#endif
