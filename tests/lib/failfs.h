/*
 * failfs - file system calls that fail, or stop the process, at the N-th
 *
 * failfs.c defines open, openat, write, pwrite, fsync, fdatasync, rename, renameat and mkdirat over
 * those of libc: linked into a program (or preloaded) it sees every such call, those of libraries
 * too.  Until failfs_arm() they pass unseen.  After it they are counted from 1 and written down.
 *
 * State: the trace is one for the process; the tests that use it have one thread.
 */
#ifndef TESTS_LIB_FAILFS_H
#define TESTS_LIB_FAILFS_H

#include <stddef.h>
#include <sys/types.h>

enum failfs_do {
	FAILFS_WATCH,  /* only write down */
	FAILFS_FAIL,   /* the N-th returns -1 with ENOSPC, without having done anything */
	FAILFS_SHORT,  /* the N-th, if it is a write, does half, and all writes behind it fail */
	FAILFS_BEFORE, /* _exit(FAILFS_EXIT) before the N-th */
	FAILFS_AFTER,  /* after it */
};
#define FAILFS_EXIT 77

enum failfs_op { OP_OPEN, OP_WRITE, OP_FSYNC, OP_RENAME, OP_MKDIR };

struct failfs_call {
	enum failfs_op op;
	char name[256]; /* open, mkdir: the path; rename: the new one; others: of the descriptor */
	int failed;
};

#define FAILFS_MAX 4096

void failfs_arm(enum failfs_do, size_t n);
/* Calls seen since; back to passing. */
size_t failfs_disarm(void);
const struct failfs_call *failfs_trace(void);

/* For a preloaded library, which has more than one file to look at: defined there, it is asked
 * before each call, armed or not; 0: this one passes unseen. */
int failfs_wanted(enum failfs_op, const char *name) __attribute__((weak));

#endif
