/*
 * keyhash - a hash of bytes that strangers choose
 *
 * SipHash-1-3: with a secret key nobody can make many names that fall into one bucket.
 *
 * Threads: any.
 */
#ifndef BASE_KEYHASH_H
#define BASE_KEYHASH_H

#include <stddef.h>
#include <stdint.h>

struct keyhash {
	uint64_t k[2];
};

/* A key of its own from the kernel. */
void keyhash_init(struct keyhash *);
uint64_t keyhash(const struct keyhash *, const void *p, size_t len);

#endif
