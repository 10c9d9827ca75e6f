/*
 * plugin_driver - run the scans and restrictions of one plugin, without a filterd around it
 *
 * Opens DIRECTORY/NAME.so, gives its parameters values, calls its functions in the order in which
 * filterd's processes do, and keeps what is said.
 *
 * Ownership: driver_new() to driver_free(); what is said lives until the next message.
 */
#ifndef TESTS_LIB_PLUGIN_DRIVER_H
#define TESTS_LIB_PLUGIN_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/filterd_plugin.h"

#define DRIVER_SAID_MAX 64

/* What a scan or a check told, each as text: "clamav=limit:MaxFiles", "clamav_scanned=1". */
struct driver_said {
	char *facts[DRIVER_SAID_MAX], *keys[DRIVER_SAID_MAX], *counts[DRIVER_SAID_MAX];
	size_t nfacts, nkeys, ncounts;
	char *failed; /* or NULL */
	/* of a check */
	char *refused, *held;
	enum rule_result result;
	size_t looked_up; /* questions to the table */
};

struct driver;

/* Of plugins/ of the build. */
struct driver *driver_new(const char *name);
void driver_free(struct driver *);
const struct filterd_plugin *driver_plugin(const struct driver *);
/* As in filterd.cf; a test with a name or value that cannot be is over. */
void driver_set(struct driver *, const char *name, const char *value);

/* In the process that scanners are forked from.  0, or -1 and driver_why(). */
int driver_scan_open(struct driver *);
int driver_scan_changed(struct driver *);
int driver_scan_begin(struct driver *, const char *folder);
void driver_scan_close(struct driver *);
void *driver_engine(const struct driver *);
const char *driver_why(const struct driver *);

/* The message, from its first header field on; its parts are what is added. */
void driver_message(struct driver *, const void *, size_t);
void driver_part(struct driver *, const char *type, const void *decoded, size_t);
/* Of the part added last only the beginning is there. */
void driver_cut_part(struct driver *);
/* On the part added last mail readers may differ. */
void driver_odd_part(struct driver *);
/* Behind the last there may be more: a limit was reached. */
void driver_more_parts(struct driver *);
void driver_time_left(struct driver *, int64_t ms);
const struct driver_said *driver_scan(struct driver *, const char *scan);
/* As if the scan of this message had said so. */
void driver_say_key(struct driver *, const char *);
void driver_say_failed(struct driver *, const char *);

/* In a process that decides. */
int driver_open(struct driver *);
/* A row of the table of check items; value NULL: the table cannot answer. */
void driver_table_row(struct driver *, const char *key, const char *value);
void driver_table_clear(struct driver *);
/* What names mean to dns(): an IPv4 address. */
void driver_host(struct driver *, const char *name, const char *address);
void driver_look_only(struct driver *, int yes);
/* Another item for the same message: what is kept stays.  The answer of its scan is that of the
 * last driver_scan(). */
const struct driver_said *driver_check(struct driver *, const char *restriction);
/* As if no scanner had answered. */
void driver_no_scanner(struct driver *, int yes);

/* 1: there is such a text. */
int driver_said_fact(const struct driver_said *, const char *);
int driver_said_key(const struct driver_said *, const char *);
int driver_said_count(const struct driver_said *, const char *);

#endif
