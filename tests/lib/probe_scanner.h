/*
 * probe_scanner - what rules take for scanner processes: it answers what a test has told it
 */
#ifndef TESTS_LIB_PROBE_SCANNER_H
#define TESTS_LIB_PROBE_SCANNER_H

#include "rules/scan.h"

/* What the next scan answers, and what was asked.  Only the scan "look" of plugin "probe" is known.
 */
struct probe_scanner {
	struct scan_found found;
	const char *trouble; /* instead: nobody answered */
	int none;            /* no session can be begun */
	int begun, asked, ended;
	char lead[300];
	size_t message_len;
};
void probe_scanner_ops(struct probe_scanner *, struct scan_ops *);

#endif
