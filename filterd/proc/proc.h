/*
 * proc - supervisor and worker
 *
 * DESIGN.md decision 14.  The supervisor keeps the listening sockets, never parses mail, and starts
 * the worker again when it dies, with a back-off.  The worker is a forked copy (no exec, so pages
 * stay shared); it runs as filter_user with no_new_privs.  If the supervisor dies the worker stops
 * accepting, drains and exits.
 *
 * Signals to the supervisor: SIGTERM, SIGINT stop; SIGHUP read the configuration again; SIGUSR1
 * open the log again.  The worker ignores all four, for a terminal or a service manager sends them
 * to the whole group and it must hear of them once, from the supervisor, in order.
 *
 * Threads: proc_supervise() forks, so the caller must have no threads.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <stddef.h>

#include "base/attr.h"

struct err;

/* What the supervisor says on `orders`, one byte each; end of file: the supervisor has died, or it
 * wants to stop and there was no room left to say so.  Read all that wait before obeying one. */
#define PROC_RELOAD    'H'
#define PROC_REOPEN    'L' /* open the log again; the supervisor has already done so */
#define PROC_TERMINATE 'T'

/* What a worker is given. */
struct proc_worker {
	const int *fds; /* the listening sockets */
	size_t nfds;
	int orders; /* the supervisor speaks here */
	int first;  /* no worker was ready before this one */
	int detach; /* let go of the terminal when ready */
};

/* What the program puts into the frame. */
struct proc_ops {
	/* In the supervisor as root, before the first worker: open the listening sockets; fds[i]
	 * for listener i.  0 or -1. */
	int (*open_listeners)(void *arg, int *fds, size_t n, struct err *);
	/* The worker's life: returns its exit status. */
	int (*worker)(void *arg, const struct proc_worker *);
	/* In the supervisor, on SIGUSR1 and SIGHUP before the worker hears of it: open the log
	 * again with the rights to do so.  NULL: log_reopen(). */
	void (*reopen)(void *arg);
	/* Why it could not begin; the terminal is still there.  NULL: the log. */
	void (*complain)(void *arg, const struct err *);
	void *arg;
	size_t nlisteners;
	const char *user; /* filter_user; ignored unless root */
	int foreground;   /* 0: the process that called returns to its shell once mail is served */
	int restart_delay_ms; /* first back-off, doubled up to restart_delay_max_ms */
	int stop_time_limit_ms;
	const char *pid_file; /* NULL: none */
	/* 0: a minute; a worker that lived so long starts the back-off anew */
	int restart_delay_max_ms;
	int stable_ms;
	int stop_grace_ms; /* between stop_time_limit and SIGKILL; 0: 2 s */
};

/* Runs until SIGTERM; returns the exit status: 0 after an orderly stop; the worker's own when the
 * first worker ends before it is ready; EX_CONFIG, EX_OSERR when it cannot begin.  Tells systemd
 * (NOTIFY_SOCKET) READY=1 once the worker is ready.  Without foreground it returns in the daemon
 * alone; the process that called ends inside, with status 0 once the worker is ready. */
int proc_supervise(const struct proc_ops *);

/* --- in the worker --- */

/* It serves. */
void proc_worker_ready(const struct proc_worker *);
/* stop_time_limit has changed with a reload. */
void proc_worker_stop_limit(const struct proc_worker *, int stop_time_limit_ms);

#endif
