/*
 * probe_plugin - a plugin for tests, whose restrictions do what their argument says, and a scanner
 *that answers what a test has told it
 *
 *	probe WORD	anywhere: see probe_plugin.c
 *	probe_ok WORD	the same, and its row announces that it may permit
 *	reject_probe, hold_probe, check_probe TABLE
 *			the scan's keys: refused, held, looked up
 */
#ifndef TESTS_LIB_PROBE_PLUGIN_H
#define TESTS_LIB_PROBE_PLUGIN_H

#include "rules/plugin.h"
#include "rules/scan.h"

extern const struct filterd_plugin probe_plugin;

/* What the next scan answers, and what was asked. */
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
