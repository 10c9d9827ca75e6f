/*
 * fake_clamd - a clamd that answers as it is told to
 *
 * Listens on a unix socket or on a port of 127.0.0.1 and takes zINSTREAM and zFILDES, one
 * connection after the other, in a thread of its own.
 *
 * Ownership: fake_clamd_new() to fake_clamd_free().
 */
#ifndef TESTS_LIB_FAKE_CLAMD_H
#define TESTS_LIB_FAKE_CLAMD_H

#include <stddef.h>

enum fake_clamd_way {
	FAKE_ANSWERS,    /* what it was told, and a NUL */
	FAKE_HANGS,      /* takes everything and says nothing */
	FAKE_DEAF,       /* accepts, and reads nothing */
	FAKE_HANGS_UP,   /* takes everything and closes */
	FAKE_NO_END,     /* the answer without a NUL, and closes */
	FAKE_NEVER_ENDS, /* x, and x, and x */
	FAKE_IN_PIECES,  /* the answer octet by octet */
	FAKE_TOO_LARGE,  /* says so after the first octets and closes */
};

struct fake_clamd;

/* path NULL: a port. */
struct fake_clamd *fake_clamd_new(const char *path);
void fake_clamd_free(struct fake_clamd *);
/* "unix:/PATH" or "127.0.0.1:PORT" */
const char *fake_clamd_socket(const struct fake_clamd *);
int fake_clamd_port(const struct fake_clamd *);
void fake_clamd_will(struct fake_clamd *, enum fake_clamd_way, const char *answer);
/* An answer for the connection behind those that have one; the last is for all that follow. */
void fake_clamd_then(struct fake_clamd *, const char *answer);
/* Connections so far. */
unsigned fake_clamd_asked(struct fake_clamd *);
/* What it was given last, and the word of the command; of whole messages only. */
size_t fake_clamd_message(struct fake_clamd *, char *out, size_t size);
void fake_clamd_command(struct fake_clamd *, char out[32]);

#endif
