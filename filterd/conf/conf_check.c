#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "conf/conf_priv.h"
#include "conf/reporter.h"

/* ADDRESS or [ADDRESS], IPv4 or IPv6, into 16 octets; IPv4 is mapped. */
static int
parse_address(const char *text, uint8_t out[16])
{
	char host[64];
	size_t n = strlen(text);
	struct in_addr v4;

	if (text[0] == '[' && n >= 2 && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= sizeof(host))
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET6, host, out) == 1)
		return 0;
	if (inet_pton(AF_INET, host, &v4) != 1)
		return -1;
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, &v4, 4);
	return 0;
}

static int
is_mapped(const uint8_t a[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a, prefix, sizeof(prefix)) == 0;
}

static int
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return 0;
	return 1;
}

int
conf_is_wildcard(const struct endpoint *e)
{
	uint8_t a[16];

	if (e->kind != ENDPOINT_INET)
		return 0;
	if (strcmp(e->host, "*") == 0)
		return 1;
	if (parse_address(e->host, a) == -1)
		return 0;
	return is_mapped(a) ? all_zero(a + 12, 4) : all_zero(a, 16);
}

int
conf_is_local(const struct endpoint *e)
{
	uint8_t a[16];

	if (e->kind == ENDPOINT_UNIX || strcmp(e->host, "localhost") == 0)
		return 1;
	if (parse_address(e->host, a) == -1)
		return 0;
	return is_mapped(a) ? a[12] == 127 : all_zero(a, 15) && a[15] == 1;
}

/* NETWORK/BITS that leaves out nobody, or only half the world: the halves are written where
 * somebody was told that /0 is not taken. */
static int
is_everybody(struct span word)
{
	struct span address, bits;
	char text[80];
	uint8_t a[16];
	uint64_t n;

	if (!span_cut(word, '/', &address, &bits) || address.len >= sizeof(text) ||
	    span_u64(bits, 128, &n) == -1)
		return 0;
	memcpy(text, address.p, address.len);
	text[address.len] = '\0';
	if (parse_address(text, a) == -1)
		return 0;
	if (n > 95 && is_mapped(a) && strchr(text, ':') != NULL)
		n -= 96;
	return n <= 1;
}

int
conf_allows_everybody(const char *list)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ", \t\r\n");

		if (n > 0 && is_everybody(span_make(list, n)))
			return 1;
		list += n + (list[n] != '\0');
	}
	return 0;
}

static void
check_everybody(const struct conf_listener *l, struct reporter *rep)
{
	if (l->kind == LISTENER_MILTER) /* PITFALLS B5 */
		reporter_tell(rep, CONF_WARNING, l->file, l->line,
		    "listener %s: allowed_clients names everybody, so whoever reaches this address "
		    "is believed what it says of clients and logins, and can fill the hold store",
		    l->name);
	else if (!listener_kind_relays(l->kind) || l->params->allow_open_reinjection)
		return;
	else if (conf_is_wildcard(&l->endpoint))
		reporter_tell(rep, CONF_ERROR, l->file, l->line,
		    "listener %s: listens on all addresses and allowed_clients names everybody, so "
		    "all the Internet can relay through the next hop; name the clients, or set "
		    "allow_open_reinjection = yes",
		    l->name);
	else
		reporter_tell(rep, CONF_WARNING, l->file, l->line,
		    "listener %s: allowed_clients names everybody, so whoever reaches this address "
		    "can relay through the next hop",
		    l->name);
}

void
listener_check(const struct conf_listener *l, struct reporter *rep)
{
	const struct params *p = l->params;

	/* Who is not told of cannot be kept out by allowed_clients. */
	if (conf_listener_is_libmilter(l) && !conf_is_local(&l->endpoint))
		reporter_tell(rep, CONF_ERROR, l->file, l->line,
		    "listener %s: milter_engine = libmilter is for unix sockets and loopback "
		    "addresses, for the library does not tell who connects",
		    l->name);
	/* A value that could not be read was told of. */
	if (p->allowed_clients != NULL && conf_allows_everybody(p->allowed_clients) &&
	    !conf_is_local(&l->endpoint))
		check_everybody(l, rep);
}
