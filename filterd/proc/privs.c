#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "proc/privs.h"
#include "proc/sandbox.h"

#define NOFILE_WISH 65536

static const struct passwd *
find_user(const char *user, struct err *err)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL && errno != 0 && errno != ENOENT)
		err_set(err, ERR_SYSTEM, "filter_user %s: %s", user, strerror(errno));
	else if (pw == NULL)
		err_set(err, ERR_CONFIG, "filter_user %s: there is no such user", user);
	else if (pw->pw_uid == 0)
		err_set(err, ERR_CONFIG, "filter_user %s: must not be root", user);
	else
		return pw;
	return NULL;
}

int
privs_check_user(const char *user, struct err *err)
{
	return geteuid() != 0 || find_user(user, err) != NULL ? 0 : -1;
}

int
privs_drop(const char *user, struct err *err)
{
	const struct passwd *pw;

	if (geteuid() == 0) {
		if ((pw = find_user(user, err)) == NULL)
			return -1;
		if (initgroups(user, pw->pw_gid) == -1 ||
		    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
		    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1) {
			err_set(
			    err, ERR_SYSTEM, "becoming filter_user %s: %s", user, strerror(errno));
			return -1;
		}
		/* Trust the kernel's answer, not the absence of an error. */
		if (setuid(0) == 0 || geteuid() == 0 || getuid() == 0) {
			err_set(err, ERR_SYSTEM, "filter_user %s: root's rights came back", user);
			return -1;
		}
		/* The kernel forbids core files after a change of user; a failed assert wants one.
		 */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
		err_set(err, ERR_SYSTEM, "no_new_privs: %s", strerror(errno));
		return -1;
	}
	return 0;
}

void
privs_hide(void)
{
	/* A leak detector looks at its own process from another one. */
	if (!SANDBOX_SANITIZED)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
privs_borrow(const char *user, struct err *err)
{
	const struct passwd *pw;

	if (getuid() != 0)
		return 0;
	if ((pw = find_user(user, err)) == NULL)
		return -1;
	if (initgroups(user, pw->pw_gid) == 0 && setegid(pw->pw_gid) == 0 &&
	    seteuid(pw->pw_uid) == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "acting as filter_user %s: %s", user, strerror(errno));
	privs_return();
	return -1;
}

void
privs_return(void)
{
	if (getuid() != 0)
		return;
	/* Root's own further groups are not brought back: root needs none. */
	if (seteuid(0) == -1 || setegid(getgid()) == -1 || setgroups(0, NULL) == -1)
		abort();
}

void
privs_raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	if (geteuid() == 0 && rl.rlim_max < NOFILE_WISH) {
		struct rlimit wish = { .rlim_cur = NOFILE_WISH, .rlim_max = NOFILE_WISH };
		if (setrlimit(RLIMIT_NOFILE, &wish) == 0)
			return;
	}
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}
