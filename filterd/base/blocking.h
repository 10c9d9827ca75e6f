/*
 * blocking - say that this thread is about to block where a fiber cannot yield
 *
 * Disk (fsync), a database client, a library that waits: between begin and end the scheduler lets
 * another thread do this one's work.  Outside a worker thread both do nothing.
 */
#ifndef BASE_BLOCKING_H
#define BASE_BLOCKING_H

void blocking_begin(void);
void blocking_end(void);

/* The scheduler's side, for the calling thread; NULL takes it away. */
struct blocking_hook {
	void (*begin)(void *arg);
	void (*end)(void *arg);
	void *arg;
};
void blocking_set(const struct blocking_hook *);

#endif
