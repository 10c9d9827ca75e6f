/*
 * scanner_engines - the scans of plugins, in the processes where they run
 *
 * In the process that loads: scan_open() of each plugin that has scans.  In a scanner, which is
 * forked from it: scan_begin(), and the scans.  What a plugin asks of the host there is answered
 * here; members of struct filterd_host that belong to restrictions and tables are NULL.
 *
 * Ownership: the caller's; the configuration stays as long.
 * Threads: of a process with one thread.
 */
#ifndef ENGINE_SCANNER_ENGINES_H
#define ENGINE_SCANNER_ENGINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"
#include "mail/mime.h"

struct conf;
struct params;
struct scanner_engines;

/* Does a plugin of this configuration have scans? */
int scanner_engines_wanted(const struct conf *);

struct scanner_engines *scanner_engines_open(const struct conf *) ATTR_MUST_USE;
void scanner_engines_close(struct scanner_engines *); /* NULL is fine */

struct scanner_engine {
	const char *plugin;
	int ok;         /* loaded */
	int idle;       /* loaded, and wants no scanner with these values */
	char text[256]; /* ok: what is loaded, else why it is not */
};
size_t scanner_engines_count(const struct scanner_engines *);
void scanner_engines_get(const struct scanner_engines *, size_t i, struct scanner_engine *);
/* 2: something that is loaded has changed; 1: something that could not be loaded may be now; 0. */
int scanner_engines_changed(struct scanner_engines *);

/* --- in a scanner --- */

typedef void scanner_log_fn(void *arg, enum log_level, const char *text);
void scanner_engines_begin(
    struct scanner_engines *, const char *folder, scanner_log_fn *, void *arg);

struct scanner_message {
	struct span octets; /* the line in front, and the message */
	size_t lead;
	int fd;
	const char *folder;
	struct deadline until;
};
/* Where a scan's answer goes.  Texts live as long as the call. */
struct scanner_sink {
	void (*fact)(void *arg, const char *subject, const char *value, const char *detail);
	void (*key)(void *arg, const char *key);
	void (*count)(void *arg, const char *counter, uint64_t n);
	void (*failed)(void *arg, const char *why);
	void *arg;
};
void scanner_engines_scan(struct scanner_engines *, const char *plugin, const char *scan,
    const struct scanner_message *, const struct scanner_sink *);

#endif
