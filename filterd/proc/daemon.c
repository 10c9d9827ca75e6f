#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "proc/daemon.h"

static void
wait_for_start(int fd)
{
	unsigned char status;
	ssize_t n;

	do {
		n = read(fd, &status, 1);
	} while (n == -1 && errno == EINTR);
	/* Nothing said: it died, and whatever killed it has told the log. */
	_exit(n == 1 ? status : EX_SOFTWARE);
}

int
daemon_start(struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1) {
		err_set(err, ERR_SYSTEM, "pipe: %s", strerror(errno));
		return -1;
	}
	fflush(NULL);
	switch (fork()) {
	case -1:
		err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return -1;
	case 0:
		break;
	default:
		close(fds[1]);
		wait_for_start(fds[0]);
	}
	close(fds[0]);
	setsid();
	(void)!chdir("/");
	return fds[1];
}

void
daemon_started(int fd, int status)
{
	unsigned char byte = (unsigned char)status;

	(void)!write(fd, &byte, 1);
	close(fd);
}

void
daemon_detach(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null == -1)
		return;
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(null, i);
	if (null > STDERR_FILENO)
		close(null);
}
