#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "proc/sandbox.h"

/* With this limit, can another page be mapped? */
static int
fits(rlim_t limit, rlim_t hard, size_t page)
{
	struct rlimit rl = { .rlim_cur = limit, .rlim_max = hard };
	void *p;

	if (setrlimit(RLIMIT_AS, &rl) == -1)
		return 0;
	p = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 0;
	munmap(p, page);
	return 1;
}

/* What is mapped, asked of the kernel by trying: a chroot may have no /proc. */
static rlim_t
mapped(rlim_t hard, size_t page)
{
	rlim_t low = 0, high = (rlim_t)1 << 47;

	while (high - low > page) {
		rlim_t middle = low + (high - low) / 2;

		if (fits(middle, hard, page))
			high = middle;
		else
			low = middle;
	}
	return high;
}

static int
limit_memory(int64_t more)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct rlimit rl;

	if (more == 0 || SANDBOX_SANITIZED)
		return 0;
	if (getrlimit(RLIMIT_AS, &rl) == -1)
		return -1;
	rl.rlim_cur = mapped(rl.rlim_max, page) + (rlim_t)more;
	/* The administrator's own limit is less: that one holds. */
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_cur > rl.rlim_max)
		rl.rlim_cur = rl.rlim_max;
	rl.rlim_max = rl.rlim_cur;
	return setrlimit(RLIMIT_AS, &rl);
}

/* Never more than it was. */
static int
limit(int what, int64_t value)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) == -1)
		return -1;
	if (rl.rlim_max == RLIM_INFINITY || (rlim_t)value < rl.rlim_max)
		rl.rlim_max = (rlim_t)value;
	rl.rlim_cur = rl.rlim_max;
	return setrlimit(what, &rl);
}

static int
limits(const struct sandbox_options *o, struct err *err)
{
	const char *what;

	if (what = "RLIMIT_CORE", limit(RLIMIT_CORE, 0) == -1)
		goto fail;
	/* A runtime's own thread is one of the user's too. */
	if (what = "RLIMIT_NPROC", !SANDBOX_SANITIZED && limit(RLIMIT_NPROC, 0) == -1)
		goto fail;
	if (what = "RLIMIT_FSIZE", o->file_size > 0 && limit(RLIMIT_FSIZE, o->file_size) == -1)
		goto fail;
	if (what = "RLIMIT_NOFILE", o->files > 0 && limit(RLIMIT_NOFILE, o->files) == -1)
		goto fail;
	if (what = "RLIMIT_AS", limit_memory(o->memory) == -1)
		goto fail;
	/* write(2) is to fail with EFBIG, as the libraries expect it to. */
	signal(SIGXFSZ, SIG_IGN);
	return 0;
fail:
	err_set(err, ERR_SYSTEM, "sandbox: %s: %s", what, strerror(errno));
	return -1;
}

int
sandbox_enter(const struct sandbox_options *o, int *landlock, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
		err_set(err, ERR_SYSTEM, "sandbox: no_new_privs: %s", strerror(errno));
		return -1;
	}
	if ((*landlock = sandbox_landlock(o->folder, err)) == -1 || limits(o, err) == -1 ||
	    sandbox_seccomp(err) == -1)
		return -1;
	return 0;
}

void
sandbox_cpu(int64_t seconds)
{
	struct rlimit rl;
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == -1 ||
	    getrlimit(RLIMIT_CPU, &rl) == -1)
		return;
	rl.rlim_cur = (rlim_t)(used.tv_sec + 1 + seconds);
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_cur > rl.rlim_max)
		rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_CPU, &rl);
}
