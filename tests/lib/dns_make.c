#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "net/dns.h"
#include "tests/lib/dns_make.h"

#define HEADER_SIZE 12

void
make_bytes(struct dns_make *m, const void *p, size_t n)
{
	assert(n <= sizeof(m->p) - m->len);
	if (n > 0)
		memcpy(m->p + m->len, p, n);
	m->len += n;
}

void
make_u8(struct dns_make *m, unsigned n)
{
	uint8_t c = (uint8_t)n;

	make_bytes(m, &c, 1);
}

void
make_u16(struct dns_make *m, unsigned n)
{
	make_u8(m, n >> 8);
	make_u8(m, n & 0xff);
}

void
make_u32(struct dns_make *m, uint32_t n)
{
	make_u16(m, n >> 16);
	make_u16(m, n & 0xffff);
}

void
make_name(struct dns_make *m, const char *name)
{
	size_t n;

	while (*name != '\0' && strcmp(name, ".") != 0) {
		n = strcspn(name, ".");
		make_u8(m, (unsigned)n);
		make_bytes(m, name, n);
		name += n + (name[n] == '.');
	}
	make_u8(m, 0);
}

void
make_pointer(struct dns_make *m, size_t to)
{
	make_u16(m, 0xc000u | (unsigned)to);
}

void
make_reply(struct dns_make *m, unsigned flags, const char *name, unsigned type)
{
	static const uint8_t none[6];

	m->len = 0;
	make_u16(m, 0x1234);
	make_u16(m, flags);
	make_u16(m, 1);
	make_bytes(m, none, sizeof(none));
	assert(m->len == HEADER_SIZE);
	make_name(m, name);
	make_u16(m, type);
	make_u16(m, 1);
}

size_t
make_rr(struct dns_make *m, int section, const char *owner, unsigned type, uint32_t ttl)
{
	uint8_t *count = m->p + 4 + 2 * section;

	if (++count[1] == 0)
		count[0]++;
	make_name(m, owner);
	make_u16(m, type);
	make_u16(m, 1);
	make_u32(m, ttl);
	make_u16(m, 0);
	return m->len;
}

void
make_end(struct dns_make *m, size_t rr)
{
	size_t len = m->len - rr;

	m->p[rr - 2] = (uint8_t)(len >> 8);
	m->p[rr - 1] = (uint8_t)len;
}

void
make_a(struct dns_make *m, const char *owner, uint32_t ttl, const char *address)
{
	size_t rr = make_rr(m, 1, owner, DNS_A, ttl);
	struct in_addr a;
	int rc = inet_pton(AF_INET, address, &a);

	assert(rc == 1);
	make_bytes(m, &a, 4);
	make_end(m, rr);
}

void
make_of_name(struct dns_make *m, int section, const char *owner, unsigned type, const char *name)
{
	size_t rr = make_rr(m, section, owner, type, 300);

	make_name(m, name);
	make_end(m, rr);
}

void
make_soa(struct dns_make *m, int section, const char *owner, uint32_t ttl, uint32_t minimum)
{
	size_t rr = make_rr(m, section, owner, DNS_SOA, ttl);

	make_name(m, "ns.test");
	make_name(m, "hostmaster.test");
	for (uint32_t n = 1; n <= 4; n++)
		make_u32(m, n);
	make_u32(m, minimum);
	make_end(m, rr);
}
