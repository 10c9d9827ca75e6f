/*
 * clamav_engine - a loaded engine of libclamav
 *
 * Made in the process that scanners are forked from, which share its memory; each scanner then has
 * it to itself.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_ENGINE_H
#define PLUGINS_CLAMAV_ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <clamav.h>

#include "plugins/clamav_int.h"

struct clam_engine {
	const struct filterd_host *host;
	struct cl_engine *cl;
	struct cl_scan_options options;
	int64_t max_scan_ms;
	int folder; /* the scanner's folder, or -1 */
	/* what was loaded */
	char *database;
	uint64_t state; /* clam_database_state() before it was loaded */
	unsigned signatures;
};

/* What libclamav says while something is under way.  It names no scan in the messages of its
 * beginnings, so the one that listens is known by being the only one: a process has one scan, or
 * one load, at a time. */
struct clam_heard {
	unsigned errors;
	char first[200];
};
void clam_hear(struct clam_heard *); /* NULL: nobody listens */

/* --- clamav_engine.c --- */
/* Set what the values say; -1, and why. */
int clam_engine_set(struct clam_engine *, const struct filterd_value *, char *why, size_t size);
/* CL_DB_... */
unsigned clam_engine_load_options(const struct filterd_value *);

/* --- clamav_canary.c --- */
struct clam_canary {
	char folder[64]; /* with the signature in it; "": none */
	uint8_t octets[32];
};
/* Draw one and write its signature; -1, and why. */
int clam_canary_make(struct clam_canary *, char *why, size_t size);
int clam_canary_load(const struct clam_canary *, struct cl_engine *, char *why, size_t size);
/* 0: it was found where it was put; -1, and why. */
int clam_canary_check(const struct clam_canary *, struct clam_engine *, char *why, size_t size);
void clam_canary_remove(struct clam_canary *);

/* --- clamav_database.c --- */
/* A number that changes with every change of the files in the folder (or of the file); 0: there are
 * none. */
uint64_t clam_database_state(const char *path);
/* Something in it changed in the last seconds. */
int clam_database_is_fresh(const char *path, int seconds);

/* --- clamav_scan.c --- */
/* Made before the engine is compiled. */
void clam_scan_callbacks(struct cl_engine *);

#endif
