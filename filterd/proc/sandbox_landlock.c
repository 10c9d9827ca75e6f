/*
 * Landlock by its numbers: the headers of the system that builds may be older than the kernel that
 * runs, and there is no library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "proc/sandbox.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define ASK_VERSION    1u
#define RULE_PATH      1
#define FS_EXECUTE     (1ull << 0)
#define FS_MAKE_CHAR   (1ull << 6)
#define FS_MAKE_SOCK   (1ull << 9)
#define FS_MAKE_BLOCK  (1ull << 11)
#define FS_IOCTL_DEV   (1ull << 15)
#define NET_TCP_BOTH   3ull
#define SCOPE_ABSTRACT 1ull
#define SCOPE_SIGNAL   2ull

/* The kernel reads as much of it as it is told is there. */
struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

/* By version: how many rights of files there are, and how much of struct ruleset. */
static const struct {
	unsigned rights;
	size_t size;
} versions[] = {
	{ 13, sizeof(uint64_t) }, { 14, sizeof(uint64_t) }, /* 2: REFER */
	{ 15, sizeof(uint64_t) },                           /* 3: TRUNCATE */
	{ 15, 2 * sizeof(uint64_t) },                       /* 4: TCP */
	{ 16, 2 * sizeof(uint64_t) },                       /* 5: IOCTL_DEV */
	{ 16, 3 * sizeof(uint64_t) }, /* 6: scopes; what comes later is not asked for */
};

static long
version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
}

int
sandbox_has_landlock(void)
{
	return version() > 0;
}

int
sandbox_landlock(const char *folder, struct err *err)
{
	struct ruleset rules = { .net = NET_TCP_BOTH, .scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL };
	struct path_rule own = { .fd = -1 };
	const char *what = "create_ruleset";
	long v = version();
	int fd = -1, rc = -1;
	size_t i;

	if (v <= 0)
		return 0;
	i = (size_t)v > nitems(versions) ? nitems(versions) - 1 : (size_t)v - 1;
	rules.fs = (1ull << versions[i].rights) - 1;
	own.allowed =
	    rules.fs & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_MAKE_SOCK | FS_IOCTL_DEV);
	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &rules, versions[i].size, 0)) == -1)
		goto out;
	what = folder;
	if ((own.fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		goto out;
	what = "add_rule";
	if (syscall(SYS_landlock_add_rule, fd, RULE_PATH, &own, 0) == -1)
		goto out;
	what = "restrict_self";
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		rc = 1;
out:
	if (rc == -1)
		err_set(err, ERR_SYSTEM, "sandbox: Landlock: %s: %s", what, strerror(errno));
	if (own.fd != -1)
		close(own.fd);
	if (fd != -1)
		close(fd);
	return rc;
}
