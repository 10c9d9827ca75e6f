/*
 * dns_make - packets of the DNS for tests, right or wrong
 */
#ifndef TESTS_LIB_DNS_MAKE_H
#define TESTS_LIB_DNS_MAKE_H

#include <stddef.h>
#include <stdint.h>

/* Everything goes to the end; too much is cut off by an assertion. */
struct dns_make {
	uint8_t p[65536];
	size_t len;
};

enum { MAKE_AA = 0x8580, MAKE_RA = 0x8180, MAKE_PLAIN = 0x8100 }; /* flags of a reply */

/* A reply with one question, of which the name is at offset 12; no records are counted. */
void make_reply(struct dns_make *, unsigned flags, const char *name, unsigned type);
void make_u8(struct dns_make *, unsigned);
void make_u16(struct dns_make *, unsigned);
void make_u32(struct dns_make *, uint32_t);
void make_bytes(struct dns_make *, const void *, size_t);
/* Not compressed.  "" and "." are the root. */
void make_name(struct dns_make *, const char *);
void make_pointer(struct dns_make *, size_t to);
/* One more in a section (1 answer, 2 authority, 3 additional): all up to the data; make_end() sets
 * their length. */
size_t make_rr(struct dns_make *, int section, const char *owner, unsigned type, uint32_t ttl);
void make_end(struct dns_make *, size_t rr);

void make_a(struct dns_make *, const char *owner, uint32_t ttl, const char *address);
void make_of_name(
    struct dns_make *, int section, const char *owner, unsigned type, const char *name);
void make_soa(struct dns_make *, int section, const char *owner, uint32_t ttl, uint32_t minimum);

#endif
