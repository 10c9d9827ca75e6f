/*
 * sandbox - take from a scanner process what it does not need, for good
 *
 * What a scanner parses may take it over (DESIGN.md, decision 15).  Afterwards it can compute, use
 * memory and processor within limits, talk over descriptors that it has, and make files in its own
 * folder; nothing else:
 *
 *	no_new_privs, no core files, no new processes, no new memory that is executable;
 *	limits of memory (beyond what is mapped at entry), of a file's size, of descriptors;
 *	Landlock, where the kernel has it: only the folder can be read and written, nothing be
 *	connected to or signalled; without it the file system is open as the user's rights go, and
 *	`landlock` in the answer says so;
 *	seccomp: an allow-list.  What is not on it fails with EPERM, which a library that tries
 *	something better first lives with; clone3 with ENOSYS and threads with EAGAIN, which are the
 *	kernel's own words for "not here".  What nobody honest does in here ends the process
 *(SIGSYS): sockets made or connected, programs run, processes made, traced or signalled, other
 *	privileges, other name spaces, the kernel's wider doors (bpf, io_uring, keys, modules).
 *
 * In builds with a sanitizer what its runtime needs is allowed too, and memory is not limited, for
 * it maps terabytes.
 *
 * Results: 0, or -1 with err: the process must end, it is confined by half.
 * Threads: of a process with one thread.
 */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include <stdint.h>

#include "base/attr.h"

struct err;

struct sandbox_options {
	const char *folder;
	int64_t memory;    /* octets beyond what is mapped now; 0: no limit */
	int64_t file_size; /* octets; 0: no limit */
	int files;         /* descriptors, those that are open included; 0: no limit */
};

int sandbox_enter(const struct sandbox_options *, int *landlock, struct err *) ATTR_MUST_USE;
/* Does the kernel have Landlock? */
int sandbox_has_landlock(void);
/* Inside: SIGXCPU, which ends the process, comes after so many more seconds of processor time. */
void sandbox_cpu(int64_t seconds);

/* --- for sandbox.c: each takes its part away --- */
int sandbox_landlock(const char *folder, struct err *); /* 1; 0: the kernel has none; -1 */
int sandbox_seccomp(struct err *);

/* Is this a build whose runtime makes system calls of its own? */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

#endif
