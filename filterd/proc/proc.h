/*
 * proc - supervisor and workers
 *
 * DESIGN.md decision 14.  The supervisor keeps the listening sockets, never parses mail, and starts
 * a worker again when it dies, with a back-off.  A worker is a forked copy (no exec, so pages stay
 * shared); it runs as filter_user with no_new_privs.  If the supervisor dies the workers stop
 * accepting, drain and exit.
 *
 * There is one worker of each role; the first role is the worker proper, others do what cannot be
 * done in it.  Each has its own life: a back-off of its own, and the others stay when it dies.
 *
 * Signals to the supervisor: SIGTERM, SIGINT stop; SIGHUP read the configuration again; SIGUSR1
 * open the log again.  A worker ignores all four, for a terminal or a service manager sends them
 * to the whole group and it must hear of them once, from the supervisor, in order.
 *
 * Threads: proc_supervise() forks, so the caller must have no threads.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

/* What the supervisor says on `orders`, one byte each; end of file: the supervisor has died, or it
 * wants to stop and there was no room left to say so.  Read all that wait before obeying one. */
#define PROC_RELOAD    'H'
#define PROC_REOPEN    'L' /* open the log again; the supervisor has already done so */
#define PROC_TERMINATE 'T'

/* How a role fares, written by the supervisor and read by every worker. */
struct proc_state {
	_Atomic int32_t pid;     /* 0: none now, the next one waits for its back-off */
	_Atomic int32_t serving; /* it has said that it is ready */
};

/* What a worker is given. */
struct proc_worker {
	const int *fds; /* the listening sockets; -1: another role's */
	size_t nfds;
	size_t role;                     /* which one it has */
	int orders;                      /* the supervisor speaks here */
	int first;                       /* none of its role was ready before this one */
	int detach;                      /* let go of the terminal when ready */
	const struct proc_state *states; /* one a role */
};

struct proc_role {
	char *name;       /* for the log: "worker" */
	const char *comm; /* for ps(1), at most 15 octets */
	/* The worker's life: returns its exit status. */
	int (*run)(void *arg, const struct proc_worker *);
};

/* What the program puts into the frame. */
struct proc_ops {
	/* In the supervisor as root, before the first worker: open the listening sockets; fds[i]
	 * for listener i.  0 or -1. */
	int (*open_listeners)(void *arg, int *fds, size_t n, struct err *);
	const struct proc_role *roles; /* at least one */
	size_t nroles;
	const size_t *listener_role; /* whose listener i is; NULL: all are the first role's */
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

/* Runs until SIGTERM; returns the exit status: 0 after an orderly stop; a worker's own when the
 * first of its role ends before it is ready; EX_CONFIG, EX_OSERR when it cannot begin.  Tells
 * systemd (NOTIFY_SOCKET) READY=1 once a worker of each role has been ready.  Without foreground it
 * returns in the daemon alone; the process that called ends inside, with status 0 once all are
 * ready. */
int proc_supervise(const struct proc_ops *);

/* --- in the worker --- */

/* It serves. */
void proc_worker_ready(const struct proc_worker *);
/* stop_time_limit has changed with a reload. */
void proc_worker_stop_limit(const struct proc_worker *, int stop_time_limit_ms);

#endif
