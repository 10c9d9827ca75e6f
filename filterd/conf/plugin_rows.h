/*
 * plugin_rows - is what a plugin exports something that filterd can use?
 *
 * Rows are trusted to end where they should; everything else a plugin's author may get wrong is
 * looked at, so that it is found when the configuration is loaded and has a name.
 *
 * Threads: any.
 */
#ifndef CONF_PLUGIN_ROWS_H
#define CONF_PLUGIN_ROWS_H

#include <stddef.h>

#include "base/attr.h"
#include "conf/param_row.h"
#include "plugins/filterd_plugin.h"

struct err;

/* A small letter, then small letters, digits and _; NULL is none. */
int plugin_is_word(const char *, size_t max);
/* -1: err says which row and what it must be. */
int plugin_rows_check(const struct filterd_plugin *, struct err *) ATTR_MUST_USE;
/* A parameter as a row of params.def; its value goes to offset 0. */
struct param_row plugin_param_row(const struct filterd_param *);

#endif
