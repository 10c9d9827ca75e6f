/*
 * ctl_cmd - the subcommands of filterctl
 *
 * filterctl.c holds the table of commands; each is one function in a file of its own, ctl_NAME.c.
 * argv[0] is the command's name, options and operands follow, so getopt(3) works on it as it does
 * in a main(); filterctl resets optind before the call.  Answers go to stdout, complaints to stderr
 * as `filterctl: text`.
 *
 * Results: the exit status.  0 done; 1 absent or nothing found (query, hold show); EX_USAGE wrong
 *	arguments; EX_CONFIG the configuration has errors; EX_UNAVAILABLE no daemon answers; others
 *	from sysexits(3).
 * Threads: none.
 */
#ifndef CTL_CTL_CMD_H
#define CTL_CTL_CMD_H

#include "base/attr.h"
#include "conf/conf.h"

/* Where filterd and filterctl look for the configuration without -c. */
#define CTL_DEFAULT_CONFIG SYSCONFDIR "/filterd/filterd.cf"

struct table_finding;

struct ctl_env {
	const char *config_path; /* -c, or CTL_DEFAULT_CONFIG */
};

/* A conf_report_fn: errors to stderr, nothing else. */
void ctl_report_error(void *unused, const struct conf_finding *);
/* A table_warn_fn: to stderr. */
void ctl_table_warning(void *unused, const struct table_finding *);
/* Read the configuration; errors (no warnings) go to stderr.  NULL: there were some, the exit
 * status is EX_CONFIG. */
struct conf *ctl_load_conf(const struct ctl_env *) ATTR_MUST_USE;
/* `filterctl: text` on stderr, and returns status. */
int ctl_fail(int status, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* The same for wrong arguments: `usage: filterctl TEXT`; returns EX_USAGE. */
int ctl_usage(const char *text);

int ctl_check(const struct ctl_env *, int argc, char **argv);
int ctl_config(const struct ctl_env *, int argc, char **argv);
int ctl_dns(const struct ctl_env *, int argc, char **argv);
int ctl_explain(const struct ctl_env *, int argc, char **argv);
int ctl_hold(const struct ctl_env *, int argc, char **argv);
int ctl_postmap(const struct ctl_env *, int argc, char **argv);
int ctl_query(const struct ctl_env *, int argc, char **argv);
int ctl_status(const struct ctl_env *, int argc, char **argv);
int ctl_types(const struct ctl_env *, int argc, char **argv);

#endif
