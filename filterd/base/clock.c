#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static int64_t
read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

struct deadline
deadline_in_ms(int64_t ms)
{
	int64_t now = clock_ms();

	if (ms >= DEADLINE_NEVER - now)
		return deadline_never();
	return (struct deadline){ .at_ms = now + ms };
}

struct deadline
deadline_never(void)
{
	return (struct deadline){ .at_ms = DEADLINE_NEVER };
}

struct deadline
deadline_min(struct deadline a, struct deadline b)
{
	return a.at_ms < b.at_ms ? a : b;
}

int
deadline_passed(struct deadline d)
{
	return d.at_ms != DEADLINE_NEVER && clock_ms() >= d.at_ms;
}

int
deadline_poll_ms(struct deadline d)
{
	int64_t left;

	if (d.at_ms == DEADLINE_NEVER)
		return -1;
	left = d.at_ms - clock_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void
clock_format_rfc3339(int64_t wall_us, char *out, size_t size)
{
	time_t sec = (time_t)(wall_us / 1000000);
	struct tm tm;
	char date[32], zone[8];

	localtime_r(&sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm); /* +hhmm; RFC 3339 wants +hh:mm */
	snprintf(out, size, "%s.%06d%.3s:%.2s", date, (int)(wall_us % 1000000), zone, zone + 3);
}
