/*
 * clock - now, and deadlines
 *
 * A deadline is a point on the monotonic clock, so it does not restart with every byte that
 * trickles in.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct deadline {
	int64_t at_ms; /* monotonic; DEADLINE_NEVER: no limit */
};
#define DEADLINE_NEVER INT64_MAX

int64_t clock_ms(void);        /* monotonic, to some milliseconds: for deadlines */
int64_t clock_us(void);        /* monotonic */
int64_t clock_thread_us(void); /* processor time of this thread */
int64_t clock_wall_us(void);   /* since the epoch */

struct deadline deadline_in_ms(int64_t ms);
struct deadline deadline_never(void);
/* The earlier of the two. */
struct deadline deadline_min(struct deadline, struct deadline);
int deadline_passed(struct deadline);
/* Milliseconds left, at least 0; -1 for never: fit for poll(2). */
int deadline_poll_ms(struct deadline);

/* "2026-11-21T09:30:00.123456+00:00", in local time; size at least 40. */
void clock_format_rfc3339(int64_t wall_us, char *out, size_t size);

#endif
