/*
 * clamav_wire - one question to one clamd
 *
 * Threads: any.  Blocks until its times, and no longer.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_WIRE_H
#define PLUGINS_CLAMAV_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum clamd_outcome {
	CLAMD_ANSWERED,
	CLAMD_UNREACHABLE,
	CLAMD_LATE,
	CLAMD_BROKEN, /* it closed the connection, or does not end */
};

struct clamd_question {
	struct sockaddr_storage to;
	socklen_t to_len;
	int64_t connect_until_ms, answer_until_ms; /* of clamd_clock_ms() */
	const struct iovec *message;               /* two pieces */
	int fd; /* with the message in it, to be passed over a unix socket; -1: send it */
};

int64_t clamd_clock_ms(void);
/* A sealed file in memory with the message in it; -1: there can be none. */
int clamd_message_file(const struct iovec message[2]);
/* The answer without the NUL behind it; why is set with the other outcomes. */
enum clamd_outcome clamd_exchange(const struct clamd_question *, char *answer, size_t size,
    size_t *n, char *why, size_t why_size);

#endif
