/*
 * program - what filterd's supervisor and its worker share
 *
 * Made by main() before anything is forked; read-only in the worker.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <sys/types.h>

#include "conf/conf.h"

struct counters;
struct err;
struct proc_role;
struct proc_worker;
struct scan_state;

struct program {
	char *config_path; /* absolute: a daemon leaves its folder */
	char *user;        /* filter_user */
	char *pid_file;    /* NULL: none */
	char *log_path;    /* NULL: the log is no file */
	int log_stderr;
	/* Read by the supervisor; gone once the sockets are open. */
	struct conf *conf;
	/* What it opened, listener by listener, in canonical text with the kind in front. */
	char **sockets;
	size_t nsockets;
	/* The worker's role, and one for each listener that is libmilter's. */
	struct proc_role *roles;
	size_t nroles;
	size_t *listener_role;     /* whose listener i is */
	struct counters *counters; /* one a role, in memory that all processes share */
	/* Scanners; where no plugin has scans there is no role, and the rest is -1 and NULL. */
	size_t scanner_role; /* 0: none */
	int jobs[2];         /* the queue: workers write the first, scanners read the second */
	struct scan_state *scan_state;
};

/* --- the supervisor's side: sockets.c --- */

/* ops.open_listeners: makes missing folders, opens the sockets and lets go of conf. */
int program_open_listeners(void *program, int *fds, size_t n, struct err *);
/* Start the log as the parameters say. */
int program_open_log(struct program *, const struct params *, struct err *);
/* ops.reopen: the log's file belongs to filter_user, who opens it again as well. */
void program_reopen_log(void *program);

/* --- the worker's side: worker.c --- */

/* The worker's role. */
int program_worker(void *program, const struct proc_worker *);
/* The role of a listener's libmilter engine: libmilter_worker.c */
int program_libmilter_worker(void *program, const struct proc_worker *);
/* The role of who has scanners: scanner_worker.c */
int program_scanner_keeper(void *program, const struct proc_worker *);
/* Does this configuration want the sockets that are open? */
int program_sockets_fit(const struct program *, const struct conf *);
/* The text that stands in sockets. */
void program_socket_text(const struct conf_listener *, char *out, size_t size);

#endif
