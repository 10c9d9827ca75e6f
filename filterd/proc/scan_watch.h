/*
 * scan_watch - does a scanner that says it waits for a job do nothing else?
 *
 * Its page says what it does, and whoever has taken it over writes that page.  So its folder and
 * the processor's time are looked at from outside.
 *
 * Ownership: of the scanner's parent, which calls scan_watch_look() about once a second.
 */
#ifndef PROC_SCAN_WATCH_H
#define PROC_SCAN_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "proc/scanner.h"

struct scan_watch { /* what the last look saw; all 0 for a scanner that is new */
	int idle;
	int64_t messages, size;
	int64_t cpu_ms; /* when it was first seen without a message */
};

/* Why it is to be killed, or NULL.  limit: octets in its folder, 0: any number while it works. */
const char *scan_watch_look(
    struct scan_watch *, pid_t, const struct scanner_page *, const char *folder, int64_t limit);

#endif
