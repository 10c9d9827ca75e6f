#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/process_id.h"

/* Of this process, or 0: not asked for yet. */
static _Atomic int own;

static void
forget(void)
{
	atomic_store(&own, 0);
}

int
process_id(void)
{
	int pid = atomic_load_explicit(&own, memory_order_relaxed);

	if (pid == 0) {
		pthread_atfork(NULL, NULL, forget);
		pid = (int)getpid();
		atomic_store(&own, pid);
	}
	return pid;
}
