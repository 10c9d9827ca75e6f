/*
 * scan_keeper - the process that sees to it that there are scanners
 *
 * The role of the supervisor's that loads nothing itself: it reads the configuration and forks a
 * generation (scan_generation.h), which loads the engines and has the scanners.  When something
 * that is loaded changes, or the configuration does, it forks another beside it.  When that has
 * loaded everything that the present one has, and a scanner of it is ready, the present one
 * retires: there is no pause.  If it has not, the present one stays, one error line tells why, and
 * it is tried again after a while.  What could not be loaded from the start keeps nobody from
 * starting: its scans answer why, and it is tried again too.
 *
 * Told to stop, it waits for those who may still ask.  A generation is the kernel's to kill when
 * its keeper dies, and so on down: nobody is left over.
 *
 * Threads: of a process with one thread.
 */
#ifndef PROC_SCAN_KEEPER_H
#define PROC_SCAN_KEEPER_H

#include <stddef.h>

#include "proc/scan_program.h"

struct proc_worker;

struct scan_keeper_options {
	const struct proc_worker *worker;
	size_t nroles;
	const struct scan_program *program;
	struct scan_state *state;
	int jobs; /* the queue's end for reading; nobody here has the other one open */
};

/* Its life: returns its exit status. */
int scan_keeper_run(const struct scan_keeper_options *);

#endif
