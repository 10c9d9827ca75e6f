#include <stddef.h>
#include <time.h>

#include "proc/scan_folder.h"
#include "proc/scan_watch.h"

#define IDLE_CPU_MS 2000 /* since it had a message; the machine may be busy */

static int64_t
used_cpu_ms(pid_t pid)
{
	clockid_t id;
	struct timespec t;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) == -1)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
waits(const struct scanner_page *page)
{
	return atomic_load(&page->over_at) == 0;
}

const char *
scan_watch_look(struct scan_watch *w, pid_t pid, const struct scanner_page *page,
    const char *folder, int64_t limit)
{
	struct scan_watch was = *w, now = { .messages = atomic_load(&page->messages) };
	int idle = waits(page);

	now.size = scan_folder_size(folder);
	now.cpu_ms = used_cpu_ms(pid);
	/* One that took a job, or had one, while it was looked at: next time. */
	now.idle = idle && waits(page) && atomic_load(&page->messages) == now.messages;
	*w = now;
	if (was.idle && now.idle && was.messages == now.messages)
		w->cpu_ms = was.cpu_ms;
	if (limit > 0 && now.size > limit)
		return "has filled its folder beyond scanner_file_limit";
	if (!was.idle || !now.idle || was.messages != now.messages)
		return NULL;
	if (was.size > 0 && now.size > 0)
		return "has files though it has no message";
	if (now.cpu_ms - was.cpu_ms > IDLE_CPU_MS)
		return "computes though it has no message";
	return NULL;
}
