/* Is this a domain?  What Postfix says, where RFC 5321 would say less or more. */
#include <arpa/inet.h>
#include <string.h>

#include "rules/address_impl.h"

#define LABEL_MAX    63
#define NAME_MAX_LEN 255

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

int
domain_valid(struct span d)
{
	size_t label = 0;
	int digits_only = 1;

	if (d.len == 0 || d.len > NAME_MAX_LEN)
		return 0;
	for (size_t i = 0; i < d.len; i++) {
		uint8_t c = d.p[i];
		int last = i + 1 == d.len || d.p[i + 1] == '.';

		if (c == '.') {
			if (label == 0 || i + 1 == d.len)
				return 0;
			label = 0;
			continue;
		}
		if (!is_digit(c))
			digits_only = 0;
		if (c == '-' ? label == 0 || last : !is_digit(c) && !is_letter(c))
			return 0;
		if (++label > LABEL_MAX)
			return 0;
	}
	return !digits_only;
}

int
domain_is_address(struct span d)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t octets[16];

	if (d.len >= sizeof(text))
		return 0;
	span_copy(d, text, sizeof(text));
	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

int
domain_literal(struct span d, char *addr, size_t size)
{
	uint8_t octets[16];
	int family = AF_INET;

	if (d.len < 3 || d.p[0] != '[' || d.p[d.len - 1] != ']')
		return 0;
	d = span_make(d.p + 1, d.len - 2);
	if (span_case_starts(d, "IPv6:")) {
		family = AF_INET6;
		d = span_make(d.p + 5, d.len - 5);
	}
	if (d.len >= size || memchr(d.p, 0, d.len) != NULL)
		return 0;
	span_copy(d, addr, size);
	return inet_pton(family, addr, octets) == 1;
}
