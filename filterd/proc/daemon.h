/*
 * daemon - leave the terminal, and let the shell know how it went
 *
 * The calling process stays until the daemon says how its start ended, so `filterd && next` in a
 * script is right and the messages of a failed start still reach the terminal.
 */
#ifndef PROC_DAEMON_H
#define PROC_DAEMON_H

#include "base/attr.h"

struct err;

/* Returns in the daemon alone, a descriptor to be handed to daemon_started(); -1: no process could
 * be made (returns in the caller). */
int daemon_start(struct err *) ATTR_MUST_USE;
/* End the waiting process with this status. */
void daemon_started(int fd, int status);
/* Standard input, output and error become /dev/null. */
void daemon_detach(void);

#endif
