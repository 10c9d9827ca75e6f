#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "base/keyhash.h"

void
keyhash_init(struct keyhash *h)
{
	/* Up to 256 octets come whole, and without end only before the kernel has started. */
	ssize_t n = getrandom(h->k, sizeof(h->k), 0);

	assert(n == (ssize_t)sizeof(h->k));
}

static inline uint64_t
rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t
keyhash(const struct keyhash *h, const void *p, size_t len)
{
	uint64_t v[4] = { h->k[0] ^ 0x736f6d6570736575u, h->k[1] ^ 0x646f72616e646f6du,
		h->k[0] ^ 0x6c7967656e657261u, h->k[1] ^ 0x7465646279746573u };
	const uint8_t *at = p;
	uint64_t m, last = (uint64_t)len << 56;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&m, at, 8);
		m = le64toh(m);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
