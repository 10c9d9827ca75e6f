#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/log.h"
#include "proc/daemon.h"
#include "proc/privs.h"
#include "proc/worker_side.h"

static void
say(int orders, char kind, int32_t value)
{
	struct worker_message m = { .kind = kind, .value = value };

	/* A supervisor that has died is seen as end of file by whoever reads orders. */
	(void)!send(orders, &m, sizeof(m), MSG_NOSIGNAL);
}

void
proc_worker_ready(const struct proc_worker *w)
{
	if (w->detach)
		daemon_detach();
	say(w->orders, WORKER_READY, 0);
}

void
proc_worker_stop_limit(const struct proc_worker *w, int stop_time_limit_ms)
{
	say(w->orders, WORKER_LIMIT, stop_time_limit_ms);
}

static void
ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE };

	for (size_t i = 0; i < nitems(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

void
worker_side_run(const struct proc_ops *ops, const struct proc_worker *w, const sigset_t *mask)
{
	struct err err = { 0 };

	prctl(PR_SET_NAME, ops->roles[w->role].comm);
	ignore_signals();
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (privs_drop(ops->user, &err) == -1)
		log_fatal(err.class == ERR_CONFIG ? EX_CONFIG : EX_OSERR, "%s", err.text);
	exit(ops->roles[w->role].run(ops->arg, w));
}
