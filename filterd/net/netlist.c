#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/span.h"
#include "base/xmem.h"
#include "net/dial.h"

struct net {
	int negated;
	int family; /* AF_INET, AF_INET6, AF_UNIX */
	uint8_t addr[16];
	unsigned bits;
};

struct net_list {
	struct net *v;
	size_t n;
};

/* The address octets of sa in network order; IPv4-mapped IPv6 is IPv4. */
static int
octets(const struct sockaddr_storage *sa, const uint8_t **p)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->ss_family == AF_INET) {
		*p = (const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr;
		return AF_INET;
	}
	if (sa->ss_family != AF_INET6)
		return sa->ss_family;
	*p = v6->sin6_addr.s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		*p += 12;
		return AF_INET;
	}
	return AF_INET6;
}

void
sockaddr_text(const struct sockaddr_storage *sa, char *out, size_t size, int *port)
{
	const uint8_t *p = NULL;
	int family = octets(sa, &p);

	if (port != NULL)
		*port = 0;
	if (family != AF_INET && family != AF_INET6) {
		snprintf(out, size, "%s", family == AF_UNIX ? "unix" : "unknown");
		return;
	}
	inet_ntop(family, p, out, (socklen_t)size);
	if (port != NULL)
		*port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
}

static int
bad(const char *word, struct err *err)
{
	err_set(err, ERR_CONFIG,
	    "\"%s\": must be an address, NET/BITS, [IPV6], [IPV6]/BITS or unix, with an optional !",
	    word);
	return -1;
}

static int
host_bits_set(const struct net *n, unsigned max)
{
	for (unsigned i = n->bits; i < max; i++)
		if (n->addr[i / 8] >> (7 - i % 8) & 1)
			return 1;
	return 0;
}

static int
parse_one(const char *word, struct net *n, struct err *err)
{
	char host[80];
	const char *p = word, *slash;
	uint64_t bits;
	unsigned max;
	size_t len;

	for (*n = (struct net){ 0 }; *p == '!'; p++)
		n->negated = !n->negated;
	if (strcmp(p, "unix") == 0) {
		n->family = AF_UNIX;
		return 0;
	}
	slash = strchr(p, '/');
	len = slash == NULL ? strlen(p) : (size_t)(slash - p);
	if (len >= 2 && p[0] == '[' && p[len - 1] == ']') {
		p++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return bad(word, err);
	memcpy(host, p, len);
	host[len] = '\0';
	n->family = strchr(host, ':') == NULL ? AF_INET : AF_INET6;
	max = n->bits = n->family == AF_INET ? 32 : 128;
	if (inet_pton(n->family, host, n->addr) != 1)
		return bad(word, err);
	if (slash != NULL) {
		if (span_u64(span_str(slash + 1), max, &bits) == -1)
			return bad(word, err);
		n->bits = (unsigned)bits;
	}
	if (host_bits_set(n, max)) {
		err_set(
		    err, ERR_CONFIG, "\"%s\": non-zero host part, must be a network address", word);
		return -1;
	}
	return 0;
}

struct net_list *
net_list_parse(const char *text, struct err *err)
{
	struct net_list *l = xcalloc(1, sizeof(*l));
	char *copy = xstrdup(text), *save = NULL;

	for (char *w = strtok_r(copy, ", \t\r\n", &save); w != NULL;
	     w = strtok_r(NULL, ", \t\r\n", &save)) {
		l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
		if (parse_one(w, &l->v[l->n], err) == -1) {
			net_list_free(l);
			free(copy);
			return NULL;
		}
		l->n++;
	}
	free(copy);
	return l;
}

void
net_list_free(struct net_list *l)
{
	if (l == NULL)
		return;
	free(l->v);
	free(l);
}

static int
inside(const struct net *n, const uint8_t *p)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->addr, p, whole) != 0)
		return 0;
	return rest == 0 || ((n->addr[whole] ^ p[whole]) >> (8 - rest)) == 0;
}

int
net_list_match(const struct net_list *l, const struct sockaddr_storage *sa)
{
	const uint8_t *p = NULL;
	int family = octets(sa, &p);

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == family && (p == NULL || inside(&l->v[i], p)))
			return !l->v[i].negated;
	return 0;
}
