/*
 * pidfile - one supervisor at a time, and its number for scripts
 *
 * The lock is the truth, the number a courtesy: a file left behind by a crash does no harm.
 *
 * Ownership: the descriptor from pidfile_open() holds the lock; a forked child that must not keep
 *	it closes its copy.
 */
#ifndef PROC_PIDFILE_H
#define PROC_PIDFILE_H

#include "base/attr.h"

struct err;

/* Make, lock and write the file; the descriptor, or -1 (another one runs; cannot write). */
int pidfile_open(const char *path, struct err *) ATTR_MUST_USE;
/* Remove the file and let the lock go.  fd -1 is fine. */
void pidfile_close(const char *path, int fd);

#endif
