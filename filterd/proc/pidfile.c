#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "proc/pidfile.h"

int
pidfile_open(const char *path, struct err *err)
{
	char text[32] = "";
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd == -1) {
		err_set(err, ERR_SYSTEM, "pid_file %s: %s", path, strerror(errno));
		return -1;
	}
	/* In a folder that is not ours the name may be somebody else's file. */
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    st.st_uid != geteuid()) {
		err_set(err, ERR_SYSTEM, "pid_file %s: there is another kind of file", path);
		close(fd);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		n = read(fd, text, sizeof(text) - 1);
		text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
		err_set(err, ERR_SYSTEM, "pid_file %s: filterd is running already, as process %s",
		    path, text[0] == '\0' ? "unknown" : text);
		close(fd);
		return -1;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == -1 || pwrite(fd, text, (size_t)n, 0) != n) {
		err_set(err, ERR_SYSTEM, "pid_file %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

void
pidfile_close(const char *path, int fd)
{
	if (fd == -1)
		return;
	unlink(path);
	close(fd);
}
