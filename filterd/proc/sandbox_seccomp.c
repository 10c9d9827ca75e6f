/*
 * The list of system calls.  Whoever adds one asks what a stranger would do with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/attr.h"
#include "base/err.h"
#include "proc/sandbox.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

/* Which files openat(2) and its like reach is Landlock's matter.  It knows nothing of modes, owners
 * and times: nothing here changes these by a name. */
static const int allowed[] = {
	/* descriptors that are there */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fstat),
	SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(fadvise64), SCMP_SYS(getdents64), SCMP_SYS(fchmod),
	/* the talk with the worker and the parent */
	SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* files */
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(umask), SCMP_SYS(getcwd),
	/* memory; mmap and mprotect below */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
	/* time and self */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times),
	SCMP_SYS(getrusage), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(getrandom), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* signals */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall)
};

static const int fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC,
	F_GET_SEALS, F_GETLK, F_SETLK, F_SETLKW };

static const int deadly[] = {
	/* the network, and whoever else listens */
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
	SCMP_SYS(accept4),
	/* programs and processes */
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(kill),
	SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal), SCMP_SYS(kcmp),
	/* who and where it is */
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(capset),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(chroot), SCMP_SYS(pivot_root), SCMP_SYS(mount),
	SCMP_SYS(umount2),
	/* wide doors into the kernel */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(open_by_handle_at)
};

/* glibc's own thread and the sanitizers' runtimes. */
static const int sanitizers[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(prctl), SCMP_SYS(personality), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(wait4), SCMP_SYS(pipe2), SCMP_SYS(ioctl),
	SCMP_SYS(membarrier) };

static int
add_all(scmp_filter_ctx c, uint32_t action, const int *calls, size_t n)
{
	int rc = 0;

	/* A call that this kind of machine does not have is no loss. */
	for (size_t i = 0; i < n && (rc == 0 || rc == -EDOM); i++)
		rc = seccomp_rule_add(c, action, calls[i], 0);
	return rc == -EDOM ? 0 : rc;
}

/* Calls that count on what they are asked. */
static int
add_asked(scmp_filter_ctx c, uint32_t death)
{
	uint64_t own = (uint64_t)getpid();
	int rc = 0;

	/* abort(3) and raise(3), nobody else. */
	rc |=
	    seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, own, 0));
	rc |= seccomp_rule_add(c, death, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_NE, own, 0));
	/* sandbox_cpu(); its own limits alone, which can only shrink. */
	rc |=
	    seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0, 0));
	rc |= seccomp_rule_add(
	    c, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, own, 0));
	rc |= seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < nitems(fcntls); i++)
		rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
		    SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i], 0));
	/* Threads are refused as the kernel would, processes are not honest. */
	rc |= seccomp_rule_add(c, SANDBOX_SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EAGAIN),
	    SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	rc |= seccomp_rule_add(
	    c, death, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (SANDBOX_SANITIZED)
		return rc;
	rc |= seccomp_rule_add(
	    c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(
	    c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

int
sandbox_seccomp(struct err *err)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	/* Where seccomp(2) is itself forbidden prctl(2) does it, which can kill a thread alone:
	 * here there is one, but that of a sanitizer. */
	uint32_t death = seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS
			 : SANDBOX_SANITIZED    ? SCMP_ACT_TRAP
						: SCMP_ACT_KILL_THREAD;
	int rc = c == NULL ? -ENOMEM : 0;

	/* A tree instead of a chain; older libraries do not know it and lose nothing else. */
	if (rc == 0)
		(void)seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_all(c, SCMP_ACT_ALLOW, allowed, nitems(allowed));
	if (rc == 0)
		rc = add_all(c, death, deadly, nitems(deadly));
	if (rc == 0)
		rc = add_asked(c, death);
	if (rc == 0 && SANDBOX_SANITIZED)
		rc = add_all(c, SCMP_ACT_ALLOW, sanitizers, nitems(sanitizers));
	if (rc == 0)
		rc = seccomp_load(c);
	if (c != NULL)
		seccomp_release(c);
	if (rc == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "sandbox: seccomp: %s", strerror(rc < 0 ? -rc : EINVAL));
	return -1;
}
