/*
 * bench_message - messages as they go over the wire: CRLF, dots stuffed, with the final dot
 *
 * Made once before the measuring starts.  Ownership: lives as long as the program.
 */
#ifndef TESTS_BENCH_MESSAGE_H
#define TESTS_BENCH_MESSAGE_H

#include <stddef.h>

struct bench_message {
	char *p;
	size_t len;
};

struct bench_messages {
	struct bench_message *m;
	size_t n;
};

/* One message of about `size` octets; or all files of a folder, in the order of their names. */
struct bench_messages bench_message_make(size_t size);
struct bench_messages bench_message_load(const char *folder);

#endif
