/*
 * clamav_clamd - have clamd scan a message
 *
 * Servers are asked in the order in which they are written; one that cannot be reached, answers
 * nonsense, or twice in a row does not answer in time is left alone for a while (retry_ms), and
 * then tried by one message while the others still go past it.
 *
 * Ownership: clamd_new() copies; clamd_free() when nobody asks any more.
 * Threads: clamd_ask() any number at a time.  It blocks up to its time.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_CLAMD_H
#define PLUGINS_CLAMAV_CLAMD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "plugins/clamav_names.h"

#define CLAMD_SERVERS_MAX 16
#define CLAMD_ANSWER_MAX  1024

struct clamd;

struct clamd_options {
	int64_t connect_ms, answer_ms, retry_ms;
	int pass_descriptors;
};

enum clamd_word {
	CLAMD_CLEAN,
	CLAMD_FOUND,
	CLAMD_TOO_LARGE, /* for its StreamMaxLength */
	CLAMD_ERROR,     /* it could not scan; detail is its own word for it */
	CLAMD_NONSENSE,  /* what clamd does not say */
};

/* One answer, without the octet that ends it; detail has room for CLAM_NAME_MAX + 1 octets and gets
 * the name or the error, printable. */
enum clamd_word clamd_answer_parse(const char *answer, size_t n, char *detail);

struct clamd_result {
	int rc; /* 0: a clamd has answered; -1: none could say; name is why */
	int is_timeout;
	enum clamd_word word; /* CLEAN, FOUND, TOO_LARGE */
	char name[2 * CLAM_NAME_MAX];
};

/* The address of a host's name; -1: not known. */
typedef int clamd_resolve_fn(
    void *arg, const char *host, int port, struct sockaddr_storage *, socklen_t *);

/* sockets: "unix:/PATH" or "HOST:PORT", white space or commas between.  NULL, and why. */
struct clamd *clamd_new(const char *sockets, const struct clamd_options *, char *why, size_t size);
void clamd_free(struct clamd *);
/* The message is what the two pieces hold one behind the other. */
void clamd_ask(struct clamd *, const struct iovec message[2], int64_t time_left_ms,
    clamd_resolve_fn *, void *arg, struct clamd_result *);

#endif
