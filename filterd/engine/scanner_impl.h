/*
 * scanner_impl - what scanner_engines.c and scanner_host.c share (private to them)
 */
#ifndef ENGINE_SCANNER_IMPL_H
#define ENGINE_SCANNER_IMPL_H

#include "engine/scanner_engines.h"
#include "mail/parts.h"
#include "plugins/filterd_plugin.h"

/* One that was given to a plugin is kept by it. */
struct scanner_host {
	struct filterd_host host; /* first: it is what plugins hold */
	const char *plugin;
	scanner_log_fn *log; /* NULL: the process's own log */
	void *log_arg;
	const struct scanner_sink *sink; /* of the scan under way; NULL: there is none */
};

/* What a scan tells, with a note whether it has told anything of a failure. */
struct filterd_say {
	const struct scanner_sink *sink;
	int failed;
};

/* The message's parts, when they are asked for. */
struct filterd_work {
	struct span message;
	const struct parts_options *options;
	struct parts *parts;
	struct parts_options own; /* of a message inside another: what options points to */
};

void scanner_host_init(struct scanner_host *, const char *plugin);

#endif
