#include <limits.h>
#include <stdio.h>
#include <string.h>
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
clock_thread_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
clock_ms(void)
{
	/* Deadlines want no more than the tick, which the kernel hands out for a fifth of the
	 * price. */
	return read_us(CLOCK_MONOTONIC_COARSE) / 1000;
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

/* A log prints the same second many times. */
struct second {
	time_t sec;
	char date[32], zone[8];
};
static _Thread_local struct second last;

static void
add(char **at, char *end, const char *s, size_t n)
{
	if (n > (size_t)(end - *at))
		n = (size_t)(end - *at);
	memcpy(*at, s, n);
	*at += n;
}

void
clock_format_rfc3339(int64_t wall_us, char *out, size_t size)
{
	time_t sec = (time_t)(wall_us / 1000000);
	struct tm tm;
	char digits[7] = ".", *at = out, *end = out + size - 1;

	if (sec != last.sec || last.date[0] == '\0') {
		localtime_r(&sec, &tm);
		strftime(last.date, sizeof(last.date), "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(
		    last.zone, sizeof(last.zone), "%z", &tm); /* +hhmm; RFC 3339 wants +hh:mm */
		last.sec = sec;
	}
	add(&at, end, last.date, strlen(last.date));
	for (int us = (int)(wall_us % 1000000), i = 6; i > 0; i--, us /= 10)
		digits[i] = (char)('0' + us % 10);
	add(&at, end, digits, sizeof(digits));
	add(&at, end, last.zone, 3);
	add(&at, end, ":", 1);
	add(&at, end, last.zone + 3, 2);
	*at = '\0';
}
