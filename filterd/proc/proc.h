/*
 * proc - supervisor and worker
 *
 * DESIGN.md decision 14.  The supervisor keeps the listening sockets, never parses mail, and starts
 * the worker again when it dies, with a back-off.  The worker runs as filter_user with
 * no_new_privs.  SIGHUP: the worker reads the configuration again; SIGTERM: it stops accepting and
 * drains within stop_time_limit.  If the supervisor dies the worker does the same and exits.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <stddef.h>

#include "base/attr.h"

struct err;

/* What the program puts into the frame. */
struct proc_ops {
	/* In the supervisor as root, before the first worker: open the listening sockets; fds[i]
	 * for listener i.  0 or -1. */
	int (*open_listeners)(void *arg, int *fds, size_t n, struct err *);
	/* The worker's life: returns its exit status.  fds are the listening sockets; `orders` is
	 * the descriptor on which the supervisor speaks: a byte 'H' reload, 'T' terminate, end of
	 * file: the supervisor has died. */
	int (*worker)(void *arg, const int *fds, size_t n, int orders);
	void *arg;
	size_t nlisteners;
	const char *user; /* filter_user; ignored unless root */
	int foreground;
	int restart_delay_ms; /* first back-off, doubled up to a minute */
	int stop_time_limit_ms;
	const char *pid_file; /* NULL: none */
};

/* Runs until SIGTERM; returns the exit status.  Tells systemd (NOTIFY_SOCKET) READY=1 once the
 * worker said 'R' on `orders`. */
int proc_supervise(const struct proc_ops *);
/* In the worker, when it serves. */
void proc_worker_ready(int orders);

#endif
