/*
 * failfs_preload - failfs for a whole filterd: LD_PRELOAD it
 *
 * Environment: FAILFS_DIR, only files below it (and names relative to a descriptor) count;
 * FAILFS_ORDER, a file "WHAT N" (watch, fail, short, before, after) that is read anew when a
 * message begins to be held: the first open of a *.tmp arms, so call 1 is that open.  The first
 * reply that is sent after it disarms, and FAILFS_TRACE gets what came before it: a line a call,
 * "OP FAILED NAME", and last "reply CODE".
 *
 * Weak spot: one message at a time, as in failfs.c.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lib/failfs.h"

static int armed;

/* The calls themselves, which nobody counts. */
static void
read_order(void)
{
	static const char *const names[] = { "watch", "fail", "short", "before", "after" };
	const char *path = getenv("FAILFS_ORDER");
	char text[64] = "", what[16] = "watch";
	unsigned long n = 0;
	long fd = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	if (fd != -1) {
		if (syscall(SYS_read, fd, text, sizeof(text) - 1) > 0)
			(void)sscanf(text, "%15s %lu", what, &n);
		syscall(SYS_close, fd);
	}
	armed = 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(what, names[i]) == 0)
			failfs_arm((enum failfs_do)i, n);
}

static void
write_trace(const char *code)
{
	static const char *const ops[] = { "open", "write", "fsync", "rename", "mkdir" };
	const char *path = getenv("FAILFS_TRACE");
	const struct failfs_call *c = failfs_trace();
	size_t n = failfs_disarm();
	char line[400];
	long fd;
	int len;

	armed = 0;
	fd = path == NULL ? -1
			  : syscall(SYS_openat, AT_FDCWD, path,
				O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd == -1)
		return;
	for (size_t i = 0; i < n; i++) {
		len = snprintf(
		    line, sizeof(line), "%s %d %s\n", ops[c[i].op], c[i].failed, c[i].name);
		syscall(SYS_write, fd, line, (size_t)len);
	}
	len = snprintf(line, sizeof(line), "reply %.3s\n", code);
	syscall(SYS_write, fd, line, (size_t)len);
	syscall(SYS_close, fd);
}

int
failfs_wanted(enum failfs_op op, const char *name)
{
	const char *dir = getenv("FAILFS_DIR");
	size_t n = strlen(name);

	if (dir == NULL || (name[0] == '/' && strncmp(name, dir, strlen(dir)) != 0))
		return 0;
	if (!armed && op == OP_OPEN && n > 4 && strcmp(name + n - 4, ".tmp") == 0)
		read_order();
	return armed;
}

/* What a reply begins with. */
static void
look(const char *p, size_t len)
{
	if (armed && p != NULL && len >= 3 && p[0] >= '2' && p[0] <= '5')
		write_trace(p);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int) =
	    (ssize_t(*)(int, const struct msghdr *, int))(uintptr_t)dlsym(RTLD_NEXT, "sendmsg");

	if (m->msg_iovlen > 0)
		look(m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
	return next(fd, m, flags);
}

ssize_t
send(int fd, const void *p, size_t len, int flags)
{
	ssize_t (*next)(int, const void *, size_t, int) =
	    (ssize_t(*)(int, const void *, size_t, int))(uintptr_t)dlsym(RTLD_NEXT, "send");

	look(p, len);
	return next(fd, p, len, flags);
}
