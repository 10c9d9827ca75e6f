/*
 * scan_generation - the process that loads the engines and has scanners
 *
 * A forked child of the keeper.  It loads, says so, and when it is told to go on forks its
 * scanners, which have what was loaded for nothing.  It replaces those that die, kills those that
 * are over their time, that are stopped or fill their folder, and writes what they have to say into
 * the log. Told to retire it lets each end the message in hand, and ends with the last.  Whoever's
 * parent dies is killed by the kernel.
 *
 * The talk with the keeper: datagrams of one octet, of GENERATION_BROKEN with a text behind it.
 */
#ifndef PROC_SCAN_GENERATION_H
#define PROC_SCAN_GENERATION_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "proc/scan_program.h"

/* to the keeper */
#define GENERATION_LOADED  'L' /* its board tells what */
#define GENERATION_SERVES  'S' /* a scanner is ready, or none is wanted */
#define GENERATION_BROKEN  'B' /* scanners die before they are ready */
#define GENERATION_CHANGED 'C' /* what is loaded is to be loaded again */
#define GENERATION_RETRY   'Y' /* what could not be loaded may be now */
/* from the keeper */
#define GENERATION_GO     'G'
#define GENERATION_RETIRE 'T'
#define GENERATION_REOPEN 'O' /* the log */

struct scan_generation_options {
	const struct scan_program *program;
	const struct scan_limits *limits;
	struct scan_state *state;
	int board;
	int64_t number;
	int jobs;           /* the queue's end for reading */
	int control;        /* the keeper's other end */
	const char *folder; /* to be made */
	pid_t keeper;
};

void scan_generation_live(const struct scan_generation_options *) ATTR_NORETURN;

/* Before fork(2) returns in a child: be killed when the parent dies; it may have died already. */
void scan_dies_with(pid_t parent);

#endif
