#include "rules/own_networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/xmem.h"
#include "rules/load.h"
#include "rules/rules_private.h"

struct own_addr {
	int family;
	uint8_t octets[16];
	unsigned bits; /* of the interface's network */
};

struct addr_list {
	struct own_addr *v;
	size_t n, cap;
};

struct own_networks {
	struct addr_list inet, proxy;
	char *mynetworks;
};

struct own_compile {
	struct rule_load *load;
	struct own_networks *own;
	const struct own_interface *ifs;
	size_t nifs;
	int v4, v6; /* inet_protocols */
};

/* --- addresses --- */

static int
octets_of(const struct sockaddr_storage *sa, struct own_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	*a = (struct own_addr){ .family = sa->ss_family };
	if (a->family == AF_INET) {
		memcpy(a->octets, &v4->sin_addr, 4);
	} else if (a->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		a->family = AF_INET;
		memcpy(a->octets, v6->sin6_addr.s6_addr + 12, 4);
	} else if (a->family == AF_INET6) {
		memcpy(a->octets, &v6->sin6_addr, 16);
	} else {
		return -1;
	}
	a->bits = a->family == AF_INET ? 32 : 128;
	return 0;
}

static int
same(const struct own_addr *a, const struct own_addr *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static int
has(const struct addr_list *l, const struct own_addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(&l->v[i], a))
			return 1;
	return 0;
}

static void
add(struct own_compile *c, struct addr_list *l, const struct own_addr *a)
{
	if (has(l, a) || (a->family == AF_INET ? !c->v4 : !c->v6))
		return;
	if (l->n == l->cap) {
		struct own_addr *more;

		l->cap = l->cap == 0 ? 8 : l->cap * 2;
		more = arena_calloc(c->load->mem, l->cap * sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->v, l->n * sizeof(*more));
		l->v = more;
	}
	l->v[l->n++] = *a;
}

static unsigned
mask_bits(const struct sockaddr_storage *mask, int family)
{
	struct own_addr m;
	struct sockaddr_storage copy = *mask;
	unsigned n = 0;

	copy.ss_family = (sa_family_t)family; /* some systems leave it out */
	if (octets_of(&copy, &m) == -1)
		return 0;
	while (n < m.bits && (m.octets[n / 8] >> (7 - n % 8) & 1))
		n++;
	return n;
}

/* The address with the network of the interface that has it; 0: no interface does. */
static int
on_interface(const struct own_compile *c, struct own_addr *a)
{
	for (size_t i = 0; i < c->nifs; i++) {
		struct own_addr b;

		if (octets_of(&c->ifs[i].addr, &b) == 0 && same(&b, a)) {
			a->bits = mask_bits(&c->ifs[i].mask, a->family);
			return 1;
		}
	}
	return 0;
}

/* --- inet_interfaces, proxy_interfaces --- */

static void
add_interfaces(struct own_compile *c, int loopback_only)
{
	for (size_t i = 0; i < c->nifs; i++) {
		struct own_addr a;

		if ((loopback_only && !c->ifs[i].loopback) || octets_of(&c->ifs[i].addr, &a) == -1)
			continue;
		a.bits = mask_bits(&c->ifs[i].mask, a.family);
		add(c, &c->own->inet, &a);
	}
}

static void
add_host(struct own_compile *c, const char *parameter, struct addr_list *l, const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *res = NULL;
	size_t n = strlen(host);
	char *name = arena_strdup(c->load->mem, host);
	int rc;

	if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		name++;
		hints.ai_flags = AI_NUMERICHOST;
	}
	hints.ai_family = c->v4 && c->v6 ? AF_UNSPEC : c->v4 ? AF_INET : AF_INET6;
	rc = getaddrinfo(name, NULL, &hints, &res);
	if (rc != 0) {
		rule_load_wrong(c->load, parameter, NULL, 0, "%s: %s", host, gai_strerror(rc));
		return;
	}
	for (struct addrinfo *ai = res; ai != NULL; ai = ai->ai_next) {
		struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
		struct own_addr a;

		if (ai->ai_addrlen > sizeof(sa))
			continue;
		memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
		if (octets_of(&sa, &a) == -1)
			continue;
		if (l == &c->own->inet && !on_interface(c, &a))
			rule_load_warn(c->load, parameter, NULL, 0,
			    "%s: no interface of this machine has that address", host);
		add(c, l, &a);
	}
	freeaddrinfo(res);
}

static void
add_hosts(struct own_compile *c, const char *parameter, struct addr_list *l, const char *text)
{
	struct span rest = span_str(text), word;

	while (rule_word(&rest, &word)) {
		const char *host = arena_str(c->load->mem, word);

		if (l == &c->own->inet && text_case_eq(host, "all"))
			add_interfaces(c, 0);
		else if (l == &c->own->inet && text_case_eq(host, "loopback-only"))
			add_interfaces(c, 1);
		else
			add_host(c, parameter, l, host);
	}
}

static void
read_protocols(struct own_compile *c, const char *text)
{
	struct span rest = span_str(text), word;

	while (rule_word(&rest, &word)) {
		if (span_case_eq_str(word, "all"))
			c->v4 = c->v6 = 1;
		else if (span_case_eq_str(word, "ipv4"))
			c->v4 = 1;
		else if (span_case_eq_str(word, "ipv6"))
			c->v6 = 1;
		else
			rule_load_wrong(c->load, "inet_protocols", NULL, 0,
			    "%.*s: must be all, ipv4 or ipv6", (int)word.len, (const char *)word.p);
	}
	if (!c->v4 && !c->v6)
		c->v4 = c->v6 = 1;
}

/* --- mynetworks --- */

enum network_style { STYLE_HOST, STYLE_SUBNET, STYLE_CLASS };

static enum network_style
read_style(struct rule_load *load, const char *text)
{
	if (text == NULL || text[0] == '\0' || text_case_eq(text, "host"))
		return STYLE_HOST;
	if (text_case_eq(text, "subnet"))
		return STYLE_SUBNET;
	if (text_case_eq(text, "class"))
		return STYLE_CLASS;
	rule_load_wrong(
	    load, "mynetworks_style", NULL, 0, "%s: must be host, subnet or class", text);
	return STYLE_HOST;
}

/* The network's length before there were netmasks; IPv6 never had classes. */
static unsigned
class_bits(const struct own_addr *a)
{
	if (a->family != AF_INET)
		return a->bits;
	return a->octets[0] < 128 ? 8 : a->octets[0] < 192 ? 16 : a->octets[0] < 224 ? 24 : 32;
}

static void
write_network(struct buf *out, const struct own_addr *a, enum network_style style)
{
	unsigned max = a->family == AF_INET ? 32 : 128, bits = max;
	struct own_addr net = *a;
	char text[INET6_ADDRSTRLEN];

	if (style == STYLE_SUBNET)
		bits = a->bits;
	else if (style == STYLE_CLASS)
		bits = class_bits(a);
	for (unsigned i = bits; i < max; i++)
		net.octets[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	inet_ntop(net.family, net.octets, text, sizeof(text));
	buf_printf(out, net.family == AF_INET ? "%s%s/%u" : "%s[%s]/%u", out->len == 0 ? "" : " ",
	    text, bits);
}

static void
make_mynetworks(struct own_compile *c, enum network_style style)
{
	struct buf out = { .len = 0 };

	for (size_t i = 0; i < c->own->inet.n; i++)
		write_network(&out, &c->own->inet.v[i], style);
	c->own->mynetworks = arena_strdup(c->load->mem, buf_cstr(&out));
	buf_fini(&out);
}

/* --- the whole --- */

struct own_networks *
own_networks_compile_on(
    struct rule_load *load, const struct rule_options *o, const struct own_interface *ifs, size_t n)
{
	struct own_networks *own = arena_calloc(load->mem, sizeof(*own));
	struct own_compile c = { .load = load, .own = own, .ifs = ifs, .nifs = n };

	read_protocols(&c, o->inet_protocols);
	add_hosts(&c, "inet_interfaces", &own->inet,
	    o->inet_interfaces == NULL ? "all" : o->inet_interfaces);
	add_hosts(&c, "proxy_interfaces", &own->proxy, o->proxy_interfaces);
	make_mynetworks(&c, read_style(load, o->mynetworks_style));
	return own;
}

struct own_networks *
own_networks_compile(struct rule_load *load, const struct rule_options *o)
{
	struct ifaddrs *all = NULL;
	struct own_interface *ifs = NULL;
	struct own_networks *own;
	size_t n = 0, cap = 0;

	if (getifaddrs(&all) == -1)
		rule_load_wrong(load, "inet_interfaces", NULL, 0,
		    "the interfaces of this machine: %s", strerror(errno));
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		size_t len;

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL || !(i->ifa_flags & IFF_UP))
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			len = sizeof(struct sockaddr_in);
		else if (i->ifa_addr->sa_family == AF_INET6)
			len = sizeof(struct sockaddr_in6);
		else
			continue;
		if (n == cap) {
			cap = cap == 0 ? 8 : cap * 2;
			ifs = xreallocarray(ifs, cap, sizeof(*ifs));
		}
		ifs[n] = (struct own_interface){ .loopback = (i->ifa_flags & IFF_LOOPBACK) != 0 };
		memcpy(&ifs[n].addr, i->ifa_addr, len);
		memcpy(&ifs[n].mask, i->ifa_netmask, len);
		n++;
	}
	own = own_networks_compile_on(load, o, ifs, n);
	free(ifs);
	if (all != NULL)
		freeifaddrs(all);
	return own;
}

int
own_networks_interface(const struct own_networks *own, const struct sockaddr_storage *sa)
{
	struct own_addr a;

	return octets_of(sa, &a) == 0 && has(&own->inet, &a);
}

int
own_networks_has(const struct own_networks *own, const struct sockaddr_storage *sa)
{
	struct own_addr a;

	return octets_of(sa, &a) == 0 && (has(&own->inet, &a) || has(&own->proxy, &a));
}

int
own_networks_has_text(const struct own_networks *own, const char *addr)
{
	struct own_addr a = { .family = strchr(addr, ':') == NULL ? AF_INET : AF_INET6 };

	if (inet_pton(a.family, addr, a.octets) != 1)
		return 0;
	return has(&own->inet, &a) || has(&own->proxy, &a);
}

const char *
own_networks_default(const struct own_networks *own)
{
	return own->mynetworks;
}
