/*
 * child - processes that a unit test forks
 *
 * A failed cmocka assertion jumps to cmocka's loop.  In a forked child that loop is a copy: the
 * child runs all later tests beside its parent, and whatever the left frames owned is a leak.
 * Hence child_fork(): there such an assertion ends the process by SIGABRT, and so does a fault.
 *
 * child_fork() also makes the test the parent of whatever its children leave behind, a daemon for
 * one; children_end(), as a test's teardown, ends all of it however the test went.
 */
#ifndef TESTS_LIB_CHILD_H
#define TESTS_LIB_CHILD_H

#include <sys/types.h>

/* As fork(2).  The child dies with its parent. */
pid_t child_fork(void);
/* Kill and bury every child that there is.  0, -1: some are left. */
int children_end(void **state);

#endif
