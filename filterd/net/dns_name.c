#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "net/dns_name.h"

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

int
dns_name_add(struct dns_name *n, struct span label)
{
	/* The 0 at the end must fit behind it. */
	if (label.len > DNS_LABEL_MAX || n->len + 1 + label.len + (label.len > 0) > DNS_NAME_MAX)
		return -1;
	n->p[n->len++] = (uint8_t)label.len;
	if (label.len > 0)
		memcpy(n->p + n->len, label.p, label.len);
	n->len = (uint8_t)(n->len + label.len);
	return 0;
}

/* The octet that an escape means, behind the backslash: how many octets it took, 0 if broken. */
static size_t
unescape(struct span s, uint8_t *c)
{
	unsigned n = 0;

	if (s.len == 0)
		return 0;
	if (s.p[0] < '0' || s.p[0] > '9') {
		*c = s.p[0];
		return 1;
	}
	if (s.len < 3)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = n * 10 + (s.p[i] - '0');
	}
	*c = (uint8_t)n;
	return n > 255 ? 0 : 3;
}

/* Up to the next dot; *used with the dot.  -1: as dns_name_parse(). */
static int
parse_label(struct span s, uint8_t label[DNS_LABEL_MAX], size_t *len, size_t *used)
{
	size_t i = 0, n = 0, took;
	uint8_t c;

	while (i < s.len && s.p[i] != '.') {
		c = s.p[i++];
		if (c == '\\') {
			if ((took = unescape(span_make(s.p + i, s.len - i), &c)) == 0)
				return -1;
			i += took;
		}
		if (c == '\0' || n == DNS_LABEL_MAX)
			return -1;
		label[n++] = c;
	}
	*len = n;
	*used = i + (i < s.len);
	return n == 0 ? -1 : 0;
}

int
dns_name_parse(struct span s, struct dns_name *n)
{
	uint8_t label[DNS_LABEL_MAX];
	size_t len, used;

	n->len = 0;
	if (s.len == 0)
		return -1;
	if (s.len == 1 && s.p[0] == '.')
		s.len = 0;
	while (s.len > 0) {
		if (parse_label(s, label, &len, &used) == -1 ||
		    dns_name_add(n, span_make(label, len)) == -1)
			return -1;
		s = span_make(s.p + used, s.len - used);
	}
	return dns_name_add(n, span_make(NULL, 0));
}

static char *
format_octet(char *to, uint8_t c)
{
	if (c <= ' ' || c > '~') {
		*to++ = '\\';
		*to++ = (char)('0' + c / 100);
		*to++ = (char)('0' + c / 10 % 10);
		*to++ = (char)('0' + c % 10);
		return to;
	}
	if (c == '.' || c == '\\')
		*to++ = '\\';
	*to++ = (char)c;
	return to;
}

size_t
dns_name_format(const struct dns_name *n, char out[DNS_NAME_TEXT_SIZE])
{
	char *to = out;
	size_t i = 0;

	while (i < n->len && n->p[i] != 0) {
		size_t end = i + 1 + n->p[i];

		if (i > 0)
			*to++ = '.';
		for (i++; i < end; i++)
			to = format_octet(to, n->p[i]);
	}
	if (to == out)
		*to++ = '.';
	*to = '\0';
	return (size_t)(to - out);
}

/* Length octets are below 'A', so folding all octets alike is right. */
static int
same(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return 0;
	return 1;
}

int
dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && same(a->p, b->p, a->len);
}

int
dns_name_within(const struct dns_name *n, const struct dns_name *above)
{
	size_t i = 0;

	/* Only where a label begins. */
	while (i < n->len && n->len - i > above->len)
		i += 1u + n->p[i];
	return n->len - i == above->len && same(n->p + i, above->p, above->len);
}

void
dns_name_lower(struct dns_name *n)
{
	for (size_t i = 0; i < n->len; i++)
		n->p[i] = lower(n->p[i]);
}

/* --- reverse names --- */

static int
reverse4(const uint8_t a[4], const char *zone, char *out, size_t size)
{
	int n = snprintf(out, size, "%u.%u.%u.%u.%s", a[3], a[2], a[1], a[0], zone);

	return n < 0 || (size_t)n >= size ? -1 : 0;
}

static int
reverse6(const uint8_t a[16], const char *zone, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = strlen(zone);

	if (size < 64 + len + 1)
		return -1;
	for (int i = 15; i >= 0; i--) {
		*out++ = hex[a[i] & 15];
		*out++ = '.';
		*out++ = hex[a[i] >> 4];
		*out++ = '.';
	}
	memcpy(out, zone, len + 1);
	return 0;
}

int
dns_reverse_name(const struct sockaddr_storage *ss, const char *zone, char *out, size_t size)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const char *zone4 = zone != NULL ? zone : "in-addr.arpa";
	const uint8_t *a;

	if (ss->ss_family == AF_INET) {
		a = (const uint8_t *)&((const struct sockaddr_in *)ss)->sin_addr;
		return reverse4(a, zone4, out, size);
	}
	if (ss->ss_family != AF_INET6)
		return -1;
	a = ((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr;
	if (memcmp(a, mapped, sizeof(mapped)) == 0)
		return reverse4(a + 12, zone4, out, size);
	return reverse6(a, zone != NULL ? zone : "ip6.arpa", out, size);
}
