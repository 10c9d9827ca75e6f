/* A new configuration is looked at in a process of its own, which may take its time: plugins are
 * opened for it.  The keeper goes on meanwhile. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/proc.h"
#include "proc/scan_keeper_impl.h"

void
keeper_check(struct keeper *k)
{
	const struct scan_program *p = k->o->program;
	pid_t parent = getpid();

	keeper_check_stop(k);
	fflush(NULL);
	if ((k->checks = fork()) == 0) {
		prctl(PR_SET_NAME, "filterd-check");
		scan_dies_with(parent);
		keeper_let_go(k);
		alarm(KEEPER_LOAD_MS / 1000);
		_exit(p->check(p->arg) == 0 ? 0 : 1);
	}
	if (k->checks != -1)
		return;
	k->checks = 0;
	log_error(NULL, NULL, "no process to look at the configuration: %s", strerror(errno));
	p->refused(p->arg);
}

void
keeper_check_done(struct keeper *k, int status)
{
	const struct scan_program *p = k->o->program;

	k->checks = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		p->refused(p->arg);
	else if (p->configure(p->arg, &k->limits) == 0)
		keeper_want(k, WISH_ORDERED);
}

void
keeper_check_stop(struct keeper *k)
{
	if (k->checks == 0)
		return;
	kill(k->checks, SIGKILL);
	while (waitpid(k->checks, NULL, 0) == -1 && errno == EINTR)
		;
	k->checks = 0;
}
