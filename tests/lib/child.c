#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xmem.h"
#include "tests/lib/child.h"

pid_t
child_fork(void)
{
	/* What cmocka catches. */
	static const int faults[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };
	pid_t parent = getpid(), pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE); /* it died before we asked */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	for (size_t i = 0; i < nitems(faults); i++)
		signal(faults[i], SIG_DFL);
	return 0;
}

static void
kill_all(void)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if ((f = fopen(path, "r")) == NULL)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(f);
}

int
children_end(void **state)
{
	(void)state;
	/* A dead one's children become ours: look again after each. */
	do {
		kill_all();
	} while (waitpid(-1, NULL, 0) > 0);
	return errno == ECHILD ? 0 : -1;
}
