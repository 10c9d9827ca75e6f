/*
 * process_id - getpid(2) without a system call each time
 *
 * Threads: any; a child of fork(2) gets its own.
 */
#ifndef BASE_PROCESS_ID_H
#define BASE_PROCESS_ID_H

int process_id(void);

#endif
