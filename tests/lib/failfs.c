#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/failfs.h"

static struct {
	int armed, full; /* full: writes fail from here on */
	enum failfs_do what;
	size_t at, seen;
	struct failfs_call calls[FAILFS_MAX];
} fs;

void
failfs_arm(enum failfs_do what, size_t n)
{
	fs.what = what;
	fs.at = n;
	fs.seen = 0;
	fs.full = 0;
	fs.armed = 1;
}

size_t
failfs_disarm(void)
{
	fs.armed = 0;
	return fs.seen;
}

const struct failfs_call *
failfs_trace(void)
{
	return fs.calls;
}

static void
name_of(int fd, char *out, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

enum passing { PASS, FAIL, HALF };

/* Before the call. */
static enum passing
enter(enum failfs_op op, const char *name, int fd)
{
	struct failfs_call *c;
	char of_fd[sizeof(c->name)];
	int mine;

	if (!fs.armed && failfs_wanted == NULL)
		return PASS;
	if (name == NULL) {
		name_of(fd, of_fd, sizeof(of_fd));
		name = of_fd;
	}
	if (failfs_wanted != NULL && !failfs_wanted(op, name))
		return PASS;
	if (!fs.armed || fs.seen == FAILFS_MAX)
		return PASS;
	c = &fs.calls[fs.seen++];
	mine = fs.seen == fs.at;
	c->op = op;
	c->failed = 0;
	snprintf(c->name, sizeof(c->name), "%s", name);
	if (mine && fs.what == FAILFS_BEFORE)
		_exit(FAILFS_EXIT);
	if (mine && fs.what == FAILFS_SHORT && op == OP_WRITE) {
		fs.full = 1;
		return HALF;
	}
	if ((mine && fs.what == FAILFS_FAIL) || (op == OP_WRITE && fs.full)) {
		c->failed = 1;
		errno = ENOSPC;
		return FAIL;
	}
	return PASS;
}

static void
leave(void)
{
	if (fs.armed && fs.what == FAILFS_AFTER && fs.seen == fs.at)
		_exit(FAILFS_EXIT);
}

#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

typedef int open_fn(const char *, int, ...);
typedef int openat_fn(int, const char *, int, ...);
typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef int fd_fn(int);
typedef int rename_fn(const char *, const char *);
typedef int renameat_fn(int, const char *, int, const char *);
typedef int mkdirat_fn(int, const char *, mode_t);

static int
do_open(const char *fn, const char *path, int flags, mode_t mode)
{
	int rc;

	if (enter(OP_OPEN, path, -1) == FAIL)
		return -1;
	rc = NEXT(open_fn *, fn)(path, flags, mode);
	leave();
	return rc;
}

static int
do_openat(const char *fn, int dir, const char *path, int flags, mode_t mode)
{
	int rc;

	if (enter(OP_OPEN, path, -1) == FAIL)
		return -1;
	rc = NEXT(openat_fn *, fn)(dir, path, flags, mode);
	leave();
	return rc;
}

static ssize_t
do_pwrite(const char *fn, int fd, const void *p, size_t n, off_t at)
{
	enum passing pass = enter(OP_WRITE, NULL, fd);
	ssize_t rc;

	if (pass == FAIL)
		return -1;
	rc = NEXT(pwrite_fn *, fn)(fd, p, pass == HALF ? n / 2 : n, at);
	leave();
	return rc;
}

static int
do_fd(const char *fn, int fd)
{
	int rc;

	if (enter(OP_FSYNC, NULL, fd) == FAIL)
		return -1;
	rc = NEXT(fd_fn *, fn)(fd);
	leave();
	return rc;
}

#define MODE_ARG(flags)                                                                            \
	mode_t mode = 0;                                                                           \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
	}

int
open(const char *path, int flags, ...)
{
	MODE_ARG(flags)
	return do_open("open", path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE_ARG(flags)
	return do_open("open64", path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	MODE_ARG(flags)
	return do_openat("openat", dir, path, flags, mode);
}

int
openat64(int dir, const char *path, int flags, ...)
{
	MODE_ARG(flags)
	return do_openat("openat64", dir, path, flags, mode);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	enum passing pass = enter(OP_WRITE, NULL, fd);
	ssize_t rc;

	if (pass == FAIL)
		return -1;
	rc = NEXT(write_fn *, "write")(fd, p, pass == HALF ? n / 2 : n);
	leave();
	return rc;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return do_pwrite("pwrite", fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return do_pwrite("pwrite64", fd, p, n, at);
}

int
fsync(int fd)
{
	return do_fd("fsync", fd);
}

int
fdatasync(int fd)
{
	return do_fd("fdatasync", fd);
}

int
rename(const char *from, const char *to)
{
	int rc;

	if (enter(OP_RENAME, to, -1) == FAIL)
		return -1;
	rc = NEXT(rename_fn *, "rename")(from, to);
	leave();
	return rc;
}

int
renameat(int fromdir, const char *from, int todir, const char *to)
{
	int rc;

	if (enter(OP_RENAME, to, -1) == FAIL)
		return -1;
	rc = NEXT(renameat_fn *, "renameat")(fromdir, from, todir, to);
	leave();
	return rc;
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	int rc;

	if (enter(OP_MKDIR, path, -1) == FAIL)
		return -1;
	rc = NEXT(mkdirat_fn *, "mkdirat")(dir, path, mode);
	leave();
	return rc;
}
