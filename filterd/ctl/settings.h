/*
 * settings - what the parameters of the process itself mean: log, sockets, folders
 *
 * And the one way to read a whole configuration, which filterd at its start, at a reload and with
 * -n, and `filterctl check` share, so all of them find the same.
 */
#ifndef CTL_SETTINGS_H
#define CTL_SETTINGS_H

#include "base/attr.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/dial.h"

struct counters;
struct err;
struct snapshot;

/* Load, check and compile the file; everything that is found is reported.  NULL: at least one
 * error.  A listener is required. */
struct snapshot *settings_load(
    const char *path, struct counters *, conf_report_fn *, void *arg) ATTR_MUST_USE;
/* The part of it that concerns this module; the number of errors. */
int settings_check(const struct conf *, conf_report_fn *, void *arg);

/* log_to, log_format, log_level, syslog_facility.  path points into the parameters. */
int settings_log(const struct params *, struct log_options *, struct err *) ATTR_MUST_USE;
/* socket_mode, socket_group.  group points into the parameters, NULL when none is set. */
int settings_listen(const struct params *, struct listen_options *, struct err *) ATTR_MUST_USE;

/* `name` of each parameter that a reload does not take over and that differs; where: a listener's
 * name, NULL for the file's own value.  `listeners` itself is not told. */
void settings_restart_each(const struct conf *old, const struct conf *new_conf,
    void (*f)(void *arg, const char *where, const char *name), void *arg);

/* A finding as one line: "error: FILE:LINE: text"; size at least 700. */
void settings_format_finding(const struct conf_finding *, char *out, size_t size);

#endif
