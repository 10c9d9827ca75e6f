#include <sys/timerfd.h>
#include <unistd.h>

#include "net/fiber.h"
#include "net/nap.h"

/* A descriptor that is readable after so long; -1: there is none. */
static int
timer_open(int64_t ms)
{
	struct itimerspec when = { .it_value = { ms / 1000, ms % 1000 * 1000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd != -1)
		timerfd_settime(fd, 0, &when, NULL);
	return fd;
}

void
net_nap(int64_t ms, struct deadline d)
{
	struct deadline until = deadline_min(deadline_in_ms(ms), d);
	struct net_watch w = { .fd = -1 };
	uint64_t rung;

	ms = until.at_ms - clock_ms();
	if (ms <= 0)
		return;
	w.fd = timer_open(ms);
	if (w.fd == -1)
		return;
	/* The timer ends the wait by itself; a wait may end for nothing. */
	while (read(w.fd, &rung, sizeof(rung)) == -1)
		if (net_wait(&w, 0, deadline_never()) != 1)
			break;
	close(w.fd);
}
