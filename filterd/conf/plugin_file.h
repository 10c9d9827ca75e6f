/*
 * plugin_file - open a plugin and see that it is one
 *
 * DIRECTORY/NAME.so is loaded with everything it needs (RTLD_NOW: what is missing is missing here,
 * not when mail comes) and for itself alone (RTLD_LOCAL), and what it exports is held against
 * plugins/filterd_plugin.h: ABI, size, name, rows (conf/plugin_rows.h).  No function of it is
 * called.  The file, its folder and those above must belong to root or the effective user, and
 * nobody else may be able to write them, but for sticky folders above, such as /tmp.
 *
 * Ownership: what is returned lives as long as the process; it is never closed.  Running
 *	transactions, threads and thread-local destructors of its libraries, and texts of its rows
 *that others point to would have to be gone before, and nothing tells when they are.  So the file
 *	of a plugin that is in use is taken over by a restart, as filterd's own program is; and what
 *	checks for leaks can name its functions at the end.
 * Results: NULL with err, whose text names the plugin and the path.
 * Threads: any.
 */
#ifndef CONF_PLUGIN_FILE_H
#define CONF_PLUGIN_FILE_H

#include "base/attr.h"
#include "plugins/filterd_plugin.h"

struct err;

/* A name: a small letter, then small letters, digits and _. */
#define PLUGIN_NAME_MAX 40

const struct filterd_plugin *plugin_file_open(
    const char *directory, const char *name, struct err *) ATTR_MUST_USE;

#endif
