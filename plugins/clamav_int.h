/*
 * clamav_int - what the files of the ClamAV plugin share
 *
 * clamav.c has the rows; clamav_check.c decides in a door's thread; clamav_load.c and
 * clamav_canary.c make the engine, clamav_scan.c uses it in a scanner process, clamav_parts.c sees
 * that it looked at every part, clamav_zip.c what it
 * passes over; clamav_clamd.c asks a clamd instead, out of a door's thread.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_INT_H
#define PLUGINS_CLAMAV_INT_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/filterd_plugin.h"

struct clamd;

/* Numbers of the values. */
enum clam_param {
#define P(id, name, type, def, min, max, text) CLAM_P_##id,
#include "plugins/clamav_params.def"
#undef P
	CLAM_PARAMS
};

enum clam_which { CLAM_LIBCLAMAV, CLAM_CLAMD };             /* clamav_engine */
enum clam_action { CLAM_FAIL, CLAM_AS_VIRUS, CLAM_ACCEPT }; /* clamav_limit_action */

/* What open() makes. */
struct clam_state {
	enum clam_which engine;
	enum clam_action on_limit, on_encrypted;
	struct clamd *clamd; /* NULL: libclamav */
};

/* What was found, by either engine. */
struct clam_found {
	const char *const *names;
	size_t n;
	const char *failed; /* NULL: it was scanned */
};

/* The host is the same in every call and lives as long as the process; checks are not given it. */
extern const struct filterd_host *clam_host;

/* --- clamav_check.c --- */
restriction_check_fn clam_check_reject, clam_check_hold, clam_check_table;

/* --- clamav_load.c --- */
int clam_scan_open(const struct filterd_host *, const struct filterd_value *, void **engine,
    char *why, size_t size);
void clam_scan_close(void *engine);
int clam_scan_changed(void *engine, const struct filterd_value *);
int clam_scan_begin(void *engine, const char *folder, char *why, size_t size);
void clam_scan_describe(void *engine, char *out, size_t size);

/* --- clamav_scan.c --- */
int clam_scan_run(
    void *engine, const struct filterd_message *, struct filterd_work *, struct filterd_say *);

#endif
