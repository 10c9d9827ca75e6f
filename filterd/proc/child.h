/*
 * child - one role's worker as the supervisor sees it (private to proc/)
 *
 * Birth, orders, messages, death and the back-off after it.  What a death means for the others is
 * the supervisor's business.
 */
#ifndef PROC_CHILD_H
#define PROC_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "base/clock.h"
#include "proc/proc.h"

struct child {
	pid_t pid;                  /* 0: none now */
	int orders;                 /* -1: none, or it has closed its end */
	int64_t born_ms;            /* of the one that is or was last */
	int delay_ms;               /* the next back-off */
	int served;                 /* some worker of this role has been ready */
	struct deadline restart_at; /* never: not now */
};

/* What a child is born with, and must let go of. */
struct nursery {
	const struct proc_ops *ops;
	struct child *children; /* one a role */
	int *fds;               /* the listening sockets */
	struct proc_state *states;
	sigset_t old_mask;
	int sigfd, pid_fd, start_fd;
};

void child_init(struct child *, const struct proc_ops *);
/* Fork the worker of this role.  -1: it could not be (logged). */
int child_start(struct nursery *, size_t role);
/* As above, and when it could not be, later. */
void child_start_again(struct nursery *, size_t role);
/* After its death: when is the next one due? */
void child_restart_later(struct nursery *, size_t role);
/* One octet, PROC_*. */
void child_order(struct child *, char what);
void child_close_orders(struct child *);
/* What it says next: WORKER_READY, WORKER_LIMIT (*value), or 0: nothing to be obeyed. */
char child_message(struct child *, int *value);

#endif
